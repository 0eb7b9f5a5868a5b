// Settings: oneself, one’s sign-in, the company, its people, workspaces, API keys and webhooks.
import { Form, List, Resource, Screen, api, attempt, confirm, copy, count, dialog, drawer, duration, empty, field, filters, go, header, html, icon, menu, nothing, openDialog, plural, readQuery, session, settings, show, status, tabs, time, toast } from '../ui.js';
import { facts } from '../ui/data.js';

export const ROLES = { viewer: 'Viewer: sees all, changes nothing', member: 'Member: works with leads, campaigns and the inbox', admin: 'Admin: also people, billing and settings', owner: 'Owner: everything, also deleting the company' };
const SCOPES = { 'audit:read': 'Read the audit trail', 'billing:read': 'Read plan and usage', 'campaigns:read': 'Read leads, templates and campaigns', 'campaigns:write': 'Change leads, templates and campaigns', 'delivery:read': 'Read accounts, domains and the inbox', 'delivery:write': 'Change accounts, domains and the inbox' };
const PAGES = [['profile', 'Profile'], ['security', 'Security'], ['team', 'Team'], ['sending', 'Sending'], ['organization', 'Organisation', 'admin'], ['developers', 'API keys', 'admin'], ['webhooks', 'Webhooks', 'admin']];

/** The head that all pages of settings share: top('Profile', 'profile', actions). */
export const top = (title, page, actions) => html`${header({ title, actions })}${tabs('Settings', PAGES.filter(([, , role]) => session.may(role)).map(([name, label]) => ({ label, href: `/dashboard/settings/${name}`, current: name === page })))}<div class="section"></div>`;

