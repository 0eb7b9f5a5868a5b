// The operator’s pages: companies and people, the public status, plans and what Stripe says, queues.
import { Form, List, Live, Resource, Screen, api, clock, confirm, count, day, dialog, drawer, duration, empty, field, filters, header, html, icon, money, nothing, plural, show, stat, status, tabs, time, toast, usage, words } from '../ui.js';
import { facts, json, timeline } from '../ui/data.js';

const ADMIN = '/api/v1/platform/admin';
const FINANCE = '/api/v1/platform/finance/tenants';
export const LIMITS = ['mails', 'users', 'workspaces', 'domains', 'mailboxes', 'leads', 'api_calls_per_minute'];
const WHY = 'Reason, at least 10 characters';

const state = (row) => status(row.suspended_at ? 'suspended' : 'active');
const suspended = (row) => (row.suspended_at ? html`<p class="banner warn">${icon('stop')}<span>Suspended ${time(row.suspended_at)}: <span dir="auto">${row.suspended_reason}</span></span></p>` : nothing);

/** A list that is searched by the beginning of something. */
class Found extends Screen {
  static query = { q: '' };

  list = new List(this, (cursor, signal) => api.get(`${ADMIN}/${this.what.path}`, { query: { q: this.query.q, cursor, limit: 50 }, signal }));

  routeChanged() { this.list.reload({ fresh: true }); }

  render() {
    const { q } = this.query;
    const { title, by, none, columns } = this.what;
    return html`${header({ title })}${filters({ search: { value: q, label: by, onInput: (text) => this.setQuery({ q: text }) } })}
      ${show(this.list, { data: (rows) => html`<pm-table caption=${title} .rows=${rows} .columns=${columns} .list=${this.list}></pm-table>`, isFiltered: q !== '', clear: () => this.setQuery({ q: '' }), empty: () => empty({ title: none, text: 'Whoever signs up stands here.', mark: 'tenants' }) })}`;
  }
}

export class Tenants extends Found {
  what = {
    path: 'tenants', title: 'Tenants', by: 'Name begins with', none: 'No companies yet',
    columns: [
      { label: 'Company', cell: (row) => row.name, href: (row) => `/dashboard/tenants/${row.id}` }, { label: 'State', cell: state },
      { label: 'Members', cell: (row) => count(row.members), end: true }, { label: 'Signed up', cell: (row) => time(row.created_at) },
    ],
  };
}

export class Users extends Found {
  what = {
    path: 'users', title: 'Users', by: 'Address begins with', none: 'No people yet',
    columns: [
      { label: 'Address', cell: (row) => row.email, href: (row) => `/dashboard/system/users/${row.id}` }, { label: 'Name', cell: (row) => row.name }, { label: 'State', cell: state },
      { label: 'Confirmed', cell: (row) => (row.verified ? status('verified') : status('unverified')), small: 'hide' }, { label: 'Staff', cell: (row) => (row.staff_role ? words(row.staff_role) : '–'), small: 'hide' }, { label: 'Signed up', cell: (row) => time(row.created_at) },
    ],
  };
}

/** One company or person: what is read, and acts that want a reason. */
class One extends Screen {
  one = new Resource(this, (signal) => api.get(this.base, { signal }));

  routeChanged(before) { if (before.params.id !== this.params.id) this.one.reload({ fresh: true }); }

  act = ([action, path, text, done, danger]) => {
    const reason = path !== 'resume' && WHY;
    return confirm({ title: `${action}: ${this.one.data.name || this.one.data.email}`, text, action, danger, reason, run: (given) => api.post(`${this.base}/${path}`, reason ? { reason: given } : undefined) })
      .then((ok) => { if (ok) { toast(done); this.one.reload(); } });
  };

  buttons(acts) { return acts.filter(Boolean).map((act) => html`<button type="button" class=${act[4] ? 'danger' : ''} @click=${() => this.act(act)}>${act[0]}</button>`); }
}

export class Tenant extends One {
  static query = { open: '' };

  get base() { return `${ADMIN}/tenants/${this.params.id}`; }

  get finances() { return `${FINANCE}/${this.params.id}`; }

  switches = new Resource(this, (signal) => (this.session.mayStaff('support', 'ops') ? api.get(`${this.base}/features`, { signal }) : null));

  finance = new Resource(this, (signal) => (this.session.mayStaff('finance') ? api.get(this.finances, { signal }) : null));

  grant = new Form(this, {
    initial: { access: '', mails: '', reason: '', ends_at: '' },
    send: ({ access, mails, reason, ends_at: ends }, key) => api.post(`${this.finances}/grants`, { reason, ...(access && { access }), ...(mails !== '' && { limits: { mails: Number(mails) } }), ...(ends && { ends_at: new Date(`${ends}T23:59:59`).toISOString() }) }, { key }),
    done: () => { this.setQuery({ open: '' }); toast('It is granted.'); this.finance.reload(); },
    check: ({ access, mails }) => (access || mails !== '' ? {} : { access: 'Give access, mails, or both.' }),
  });

  routeChanged(before) {
    super.routeChanged(before);
    if (before.params.id !== this.params.id) [this.switches, this.finance].forEach((one) => one.reload({ fresh: true }));
  }

  sync = () => confirm({ title: 'Read this company from Stripe', text: 'Subscription, price and access become what Stripe says.', action: 'Read', reason: WHY, run: async (reason) => this.finance.set(await api.post(`${this.finances}/sync`, { reason })) }).then((ok) => ok && toast('It is as Stripe says.'));

  revoke = (grant) => confirm({ title: 'Take this grant back', text: 'It holds no longer, from now on.', action: 'Take back', danger: true, reason: WHY, run: (reason) => api.delete(`${this.finances}/grants/${grant.id}`, { body: { reason } }) }).then((ok) => ok && this.finance.reload());

