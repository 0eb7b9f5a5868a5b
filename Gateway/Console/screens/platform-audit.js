// The operator's people and companies' trails: read in a support session only, with reason and ticket stated first, and seen by the company.
import { Form, List, Resource, api, count, drawer, empty, header, html, nothing, plural, readQuery, session, show, status, tabs, time, toast, toastError, Screen } from '../ui.js';
import { facts, timeline } from '../ui/data.js';
import { TrailScreen } from './audit.js';

const SESSIONS = '/api/v1/support-sessions';
const TENANTS = '/api/v1/platform/admin/tenants';
const ENDED = { holder: 'by you', expired: 'its time was over', staff_role_removed: 'the role was taken away' };

/** One's own support sessions, each with the name of its company. */
async function mine(query, signal) {
  const answer = await api.get(SESSIONS, { query: { scope: 'mine', limit: 50, ...query }, signal });
  const names = new Map(await Promise.all([...new Set(answer.data.map((one) => one.tenant))].map(async (id) => [id, await api.get(`${TENANTS}/${id}`, { signal }).then((one) => one.name, () => id)])));
  return { ...answer, data: answer.data.map((one) => ({ ...one, name: names.get(one.tenant) })) };
}

const end = (one, done) => api.delete(`${SESSIONS}/${one.id}`).then(() => { toast(`You look into ${one.name} no more.`); done(); }, toastError);
const stateOf = (one) => status(one.state, { tone: one.state === 'running' ? 'warn' : 'none', word: { running: 'Running', ended: 'Ended', expired: 'Ran out' }[one.state] });
const trailOf = (one) => `/dashboard/users?session=${one.id}`;

export class PlatformTrail extends TrailScreen {
  static query = { ...TrailScreen.query, session: '', tenant: '' };

  sessions = new Resource(this, async (signal) => {
    const { data } = await mine({}, signal);
    const before = this.running;
    this.running = data.filter((one) => one.state === 'running');
    if (!before) queueMicrotask(() => this.search());
    return data;
  }, { every: 30_000 });

  companies = new Resource(this, (signal) => (this.form.values.tenant ? api.get(TENANTS, { query: { q: this.form.values.tenant, limit: 20 }, signal }).then(({ data }) => data) : []), { auto: false });