/** A browser and its system from a User-Agent, as people name them. Pure. */
export function device(agent = '') {
  const find = (list) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([[/Edg/, 'Edge'], [/OPR/, 'Opera'], [/Firefox/, 'Firefox'], [/Chrom/, 'Chrome'], [/Safari/, 'Safari']]);
  const system = find([[/iPhone|iPad/, 'iOS'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux']]);
  return browser ? [browser, system].filter(Boolean).join(' on ') : agent.slice(0, 60) || 'Unknown';
}

/** The end of the day `days` from now, for the API; nothing for never. Pure. */
export const inDays = (days, now = Date.now()) => (Number(days) ? new Date(now + days * 86_400_000).toISOString() : undefined);

const named = (ids, list = session.list ?? []) => (ids ? ids.map((id) => list.find((one) => one.id === id)?.name ?? 'Another workspace').join(', ') || 'None' : 'All workspaces');
const role = (name) => { const [word, what] = (ROLES[name] ?? name).split(': '); return html`<span>${word} <span class="quiet wide">${what}</span></span>`; };

/** The address as a picture for the camera of a phone; `drawn` is the module of QR codes. */
const picture = ({ modules, outline }, text) => {
  const rows = modules(text);
  const side = rows.length + 8;
  return html`<svg class="code" viewBox="0 0 ${side} ${side}" role="img" aria-label="QR code with the key for your authenticator app" shape-rendering="crispEdges"><path d=${outline(rows)}></path></svg>`;
};

/** Shows what is never shown again. */
export const secret = (title, note, lines) => openDialog({ title, body: ({ close }) => html`<div class="stack"><p>${note}</p><div class="row"><pre class="mono" tabindex="0">${lines.join('\n')}</pre>${copy(lines.join('\n'), 'Copy all')}</div>
  <div class="actions end"><button type="button" class="primary" @click=${() => close()}>I have kept it</button></div></div>` });

export class Profile extends Screen {
  form = new Form(this, {
    initial: { email: '' },
    send: (values) => api.post('/api/v1/auth/email/change', values),
    done: () => { toast('Two mails are on their way: follow the link in each.'); this.form.fill({ email: '' }); },
  });

  render() {
    const theme = (value) => {
      settings.set('theme', value);
      if (value === 'system') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = value;
    };
    return html`${top('Profile', 'profile')}<div class="stack narrow-form"><dl class="facts"><dt>Name</dt><dd dir="auto">${session.user.name}</dd><dt>E-mail</dt><dd>${session.user.email} ${session.user.verified ? status('verified') : html`<a href="/verify">Confirm it</a>`}</dd><dt>Company</dt><dd dir="auto">${session.tenant.name}</dd><dt>Role</dt><dd>${ROLES[session.role]}</dd></dl>
      <section class="card"><h2>Another address</h2>${this.form.render(this.form.field('email', { label: 'New e-mail', type: 'email', required: true, autocomplete: 'email', hint: 'It counts once both addresses have confirmed it.' }), { submit: 'Change address' })}</section>
      <section class="card stack"><h2>This browser</h2>${field({ name: 'theme', label: 'Colours', type: 'select', value: settings.get('theme', 'system'), options: [['system', 'As the system has them'], ['light', 'Light'], ['dark', 'Dark']], onInput: theme })}
      ${field({ name: 'keys', label: 'Single keys, such as / and j', type: 'switch', value: settings.get('keys', true), hint: '? lists them. ⌘K works in any case.', onInput: (value) => { settings.set('keys', value); this.requestUpdate(); } })}</section></div>`;
  }
}

export class Security extends Screen {
  factor = new Resource(this, (signal) => api.get('/api/v1/auth/totp', { signal }));

  sessions = new Resource(this, (signal) => api.get('/api/v1/auth/sessions', { signal }).then((answer) => answer.data));

  password = new Form(this, {
    initial: {},
    send: (values) => api.post('/api/v1/auth/password/change', values),
    done: () => { toast('The password is changed. Other sessions have ended.'); this.password.fill({ current: '', new: '' }); this.sessions.reload(); },
  });

  enrol = null;

  code = new Form(this, {
    initial: { code: '' },
    send: (values) => api.post('/api/v1/auth/totp/confirm', values),
    done: (answer) => { this.enrol = null; this.code.fill({ code: '' }); this.factor.reload(); this.sessions.reload(); return this.#codes(answer); },
  });

  #codes = (answer) => secret('Recovery codes', 'Each is good once, when your app is not at hand. They are not shown again: keep them somewhere safe.', answer.recovery_codes);

  #begin = async () => {
    this.enrol = await attempt(() => api.post('/api/v1/auth/totp'));
    this.requestUpdate();
    // The key is there without it.
    const drawn = await import('../ui/qr.js').catch(() => null);
    if (this.enrol && drawn) this.enrol = { ...this.enrol, picture: picture(drawn, this.enrol.otpauth_url) };
    this.requestUpdate();
  };

  /** Asks for a code of the app and sends it; the answer, or undefined. */
  async #withCode(title, text, path, danger) {
    let answer;
    const done = await confirm({ title, danger, action: 'Go on', reason: 'Code from your app', text, run: async (code) => { answer = await api.post(path, { code }); } });
    if (done) this.factor.reload();
    return done ? answer : undefined;
  }

  render() {
    const { password: form } = this;
    return html`${top('Security', 'security')}<div class="stack"><div class="grid"><section class="card"><h2>Two-step sign-in</h2>${show(this.factor, { data: (data) => this.#factor(data), lines: 2 })}</section>
      <section class="card"><h2>Password</h2>${form.render(html`<input type="hidden" autocomplete="username" .value=${session.user.email}>${form.field('current', { label: 'Present password', type: 'password', required: true, autocomplete: 'current-password' })}${form.field('new', { label: 'New password', type: 'password', required: true, autocomplete: 'new-password', hint: 'At least 8 characters. A sentence is good.' })}`, { submit: 'Change password' })}</section></div>
      <section><div class="row between wrap"><h2>Sessions</h2><button type="button" @click=${() => attempt(() => api.post('/api/v1/auth/sessions/revoke', { scope: 'others' }), 'All others have ended.').then(() => this.sessions.reload())}>End all others</button></div>
      <div class="section">${show(this.sessions, { data: (rows) => html`<pm-table caption="Sessions" .rows=${rows} .columns=${this.columns}></pm-table>` })}</div></section></div>`;
  }

  columns = [
    { label: 'Device', main: true, cell: (row) => html`<span title=${row.user_agent ?? ''}>${device(row.user_agent)}</span>${row.is_current ? html` ${status('active', { word: 'This one' })}` : nothing}` },
    { label: 'From', cell: (row) => row.address ?? '–' }, { label: 'Signed in', cell: (row) => time(row.created_at) }, { label: 'Last seen', cell: (row) => time(row.last_seen_at) },
    { label: 'With', small: 'hide', cell: (row) => (row.assurance > 1 ? 'Password and code' : 'Password') },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => (row.is_current ? nothing : html`<button type="button" class="small" @click=${() => attempt(() => api.delete(`/api/v1/auth/sessions/${row.id}`), 'It has ended.').then(() => this.sessions.reload())}>End<span class="hidden"> the session on ${device(row.user_agent)}</span></button>`) },
  ];

  #factor(data) {
    const { enrol, code } = this;
    if (data.is_enabled) {
      return html`<div class="stack"><p>${status('on')} ${plural(data.recovery_codes_left, 'recovery code')} left.</p><div class="actions">
        <button type="button" @click=${() => this.#withCode('New recovery codes', 'The present codes are no longer good then.', '/api/v1/auth/totp/recovery-codes').then((answer) => answer && this.#codes(answer))}>New recovery codes</button>
        <button type="button" class="danger" @click=${() => this.#withCode('Switch two-step sign-in off', 'From then on your password alone lets you in.', '/api/v1/auth/totp/disable', true)}>Switch off</button></div></div>`;
    }
    if (!enrol) return html`<div class="stack"><p>${status('off')} A code from your phone, besides the password, keeps others out.</p><div class="actions"><button type="button" class="primary" @click=${this.#begin}>Set up</button></div></div>`;
    return html`<div class="stack"><p>Scan this with your authenticator app, or <a href=${enrol.otpauth_url}>open it on this device</a>. Then enter the code that it shows.</p>${enrol.picture ?? nothing}<p class="note">Without a camera, type this key into the app:</p><div class="row"><code>${enrol.secret.replace(/(.{4})/g, '$1 ').trim()}</code>${copy(enrol.secret, 'Copy the key')}</div>
      ${code.render(code.field('code', { label: 'Code', type: 'code', required: true, maxlength: 12, secret: true }), { submit: 'Switch on', cancel: () => { this.enrol = null; this.requestUpdate(); } })}</div>`;
  }
}