  async turn(name, enabled) {
    await confirm({ title: `${enabled ? 'Switch on' : 'Switch off'} ${name}`, text: 'For everybody of this company, from now on.', action: enabled ? 'Switch on' : 'Switch off', run: () => api.put(`${this.base}/features/${encodeURIComponent(name)}`, { enabled }) });
    this.switches.reload();
  }

  render() {
    const tenant = this.one.data;
    return html`${header({
      title: tenant?.name ?? 'Tenant', back: { href: '/dashboard/tenants', label: 'Tenants' }, badge: tenant ? state(tenant) : nothing,
      actions: tenant && this.session.mayStaff('super_admin') ? this.buttons([tenant.suspended_at ? ['Reopen', 'resume', 'Its people may sign in again, its keys open again, held mail goes on.', 'The company is open again.'] : ['Suspend', 'suspend', `Signs out ${plural(tenant.members, 'person', 'people')}. Its keys open nothing, its mail is held; nothing is lost.`, 'The company is suspended.', true]]) : nothing,
    })}${show(this.one, { data: (one) => html`${suspended(one)}<div class="split section"><div class="stack">${this.session.mayStaff('finance') ? show(this.finance, { data: (all) => (all ? this.money(all) : nothing) }) : nothing}
      ${this.session.mayStaff('support', 'ops') ? show(this.switches, { data: (all) => (all ? this.features(Object.entries(all.features)) : nothing), lines: 2 }) : nothing}</div>
      <section class="card"><h2>Company</h2>${facts([['Company', html`<code>${one.id}</code>`], ['Members', count(one.members)], ['Signed up', time(one.created_at)]])}
      <p class="row wrap">${this.session.mayStaff('ops', 'support') ? html`<a href="/dashboard/system/queues/email-sending?state=delayed&tenant=${one.id}">Its mail in the queue</a>` : nothing}</p></section></div>` })}
      ${this.query.open ? dialog({ title: 'Grant beside the plan', onClose: () => this.setQuery({ open: '' }), body: this.grant.render(html`
        ${this.grant.field('access', { label: 'Access', type: 'select', options: [['', 'As the plan says'], ['full', 'Full'], ['read_only', 'Read only']] })}${this.grant.field('mails', { label: 'Mails a month', type: 'number', min: 0 })}
        ${this.grant.field('ends_at', { label: 'Good until', type: 'date', hint: 'Empty: until it is taken back.' })}${this.grant.field('reason', { label: WHY, required: true, minlength: 10, maxlength: 500 })}`, { submit: 'Grant' }) }) : nothing}`;
  }

  money({ subscription: it, usage: used, grants, stripe_customer: customer }) {
    return html`<div class="stack"><section class="card"><div class="row between wrap"><h2>Plan</h2><div class="row"><button type="button" @click=${() => this.setQuery({ open: 'grant' })}>Grant</button><button type="button" @click=${this.sync}>Read from Stripe</button></div></div>
      ${facts([['Plan', words(it.plan)], ['State', status(it.status)], ['Access', words(it.access)], ['Price', it.amount == null ? null : `${money(it.amount, it.currency)} a ${it.interval}`], ['Period', `${day(it.period_start)} to ${day(it.period_end)}`],
    ['Trial ends', it.trial_ends_at && time(it.trial_ends_at)], ['Ends', it.cancel_at && time(it.cancel_at)], ['Past due', it.past_due_since && time(it.past_due_since)], ['Changes to', it.scheduled_plan && html`${words(it.scheduled_plan)}, ${time(it.scheduled_at)}`],
    ['Needs an eye', it.flags.map(words).join(', ')], ['At Stripe', customer && html`<code>${customer}</code>`], ['Read', it.synced_at && html`${time(it.synced_at)}, by ${it.sync_source}`]])}</section>
      <section class="card stack"><h2>Usage</h2>${LIMITS.filter((name) => used[name]?.used != null).map((name) => usage({ label: words(name), used: used[name].used, limit: used[name].limit }))}</section>
      ${grants.length ? html`<section class="card"><h2>Grants</h2><ul class="checks">${grants.map((one) => html`<li class="row between wrap"><span dir="auto">${[one.access && words(one.access), ...Object.entries(one.limits).map(([name, value]) => `${words(name)}: ${value === null ? 'no limit' : count(value)}`)].filter(Boolean).join(', ')}. ${one.reason}
        <span class="note">${one.revoked_at ? html`taken back ${time(one.revoked_at)}` : one.ends_at ? html`ends ${time(one.ends_at)}` : 'no end'}</span></span>${one.revoked_at ? nothing : html`<button type="button" class="small" @click=${() => this.revoke(one)}>Take back</button>`}</li>`)}</ul></section>` : nothing}</div>`;
  }

  features(all) {
    const change = this.session.mayStaff('ops');
    return html`<section class="card"><h2>Switches</h2>${all.length ? html`<ul class="checks">${all.map(([name, on]) => html`<li class="row between"><code>${name}</code><span class="row">${status(on ? 'on' : 'off')}${change ? html`<button type="button" class="small" aria-label="Switch ${on ? 'off' : 'on'} ${name}" @click=${() => this.turn(name, !on)}>Switch ${on ? 'off' : 'on'}</button>` : nothing}</span></li>`)}</ul>` : html`<p class="quiet">Everything is as for all.</p>`}</section>`;
  }
}

export class User extends One {
  get base() { return `${ADMIN}/users/${this.params.id}`; }

