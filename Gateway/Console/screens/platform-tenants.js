// Companies and people as the operator sees them.
import { Form, List, Resource, Screen, api, confirm, count, day, dialog, empty, filters, header, html, icon, money, nothing, plural, show, status, time, toast, usage, words } from '../ui.js';
import { facts } from '../ui/data.js';

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
