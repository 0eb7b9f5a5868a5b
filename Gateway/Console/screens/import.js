// Imports: five steps from a file to its result, and the history.
import { Form, List, Resource, Screen, api, confirm, count, empty, go, header, html, icon, nothing, parts, percent, plural, problem, session, show, status, time, words } from '../ui.js';
import { facts, fileDrop, noWorkspace, pickWorkspace, workspaceChoice } from '../ui/data.js';

const STEPS = ['File', 'Columns', 'Preview and rules', 'Import', 'Result'];
const TARGETS = ['email', 'first_name', 'last_name', 'company', 'time_zone', 'tags'];
const SAMPLE = 'email,first_name,last_name,company,time_zone,tags\nada@example.org,Ada,Lovelace,Analytical Engines,Europe/London,"fair, engineers"\ngrace@example.org,Grace,Hopper,Compilers Inc,America/New_York,\n';
const RULES = [
  ['skip', 'Keep what is there', 'Known leads keep their values and get the workspace, list and tags.'],
  ['update', 'Take the new values', 'What a row has replaces what the lead has; empty cells change nothing.'],
  ['create_only', 'Leave them alone', 'Known leads are not touched at all.'],
];

/** Rows left out, by reason, the most frequent first: [['email_invalid', 3]]. */
export const byReason = (errors) => Object.entries(errors.reduce((sums, { reason }) => ({ ...sums, [reason]: (sums[reason] ?? 0) + 1 }), {})).sort((a, b) => b[1] - a[1]);

/** How sure a guess is, in words. */
export const sureness = (confidence) => (confidence >= 0.9 ? 'sure' : confidence >= 0.5 ? 'likely' : 'a guess');

/** What is wrong with the columns as they are mapped, or null. */
export function mappingFault(columns) {
  const used = columns.map((one) => one.target).filter((one) => one !== 'skip');
  const twice = used.find((one, at) => used.indexOf(one) !== at);
  if (!used.includes('email')) return 'Say which column holds the e-mail address.';
  return twice ? `Two columns are ${words(twice)}. Skip one of them.` : null;
}

/** Whether a running import has stopped moving. */
export const isStuck = (run, now = Date.now()) => run.status === 'running' && now - new Date(run.updated_at) > 30_000;

const wizard = (at) => html`<ol class="wizard" aria-label="Steps">${STEPS.map((label, step) => html`<li aria-current=${step === at ? 'step' : nothing}>${label}${step < at ? html`<span class="hidden">, done</span>` : nothing}</li>`)}</ol>`;

/** Uploads of this tab, by import: they go on while other pages show. */
const uploads = new Map();
const stay = (event) => [...uploads.values()].some((one) => one.running) && event.preventDefault();

function send(id, file, query) {
  const upload = { workspace: query.workspace, share: 0, running: true, error: null, abort: new AbortController(), changed: () => {} };
  uploads.set(id, upload);
  addEventListener('beforeunload', stay);
  const type = /\.(tsv|tab)$/i.test(file.name) ? 'text/tab-separated-values' : 'text/csv; charset=utf-8';
  api.upload('/api/v1/imports', file, { query: { id, file_name: file.name, ...query }, type, signal: upload.abort.signal, onProgress: (share) => { upload.share = share; upload.changed(); } })
    .catch((error) => { upload.error = error.name === 'AbortError' ? null : error; })
    .finally(() => { upload.running = false; upload.changed(true); });
}

export class NewImport extends Screen {
  static query = { workspace: '', list: '' };

  around = new Resource(this, async (signal) => {
    const workspace = await pickWorkspace(this.query.workspace);
    if (!workspace) return {};
    const [lists, fields] = await Promise.all([api.get('/api/v1/lists', { query: { workspace: workspace.id, limit: 100 }, signal }), api.get('/api/v1/leads/fields', { signal })]);
    if (this.query.list) this.form.fill({ list: this.query.list });
    return { workspace, lists: lists.data, fields: fields.data };
  });

  step = 0;

  file = null;

  preview = null;

  error = null;