  render() {
    const user = this.one.data;
    const all = this.session.mayStaff('super_admin');
    const support = user && (all || (this.session.mayStaff('support') && !user.staff_role));
    return html`${header({
      title: user?.name || 'User', back: { href: '/dashboard/system/users', label: 'Users' }, badge: user ? state(user) : nothing,
      actions: user ? this.buttons([support && ['End sessions', 'revoke-sessions', 'All sessions of this person end at once.', 'The sessions are ended.'],
        support && ['Force a new password', 'force-reset', 'The old password counts no more, all sessions end, and a link is mailed.', 'A link is mailed.', true],
        all && (user.suspended_at ? ['Reopen', 'resume', 'This person may sign in again.', 'The account is open again.'] : ['Suspend', 'suspend', 'This person is signed out everywhere and cannot sign in.', 'The account is suspended.', true])]) : nothing,
    })}${show(this.one, { data: (one) => html`${suspended(one)}<section class="card section">${facts([['Address', one.email], ['Confirmed', one.verified ? status('verified') : status('unverified')], ['Staff', one.staff_role && words(one.staff_role)], ['Signed up', time(one.created_at)], ['User', html`<code>${one.id}</code>`]])}</section>` })}`;
  }
}

// What the public status page says: incidents, announced work, parts of the service.