  form = new Form(this, {
    initial: { tenant: /^[0-9a-f-]{36}$/.test(new URLSearchParams(location.search).get('tenant')) ? new URLSearchParams(location.search).get('tenant') : '', reason: '', ticket: '', minutes: '30' },
    draft: 'support-session',
    check: ({ tenant, reason }) => ({ tenant: this.#picked || /^[0-9a-f-]{36}$/.test(tenant) ? undefined : 'Choose a company from the list, or give its id.', reason: reason.trim().length < 10 ? 'At least 10 characters: the company reads it.' : undefined }),
    send: ({ tenant, reason, ticket, minutes }) => api.post(SESSIONS, { tenant: this.#picked?.id ?? tenant, reason, ticket, minutes: Number(minutes) }),
    done: async (made) => {
      this.form.fill({ tenant: '', reason: '', ticket: '' });
      await this.sessions.reload();
      this.setQuery({ session: made.id, tenant: '' }, { push: true });
    },
  });

  get #picked() { return this.companies.data?.find((one) => [one.id, one.name].includes(this.form.values.tenant)); }

  get now() { return this.running?.find((one) => one.id === this.query.session); }

  get isPlatform() { return this.query.tenant === 'platform' && !this.query.session; }

  get base() { return this.isPlatform ? '/api/v1/platform/admin/audit-events' : '/api/v1/audit/events'; }

  get headers() { return this.now ? { 'X-Support-Session': this.now.id } : undefined; }

  // Without a session the same addresses would answer with the reader's own company.
  search() {
    if (!this.now && !this.isPlatform) return;
    this.list.reload({ fresh: true });
    this.counts.set(undefined);
    if (this.now) this.counts.reload();
  }

  proof(event) { return this.now ? super.proof(event) : nothing; }

  #find = () => {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.companies.reload(), 250);
  };

  render() {
    return html`${header({ title: 'Audit across tenants', note: 'One company at a time, with a reason and a ticket. The company sees both, and each read.', actions: html`<a class="button" href="/dashboard/support/audit">My support sessions</a>` })}
      ${session.mayStaff('super_admin') ? tabs('Whose trail', [{ label: 'A company', href: this.href({ tenant: '', q: '', open: '' }), current: !this.isPlatform }, { label: 'The platform', href: this.href({ tenant: 'platform', session: '', q: '', open: '' }), current: this.isPlatform }]) : nothing}
      ${show(this.sessions, { isEmpty: () => false, data: () => (this.now || this.isPlatform ? this.#trail() : this.#begin()) })}`;
  }

  #begin() {
    const { form } = this;
    return html`<div class="split"><section class="card"><h2>Say why first</h2>${form.render(html`${form.field('tenant', { label: 'Company', required: true, list: 'companies', autocomplete: 'off', hint: this.#picked ? `${this.#picked.name}, ${plural(this.#picked.members, 'member')}, ${this.#picked.id}` : 'The beginning of its name, or its id.', onInput: this.#find })}
      <datalist id="companies">${(this.companies.data ?? []).map((one) => html`<option value=${one.id}>${one.name}</option>`)}</datalist>
      ${form.field('reason', { label: 'Reason', type: 'textarea', rows: 2, required: true, maxlength: 500, hint: 'The company reads it.' })}
      <div class="fields">${form.field('ticket', { label: 'Ticket', required: true, maxlength: 100 })}${form.field('minutes', { label: 'For how long', type: 'select', options: [['15', '15 minutes'], ['30', '30 minutes'], ['60', 'An hour']] })}</div>`, { submit: 'Open the trail', busy: 'Opening' })}</section>
      <section><h2>Running</h2>${this.running.length ? html`<ul class="checks">${this.running.map((one) => html`<li><div><p><a href=${trailOf(one)} data-keep dir="auto">${one.name}</a></p><p class="note" dir="auto">${one.ticket}: ${one.reason}. Ends ${time(one.expires_at)}.</p></div></li>`)}</ul>` : html`<p class="note">You look into no company.</p>`}</section></div>`;
  }

  #trail() {
    const { now } = this;
    return html`${now ? html`<div class="hint warn row wrap between"><p>You read the trail of <b dir="auto">${now.name}</b> until ${time(now.expires_at)}. <span dir="auto">${now.ticket}: ${now.reason}</span></p><button type="button" @click=${() => end(now, () => { this.sessions.reload(); this.setQuery({ session: '' }); })}>End access</button></div>` : html`<p class="note">What belongs to no company: acts on the platform, and sign-ins that failed. Each read is an entry.</p>`}
      <div class="section">${this.bar()}</div><div class="stack">${this.summary()}${this.results()}</div>${this.side(false)}`;
  }
}

export class SupportTrail extends Screen {
  static query = { open: '' };

  list = new List(this, (cursor, signal) => mine({ cursor }, signal), { every: 30_000 });

  read = new Resource(this, (signal) => api.get('/api/v1/audit/events', { query: { q: `support:${this.query.open}`, limit: 100 }, headers: { 'X-Support-Session': this.query.open }, signal }), { auto: false });

  routeChanged(before) { if (readQuery(before.search, SupportTrail.query).open !== this.query.open) this.read.set(undefined); }

  columns = [
    { label: 'Company', cell: (one) => one.name, open: (one) => this.setQuery({ open: one.id }, { push: true }) }, { label: 'Ticket', cell: (one) => one.ticket }, { label: 'Reason', cell: (one) => one.reason, small: 'hide' },
    { label: 'State', cell: stateOf }, { label: 'Began', cell: (one) => time(one.created_at) }, { label: 'Ends', cell: (one) => time(one.ended_at ?? one.expires_at) },
  ];

  render() {
    const one = this.list.data?.find((row) => row.id === this.query.open);
    const begin = (text) => html`<a class="button primary" href="/dashboard/users">${text}</a>`;
    return html`${header({ title: 'Support access to trails', note: 'When and why you looked into companies. Each of them sees the same.', actions: begin('Look into a company') })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Support sessions" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`, empty: () => empty({ title: 'You have looked into no company', text: 'A session has a reason, a ticket and an end; it lets you read one company’s trail.', mark: 'support', actions: begin('Begin one') }) })}
      ${one ? drawer({ title: one.name, onClose: () => this.setQuery({ open: '' }), body: this.#detail(one) }) : nothing}`;
  }

  #detail(one) {
    const runs = one.state === 'running';
    const { loading, data, error } = this.read;
    return html`<div class="stack">${facts([['State', stateOf(one)], ['Reason', one.reason], ['Ticket', one.ticket], ['Company', html`<code>${one.tenant}</code>`], ['May read', one.scope.join(', ')], ['Began', time(one.created_at)], ['Ends', time(one.expires_at)], ['Ended', one.ended_at && html`${time(one.ended_at)}, ${ENDED[one.ended_because] ?? one.ended_because}`]])}
      ${runs ? html`<div class="actions"><a class="button primary" href=${trailOf(one)}>Read the trail</a><button type="button" @click=${() => end(one, () => this.list.reload())}>End access</button></div>
        <h3>What was read</h3>${data || error ? show(this.read, { isEmpty: () => false, data: ({ data: rows, total }) => html`<p class="note">${plural(total?.value ?? rows.length, 'entry', 'entries')}, as the company sees ${count(rows.length) === '1' ? 'it' : 'them'}.</p>${timeline(rows.map((event) => ({ at: event.occurred_at, title: event.action === 'audit_trail.read' ? `Read ${event.metadata.read ?? ''}` : event.action, text: event.metadata.search })))}` }) : html`<div><button type="button" aria-disabled=${loading} @click=${() => this.read.reload()}>Show it</button> <span class="note">That is a read, too.</span></div>`}`
    : html`<p class="note">It is over, and with it your sight of this trail. Look into the company again to see what was read; the company sees it at any time.</p><div><a class="button" href="/dashboard/users?tenant=${one.tenant}&q=support:${one.id}">Look into it again</a></div>`}</div>`;
  }
}