export class Team extends Screen {
  static query = { open: '' };

  people = new List(this, (cursor, signal) => api.get('/api/v1/users', { query: { cursor, limit: 50 }, signal }));

  invitations = new Resource(this, (signal) => (session.may('admin') ? api.get('/api/v1/invitations', { signal }).then((answer) => answer.data) : []));

  form = null;

  routeChanged() { this.form = null; }

  get keys() { return session.may('admin') ? { c: { label: 'Invite somebody', run: () => this.#open('new') } } : {}; }

  #open = (open) => this.setQuery({ open }, { push: true });

  render() {
    const { open } = this.query;
    const admin = session.may('admin');
    return html`${top('Team', 'team', admin ? html`<button type="button" class="primary" @click=${() => this.#open('new')}>${icon('plus')}Invite</button>` : nothing)}
      ${show(this.people, { data: (rows) => html`<pm-table caption="People" .key=${(row) => row.user} .rows=${rows} .columns=${this.columns} .list=${this.people}></pm-table>` })}
      ${admin ? html`<section class="section"><h2>Open invitations</h2><div class="section">${show(this.invitations, { empty: () => html`<p class="note">None.</p>`, data: (rows) => html`<pm-table caption="Open invitations" .rows=${rows} .columns=${this.invited}></pm-table>` })}</div></section>` : nothing}
      ${open && admin ? this.#edit(open) : nothing}`;
  }

  #remove = (row) => confirm({
    title: row.user === session.user.id ? 'Leave the company' : `Remove ${row.name}`, text: 'Their sessions in this company end at once. What they made stays.', action: row.user === session.user.id ? 'Leave' : 'Remove', danger: true, run: () => api.delete(`/api/v1/users/${row.user}`),
  }).then((done) => { if (done) { toast('Done.'); this.people.reload(); } });

  columns = [
    { label: 'Name', main: true, cell: (row) => row.name }, { label: 'E-mail', cell: (row) => row.email }, { label: 'Role', cell: (row) => role(row.role) }, { label: 'Workspaces', cell: (row) => named(row.workspaces) }, { label: 'Joined', small: 'hide', cell: (row) => time(row.joined_at) },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => {
      const may = session.may('admin') && (row.role !== 'owner' || session.role === 'owner');
      const self = row.user === session.user.id;
      return may || self ? menu(`Actions for ${row.name}`, [may && { label: 'Role and workspaces', run: () => this.#open(row.user) }, { label: self ? 'Leave the company' : 'Remove', danger: true, run: () => this.#remove(row) }]) : nothing;
    } },
  ];

  invited = [
    { label: 'E-mail', main: true, cell: (row) => row.address }, { label: 'Role', cell: (row) => role(row.role) }, { label: 'Workspaces', cell: (row) => named(row.workspaces) }, { label: 'Ends', cell: (row) => time(row.expires_at) },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => html`<button type="button" class="small" @click=${() => attempt(() => api.delete(`/api/v1/invitations/${row.id}`), 'The invitation is taken back.').then(() => this.invitations.reload())}>Take back<span class="hidden"> the invitation of ${row.address}</span></button>` },
  ];

  #edit(open) {
    const close = () => this.setQuery({ open: '' });
    const person = this.people.data?.find((one) => one.user === open);
    if (open !== 'new' && !person) return nothing;
    const list = session.list ?? [];
    this.form ??= new Form(this, {
      initial: { email: '', role: person?.role ?? 'member', all: !person?.workspaces, ...Object.fromEntries((person?.workspaces ?? []).map((id) => [id, true])) },
      check: (values) => (values.all || list.some((one) => values[one.id]) ? {} : { all: 'Choose at least one workspace, or all.' }),
      send: (values) => {
        const body = { role: values.role, ...(values.all ? {} : { workspaces: list.map((one) => one.id).filter((id) => values[id]) }) };
        return person ? api.patch(`/api/v1/users/${open}`, body) : api.post('/api/v1/invitations', { email: values.email.trim(), ...body });
      },
      done: () => { toast(person ? 'Saved.' : 'The invitation is on its way.'); this.people.reload(); this.invitations.reload(); close(); },
    });
    const { form } = this;
    const options = Object.entries(ROLES).filter(([key]) => key !== 'owner' || (person && session.role === 'owner'));
    return dialog({ title: person ? person.name : 'Invite somebody', onClose: close, body: form.render(html`${person ? nothing : form.field('email', { label: 'E-mail', type: 'email', required: true, autocomplete: 'off' })}${form.field('role', { label: 'Role', type: 'select', options })}
      ${form.field('all', { label: 'All workspaces, also those to come', type: 'checkbox' })}${form.values.all ? nothing : list.map((one) => form.field(one.id, { label: one.name, type: 'checkbox' }))}`, { submit: person ? 'Save' : 'Send invitation', busy: 'Sending' }) });
  }
}

export class Organization extends Screen {
  one = new Resource(this, async (signal) => {
    const [tenant, policy, deletions, people] = await Promise.all(['/api/v1/tenants/current', '/api/v1/tenants/current/policy', '/api/v1/deletions', '/api/v1/users?limit=100'].map((path) => api.get(path, { signal })));
    this.name ??= new Form(this, { initial: { name: tenant.name }, send: (values) => api.patch('/api/v1/tenants/current', values), done: async () => { await session.load(); toast('Renamed.'); this.one.reload(); } });
    this.policy ??= new Form(this, { initial: policy, send: (values) => api.put('/api/v1/tenants/current/policy', Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Number(value)]))), done: () => toast('Saved.') });
    return { tenant, deletions: deletions.data, people: people.data.filter((one) => one.user !== session.user.id) };
  });