const STATUS = '/api/v1/platform/admin/status';
export const PARTS = { api: 'API', smtp: 'Sending', database: 'Database', redis: 'Redis', dashboard: 'Dashboard', inbox: 'Inbox', webhooks: 'Webhooks' };
const IMPACTS = ['minor', 'major', 'critical'];
const STAGES = ['investigating', 'identified', 'monitoring'];
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

  incidents = new List(this, (cursor, signal) => api.get(`${STATUS}/incidents`, { query: { cursor, limit: 25 }, signal }), { every: 30_000 });

  works = new List(this, (cursor, signal) => api.get(`${STATUS}/maintenances`, { query: { cursor, limit: 25 }, signal }), { every: 30_000 });

  one = new Resource(this, (signal) => api.get(`${STATUS}/incidents/${this.query.open}`, { signal }), { auto: false });

  chosen = new Set();

  make = (initial, path, prepare, done) => new Form(this, { initial, send: (values, key) => api.post(`${STATUS}/${path()}`, prepare(values), { key }), done });

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
    run: () => api.post(`${STATUS}/maintenances/${work.id}/cancel`),
  }).then((ok) => ok && this.refresh());

  render() {
    const { open } = this.query;
    const close = () => this.setQuery({ open: '' });
    return html`${header({ title: 'Incidents and maintenance', note: html`All of this is public on the <a href="/status">status page</a>.`, badge: this.now.data ? status(this.now.data.status) : nothing,
    actions: this.may ? html`<button type="button" @click=${() => this.setQuery({ open: 'work' }, { push: true })}>Announce work</button><button type="button" class="danger" @click=${this.keys.c.run}>Open an incident</button>` : nothing })}
      <section class="stack"><h2>Incidents</h2>${show(this.incidents, { data: (rows) => html`<pm-table caption="Incidents" .rows=${rows} .list=${this.incidents} .columns=${this.ofIncidents}></pm-table>`, empty: () => empty({ title: 'No incidents', text: 'Nothing was ever reported.', mark: 'check' }) })}</section>
      <section class="section stack"><h2>Planned work</h2>${show(this.works, { data: (rows) => html`<pm-table caption="Planned work" .rows=${rows} .list=${this.works} .columns=${this.ofWorks}></pm-table>`, empty: () => empty({ title: 'Nothing is planned', text: 'Announce work at least a day ahead.', mark: 'clock' }) })}</section>
      <section class="section stack"><h2>Parts</h2>${show(this.now, { data: ({ components }) => html`<pm-table caption="Parts" .rows=${components} .key=${(row) => row.name} .columns=${this.ofParts}></pm-table>` })}</section>
      ${open === 'new' ? drawer({ title: 'Open an incident', onClose: close, body: this.opening.render(html`${this.opening.field('title', { label: 'Title', required: true, maxlength: 200 })}<div class="fields">${this.opening.field('impact', { label: 'Impact', type: 'select', options: IMPACTS.map((one) => [one, words(one)]) })}${this.opening.field('state', { label: 'State', type: 'select', options: STAGES.map((one) => [one, words(one)]) })}</div>${this.choices()}${this.opening.field('message', TEXT)}`, { submit: 'Publish' }) }) : nothing}
      ${open === 'work' ? drawer({ title: 'Announce work', onClose: close, body: this.announcing.render(html`${this.announcing.field('title', { label: 'Title', required: true, maxlength: 200 })}<div class="fields">${this.announcing.field('starts_at', { label: 'Begins', type: 'datetime-local', required: true })}${this.announcing.field('ends_at', { label: 'Ends', type: 'datetime-local', required: true })}</div><p class="note">In your own time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.</p>${this.choices()}${this.announcing.field('message', TEXT)}`, { submit: 'Announce' }) }) : nothing}
      ${this.isOne ? drawer({ title: this.one.data?.title ?? 'Incident', onClose: close, body: show(this.one, { data: this.drawOne }) }) : nothing}`;
  }

  choices = () => html`<fieldset><legend>Parts that are touched${this.query.open === 'work' ? ', at least one' : ''}</legend><div class="row wrap">${Object.entries(PARTS).map(([name, label]) => field({ name: `part-${name}`, label, type: 'checkbox', value: this.chosen.has(name), onInput: (on) => { this.chosen[on ? 'add' : 'delete'](name); } }))}</div></fieldset>`;

  drawOne = (one) => html`<div class="stack"><p class="row wrap">${badge(one)}${impact(one.impact)}<span class="quiet">${parts(one.components)}, since ${time(one.started_at)}${one.automatic ? ', opened by the system' : ''}</span></p>
    ${this.may ? this.telling.render(html`${this.telling.field('state', { label: 'State', type: 'select', options: [...STAGES, 'resolved'].map((state) => [state, words(state)]), hint: isOpen(one) ? undefined : 'Any other than resolved opens it again.' })}${this.telling.field('message', TEXT)}`, { submit: this.telling.values.state === 'resolved' ? 'Resolve' : 'Say it' }) : nothing}
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

// Plans, what companies pay, and whether Stripe's word arrives.

const MONEY = '/api/v1/platform/finance';
const REASON = { label: 'Reason', required: true, maxlength: 500, hint: 'At least 10 characters. It stands in the audit trail.' };
const EVENTS = ['pending', 'parked', 'failed', 'done', 'ignored'];
const failing = ({ counts }) => (counts.failed ?? 0) + (counts.parked ?? 0);
const named = (limit) => words(limit).replace('Api', 'API');
const eventState = (name) => status(name, name === 'parked' ? { tone: 'warn' } : undefined);

/** How one of Stripe's endpoints fares: a state and a sentence. */
export function verdict(endpoint) {
  if ((endpoint.oldest_pending_seconds ?? 0) > 600) return ['critical', `Events wait for ${duration(endpoint.oldest_pending_seconds)}.`];
  if (failing(endpoint)) return ['warning', `${count(failing(endpoint))} could not be handled. Mend the cause, then replay them.`];
  if (endpoint.version_mismatches) return ['warning', `${count(endpoint.version_mismatches)} came in another version of the API.`];
  return endpoint.last_received_at ? ['healthy', 'All that came is handled.'] : ['unknown', 'Nothing has come yet.'];
}

/** Limits as typed → as the API takes them: nothing is no limit. */
export const limitsOf = (values) => Object.fromEntries(LIMITS.map((name) => [name, values[name] === '' || values[name] == null ? null : Number(values[name])]));

const listed = (limits) => LIMITS.map((name) => `${named(name)} ${limits[name] == null ? 'no limit' : count(limits[name])}`).join(' · ');

export class Finance extends Screen {
  static query = { tab: '', state: '', open: '' };

  overview = new Resource(this, (signal) => api.get(`${MONEY}/overview`, { signal }));

  health = new Resource(this, (signal) => api.get(`${MONEY}/webhooks/health`, { signal }), { every: 10_000 });

  plans = new Resource(this, async (signal) => (await api.get(`${MONEY}/plans`, { signal })).data);

  packs = new Resource(this, async (signal) => (await api.get(`${MONEY}/packs`, { signal })).data);

  events = new List(this, (cursor, signal) => api.get(`${MONEY}/events`, { query: { state: this.query.state, cursor, limit: 50 }, signal }));

  plan = new Resource(this, async (signal) => {
    const plan = await api.get(`${MONEY}/plans/${this.query.open}`, { signal });
    this.form.fill({ name: plan.name, is_public: plan.is_public, stripe_product: plan.stripe_product ?? '', reason: '', ...Object.fromEntries(LIMITS.map((name) => [name, plan.limits[name] ?? ''])) });
    return plan;
  }, { auto: false });

  form = new Form(this, {
    initial: {},
    send: (values) => api.put(`${MONEY}/plans/${this.query.open}`, { name: values.name, limits: limitsOf(values), is_public: Boolean(values.is_public), stripe_product: values.stripe_product || null, reason: values.reason }, { ifMatch: this.plan.data }),
    done: () => this.saved('The plan is changed. Whoever has it is looked at again.'),
  });

  price = new Form(this, {
    initial: { interval: 'month', currency: 'USD', amount: '', stripe_price: '', reason: '' },
    send: ({ reason, amount, stripe_price: stripe, ...rest }) => api.put(`${MONEY}/plans/${this.query.open}/prices`, { prices: [{ ...rest, amount: Number(amount), stripe_price: stripe || null }], reason }, { ifMatch: this.plan.data }),
    done: () => this.saved('The price is changed. Subscriptions that there are keep theirs.'),
  });

  saved(text) {
    toast(text);
    this.setQuery({ open: '' });
    this.plans.reload();
  }

  firstUpdated() { if (this.query.open) this.plan.reload(); }

  routeChanged(before) {
    const was = new URLSearchParams(before.search);
    if ((was.get('state') ?? '') !== this.query.state) this.events.reload({ fresh: true });
    if (this.query.open && was.get('open') !== this.query.open) this.plan.reload({ fresh: true });
  }

  replay = (event) => confirm({
    title: `Handle ${event.type} once more`, text: `Event ${event.id}. What it tells of is read from Stripe again, so nothing happens twice.`, action: 'Replay', reason: 'Reason, at least 10 characters',
    run: (reason) => api.post(`${MONEY}/webhooks/events/${encodeURIComponent(event.id)}/replay`, { reason, ...(event.account && { account: event.account }) }),
  }).then((ok) => { if (ok) { toast('It is handled soon.'); this.events.reload(); this.health.reload(); } });

  render() {
    const { tab, open } = this.query;
    return html`${header({ title: 'Plans and webhooks' })}${tabs('Finance', [['', 'Subscriptions'], ['plans', 'Plans'], ['webhooks', 'Stripe webhooks']].map(([key, label]) => ({ label, href: this.href({ tab: key, state: '', open: '' }), current: tab === key, count: key === 'webhooks' ? this.health.data?.endpoints.reduce((sum, one) => sum + failing(one), 0) || null : null })))}
      ${{ plans: this.drawPlans, webhooks: this.drawWebhooks }[tab]?.() ?? this.drawOverview()}
      ${open ? drawer({ title: this.plan.data?.name ?? 'Plan', onClose: () => this.setQuery({ open: '' }), body: show(this.plan, { data: this.drawPlan }) }) : nothing}`;
  }

  drawOverview = () => show(this.overview, { data: ({ mrr, tenants, as_of: at }) => html`<div class="stats">${mrr.length ? mrr.map((one) => stat({ label: `A month, ${one.currency}`, value: money(one.amount, one.currency), note: `${count(one.subscriptions)} subscriptions` })) : stat({ label: 'A month', value: '–', note: 'nobody pays yet' })}
    ${stat({ label: 'Companies', value: tenants.reduce((sum, one) => sum + one.tenants, 0), href: '/dashboard/tenants' })}</div>
    <div class="section"><pm-table caption="Companies by plan and state" .rows=${tenants} .key=${(row) => row.plan + row.status} .columns=${[{ label: 'Plan', cell: (row) => words(row.plan), main: true }, { label: 'State', cell: (row) => status(row.status) }, { label: 'Companies', cell: (row) => count(row.tenants), end: true }]}></pm-table></div>
    <p class="note">As of ${time(at)}. One company's subscription, usage and grants stand on its page under Tenants.</p>` });

  drawPlans = () => html`${show(this.plans, { data: (rows) => html`<pm-table caption="Plans" .rows=${rows} .key=${(row) => row.code} .columns=${[
    { label: 'Plan', cell: (row) => row.name, open: (row) => this.setQuery({ open: row.code }, { push: true }) }, { label: 'Offered', cell: (row) => (row.is_public ? status('on', { word: 'To everybody' }) : status('off', { word: 'Not offered' })) },
    { label: 'Prices', cell: (row) => (row.prices.length ? html`<span>${row.prices.map((one) => html`<div>${money(one.amount, one.currency)} a ${one.interval}${one.stripe_price ? nothing : html` <span class="quiet">cannot be bought</span>`}</div>`)}</span>` : '–'), end: true }, { label: 'Limits', cell: (row) => html`<span class="note">${listed(row.limits)}</span>`, small: 'hide' },
  ]}></pm-table>` })}<div class="section">${show(this.packs, { data: (rows) => html`<pm-table caption="Packs of mails" .rows=${rows} .key=${(row) => row.code} .columns=${[{ label: 'Pack', cell: (row) => row.code, main: true }, { label: 'Mails', cell: (row) => count(row.mails), end: true }, { label: 'Price', cell: (row) => html`<span>${money(row.amount, row.currency)}${row.stripe_price ? nothing : html` <span class="quiet">cannot be bought</span>`}</span>`, end: true }]}></pm-table>`, empty: () => nothing })}</div>`;

  drawPlan = (plan) => html`<div class="stack">${this.form.render(html`${this.form.field('name', { label: 'Name', required: true })}<div class="fields">${LIMITS.map((name) => this.form.field(name, { label: named(name), type: 'number', min: 0 }))}</div><p class="note">Empty means no limit.</p>
    ${this.form.field('is_public', { label: 'Offered to everybody', type: 'switch' })}${this.form.field('stripe_product', { label: 'Product at Stripe', mono: true })}${this.form.field('reason', REASON)}`, { submit: 'Change plan' })}
    <h3>Prices</h3><ul>${plan.prices.map((one) => html`<li>${money(one.amount, one.currency)} a ${one.interval} <code>${one.stripe_price ?? 'not at Stripe'}</code></li>`)}</ul>
    ${this.price.render(html`<div class="fields">${this.price.field('interval', { label: 'Interval', type: 'select', options: ['month', 'year'] })}${this.price.field('currency', { label: 'Currency', required: true, maxlength: 3 })}${this.price.field('amount', { label: 'Amount in the smallest unit', type: 'number', min: 0, required: true, hint: this.price.values.amount ? money(Number(this.price.values.amount), /^[a-z]{3}$/i.test(this.price.values.currency) ? this.price.values.currency : 'usd') : undefined })}</div>
    ${this.price.field('stripe_price', { label: 'Price at Stripe', mono: true, hint: 'Made there first. Without it, it cannot be bought.' })}${this.price.field('reason', REASON)}`, { submit: 'Set price' })}</div>`;

  drawWebhooks = () => html`${show(this.health, { data: ({ endpoints, loops, api_version: version }) => html`<pm-table caption="Endpoints" .rows=${endpoints} .key=${(row) => row.name} .columns=${[
    { label: 'Endpoint', cell: (row) => words(row.name), main: true }, { label: 'State', cell: (row) => html`<span>${status(verdict(row)[0])} <span class="note">${verdict(row)[1]}</span></span>` },
    ...EVENTS.map((state) => ({ label: words(state), cell: (row) => count(row.counts[state] ?? 0), end: true, small: state === 'failed' || state === 'pending' ? '' : 'hide' })), { label: 'Last received', cell: (row) => time(row.last_received_at) },
  ]}></pm-table><p class="note">Counts are of the last 30 days. Stripe's API is read as ${version}. ${loops.map((loop) => html`${words(loop.name)} ran ${time(loop.last_run_at)}. `)}</p>` })}<div class="section"></div>
    ${filters({ body: field({ name: 'state', label: 'State of the events', hideLabel: true, type: 'select', value: this.query.state, options: [['', 'Events in any state'], ...EVENTS.map((one) => [one, words(one)])], onInput: (state) => this.setQuery({ state }) }) })}
    ${show(this.events, { data: (rows) => html`<pm-table caption="Events" .rows=${rows} .key=${(row) => row.account + row.id} .list=${this.events} .columns=${this.columns}></pm-table>`, isFiltered: this.query.state !== '', clear: () => this.setQuery({ state: '' }), empty: () => empty({ title: 'No events yet', text: 'What Stripe sends stands here.', mark: 'webhooks' }) })}`;

  columns = [
    { label: 'Event', cell: (row) => html`<span>${row.type}<br><code class="quiet">${row.id}</code></span>`, main: true }, { label: 'State', cell: (row) => html`<span>${eventState(row.state)}${row.error ? html` <span class="note" dir="auto">${words(row.error)}</span>` : nothing}</span>` },
    { label: 'Of', cell: (row) => html`<code>${row.object_id ?? '–'}</code>`, small: 'hide' }, { label: 'Company', cell: (row) => (row.tenant ? html`<a href="/dashboard/tenants/${row.tenant}">Open</a>` : '–') }, { label: 'Attempts', cell: (row) => count(row.attempts), end: true, small: 'hide' },
    { label: 'Received', cell: (row) => time(row.received_at) }, { label: 'Replay', hideLabel: true, cell: (row) => html`<button type="button" class="small" aria-label="Replay ${row.id}" @click=${() => this.replay(row)}>Replay</button>` },
  ];
}

// The queues as the operator sees and works them.

const BASE = '/api/v1/platform/system/queues';
const PAGE = '/dashboard/system/queues';
const STATES = ['waiting', 'delayed', 'active', 'failed', 'completed'];

/** "queue:email-sending" → "email-sending". */
export const plain = (name) => name.replace(/^queue:/, '');

/** The server counts up to 10,000: 12840 → "10k+". */
export const capped = (value) => (value >= 10_000 ? '10k+' : count(value));

/** How it goes, in a sentence. */
export function summary(queues) {
  const named = (list) => list.map((one) => plain(one.name)).join(', ');
  const of = (health) => queues.filter((one) => one.health === health);
  const paused = queues.filter((one) => one.is_paused);
  const said = [
    of('critical').length && `Critical: ${named(of('critical'))}.`, of('warning').length && `Warning: ${named(of('warning'))}.`, paused.length && `Paused: ${named(paused)}.`,
  ].filter(Boolean);
  const due = queues.reduce((sum, one) => sum + one.waiting + one.active, 0);
  return said.length ? said.join(' ') : due ? `All healthy. ${plural(due, 'job')} due or running.` : 'All quiet. Nothing is due, nothing is wrong.';
}

/** What an act on the failed ones is for, as the API takes it. */
export const target = ({ kind, tenant }) => ({ ...(kind && { kind }), ...(tenant && { tenant }) });

const pathOf = (name, rest = '') => `${BASE}/${encodeURIComponent(plain(name))}${rest}`;
const pageOf = (name, rest = '') => `${PAGE}/${encodeURIComponent(plain(name))}${rest}`;
const mayOperate = (screen) => screen.session.mayStaff('ops');
const health = (queue) => html`<span class="row wrap">${status(queue.health)}${queue.is_paused ? status('paused', { mark: 'pause' }) : nothing}</span>`;
const paused = (queue) => (queue.is_paused ? html`<p class="banner warn">${icon('pause')}<span>Paused by <b dir="auto">${queue.paused_by ?? 'somebody'}</b> ${time(queue.paused_at)}: <span dir="auto">${queue.pause_reason}</span></span></p>` : nothing);

/** Whether what is shown moves, and the button that stops it. */
const moving = (live) => html`<span class="quiet">${{ live: 'Live', paused: 'Stopped', lost: 'Connection lost', hidden: 'Resting' }[live.state] ?? 'Connecting'}${live.lastAt ? `, ${clock(live.lastAt)}` : ''}</span>
  <button type="button" @click=${() => live.setPaused(!live.paused)}>${icon(live.paused ? 'play' : 'pause')}${live.paused ? 'Go on' : 'Stop updates'}</button>`;

const pause = (queue, done) => confirm({
  title: `Pause ${plain(queue.name)}`, text: `${capped(queue.depth)} jobs of all companies wait until it is resumed. What runs goes on.`, action: 'Pause', danger: true, reason: 'Reason',
  run: (reason) => api.post(pathOf(queue.name, '/pause'), { reason }),
}).then((ok) => ok && done(`${plain(queue.name)} is paused.`));

const resume = (queue, done) => confirm({
  title: `Resume ${plain(queue.name)}`, text: `${capped(queue.depth)} jobs go on at their pace. Nobody receives a mail twice.`, action: 'Resume',
  run: () => api.post(pathOf(queue.name, '/resume')),
}).then((ok) => ok && done(`${plain(queue.name)} goes on.`));

export class Queues extends Screen {
  list = new Resource(this, async (signal) => (await api.get(BASE, { signal })).data);

  live = new Live(this, `${BASE}/stream`, { queues: (data) => this.list.set(data) });

  get keys() { return { p: { label: 'Stop or go on with updates', run: () => this.live.setPaused(!this.live.paused) } }; }

  render() {
    return html`${header({ title: 'Queues', note: this.list.data ? summary(this.list.data) : nothing, actions: moving(this.live) })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Queues" .rows=${rows} .key=${(row) => row.name} .columns=${this.columns}></pm-table>
        <p class="note">In and out are of the last full minute; numbers stop at 10k+. Health counts what is overdue and could run, and what failed.</p>`,
      empty: () => empty({ title: 'No queues', text: 'The delivery service has not made its queues yet.', mark: 'queue' }) })}`;
  }

  columns = [
    { label: 'Queue', cell: (row) => plain(row.name), href: (row) => pageOf(row.name) },
    { label: 'Health', cell: (row) => html`<div>${health(row)}${row.is_paused ? html`<span class="note" dir="auto">${row.paused_by}: ${row.pause_reason}</span>` : nothing}</div>` },
    { label: 'Depth', cell: (row) => capped(row.depth), end: true },
    { label: 'Due', cell: (row) => capped(row.waiting), end: true, small: 'hide' },
    { label: 'Later', cell: (row) => capped(row.delayed), end: true, small: 'hide' },
    { label: 'Running', cell: (row) => count(row.active), end: true, small: 'hide' },
    { label: 'Failed', cell: (row) => (row.failed ? html`<a href=${pageOf(row.name, '?state=failed')}>${capped(row.failed)}</a>` : '0'), end: true },
    { label: 'Oldest', cell: (row) => (row.oldest_age_seconds == null ? '–' : duration(row.oldest_age_seconds)), end: true },
    { label: 'In / min', cell: (row) => count(row.in_per_minute), end: true, small: 'hide' },
    { label: 'Out / min', cell: (row) => count(row.out_per_minute), end: true, small: 'hide' },
    { label: 'Workers', cell: (row) => (row.workers ? count(row.workers) : status('none', { word: 'None', tone: 'bad' })), end: true, small: 'hide' },
  ];
}

