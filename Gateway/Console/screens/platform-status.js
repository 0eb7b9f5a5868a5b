// What the public status page says: incidents, announced work, parts of the service.
import { Form, List, Resource, Screen, api, confirm, drawer, empty, field, header, html, nothing, show, status, time, toast, words } from '../ui.js';
import { timeline } from '../ui/data.js';

const BASE = '/api/v1/platform/admin/status';
export const PARTS = { api: 'API', smtp: 'Sending', database: 'Database', redis: 'Redis', dashboard: 'Dashboard', inbox: 'Inbox', webhooks: 'Webhooks' };
const IMPACTS = ['minor', 'major', 'critical'];
const STATES = ['investigating', 'identified', 'monitoring'];
const TEXT = { label: 'What to say', type: 'textarea', required: true, maxlength: 4000, hint: 'Everybody reads it within seconds. Plain text.' };

/** The names of parts, or "general". */
export const parts = (names) => names.map((name) => PARTS[name] ?? words(name)).join(', ') || 'General';

/** Announced work → its state. */
export function stateOf(work, now = Date.now()) {
  if (work.cancelled_at) return 'called_off';
  if (now >= Date.parse(work.ends_at)) return 'over';
  return now >= Date.parse(work.starts_at) ? 'in_progress' : 'scheduled';
}