  render() { return html`${top('Organisation', 'organization')}${show(this.one, { data: (data) => this.#page(data) })}`; }

  #page({ tenant, deletions, people }) {
    const { name, policy } = this;
    const owner = session.role === 'owner';
    const number = (key, label, min, max) => policy.field(key, { label, type: 'number', min, max, required: true, disabled: !owner });
    const open = deletions.filter((one) => one.state === 'pending');
    const rules = html`${number('session_idle_minutes', 'Minutes until an unused session ends', 5, 10080)}${number('session_absolute_hours', 'Hours until any session ends', 1, 720)}${number('password_minimum_length', 'Characters of a new password at least', 8, 64)}`;
    return html`<div class="stack">${open.map((one) => html`<p class="hint warn">${icon('warn')}<span><b dir="auto">${one.name}</b> is deleted ${time(one.due_at)}, ${one.workspace ? 'a workspace' : 'the whole company'}.</span><button type="button" @click=${() => attempt(() => api.post(`/api/v1/deletions/${one.id}/undo`), 'Nothing is deleted.').then(() => { this.one.reload(); session.workspaces({ again: true }); })}>Undo</button></p>`)}
      <div class="grid"><section class="card"><h2>Company</h2>${name.render(name.field('name', { label: 'Name', required: true, maxlength: 200 }))}</section>
      <section class="card"><h2>Signing in</h2>${owner ? policy.render(rules) : html`<div class="stack">${rules}<p class="note">Only owners change this.</p></div>`}</section></div>
      ${owner ? html`<section class="card stack"><h2>Danger</h2>${people.length ? html`<div class="row wrap">${field({ name: 'heir', label: 'New owner', type: 'select', value: this.heir ?? '', options: [['', 'Choose'], ...people.map((one) => [one.user, `${one.name}, ${one.email}`])], onInput: (value) => { this.heir = value; this.requestUpdate(); } })}
      <button type="button" ?disabled=${!this.heir} @click=${() => confirm({ title: 'Hand the company over', text: `${people.find((one) => one.user === this.heir)?.name} becomes its owner; you become an admin.`, action: 'Hand over', danger: true, run: () => api.post('/api/v1/tenants/current/transfer-ownership', { user: this.heir }) }).then((done) => done && location.reload())}>Hand over</button></div>` : nothing}
      <p>Deleting the company stops its sending at once. After 30 days its people, leads, campaigns and accounts are gone; until then it can be undone here.</p><div class="actions"><button type="button" class="danger" @click=${() => confirm({ title: `Delete ${tenant.name}`, text: 'Sending stops at once. In 30 days all is gone for good.', action: 'Delete the company', danger: true, word: tenant.name, run: () => api.delete('/api/v1/tenants/current', { body: { name: tenant.name } }) }).then((done) => done && this.one.reload())}>Delete the company</button></div></section>` : nothing}</div>`;
  }
}

export class Developers extends Screen {
  static query = { open: '' };

  list = new Resource(this, (signal) => api.get('/api/v1/api-keys', { signal }).then((answer) => answer.data));