export class Queue extends Screen {
  static query = { state: '', kind: '', tenant: '' };

  queue = new Resource(this, (signal) => api.get(pathOf(this.params.name), { signal }));

  live = new Live(this, `${BASE}/stream`, {
    queues: (all) => { const mine = all.find((one) => plain(one.name) === plain(this.params.name)); if (mine) this.queue.set(mine); },
  });

  list = new List(this, (cursor, signal) => api.get(pathOf(this.params.name, '/jobs'), { query: { ...this.query, state: this.state, cursor, limit: 50 }, signal }));

  selected = new Set();

  get state() { return STATES.includes(this.query.state) ? this.query.state : 'waiting'; }

  routeChanged(before) {
    this.selected = new Set();
    if (before.params.name !== this.params.name) this.queue.reload({ fresh: true });
    this.list.reload({ fresh: true });
  }

  done = (text) => {
    toast(text);
    this.selected = new Set();
    this.queue.reload();
    this.list.reload();
  };

  get keys() {
    const queue = this.queue.data;
    return {
      r: { label: 'Read the jobs again', run: () => this.list.reload() },
      ...(mayOperate(this) && queue && { p: { label: queue.is_paused ? 'Resume the queue' : 'Pause the queue', run: () => this.turn(queue) } }),
    };
  }