/** The next full hour after some hours, as an input of date and time wants it. */
export function localTime(date) {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

const soon = (hours) => localTime(new Date(Math.ceil(Date.now() / 3_600_000 + hours) * 3_600_000));
const isOpen = (incident) => incident.state !== 'resolved';
const badge = (incident) => status(incident.state, isOpen(incident) ? { tone: 'warn' } : { tone: 'good' });
const impact = (one) => status(one, { tone: one === 'minor' ? 'warn' : 'bad' });

export class Status extends Screen {
  static query = { open: '' };

  now = new Resource(this, (signal) => api.get('/api/v1/status', { signal }), { every: 10_000 });

  incidents = new List(this, (cursor, signal) => api.get(`${BASE}/incidents`, { query: { cursor, limit: 25 }, signal }), { every: 30_000 });

  works = new List(this, (cursor, signal) => api.get(`${BASE}/maintenances`, { query: { cursor, limit: 25 }, signal }), { every: 30_000 });

  one = new Resource(this, (signal) => api.get(`${BASE}/incidents/${this.query.open}`, { signal }), { auto: false });

  chosen = new Set();

  make = (initial, path, prepare, done) => new Form(this, { initial, send: (values, key) => api.post(`${BASE}/${path()}`, prepare(values), { key }), done });

  opening = this.make({ title: '', impact: 'minor', state: 'investigating', message: '' }, () => 'incidents', (values) => ({ ...values, components: [...this.chosen] }), () => this.saved('The incident is public.', this.opening));

  announcing = this.make({ title: '', message: '', starts_at: soon(24), ends_at: soon(26) }, () => 'maintenances', (values) => ({ ...values, starts_at: new Date(values.starts_at).toISOString(), ends_at: new Date(values.ends_at).toISOString(), components: [...this.chosen] }), () => this.saved('The work is announced.', this.announcing));

  telling = this.make({ state: 'identified', message: '' }, () => `incidents/${this.query.open}/${this.telling.values.state === 'resolved' ? 'resolve' : 'updates'}`, ({ state, message }) => (state === 'resolved' ? { message } : { state, message }), (answer) => {
    toast('It is said.');
    this.telling.fill({ message: '', state: isOpen(answer) ? answer.state : 'investigating' });
    this.one.set(answer);
    this.refresh();
  });

  get may() { return this.session.mayStaff('ops'); }

  get keys() { return this.may ? { c: { label: 'Open an incident', run: () => this.setQuery({ open: 'new' }, { push: true }) } } : {}; }

  get isOne() { return this.query.open.length > 20; }

  firstUpdated() { this.routeChanged({ search: '' }); }

  routeChanged(before) {
    if (new URLSearchParams(before.search).get('open') === this.query.open) return;
    this.chosen = new Set();
    if (this.isOne) this.one.reload({ fresh: true });
  }

  refresh() { [this.now, this.incidents, this.works].forEach((one) => one.reload()); }

  saved(text, form) {
    toast(text);
    form.fill({ title: '', message: '' });
    this.setQuery({ open: '' });
    this.refresh();
  }

  callOff = (work) => confirm({
    title: stateOf(work) === 'scheduled' ? `Call off “${work.title}”` : `End “${work.title}” now`, text: 'The status page says so within seconds. It cannot be taken back.', action: stateOf(work) === 'scheduled' ? 'Call off' : 'End now', danger: true,
    run: () => api.post(`${BASE}/maintenances/${work.id}/cancel`),
  }).then((ok) => ok && this.refresh());

  render() {
    const { open } = this.query;
    const close = () => this.setQuery({ open: '' });
    return html`${header({ title: 'Incidents and maintenance', note: html`All of this is public on the <a href="/status">status page</a>.`, badge: this.now.data ? status(this.now.data.status) : nothing,
    actions: this.may ? html`<button type="button" @click=${() => this.setQuery({ open: 'work' }, { push: true })}>Announce work</button><button type="button" class="danger" @click=${this.keys.c.run}>Open an incident</button>` : nothing })}
      <section class="stack"><h2>Incidents</h2>${show(this.incidents, { data: (rows) => html`<pm-table caption="Incidents" .rows=${rows} .list=${this.incidents} .columns=${this.ofIncidents}></pm-table>`, empty: () => empty({ title: 'No incidents', text: 'Nothing was ever reported.', mark: 'check' }) })}</section>
      <section class="section stack"><h2>Planned work</h2>${show(this.works, { data: (rows) => html`<pm-table caption="Planned work" .rows=${rows} .list=${this.works} .columns=${this.ofWorks}></pm-table>`, empty: () => empty({ title: 'Nothing is planned', text: 'Announce work at least a day ahead.', mark: 'clock' }) })}</section>
      <section class="section stack"><h2>Parts</h2>${show(this.now, { data: ({ components }) => html`<pm-table caption="Parts" .rows=${components} .key=${(row) => row.name} .columns=${this.ofParts}></pm-table>` })}</section>
      ${open === 'new' ? drawer({ title: 'Open an incident', onClose: close, body: this.opening.render(html`${this.opening.field('title', { label: 'Title', required: true, maxlength: 200 })}<div class="fields">${this.opening.field('impact', { label: 'Impact', type: 'select', options: IMPACTS.map((one) => [one, words(one)]) })}${this.opening.field('state', { label: 'State', type: 'select', options: STATES.map((one) => [one, words(one)]) })}</div>${this.choices()}${this.opening.field('message', TEXT)}`, { submit: 'Publish' }) }) : nothing}
      ${open === 'work' ? drawer({ title: 'Announce work', onClose: close, body: this.announcing.render(html`${this.announcing.field('title', { label: 'Title', required: true, maxlength: 200 })}<div class="fields">${this.announcing.field('starts_at', { label: 'Begins', type: 'datetime-local', required: true })}${this.announcing.field('ends_at', { label: 'Ends', type: 'datetime-local', required: true })}</div><p class="note">In your own time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.</p>${this.choices()}${this.announcing.field('message', TEXT)}`, { submit: 'Announce' }) }) : nothing}
      ${this.isOne ? drawer({ title: this.one.data?.title ?? 'Incident', onClose: close, body: show(this.one, { data: this.drawOne }) }) : nothing}`;
  }

  choices = () => html`<fieldset><legend>Parts that are touched${this.query.open === 'work' ? ', at least one' : ''}</legend><div class="row wrap">${Object.entries(PARTS).map(([name, label]) => field({ name: `part-${name}`, label, type: 'checkbox', value: this.chosen.has(name), onInput: (on) => { this.chosen[on ? 'add' : 'delete'](name); } }))}</div></fieldset>`;

  drawOne = (one) => html`<div class="stack"><p class="row wrap">${badge(one)}${impact(one.impact)}<span class="quiet">${parts(one.components)}, since ${time(one.started_at)}${one.automatic ? ', opened by the system' : ''}</span></p>
    ${this.may ? this.telling.render(html`${this.telling.field('state', { label: 'State', type: 'select', options: [...STATES, 'resolved'].map((state) => [state, words(state)]), hint: isOpen(one) ? undefined : 'Any other than resolved opens it again.' })}${this.telling.field('message', TEXT)}`, { submit: this.telling.values.state === 'resolved' ? 'Resolve' : 'Say it' }) : nothing}
    <h3>What was said</h3>${timeline(one.updates.map((said) => ({ at: said.at, title: words(said.state), text: said.message, tone: said.state === 'resolved' ? 'good' : '' })))}</div>`;

  ofIncidents = [
    { label: 'Incident', cell: (row) => row.title, open: (row) => this.setQuery({ open: row.id }, { push: true }) }, { label: 'State', cell: badge }, { label: 'Impact', cell: (row) => impact(row.impact), small: 'hide' },
    { label: 'Parts', cell: (row) => parts(row.components), small: 'hide' }, { label: 'Began', cell: (row) => time(row.started_at) }, { label: 'Resolved', cell: (row) => time(row.resolved_at), small: 'hide' },
  ];

  ofWorks = [
    { label: 'Work', cell: (row) => row.title, main: true }, { label: 'State', cell: (row) => status(stateOf(row), stateOf(row) === 'in_progress' ? { tone: 'warn' } : undefined) }, { label: 'Parts', cell: (row) => parts(row.components), small: 'hide' },
    { label: 'Begins', cell: (row) => time(row.starts_at) }, { label: 'Ends', cell: (row) => time(row.ends_at) },
    { label: 'Act', hideLabel: true, cell: (row) => (this.may && ['scheduled', 'in_progress'].includes(stateOf(row)) ? html`<button type="button" class="small" @click=${() => this.callOff(row)}>${stateOf(row) === 'scheduled' ? 'Call off' : 'End now'}</button>` : nothing) },
  ];

  ofParts = [
    { label: 'Part', cell: (row) => PARTS[row.name] ?? words(row.name), main: true }, { label: 'Now', cell: (row) => status(row.status) }, { label: '90 days', cell: (row) => (row.uptime_percent == null ? '–' : `${row.uptime_percent.toFixed(2)} %`), end: true },
    { label: 'Answers in', cell: (row) => (row.latency_ms == null ? '–' : `${row.latency_ms} ms`), end: true, small: 'hide' }, { label: 'Checked', cell: (row) => time(row.checked_at) },
  ];
}
