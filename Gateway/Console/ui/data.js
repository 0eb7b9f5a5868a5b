// Parts for data that not every page shows: charts, timelines, differences, files, previews of mails. Import it where it is needed.
import { LitElement, count, day, empty, field, html, icon, nothing, session, settings, svg, time } from '../ui.js';

const LEFT = 44;

/** A round number not below the largest value: 870 → 1000. Pure. */
export function ceiling(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * size).find((step) => step >= value);
}

/** The points of a line: "0,10 5,3"; gaps (null) begin a new line. Pure. */
export function lines(values, x, y) {
  const runs = [[]];
  values.forEach((value, at) => {
    if (value == null) runs.push([]);
    else runs.at(-1).push(`${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return runs.filter((run) => run.length).map((run) => (run.length === 1 ? [run[0], run[0]] : run).join(' '));
}

/**
 * Lines or bars over time, with the table of their values behind:
 * <pm-chart label="Sent a day" kind="bars" .labels=${['2026-03-01', …]} .series=${[{ label: 'Sent', values: [3, …] }]} .limits=${[{ label: 'green from', value: 90 }]} .max=${100}></pm-chart>
 */
export class Chart extends LitElement {
  static properties = { label: {}, kind: {}, labels: { attribute: false }, series: { attribute: false }, limits: { attribute: false }, max: { type: Number }, height: { type: Number }, format: { attribute: false }, room: { state: true } };

  constructor() {
    super();
    Object.assign(this, { kind: 'lines', labels: [], series: [], limits: [], height: 160, format: count, room: 640 });
  }

  createRenderRoot() { return this; }

  // As wide as its place, so that its words keep their size.
  connectedCallback() {
    super.connectedCallback();
    this.sizes = new ResizeObserver(([entry]) => { this.room = Math.max(240, Math.round(entry.contentRect.width)); });
    this.sizes.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  render() {
    const stacked = this.kind === 'bars';
    const sums = this.labels.map((_, at) => (stacked ? this.series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0) : Math.max(0, ...this.series.map((one) => one.values[at] ?? 0))));
    const top = this.max ?? ceiling(Math.max(1, ...sums, ...this.limits.map((limit) => limit.value)));
    const bottom = this.height - 20;
    const y = (value) => bottom - (value / top) * (bottom - 8);
    const WIDTH = this.room;
    const width = WIDTH - LEFT - 6;
    const x = (at) => LEFT + (stacked ? (width / this.labels.length) * (at + 0.5) : (width / Math.max(1, this.labels.length - 1)) * at);
    const bar = Math.min(48, Math.max(1, (width / Math.max(1, this.labels.length)) * 0.7));
    const named = (label) => (/^\d{4}-\d\d-\d\d/.test(label) ? day(label) : label);
    const drawn = this.series.map((one, place) => (stacked
      ? one.values.map((value, at) => {
        const below = this.series.slice(0, place).reduce((sum, other) => sum + (other.values[at] ?? 0), 0);
        return value ? svg`<rect class="s${place}" x=${x(at) - bar / 2} width=${bar} y=${y(below + value)} height=${Math.max(1, y(below) - y(below + value))}></rect>` : nothing;
      })
      : [...lines(one.values, x, y).map((points) => svg`<polyline class="series s${place}" points=${points}></polyline>`), one.values.map((value, at) => (value != null && one.values[at + 1] == null ? svg`<circle class="s${place}" cx=${x(at)} cy=${y(value)} r="3"></circle>` : nothing))]));
    const last = this.labels.length - 1;
    return html`<figure class="chart">${this.series.length > 1 ? html`<div class="legend" aria-hidden="true">${this.series.map((one, place) => html`<span><span class="key s${place}"></span>${one.label}</span>`)}</div>` : nothing}
      <svg viewBox="0 0 ${WIDTH} ${this.height}" role="img" aria-label=${this.#summary(sums, named)}>
      ${[0, top / 2, top].map((value) => svg`<line class="axis" x1=${LEFT} x2=${WIDTH - 6} y1=${y(value)} y2=${y(value)}></line><text x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${this.format(value)}</text>`)}
      ${this.limits.map((limit) => svg`<line class="limit ${limit.tone ?? ''}" x1=${LEFT} x2=${WIDTH - 6} y1=${y(limit.value)} y2=${y(limit.value)}></line><text x=${WIDTH - 6} y=${y(limit.value) - 4} text-anchor="end">${limit.label}</text>`)}
      ${drawn}${last >= 0 ? svg`<text x=${LEFT} y=${this.height - 4}>${named(this.labels[0])}</text><text x=${WIDTH - 6} y=${this.height - 4} text-anchor="end">${last ? named(this.labels[last]) : ''}</text>` : nothing}</svg>
      <details><summary>${this.label} as a table</summary><div class="scroll" tabindex="0" role="region" aria-label="${this.label} as a table"><table><thead><tr><th scope="col">Time</th>${this.series.map((one) => html`<th scope="col" class="end">${one.label}</th>`)}</tr></thead>
      <tbody>${this.labels.map((label, at) => html`<tr><td>${named(label)}</td>${this.series.map((one) => html`<td class="end">${one.values[at] == null ? '–' : this.format(one.values[at])}</td>`)}</tr>`)}</tbody></table></div></details></figure>`;
  }

  #summary(sums, named) {
    if (!this.labels.length) return `${this.label}: no data`;
    const peak = sums.indexOf(Math.max(...sums));
    return `${this.label}, ${named(this.labels[0])} to ${named(this.labels.at(-1))}: most ${this.format(sums[peak])} at ${named(this.labels[peak])}, last ${this.format(sums.at(-1))}. The table below has every value.`;
  }
}
customElements.define('pm-chart', Chart);

/** What happened, newest first or last as given: timeline([{ at, title, text, tone, mark, href }]). */
export const timeline = (items) => html`<ol class="timeline">${items.map((item) => html`<li class=${item.tone ?? ''}>${icon(item.mark ?? 'dot')}<div><p dir="auto">${item.href ? html`<a href=${item.href}>${item.title}</a>` : item.title}</p>${item.text ? html`<p class="note" dir="auto">${item.text}</p>` : nothing}</div>${time(item.at)}</li>`)}</ol>`;

const printed = (value) => (value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value, null, 1));

/** What changed, before and after: diff([{ path: 'name', before: 'A', after: 'B' }]). */
export const diff = (changes) => html`<div class="scroll" tabindex="0" role="region" aria-label="Changes"><table class="diff"><thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
  <tbody>${changes.map((one) => html`<tr><td>${one.path}</td><td dir="auto">${printed(one.before) ? html`<del>${printed(one.before)}</del>` : html`<span class="quiet">–</span>`}</td><td dir="auto">${printed(one.after) ? html`<ins>${printed(one.after)}</ins>` : html`<span class="quiet">–</span>`}</td></tr>`)}</tbody></table></div>`;

/** A JSON value to read: json(event). */
export const json = (value) => html`<pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;

/** Facts as name and value: facts([['Created', time(x)], …]); what is undefined is left out. */
export const facts = (rows) => html`<dl class="facts">${rows.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([name, value]) => html`<dt>${name}</dt><dd dir="auto">${value}</dd>`)}</dl>`;

/** A place for a file, by drop or by button: fileDrop({ label: 'CSV file', accept: '.csv,text/csv', onFile: (file) => …, note }). */
export function fileDrop({ label, accept, onFile, note, file }) {
  const over = (event) => {
    event.preventDefault();
    event.currentTarget.classList.toggle('over', event.type === 'dragover');
    if (event.type === 'drop' && event.dataTransfer.files[0]) onFile(event.dataTransfer.files[0]);
  };
  return html`<div class="drop" @dragover=${over} @dragleave=${over} @drop=${over}>${icon('upload')}<p>${file ? html`<b dir="auto">${file.name}</b>` : 'Drop a file here, or choose one.'}</p>
    <label class="button">${file ? 'Choose another file' : 'Choose a file'}<input class="hidden" type="file" aria-label=${label} accept=${accept} @change=${(event) => event.target.files[0] && onFile(event.target.files[0])}></label>${note ? html`<p class="note">${note}</p>` : nothing}</div>`;
}

/** The HTML of a mail, in a frame of its own where nothing runs and nothing loads: <pm-preview .html=${text} label="HTML part"></pm-preview> */
export class Preview extends LitElement {
  static properties = { html: { attribute: false }, label: {} };

  createRenderRoot() { return this; }

  connectedCallback() {
    super.connectedCallback();
    this.hear = (event) => {
      const frame = this.querySelector('iframe');
      if (event.source === frame?.contentWindow && event.data?.preview === 'ready') this.#send();
    };
    addEventListener('message', this.hear);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener('message', this.hear);
  }

  updated() { this.#send(); }

  #send() { this.querySelector('iframe')?.contentWindow?.postMessage({ html: this.html ?? '' }, '*'); }

  render() { return html`<iframe class="preview" sandbox="allow-scripts" src="/preview.html" title=${this.label ?? 'Preview'}></iframe>`; }
}
customElements.define('pm-preview', Preview);

/** The workspace of a page that stands above workspaces: the one that the URL names, else the one that was open last; null before there is one. */
export async function pickWorkspace(slug) {
  const list = await session.workspaces();
  const wanted = slug || settings.get('workspace', null);
  return list.find((one) => one.slug === wanted) ?? list[0] ?? null;
}

/** The choice of it, where there is one: workspaceChoice(workspace, (slug) => this.setQuery({ workspace: slug })). */
export const workspaceChoice = (workspace, onChoose) => (session.list?.length > 1 && workspace ? field({
  name: 'workspace', label: 'Workspace', type: 'select', value: workspace.slug, options: session.list.map((one) => [one.slug, one.name]),
  onInput: (slug) => { settings.set('workspace', slug); onChoose(slug); },
}) : nothing);

/** What shows where there is no workspace yet. */
export const noWorkspace = () => empty({ title: 'No workspace yet', text: 'Leads, lists and templates belong to a workspace. Create the first one on Home.', actions: html`<a class="button primary" href="/dashboard">Go to Home</a>` });