  turn(queue) { return (queue.is_paused ? resume : pause)(queue, this.done); }

  /** How many the filter holds, as far as is known. */
  get matching() {
    const { kind, tenant } = this.query;
    if (!kind && !tenant) return capped(this.queue.data.failed);
    return `${count(this.list.data?.length ?? 0)}${this.list.next ? ' or more' : ''}`;
  }

  bulk(action, path, text, done) {
    const { kind, tenant } = this.query;
    let answer;
    return confirm({
      title: `${action} ${this.matching} failed jobs`, text: `${text}${kind ? ` Only of kind ${kind}.` : ''}${tenant ? ` Only of company ${tenant}.` : kind ? '' : ' Of all kinds and companies.'}`,
      action, danger: true, run: async () => { answer = await api.post(pathOf(this.params.name, path), target(this.query)); },
    }).then((ok) => ok && this.done(`${plural(answer.count, 'job')} ${done}.`));
  }

  /** One request a job, in order; says how many could not be. */
  each(action, path, text, done) {
    const ids = [...this.selected];
    let refused = 0;
    return confirm({
      title: `${action} ${plural(ids.length, 'job')}`, text, action, danger: true,
      run: async () => {
        refused = 0;
        for (const id of ids) {
          try {
            await api.post(pathOf(this.params.name, `/jobs/${id}/${path}`));
          } catch (error) {
            if (error.status !== 409 && error.status !== 404) throw error;
            refused += 1;
          }
        }
      },
    }).then((ok) => ok && this.done(`${plural(ids.length - refused, 'job')} ${done}.${refused ? ` ${count(refused)} had moved on or may not be.` : ''}`));
  }