  form = new Form(this, {
    initial: { name: '', expires: '90', requests_per_minute: '' },
    check: (values) => (Object.keys(SCOPES).some((one) => values[one]) ? {} : { 'audit:read': 'Choose at least one.' }),
    send: (values) => api.post('/api/v1/api-keys', { name: values.name.trim(), scopes: Object.keys(SCOPES).filter((one) => values[one]), expires_at: inDays(values.expires), requests_per_minute: Number(values.requests_per_minute) || undefined }),
    done: (answer) => {
      this.setQuery({ open: '' });
      this.list.reload();
      return secret(`The key ${answer.key.name}`, 'Send it as “Authorization: Bearer …”. It is not shown again.', [answer.secret]);
    },
  });

  render() {
    const { form } = this;
    const button = html`<button type="button" class="primary" @click=${() => this.setQuery({ open: 'new' }, { push: true })}>${icon('plus')}New key</button>`;
    return html`${top('API keys', 'developers', button)}<p class="note">Programs use the same API as this console. <a href="/api/docs" target="_blank">Its description</a></p><div class="section">
      ${show(this.list, { empty: () => empty({ title: 'No key yet', text: 'A key lets a program work for the company, within what you allow.', mark: 'webhooks', actions: button }), data: (rows) => html`<pm-table caption="API keys" .rows=${rows} .columns=${this.columns}></pm-table>` })}</div>
      ${this.query.open ? dialog({ title: 'New key', onClose: () => this.setQuery({ open: '' }), body: form.render(html`${form.field('name', { label: 'Name', required: true, maxlength: 200 })}<fieldset><legend>It may</legend>${Object.entries(SCOPES).map(([key, label]) => form.field(key, { label, type: 'checkbox' }))}</fieldset>
      <div class="fields">${form.field('expires', { label: 'Ends', type: 'select', options: [['30', 'in 30 days'], ['90', 'in 90 days'], ['365', 'in a year'], ['', 'never']] })}${form.field('requests_per_minute', { label: 'Requests a minute', type: 'number', min: 1, max: 1000, hint: 'Empty: as the plan has it.' })}</div>`, { submit: 'Make the key', busy: 'Making' }) }) : nothing}`;
  }

  columns = [
    { label: 'Name', main: true, cell: (row) => row.name }, { label: 'Key', cell: (row) => html`<code>${row.hint}…</code>` }, { label: 'May', small: 'hide', cell: (row) => row.scopes.join(', ') }, { label: 'A minute', end: true, small: 'hide', cell: (row) => count(row.requests_per_minute) },
    { label: 'Last used', cell: (row) => time(row.last_used_at) }, { label: 'Ends', cell: (row) => (row.expires_at ? time(row.expires_at) : 'Never') },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => html`<button type="button" class="small" @click=${() => confirm({ title: `Take back ${row.name}`, text: 'Whatever uses it is refused from now on.', action: 'Take back', danger: true, run: () => api.delete(`/api/v1/api-keys/${row.id}`) }).then((done) => done && this.list.reload())}>Take back<span class="hidden"> ${row.name}</span></button>` },
  ];
}

const fieldsOf = (form) => html`${form.field('name', { label: 'Name', required: true, maxlength: 100 })}${form.field('postal_address', { label: 'Postal address', type: 'textarea', rows: 3, required: true, maxlength: 500, hint: 'Stands in each mail, as the law asks. Without it no campaign is launched.' })}`;

export class Workspaces extends Screen {
  static query = { new: false };

  list = new Resource(this, () => session.workspaces({ again: true }));

  form = new Form(this, {
    initial: { name: '', postal_address: '' },
    draft: 'workspace',
    send: (values, key) => api.post('/api/v1/workspaces', values, { key }),
    done: async (made) => { await session.workspaces({ again: true }); go(`/dashboard/workspaces/${made.slug}/campaigns`); },
  });

  get keys() { return session.may('admin') ? { c: { label: 'New workspace', run: () => this.setQuery({ new: true }, { push: true }) } } : {}; }

  render() {
    const button = session.may('admin') ? html`<button type="button" class="primary" @click=${() => this.setQuery({ new: true }, { push: true })}>${icon('plus')}New workspace</button>` : nothing;
    return html`${header({ title: 'Workspaces', note: 'One for each client or team: its own leads, campaigns, accounts and domains.', actions: button })}
      ${show(this.list, { empty: () => empty({ title: 'No workspace yet', text: 'Create the first one to begin.', mark: 'tenants', actions: button }), data: (rows) => html`<pm-table caption="Workspaces" .rows=${rows} .columns=${this.columns}></pm-table>` })}
      ${this.query.new && session.may('admin') ? dialog({ title: 'New workspace', onClose: () => this.setQuery({ new: false }), body: this.form.render(fieldsOf(this.form), { submit: 'Create workspace', busy: 'Creating' }) }) : nothing}`;
  }