  form = new Form(this, {
    initial: { duplicates: 'skip', list: '', name: '', tags: '' },
    send: async ({ duplicates, list, name, tags }) => {
      const id = crypto.randomUUID();
      const workspace = this.around.data.workspace.id;
      const into = list === 'new' ? (await api.post('/api/v1/lists', { workspace, name })).id : list;
      send(id, this.file, { workspace, duplicates, list: into, tags, mapping: this.#mapping });
      go(`/dashboard/leads/imports/${id}`);
    },
  });

  routeChanged() { this.around.reload(); }

  get #mapping() { return JSON.stringify(Object.fromEntries(this.preview.columns.filter((one) => one.target !== 'skip').map((one) => [one.index, one.target]))); }

  #to(step) {
    Object.assign(this, { step, error: null });
    this.requestUpdate();
    this.updateComplete.then(() => this.querySelector('h2')?.focus());
  }

  /** Asks what the file holds; with columns chosen already, what those make of it. */
  async #look(step) {
    this.busy = true;
    this.requestUpdate();
    try {
      const { columns } = this.preview ?? {};
      const answer = await api.upload('/api/v1/imports/preview', this.file.slice(0, 262_144), { query: { workspace: this.around.data.workspace.id, mapping: columns && this.#mapping }, type: /\.(tsv|tab)$/i.test(this.file.name) ? 'text/tab-separated-values' : 'text/csv; charset=utf-8' });
      this.preview = { ...answer, columns: columns ?? answer.columns };
      this.#to(step);
    } catch (error) { this.error = error; }
    this.busy = false;
    this.requestUpdate();
  }

  #take = (file) => {
    Object.assign(this, { file, preview: null, error: null });
    this.#look(1);
  };

  render() {
    const around = this.around.data;
    const head = header({ title: 'Import leads', back: { href: '/dashboard/leads', label: 'Leads' }, actions: html`<a class="button" href="/dashboard/leads/imports">Earlier imports</a>` });
    if (around && !around.workspace) return html`${head}${noWorkspace()}`;
    return html`${head}${wizard(this.step)}${show(this.around, { data: () => [this.#choose, this.#columns, this.#rules][this.step](around), isEmpty: () => false })}${this.error ? html`<div class="section">${problem(this.error)}</div>` : nothing}`;
  }

  #title = (text) => html`<h2 tabindex="-1">${text}</h2>`;

  #choose = ({ workspace }) => html`<div class="stack">${workspaceChoice(workspace, (slug) => this.setQuery({ workspace: slug }))}
    ${fileDrop({ label: 'File with leads', accept: '.csv,.tsv,.txt,text/csv', file: this.file, onFile: this.#take, note: this.busy ? 'Looking at the file…' : 'CSV or TSV of any size, with or without a header. Nothing is stored before you say so.' })}
    <p><a href="data:text/csv;charset=utf-8,${encodeURIComponent(SAMPLE)}" download="leads-sample.csv">Sample file</a></p></div>`;

  #columns = ({ fields }) => {
    const { columns, rows } = this.preview;
    const fault = mappingFault(columns);
    const own = [...new Set([...fields.map((one) => `custom.${one.key}`), ...columns.map((one) => one.target).filter((one) => one.startsWith('custom.'))])];
    const named = (target) => fields.find((one) => `custom.${one.key}` === target)?.name ?? words(target.replace('custom.', ''));
    const options = [['skip', 'Skip this column'], ...[...TARGETS, ...own].map((target) => [target, named(target)])];
    const choose = (column) => (event) => {
      column.target = event.target.value;
      column.chosen = true;
      this.requestUpdate();
    };
    return html`<div class="stack">${this.#title('What is in which column?')}<p class="note">${this.file.name} · ${this.preview.encoding} · ${this.preview.has_header ? 'with a header' : 'without a header'}. The guesses are ours; correct what is wrong.</p>
      <pm-table caption="Columns" .rows=${columns} .key=${(one) => one.index} .columns=${[
  { label: 'Column', cell: (one) => one.header || `Column ${one.index + 1}`, main: true },
  { label: 'First values', cell: (one) => html`<span class="quiet">${rows.slice(0, 3).map((row) => row[one.index]).filter(Boolean).join(' · ').slice(0, 120)}</span>` },
  { label: 'Becomes', cell: (one) => html`<select aria-label="${one.header || `Column ${one.index + 1}`} becomes" @change=${choose(one)}>${options.map(([value, text]) => html`<option value=${value} ?selected=${value === one.target}>${text}</option>`)}</select>` },
  { label: 'Guess', cell: (one) => (one.chosen ? 'yours' : one.target === 'skip' ? '–' : sureness(one.confidence)), small: 'hide' },
]}></pm-table>${fault ? html`<p class="error">${icon('warn')}${fault}</p>` : nothing}
      <div class="actions"><button type="button" class="primary" ?disabled=${fault || this.busy} @click=${() => this.#look(2)}>Preview</button><button type="button" @click=${() => this.#to(0)}>Back</button></div></div>`;
  };

  #rules = ({ lists }) => {
    const { form, preview: { columns, rows, errors } } = this;
    const used = columns.filter((one) => one.target !== 'skip');
    return html`<div class="split"><section class="stack">${this.#title('The first rows')}<div class="scroll" tabindex="0" role="region" aria-label="The first rows"><table><thead><tr>${used.map((one) => html`<th scope="col">${words(one.target.replace('custom.', ''))}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${used.map((one) => html`<td dir="auto">${row[one.index] ?? ''}</td>`)}</tr>`)}</tbody></table></div>
      ${errors.length ? html`<div class="hint warn">${icon('warn')}<div><p>Some rows at the beginning cannot be taken. They are left out; all others come in.</p>${reasons(errors)}</div></div>` : html`<p class="note">No fault in the beginning of the file.</p>`}</section>
      <section>${form.render(html`<fieldset class="choices"><legend>When the address is known</legend>${RULES.map(([value, label, text]) => html`<label class="choice"><input type="radio" name="duplicates" value=${value} .checked=${form.values.duplicates === value} @change=${() => form.set('duplicates', value)}><span>${label}<br><span class="note">${text}</span></span></label>`)}</fieldset>
        <div class="hint">${icon('stop')}<p>Who opted out or bounced stays so: an import never makes anybody writable again.</p></div>
        ${form.field('list', { label: 'Put them into a list', type: 'select', options: [['', 'No list'], ...lists.map((one) => [one.id, one.name]), ['new', 'New list']] })}${form.values.list === 'new' ? form.field('name', { label: 'Name of the list', required: true, maxlength: 100 }) : nothing}
        ${form.field('tags', { label: 'Tags for all', optional: true, hint: 'Divided by commas.' })}`, { submit: 'Start import', busy: 'Starting', extra: html`<button type="button" @click=${() => this.#to(1)}>Back</button>` })}</section></div>`;
  };
}

const reasons = (errors) => html`<ul class="plain">${byReason(errors).map(([reason, rows]) => html`<li>${words(reason)}: ${plural(rows, 'row')}</li>`)}</ul>`;

export class Import extends Screen {
  run = new Resource(this, async (signal) => {
    // The first rows of what this tab sends may not have arrived yet.
    const sent = this.upload?.running && !this.run.data?.id && await api.get('/api/v1/imports', { query: { workspace: this.upload.workspace, limit: 5 }, signal });
    if (sent && !sent.data.some((one) => one.id === this.params.id)) return { status: 'running', file_name: '', rows: 0, created: 0, updated: 0, duplicates: 0, rejected: 0, updated_at: new Date() };
    const run = await api.get(`/api/v1/imports/${this.params.id}`, { signal });
    this.run.every = ['running', 'rolling_back'].includes(run.status) ? 1_000 : 0;
    if (run.rejected && session.may('member') && !this.run.every && this.errors.data === undefined) this.errors.reload();
    return run;
  }, { every: 1_000 });

  errors = new List(this, (cursor, signal) => api.get(`/api/v1/imports/${this.params.id}/errors`, { query: { cursor, limit: 200 }, signal }), { auto: false });

  get upload() { return uploads.get(this.params.id); }

  connectedCallback() {
    super.connectedCallback();
    this.#hear();
  }

  routeChanged() {
    this.errors.data = undefined;
    this.run.reload({ fresh: true });
    this.#hear();
  }

  #hear() { if (this.upload) this.upload.changed = (ended) => (ended ? this.run.reload() : this.requestUpdate()); }

  #change(action, text, word) {
    return confirm({ title: `${word}: ${this.run.data.file_name}`, text, action: word, danger: true, run: () => api.post(`/api/v1/imports/${this.params.id}/${action}`) }).then((done) => {
      if (!done) return;
      this.upload?.abort.abort();
      this.run.every = 1_000;
      this.run.reload();
    });
  }

  render() {
    const run = this.run.data;
    const may = session.may('member');
    return html`${header({
      title: run?.file_name || 'Import', badge: run && status(run.status), back: { href: '/dashboard/leads/imports', label: 'Imports' },
      actions: run && may ? html`${run.status === 'running' && run.id ? html`<button type="button" class="danger" @click=${() => this.#change('cancel', `The ${plural(run.rows, 'row')} that are in stay; the rest does not come in.`, 'Cancel import')}>${icon('stop')}Cancel import</button>` : nothing}
        ${run.is_reversible && ['completed', 'cancelled', 'failed'].includes(run.status) && run.created + run.updated ? html`<button type="button" class="danger" @click=${() => this.#change('rollback', `${plural(run.created, 'added lead')} go and ${plural(run.updated, 'changed lead')} get their former values. What somebody has changed or enrolled since stays.`, 'Take back')}>Take back</button>` : nothing}
        ${run.status === 'running' ? nothing : html`<a class="button primary" href="/dashboard/leads/import">Import another file</a>`}` : nothing,
    })}${show(this.run, { data: (one) => (one.status === 'running' ? this.#progress(one) : this.#result(one)), isEmpty: () => false })}`;
  }

  #parts = (run) => parts({ label: 'Rows', total: run.rows, parts: [{ label: 'Added', value: run.created, tone: 'good' }, { label: 'Updated', value: run.updated, tone: 'accent' }, { label: 'Skipped, known', value: run.duplicates, tone: 'none' }, { label: 'Rejected', value: run.rejected, tone: 'bad' }] });

  #progress(run) {
    const { upload } = this;
    return html`${wizard(3)}<div class="stack">
      ${upload?.running ? html`<div class="usage"><div class="row"><span>File sent</span><b>${percent(upload.share)}</b></div><progress max="1" value=${upload.share} aria-label="File sent"></progress></div><p class="note">You may go to other pages and come back. Keep this tab open until the file is sent.</p>` : nothing}
      ${upload?.error ? problem(upload.error) : nothing}
      ${isStuck(run) ? html`<div class="hint warn">${icon('warn')}<p>Nothing has moved since ${time(run.updated_at)}: the upload has probably broken off. What is in stays. Cancel it, and import the file again with “Keep what is there”.</p></div>` : nothing}
      <section class="card"><div class="row between"><h2>Importing</h2><span class="quiet">${count(run.rows)} rows so far</span></div>${this.#parts(run)}</section></div>`;
  }

  #result(run) {
    const seen = this.errors.data ?? [];
    return html`${wizard(4)}<div class="stack">${run.failure ? html`<div class="hint warn">${icon('warn')}<p>${run.failure}</p></div>` : nothing}
      ${run.status === 'rolling_back' ? html`<div class="hint">${icon('clock')}<p>Taking back: ${count(run.reverted)} so far.</p></div>` : nothing}
      ${run.status === 'rolled_back' ? html`<div class="hint">${icon('check')}<p>Taken back: ${count(run.reverted)}. Left because somebody has changed or enrolled them since: ${count(run.kept)}.</p></div>` : nothing}
      <section class="card">${this.#parts(run)}</section>
      ${run.rejected && session.may('member') ? html`<section class="stack"><div class="row wrap between"><h2>Why rows were left out</h2><a class="button" href="/api/v1/imports/${run.id}/rejected.csv" download>${icon('download')}Rejected rows as CSV</a></div>
        ${show(this.errors, { data: (rows) => html`<div class="stack">${reasons(rows)}${this.errors.next ? html`<p class="note">Counted in the first ${count(seen.length)} of ${count(run.rejected)} rows.</p>` : nothing}<pm-table caption="Rows left out" .rows=${rows} .key=${(row) => row.line} .list=${this.errors} .columns=${[
    { label: 'Line', cell: (row) => count(row.line), end: true }, { label: 'Reason', cell: (row) => words(row.reason) }, { label: 'Field', cell: (row) => words(row.field), small: 'hide' }, { label: 'Value', cell: (row) => row.value ?? '' }]}></pm-table></div>` })}</section>` : nothing}
      <section class="card"><h2>How</h2>${facts([['Started', time(run.started_at)], ['Ended', run.finished_at && time(run.finished_at)], ['Known addresses', RULES.find(([rule]) => rule === run.on_duplicate)?.[1]], ['List', run.list && html`<a href="/dashboard/leads/lists/${run.list}">Open the list</a>`], ['Tags', run.tags.join(', ')], ['Encoding', run.encoding]])}</section></div>`;
  }
}

export class Imports extends Screen {
  static query = { workspace: '' };

  list = new List(this, async (cursor, signal) => {
    this.workspace = await pickWorkspace(this.query.workspace);
    return this.workspace ? api.get('/api/v1/imports', { query: { workspace: this.workspace.id, cursor, limit: 30 }, signal }) : { data: [] };
  }, { every: 10_000 });

  routeChanged() { this.list.reload({ fresh: true }); }

  columns = [
    { label: 'File', cell: (row) => row.file_name, href: (row) => `/dashboard/leads/imports/${row.id}` },
    { label: 'State', cell: (row) => status(row.status) },
    ...[['Added', 'created'], ['Updated', 'updated'], ['Skipped', 'duplicates'], ['Rejected', 'rejected']].map(([label, name]) => ({ label, cell: (row) => count(row[name]), end: true })),
    { label: 'Started', cell: (row) => time(row.started_at) },
  ];

  render() {
    const action = session.may('member') ? html`<a class="button primary" href="/dashboard/leads/import">${icon('upload')}Import leads</a>` : nothing;
    return html`${header({ title: 'Imports', back: { href: '/dashboard/leads', label: 'Leads' }, actions: action })}<div class="filters">${workspaceChoice(this.workspace, (workspace) => this.setQuery({ workspace }))}</div>
      ${show(this.list, { data: (rows) => html`<pm-table caption="Imports" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`, empty: () => empty({ title: 'No imports yet', text: 'Each file that is imported stands here, with what came of it.', mark: 'upload', actions: action }) })}`;
  }
}