  render() {
    const queue = this.queue.data;
    const name = plain(this.params.name);
    const { kind, tenant } = this.query;
    return html`${header({
      title: name, back: { href: PAGE, label: 'Queues' }, badge: queue ? health(queue) : nothing,
      actions: html`${moving(this.live)}${queue && mayOperate(this) ? html`<button type="button" class=${queue.is_paused ? 'primary' : 'danger'} @click=${() => this.turn(queue)}>${queue.is_paused ? 'Resume' : 'Pause'}</button>` : nothing}`,
    })}${show(this.queue, { data: (one) => html`${paused(one)}<div class="stats">
      ${stat({ label: 'Depth', value: capped(one.depth), note: `${capped(one.waiting)} due, ${capped(one.delayed)} later` })}
      ${stat({ label: 'Oldest', value: one.oldest_age_seconds == null ? '–' : duration(one.oldest_age_seconds), note: 'overdue' })}
      ${stat({ label: 'In / out a minute', value: `${count(one.in_per_minute)} / ${count(one.out_per_minute)}` })}
      ${stat({ label: 'Workers', value: one.workers, note: `${count(one.active)} running`, tone: one.workers ? '' : 'bad' })}
      ${stat({ label: 'Last hour', value: one.completed_last_hour, note: `${count(one.failed_last_hour)} failed` })}</div>` })}
      ${tabs('State of the jobs', STATES.map((state) => ({
    label: words(state), href: this.href({ state: state === 'waiting' ? '' : state }), current: this.state === state, count: { waiting: queue?.waiting, delayed: queue?.delayed, active: queue?.active, failed: queue?.failed }[state],
  })))}
      ${filters({ search: { value: kind, label: 'Kind of job', onInput: (text) => this.setQuery({ kind: text }) }, chips: [tenant && { label: `Company: ${tenant}`, onRemove: () => this.setQuery({ tenant: '' }) }],
    body: html`<button type="button" @click=${this.keys.r.run}>${icon('retry')}Read again</button>${this.state === 'failed' && queue?.failed && mayOperate(this) ? html`
      <button type="button" @click=${() => this.bulk('Retry', '/retry-all', 'They begin anew with all their attempts. Mails that were refused stay as they are: they are not sent again.', 'queued')}>Retry all that match</button>
      <button type="button" class="danger" @click=${() => this.bulk('Remove', '/clear-failed', 'They are gone for good. Mails whose fate is unknown stay; what became of mails is kept.', 'removed')}>Remove all that match</button>` : nothing}` })}
      ${show(this.list, {
    data: (rows) => html`<pm-table caption="Jobs" .rows=${rows} .columns=${this.columns} .list=${this.list} .selected=${mayOperate(this) && this.act ? this.selected : undefined} @select=${({ detail }) => { this.selected = detail; this.requestUpdate(); }}></pm-table>
      ${this.selected.size ? html`<div class="bulk" role="region" aria-label="Selected">${plural(this.selected.size, 'job')} selected ${this.act()}</div>` : nothing}`,
    isFiltered: Boolean(kind || tenant), clear: () => this.setQuery({ kind: '', tenant: '' }),
    empty: () => empty({ title: `Nothing ${this.state === 'active' ? 'runs' : this.state === 'delayed' ? 'waits for later' : `is ${this.state}`}`, text: 'All quiet here.', mark: 'check' }),
  })}`;
  }