  columns = [
    { label: 'Name', cell: (row) => row.name, href: (row) => `/dashboard/workspaces/${row.slug}/campaigns` }, { label: 'Postal address', cell: (row) => row.postal_address || status('missing') }, { label: 'Created', small: 'hide', cell: (row) => time(row.created_at) },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => (session.may('admin') ? html`<a href="/dashboard/workspaces/${row.slug}/settings">Settings<span class="hidden"> of ${row.name}</span></a>` : nothing) },
  ];
}

export class WorkspaceSettings extends Screen {
  one = new Resource(this, async () => {
    const workspace = await session.workspace(this.params.slug);
    if (workspace) this.form ??= new Form(this, { initial: { name: workspace.name, postal_address: workspace.postal_address ?? '' }, send: (values) => api.patch(`/api/v1/workspaces/${workspace.id}`, values), done: async () => { await session.workspaces({ again: true }); toast('Saved.'); this.one.reload(); } });
    return workspace;
  });

  routeChanged(before) {
    if (before.params.slug === this.params.slug) return;
    this.form = null;
    this.one.reload({ fresh: true });
  }

  render() {
    return html`${header({ title: this.one.data?.name ?? 'Workspace settings', back: { href: '/dashboard/workspaces', label: 'Workspaces' } })}
      ${show(this.one, { isEmpty: (one) => !one, empty: () => empty({ title: 'There is no such workspace', mark: 'search' }), data: (one) => html`<div class="stack narrow-form"><section class="card">${this.form.render(fieldsOf(this.form))}</section>
      <section class="card stack"><h2>Danger</h2><p>Its campaigns stop at once. After 30 days its leads, campaigns, accounts and domains are gone; until then an admin can undo it under Organisation.</p><div class="actions"><button type="button" class="danger" @click=${() => this.#remove(one)}>Delete the workspace</button></div></section></div>` })}`;
  }

  #remove = (one) => confirm({ title: `Delete ${one.name}`, text: 'Its campaigns stop at once. In 30 days all of it is gone for good.', action: 'Delete the workspace', danger: true, word: one.name, run: () => api.delete(`/api/v1/workspaces/${one.id}`, { body: { name: one.name } }) })
    .then(async (done) => { if (done) { await session.workspaces({ again: true }); go('/dashboard/workspaces'); } });
}

// Webhooks: who is told of what, what was sent, and sending it again.

const PLACE = '/dashboard/settings/webhooks';
const STATES = ['waiting', 'running', 'delivered', 'failed'];
const path = (id, rest = '') => `/api/v1/webhooks/${id}${rest}`;
const stateOf = (row) => html`${status(row.state)}${row.state_reason ? html` <span class="quiet" dir="auto">${row.state_reason}</span>` : nothing}`;
const once = (answer) => secret('The signing secret', 'Each request is signed with it. It is not shown again.', [answer.secret]);

/** The types of events in groups: [['email', [{ name, summary }]]]. Pure. */
export function groups(types) {
  const found = new Map();
  for (const one of types) found.set(one.name.split('.')[0], [...(found.get(one.name.split('.')[0]) ?? []), one]);
  return [...found];
}

/** What the form of a webhook sends. Pure. */
export const wanted = (values, types) => ({ url: values.url.trim(), description: values.description.trim(), types: values.all ? ['*'] : types.map((one) => one.name).filter((name) => values[name]) });

/** The form of a new or a present webhook. */
const make = (host, hook, send, done) => new Form(host, {
  initial: { url: hook?.url ?? '', description: hook?.description ?? '', workspace: '', all: hook ? hook.types.includes('*') : true, ...Object.fromEntries((hook?.types ?? []).map((name) => [name, true])) },
  check: (values) => (values.all || host.types.data.some((one) => values[one.name]) ? {} : { all: 'Choose at least one, or all.' }),
  send: (values, key) => send(wanted(values, host.types.data), values, key),
  done,
});

const body = (form, types, isNew) => form.render(html`${form.field('url', { label: 'Address', required: true, maxlength: 2000, placeholder: 'https://example.com/hook', hint: 'Only https, and only on the Internet.' })}${form.field('description', { label: 'What it is for', optional: true, maxlength: 200 })}
  ${isNew && session.list?.length > 1 ? form.field('workspace', { label: 'Of', type: 'select', options: [['', 'The whole company'], ...session.list.map((one) => [one.id, one.name])] }) : nothing}
  ${form.field('all', { label: 'All events, also those to come', type: 'checkbox' })}${form.values.all ? nothing : groups(types).map(([name, list]) => html`<fieldset><legend>${name}</legend>${list.map((one) => form.field(one.name, { label: html`${one.name.split('.')[1]} <span class="quiet">${one.summary}</span>`, type: 'checkbox' }))}</fieldset>`)}`, { submit: isNew ? 'Make the webhook' : 'Save' });

class Hooks extends Screen {
  types = new Resource(this, (signal) => api.get('/api/v1/webhooks/event-types', { signal }).then((answer) => answer.data));
}

export class Webhooks extends Hooks {
  static query = { open: '' };

  list = new Resource(this, (signal) => api.get('/api/v1/webhooks', { signal }).then((answer) => answer.data), { every: 30_000 });

  form = make(this, null, (values, { workspace }, key) => api.post('/api/v1/webhooks', { ...values, ...(workspace ? { workspace } : {}) }, { key }), (answer) => {
    go(`${PLACE}/${answer.webhook.id}`);
    return once(answer);
  });

  render() {
    const button = html`<button type="button" class="primary" @click=${() => this.setQuery({ open: 'new' }, { push: true })}>${icon('plus')}New webhook</button>`;
    return html`${top('Webhooks', 'webhooks', button)}${show(this.list, { data: (rows) => html`<pm-table caption="Webhooks" .rows=${rows} .columns=${this.columns}></pm-table>`,
    empty: () => empty({ title: 'No webhook yet', text: 'Your own systems hear at once of mails, answers, leads and campaigns.', mark: 'webhooks', actions: button }) })}
      ${this.query.open && this.types.data ? dialog({ title: 'New webhook', onClose: () => this.setQuery({ open: '' }), body: body(this.form, this.types.data, true) }) : nothing}`;
  }

  columns = [
    { label: 'Address', cell: (row) => row.url, href: (row) => `${PLACE}/${row.id}` }, { label: 'State', cell: stateOf }, { label: 'Told of', cell: (row) => (row.types.includes('*') ? 'All events' : plural(row.types.length, 'event')) },
    { label: 'Of', small: 'hide', cell: (row) => (row.workspace ? session.list?.find((one) => one.id === row.workspace)?.name : 'The company') }, { label: 'Failed in a row', end: true, cell: (row) => count(row.failures) }, { label: 'Made', small: 'hide', cell: (row) => time(row.created_at) },
  ];
}

export class Webhook extends Hooks {
  static query = { state: '', type: '', open: '', edit: false };

  one = new Resource(this, (signal) => api.get(path(this.params.id), { signal }), { every: 30_000 });

  list = new List(this, (cursor, signal) => api.get(path(this.params.id, '/deliveries'), { query: { state: this.query.state, type: this.query.type, cursor, limit: 50 }, signal }), { every: 10_000 });

  detail = new Resource(this, (signal) => (this.query.open ? api.get(path(this.params.id, `/deliveries/${this.query.open}`), { signal }) : null));

  routeChanged(before) {
    const old = readQuery(before.search, Webhook.query);
    if (before.params.id !== this.params.id) this.one.reload({ fresh: true });
    if (old.state !== this.query.state || old.type !== this.query.type) this.list.reload({ fresh: true });
    if (old.open !== this.query.open) this.detail.reload({ fresh: true });
    if (!this.query.edit) this.form = null;
  }

  #run = (work, text) => attempt(work, text).then((answer) => { this.one.reload(); this.list.reload(); return answer; });

  #set = (state, text) => this.#run(() => api.patch(path(this.params.id), { state }), text);

  #test = () => this.#run(() => api.post(path(this.params.id, '/test')), (answer) => (answer.error ? `It failed: ${answer.error}` : `It answered ${answer.status} in ${answer.duration_ms} ms.`));

  #replay = () => {
    let days = '1';
    let state = 'failed';
    return confirm({
      title: 'Send again', action: 'Send again', text: html`Receivers know a message again by its id. At most 10,000 are sent, the oldest first.<br><br>${field({ name: 'state', label: 'Which', type: 'select', value: state, options: [['failed', 'Those that failed'], ['delivered', 'Those that arrived'], ['all', 'All']], onInput: (value) => { state = value; } })}${field({ name: 'days', label: 'Of the last', type: 'select', value: days, options: [['1', 'day'], ['7', '7 days'], ['30', '30 days']], onInput: (value) => { days = value; } })}`,
      run: async () => toast(`${plural((await api.post(path(this.params.id, '/replay'), { since: inDays(-days), state })).replayed, 'message')} will be sent again.`),
    }).then((done) => done && this.list.reload());
  };