  /** What can be done with the selected ones; undefined where nothing can. */
  get act() {
    return {
      waiting: () => html`<button type="button" class="danger" @click=${this.cancel}>Cancel</button>`, delayed: () => html`<button type="button" class="danger" @click=${this.cancel}>Cancel</button>`,
      failed: () => html`<button type="button" @click=${() => this.each('Retry', 'retry', 'They begin anew with all their attempts. Refused mails are left out.', 'queued')}>Retry</button>`,
    }[this.state];
  }

  cancel = () => this.each('Cancel', 'cancel', 'They never run. A mail among them is never sent, and counts as not sent.', 'cancelled');

  columns = [
    { label: 'Kind', cell: (row) => row.kind, href: (row) => pageOf(this.params.name, `/jobs/${row.id.toLowerCase()}`) },
    { label: 'State', cell: (row) => status(row.state) },
    { label: 'Company', cell: (row) => (system(row.tenant) ? html`<span class="quiet">Platform</span>` : html`<a href=${this.href({ tenant: row.tenant.toLowerCase() })} data-keep title="Only this company">${row.tenant.slice(0, 13).toLowerCase()}…</a>`), small: 'hide' },
    { label: 'To', cell: (row) => row.destination ?? '–', small: 'hide' },
    { label: 'Attempts', cell: (row) => `${row.attempt} of ${row.max_attempts}`, end: true },
    { label: 'Due', cell: (row) => time(row.run_at) },
    { label: 'Error', cell: (row) => row.error ?? '–' },
  ];
}

const system = (tenant) => /^0{8}-/.test(tenant);

/** The payload is JSON as text; whatever else it is, is shown as it is. */
export function payload(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export class Job extends Screen {
  job = new Resource(this, (signal) => api.get(pathOf(this.params.name, `/jobs/${this.params.id}`), { signal }), { every: 5_000 });

  operate(title, text, path, done, danger) {
    return confirm({ title, text, action: title, danger, run: () => api.post(pathOf(this.params.name, `/jobs/${this.params.id}/${path}`)) }).then((ok) => { if (ok) { toast(done); this.job.reload(); } });
  }

  render() {
    const job = this.job.data?.job;
    const mail = job?.kind === 'email';
    const actions = job && mayOperate(this) ? html`${job.state === 'failed' && !mail ? html`<button type="button" class="primary" @click=${() => this.operate('Retry this job', 'It begins anew with all its attempts.', 'retry', 'The job is queued.')}>Retry</button>` : nothing}
      ${['queued', 'gated'].includes(job.state) ? html`<button type="button" class="danger" @click=${() => this.operate('Cancel this job', `It never runs.${mail ? ' The mail is never sent.' : ''}`, 'cancel', 'The job is cancelled.', true)}>Cancel</button>` : nothing}` : nothing;
    return html`${header({ title: job ? `Job ${job.kind}` : 'Job', back: { href: pageOf(this.params.name), label: plain(this.params.name) }, badge: job ? status(job.state) : nothing, actions })}
      ${show(this.job, { data: ({ send, log, payload: text }) => html`
        ${job.error ? html`<div class="problem">${icon('warn')}<p dir="auto">${job.error}</p></div>` : nothing}
        ${job.state === 'failed' && mail ? html`<p class="note">A refused mail is not tried again: what it said is erased.</p>` : nothing}
        <div class="split section"><section class="card"><h2>Log</h2>${log.length ? timeline(log.map((line) => ({
    at: line.at, title: line.message, tone: { error: 'bad', warning: 'warn' }[line.level], text: html`${words(line.level)}, attempt ${line.attempt}${line.transcript ? html`<details><summary>Transcript</summary><pre tabindex="0">${line.transcript}</pre></details>` : nothing}`,
  }))) : html`<p class="quiet">Nothing is written yet.</p>`}</section>
        <div class="stack"><section class="card"><h2>Job</h2>${facts([
    ['Job', html`<code>${job.id.toLowerCase()}</code>`], ['Company', system(job.tenant) ? 'Platform' : html`<a href="/dashboard/tenants/${job.tenant.toLowerCase()}"><code>${job.tenant.toLowerCase()}</code></a>`],
    ['Campaign', job.campaign && html`<code>${job.campaign}</code>`], ['To', job.destination], ['Attempts', `${job.attempt} of ${job.max_attempts}`], ['Priority', job.priority],
    ['Due', time(job.run_at)], ['Made', time(job.created_at)], ['Taken', job.claimed_at && time(job.claimed_at)], ['Held until', job.lease_until && time(job.lease_until)], ['Ended', job.finished_at && time(job.finished_at)],
  ])}</section>
        ${send ? html`<section class="card"><h2>Mail</h2>${facts([['State', status(send.state)], ['Key', html`<code>${send.send_key}</code>`], ['Deferrals', send.deferrals], ['Reply', send.reply_code && `${send.reply_code} ${send.reply_text ?? ''}`]])}</section>` : nothing}
        ${text ? html`<section class="card"><h2>Payload</h2>${json(payload(text))}</section>` : nothing}</div></div>` })}`;
  }
}