  render() {
    const hook = this.one.data;
    const { open, edit } = this.query;
    const button = (label, run, kind = '') => html`<button type="button" class=${kind} @click=${run}>${label}</button>`;
    return html`${header({ title: hook?.url ?? 'Webhook', back: { href: PLACE, label: 'Webhooks' }, note: hook?.description, badge: hook ? stateOf(hook) : nothing,
    actions: hook ? html`${hook.state === 'active' ? button('Pause', () => this.#set('paused', 'Paused. What happens meanwhile waits.')) : button('Resume', () => this.#set('active', 'It is told again.'), 'primary')}${button('Send a test', this.#test)}
      ${menu('More', [{ label: 'Change', run: () => this.setQuery({ edit: true }, { push: true }) }, { label: 'Send many again', run: this.#replay }, { label: 'New secret', run: () => confirm({ title: 'New signing secret', text: 'The present one signs too for a while, so that nothing is missed.', action: 'New secret', run: () => api.post(path(this.params.id, '/rotate-secret')).then((answer) => { this.fresh = answer; }) }).then((done) => done && once(this.fresh)) },
    { label: 'Delete', danger: true, run: () => confirm({ title: 'Delete the webhook', text: `${hook.url} is told of nothing more; what waits is sent to nobody.`, action: 'Delete', danger: true, run: () => api.delete(path(this.params.id)) }).then((done) => done && go(PLACE)) }])}` : nothing })}
      ${show(this.one, { data: (data) => html`<div class="stack">${data.failures ? html`<p class="hint warn">${icon('warn')}<span>${plural(data.failures, 'attempt')} failed in a row. Each message is tried again ever more rarely; after many failures the webhook is switched off.</span></p>` : nothing}
        ${facts([['Told of', data.types.includes('*') ? 'All events' : data.types.join(', ')], ['State since', time(data.state_since)], ['Old secret', data.previous_secret_until && html`signs too until ${time(data.previous_secret_until)}`]])}</div>` })}
      <section class="section"><h2>Deliveries</h2><div class="section">${filters({ body: html`${this.#choice('state', 'State', STATES)}${this.#choice('type', 'Event', (this.types.data ?? []).map((one) => one.name))}` })}
      ${show(this.list, { isFiltered: Boolean(this.query.state || this.query.type), clear: () => this.setQuery({ state: '', type: '' }), empty: () => empty({ title: 'Nothing was sent yet', text: 'What happens in the company shows here, with the answer of your system.', mark: 'webhooks' }),
    data: (rows) => html`<pm-table caption="Deliveries" .rows=${rows} .key=${(row) => row.message} .columns=${this.columns} .list=${this.list}></pm-table>` })}</div></section>
      ${open ? drawer({ title: 'Delivery', onClose: () => this.setQuery({ open: '' }), body: show(this.detail, { data: (data) => data && this.#delivery(data), isEmpty: () => false }) }) : nothing}${edit && hook && this.types.data ? this.#edit(hook) : nothing}`;
  }

  #choice = (name, label, list) => field({ name, label, hideLabel: true, type: 'select', value: this.query[name], options: [['', `${label}: all`], ...list.map((one) => [one, one])], onInput: (value) => this.setQuery({ [name]: value }) });

  columns = [
    { label: 'Event', cell: (row) => row.type, open: (row) => this.setQuery({ open: row.message }, { push: true }) }, { label: 'State', cell: (row) => status(row.state) }, { label: 'Answer', cell: (row) => row.last_status ?? html`<span class="quiet">${row.last_error ?? '–'}</span>` },
    { label: 'Attempts', end: true, cell: (row) => count(row.attempts) }, { label: 'Next try', small: 'hide', cell: (row) => time(row.next_at) }, { label: 'Happened', cell: (row) => time(row.created_at) },
  ];

  #delivery({ delivery, body: text, attempts }) {
    return html`<div class="stack">${facts([['Event', delivery.type], ['State', status(delivery.state)], ['Message', html`<code>${delivery.message}</code>`], ['Next try', delivery.next_at && time(delivery.next_at)]])}
      <div class="actions"><button type="button" ?disabled=${delivery.state === 'running'} @click=${() => this.#run(() => api.post(path(this.params.id, `/deliveries/${delivery.message}/replay`)), 'It is sent again.').then(() => this.detail.reload())}>${icon('retry')}Send again</button></div>
      <h3>Attempts</h3>${attempts.length ? html`<ul class="checks">${attempts.map((one) => html`<li class=${one.error ? 'bad' : 'done'}>${icon(one.error ? 'warn' : 'check')}<div><p>${one.status ?? ''} ${one.error ?? ''} <span class="quiet">${duration(one.duration_ms / 1000)} ${time(one.at)}</span></p>${one.answer ? html`<pre tabindex="0" dir="auto">${one.answer}</pre>` : nothing}</div></li>`)}</ul>` : html`<p class="note">None yet.</p>`}
      <h3>What was sent</h3><pre tabindex="0">${text}</pre></div>`;
  }

  #edit(hook) {
    const close = () => this.setQuery({ edit: false });
    this.form ??= make(this, hook, (values) => api.patch(path(hook.id), values), (answer) => { this.one.set(answer); close(); });
    return dialog({ title: 'Change the webhook', onClose: close, body: body(this.form, this.types.data, false) });
  }
}
