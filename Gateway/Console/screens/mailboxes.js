// E-mail accounts: what sends, how much, how well, and how to connect one.
import { Form, List, Resource, Screen, api, attempt, confirm, count, dialog, duration, empty, go, header, html, icon, menu, nothing, plural, readQuery, session, show, stat, status, time, toast, usage } from '../ui.js';
import { facts } from '../ui/data.js';
import { health, score } from './health.js';

const PROVIDERS = { google: 'Google', microsoft: 'Microsoft' };
const PRESETS = { google: ['smtp.gmail.com', 'imap.gmail.com'], microsoft: ['smtp.office365.com', 'outlook.office365.com'] };
const SECURITY = [['starttls', 'STARTTLS'], ['tls', 'TLS'], ['none', 'None']];
const PORTS = { smtp: { starttls: 587, tls: 465, none: 25 }, imap: { starttls: 143, tls: 993, none: 143 } };
const STATES = { active: ['Sends', 'good'], paused: ['Paused', 'warn'], stopped: ['Stopped: its server does not let it in', 'bad'] };
const STAGES = { connect: 'cannot be reached', tls: 'offers no safe connection', starttls: 'offers no safe connection', auth: 'did not take the user name and password', login: 'did not take the user name and password' };
const OUTCOMES = {
  connected: 'The account is connected.', renewed: 'The consent is renewed.', denied: 'Nothing was allowed, so nothing was done.', scope_missing: 'Allow both sending and reading.', other_address: 'That was another account’s consent.',
  flow: 'The way back was too old, used before, or from another browser.', session_ended: 'Your session had ended.', smtp_test_failed: 'Its server did not let us send: turn on IMAP and “Authenticated SMTP” there.', imap_test_failed: 'Its server did not let us read: turn on IMAP there.',
  mailbox_exists: 'This account is connected already.', limit_reached: 'The plan has no place for another account.', access_denied: 'You may not connect accounts here.', no_refresh_token: 'Remove PenguinMails in the account’s settings first.', unusable_address: 'Mail servers take no such address.',
};
const JUDGEMENTS = { advanced: 'went on', held: 'stood still, its health being fair', set_back: 'went back, its health being poor', idle: 'rested' };

/** What the tests of a connection came to, from the API's refusal: those that were asked for. Pure. */
export function tests(error, parts) {
  const found = [error?.problem, error?.problem?.also].filter((one) => one?.part);
  return (found.length ? parts : []).map((part) => {
    const failed = found.find((one) => one.part === part);
    return { part, ok: !failed, text: failed ? `${STAGES[failed.stage] ?? `failed at “${failed.stage}”`}${failed.reply ? `: ${failed.reply}` : ''}` : 'works' };
  });
}

/** The body of an account's part from flat form values. Pure. */
export const account = (values, part, as = part) => ({
  host: values[`${part}.host`].trim(), port: Number(values[`${part}.port`]), security: values[`${part}.security`], username: (values[`${as}.username`] ?? '').trim(), password: values[`${as}.password`] ?? '',
});

const start = (part, known) => ({ [`${part}.host`]: known?.host ?? '', [`${part}.port`]: known?.port ?? PORTS[part][part === 'imap' ? 'tls' : 'starttls'], [`${part}.security`]: known?.security ?? (part === 'imap' ? 'tls' : 'starttls'), [`${part}.username`]: known?.username ?? '' });

/** The fields of one server. */
const server = (form, part, signIn = true) => html`<div class="fields">${form.field(`${part}.host`, { label: `${part.toUpperCase()} server`, required: true, placeholder: `${part}.example.com` })}
  ${form.field(`${part}.security`, { label: 'Security', type: 'select', options: SECURITY, onInput: (value) => form.set(`${part}.port`, PORTS[part][value]) })}${form.field(`${part}.port`, { label: 'Port', type: 'number', min: 1, max: 65535, required: true })}</div>
  ${signIn ? html`<div class="fields">${form.field(`${part}.username`, { label: 'User name', required: part === 'imap', autocomplete: 'off' })}${form.field(`${part}.password`, { label: 'Password', type: 'password', autocomplete: 'off', required: part === 'imap', hint: 'Kept encrypted. With Google or Microsoft: an app password.' })}</div>` : nothing}`;

const tested = (form, parts) => html`<div role="status"><ul class="checks">${tests(form.problem, parts).map((one) => html`<li class=${one.ok ? 'done' : 'bad'}>${icon(one.ok ? 'check' : 'warn')}<p><b>${one.part === 'smtp' ? 'Sending (SMTP)' : 'Reading (IMAP)'}</b> <span dir="auto">${one.text}</span></p></li>`)}</ul></div>`;

const stateOf = (row) => status(row.state, { word: STATES[row.state]?.[0] ?? row.state, tone: STATES[row.state]?.[1] ?? 'none' });
const limitOf = (row) => row.warmup?.todays_limit ?? row.limits.daily;
const sentOf = (row) => { const last = row.today?.trend.days.at(-1)?.counts; return last && last.accepted + last.refused; };
const ofLimit = (row) => (limitOf(row) == null ? 'no limit' : `of ${count(limitOf(row))}`);
const todayOf = (row) => html`<span>${count(sentOf(row))} <span class="quiet">${ofLimit(row)}</span></span>`;
const warmupOf = (warmup) => (!warmup || warmup.state === 'off' ? html`<span class="quiet">Off</span>` : warmup.state === 'finished' ? status('completed', { word: 'Done' }) : html`<span>${warmup.state === 'paused' ? status('paused') : nothing} Day ${warmup.day ?? '–'} of ${warmup.days ?? '–'}</span>`);
const readingOf = (imap) => (!imap ? html`<span class="quiet">Not read</span>` : imap.state === 'failing' ? status('failed', { word: 'Cannot be read' }) : html`<span>Read ${time(imap.read_at)}</span>`);

/** What a row needs besides the mailbox itself; nothing of it may hide the mailbox. */
async function enrich(row, signal) {
  const part = (path, query) => api.get(`/api/v1/mailboxes/${row.id}/${path}`, { query, signal }).catch((error) => { if (signal?.aborted) throw error; return null; });
  const [today, warmup] = await Promise.all([part('reputation', { days: 1 }), row.limits.ramp ? part('warmup') : null]);
  return { ...row, today, warmup };
}

const consent = (path, body) => attempt(() => api.post(path, body)).then((answer) => answer && location.assign(answer.authorize_url));

export class Mailboxes extends Screen {
  static query = { open: '', oauth: '', mailbox: '' };

  list = new List(this, async (cursor, signal) => {
    this.workspace = await session.workspace(this.params.slug);
    const answer = await api.get('/api/v1/mailboxes', { query: { cursor, limit: 20 }, signal });
    const own = answer.data.filter((one) => one.workspace === this.workspace?.id);
    return { ...answer, data: await Promise.all(own.map((row) => enrich(row, signal))) };
  }, { every: 60_000 });

  providers = new Resource(this, (signal) => api.get('/api/v1/mailboxes/oauth/providers', { signal }).then((answer) => answer.providers), { auto: false });

  form = new Form(this, {
    initial: { address: '', display_name: session.user?.name ?? '', ...start('smtp'), ...start('imap'), reads: true, same: true },
    draft: 'mailbox',
    send: (values, key) => api.post('/api/v1/mailboxes', {
      workspace: this.workspace.id, address: values.address.trim(), display_name: values.display_name.trim(), smtp: account(values, 'smtp'),
      ...(values.reads ? { imap: account(values, 'imap', values.same ? 'smtp' : 'imap') } : {}),
    }, { key }),
    done: (made) => {
      toast(`${made.address} is connected.`);
      this.form.fill({ ...this.form.initial, 'smtp.password': '', 'imap.password': '' });
      go(`/dashboard/workspaces/${this.params.slug}/emails/${made.id}`);
    },
  });

  routeChanged(before) {
    if (before.params.slug !== this.params.slug) this.list.reload({ fresh: true });
    if (this.query.open && readQuery(before.search, Mailboxes.query).open === '') this.providers.reload();
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.query.open) this.providers.reload();
  }

  get keys() { return session.may('member') ? { c: { label: 'Connect an account', run: this.#open } } : {}; }

  #open = () => this.setQuery({ open: 'new' }, { push: true });

  render() {
    const { oauth, open } = this.query;
    const button = session.may('member') ? html`<button type="button" class="primary" @click=${this.#open}>${icon('plus')}Connect an account</button>` : nothing;
    const good = ['connected', 'renewed'].includes(oauth);
    return html`${header({ title: 'E-mail accounts', note: 'They send your campaigns and read the answers.', actions: button })}
      ${oauth ? html`<p class="hint ${good ? '' : 'warn'}" role="status">${icon(good ? 'check' : 'warn')}<span>${OUTCOMES[oauth] ?? 'The account could not be connected. Try again later.'}</span></p><div class="section"></div>` : nothing}
      ${show(this.list, { data: (rows) => html`<pm-table caption="E-mail accounts" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
    empty: () => empty({ title: 'No e-mail account yet', text: 'Connect one with its server’s settings. It is tried before it is taken.', mark: 'mailboxes', actions: button }) })}
      ${open ? dialog({ title: 'Connect an account', body: this.#connect(), onClose: () => this.setQuery({ open: '' }) }) : nothing}`;
  }

  columns = [
    { label: 'Address', cell: (row) => row.address, href: (row) => `/dashboard/workspaces/${this.params.slug}/emails/${row.id}` },
    { label: 'State', cell: (row) => html`${stateOf(row)}${row.state_reason ? html` <span class="quiet" dir="auto">${row.state_reason}</span>` : nothing}` },
    { label: 'Sent today', end: true, cell: todayOf },
    { label: 'Warm-up', cell: (row) => warmupOf(row.warmup) },
    { label: 'Health', cell: (row) => score(row.today) },
    { label: 'Answers', small: 'hide', cell: (row) => readingOf(row.imap) },
  ];

  #guess = (address) => {
    const [, domain] = address.split('@');
    const known = /^(gmail|googlemail)\.com$/.test(domain) ? 'google' : /^(outlook|hotmail|live)\./.test(domain ?? '') ? 'microsoft' : null;
    const { form } = this;
    if (known && !form.values['smtp.host']) form.fill({ 'smtp.host': PRESETS[known][0], 'imap.host': PRESETS[known][1] });
  };

  #connect() {
    const { form } = this;
    const { reads, same } = form.values;
    const offered = this.providers.data ?? [];
    return html`${offered.length ? html`<div class="stack"><p>Without a password, with the provider’s own sign-in:</p><div class="actions">${offered.map((name) => html`<button type="button" @click=${() => consent('/api/v1/mailboxes/oauth', { provider: name, workspace: this.workspace.id, display_name: form.values.display_name || session.user.name })}>Connect with ${PROVIDERS[name] ?? name}</button>`)}</div></div><hr>` : nothing}
      ${form.render(html`<div class="fields">${form.field('address', { label: 'Address', type: 'email', required: true, maxlength: 320, onInput: this.#guess })}${form.field('display_name', { label: 'Name that people see', required: true, maxlength: 100 })}</div>
      ${server(form, 'smtp')}
      ${form.field('reads', { label: 'Read answers and bounces (IMAP)', type: 'switch' })}
      ${reads ? html`${form.field('same', { label: 'Same user name and password', type: 'checkbox' })}${server(form, 'imap', !same)}` : nothing}
      ${tested(form, reads ? ['smtp', 'imap'] : ['smtp'])}`, { submit: 'Try and connect', busy: 'Trying the server' })}`;
  }
}

export class Mailbox extends Screen {
  static query = { days: 30, edit: '' };

  one = new Resource(this, async (signal) => {
    const get = (path) => api.get(`/api/v1/mailboxes/${this.params.id}${path}`, { signal });
    const [mailbox, warmup, today] = await Promise.all([get(''), get('/warmup'), get('/reputation?days=1')]);
    this.limits ??= this.#limits(mailbox);
    return { ...mailbox, warmup, today };
  }, { every: 30_000 });

  reputation = new Resource(this, (signal) => api.get(`/api/v1/mailboxes/${this.params.id}/reputation`, { query: { days: this.query.days }, signal }), { every: 300_000 });

  strategies = new Resource(this, (signal) => api.get('/api/v1/mailboxes/warmup-strategies', { signal }).then((answer) => answer.data));

  routeChanged(before) {
    if (before.params.id !== this.params.id) {
      this.limits = this.ramp = this.server = null;
      this.one.reload({ fresh: true });
    }
    const old = readQuery(before.search, Mailbox.query);
    if (old.days !== this.query.days || before.params.id !== this.params.id) this.reputation.reload();
    if (this.query.edit && this.query.edit !== old.edit) this.server = null;
  }

  #limits(mailbox) {
    return new Form(this, {
      initial: { daily: mailbox.limits.daily ?? '', hourly: mailbox.limits.hourly ?? '', gap_seconds: mailbox.limits.gap_seconds },
      send: ({ daily, hourly, gap_seconds: gap }) => api.put(this.#path('limits'), { daily: Number(daily) || null, hourly: Number(hourly) || null, gap_seconds: Number(gap) || 0, ramp: this.one.data.limits.ramp ?? null }),
      done: () => this.#said('The limits are saved.'),
    });
  }

  #path(rest) { return `/api/v1/mailboxes/${this.params.id}/${rest}`; }

  #said(text) {
    toast(text);
    this.one.reload();
  }

  #post = (rest, text, method = 'post', body = {}) => attempt(() => api[method](this.#path(rest), body), text).then((done) => done && this.one.reload());

  #pause = () => confirm({
    title: `Pause ${this.one.data.address}`, text: 'Nothing is sent from it until somebody resumes it. What is planned waits; nobody gets a mail twice.', action: 'Pause', reason: 'Reason',
    run: (reason) => api.post(this.#path('pause'), { reason }),
  }).then((done) => done && this.#said('Paused.'));

  #resume = () => this.#post('resume', 'It sends again.');

  get keys() {
    const state = this.one.data?.state;
    if (!session.may('member') || !['active', 'paused'].includes(state)) return {};
    return { p: state === 'active' ? { label: 'Pause this account', run: this.#pause } : { label: 'Resume this account', run: this.#resume } };
  }

  render() {
    const mailbox = this.one.data;
    const may = session.may('member');
    const actions = mailbox && may ? html`${mailbox.state === 'active' ? html`<button type="button" @click=${this.#pause}>${icon('pause')}Pause</button>` : mailbox.state === 'paused' && mailbox.consent?.state !== 'lost' ? html`<button type="button" class="primary" @click=${this.#resume}>${icon('play')}Resume</button>` : nothing}
      ${menu('More', [{ label: 'Change sending (SMTP)', run: () => this.setQuery({ edit: 'smtp' }, { push: true }) }, { label: mailbox.imap ? 'Change reading (IMAP)' : 'Set up reading (IMAP)', run: () => this.setQuery({ edit: 'imap' }, { push: true }) },
    mailbox.kind === 'oauth' && { label: 'Renew the consent', run: this.#renew }])}` : nothing;
    return html`${header({ title: mailbox?.address ?? 'E-mail account', back: { href: `/dashboard/workspaces/${this.params.slug}/emails`, label: 'E-mail accounts' }, note: mailbox?.display_name, badge: mailbox ? stateOf(mailbox) : nothing, actions })}
      ${show(this.one, { data: (data) => this.#page(data, may), lines: 8 })}
      ${mailbox && this.query.edit ? this.#edit(mailbox) : nothing}`;
  }

  #renew = () => consent(this.#path('oauth'), {});

  #page(mailbox, may) {
    const { warmup } = mailbox;
    const fix = mailbox.consent?.state === 'lost' ? html`<button type="button" @click=${this.#renew}>Renew the consent</button>` : mailbox.state === 'stopped' ? html`<button type="button" @click=${() => this.setQuery({ edit: 'smtp' })}>Change the settings</button>` : nothing;
    return html`<div class="stack">${mailbox.state !== 'active' ? html`<div class="hint warn">${icon('warn')}<div><p><b>${STATES[mailbox.state]?.[0] ?? mailbox.state}.</b> <span dir="auto">${mailbox.consent?.state_reason ?? mailbox.state_reason ?? ''}</span></p><p class="note">What is planned waits until it sends again.</p></div>${may ? fix : nothing}</div>` : nothing}
      ${mailbox.imap?.state === 'failing' ? html`<div class="hint warn">${icon('warn')}<div><p><b>Answers cannot be read.</b> <span dir="auto">${mailbox.imap.state_reason ?? ''}</span></p><p class="note">Sending goes on; replies and bounces are not seen, so that campaigns do not stop for them.</p></div>${may ? html`<button type="button" @click=${() => this.setQuery({ edit: 'imap' })}>Change the settings</button>` : nothing}</div>` : nothing}
      <div class="stats">${stat({ label: 'Sent today', value: count(sentOf(mailbox)), note: ofLimit(mailbox) })}${stat({ label: 'Warm-up', value: warmupOf(warmup), note: warmup.days_left ? `${plural(warmup.days_left, 'day')} left` : undefined })}
      ${stat({ label: 'Health', value: score(mailbox.today) })}${stat({ label: 'Answers', value: readingOf(mailbox.imap), note: mailbox.imap?.quarantined ? `${plural(mailbox.imap.quarantined, 'mail')} could not be taken in` : undefined })}</div>
      ${mailbox.opens_at && new Date(mailbox.opens_at) > Date.now() ? html`<p class="note">Its own pace holds the next mail until ${time(mailbox.opens_at)}.</p>` : nothing}
      <div class="split"><div class="stack"><section class="card"><h2>Health</h2>${show(this.reputation, { data: (data) => health(data, { days: this.query.days, href: (days) => this.href({ days }), reload: () => this.reputation.reload() }) })}</section>${this.#warmup(warmup, may)}</div>
      <div class="stack">${may ? html`<section class="card"><h2>Limits</h2>${this.limits.render(html`${this.limits.field('daily', { label: 'Mails in 24 hours', type: 'number', min: 1, max: 100000, hint: 'Empty: as many as the plan allows.' })}
      ${this.limits.field('hourly', { label: 'Mails in an hour', type: 'number', min: 1, max: 100000 })}${this.limits.field('gap_seconds', { label: 'Seconds between two mails', type: 'number', min: 0, max: 86400 })}`, { submit: 'Save limits' })}</section>` : nothing}
      <section class="card"><h2>Connection</h2>${facts([['Connected', time(mailbox.created_at)], ['Consent', mailbox.consent && `${PROVIDERS[mailbox.consent.provider] ?? mailbox.consent.provider}, ${mailbox.consent.state}`],
    ['Sends through', `${mailbox.smtp.host}:${mailbox.smtp.port}, ${mailbox.smtp.security}`], ['User name', mailbox.smtp.username], ['Reads from', mailbox.imap && `${mailbox.imap.host}:${mailbox.imap.port}, ${mailbox.imap.security}`], ['Limits', may ? null : `${count(mailbox.limits.daily)} a day, ${count(mailbox.limits.hourly)} an hour, ${duration(mailbox.limits.gap_seconds)} apart`]])}</section></div></div></div>`;
  }

  #warmup(warmup, may) {
    const list = this.strategies.data ?? [];
    const set = (body, text) => this.#post('warmup', text, 'put', body);
    this.ramp ??= new Form(this, {
      initial: { strategy: warmup.strategy ?? 'moderate', target: warmup.target },
      send: ({ strategy, target }) => api.put(this.#path('warmup'), { state: 'running', strategy, target: Number(target) || null }),
      done: () => this.#said('The warm-up has begun.'),
    });
    const { ramp } = this;
    const end = () => confirm({ title: 'End the warm-up', text: `From now on up to ${count(warmup.target)} mails a day are sent at once.`, action: 'End the warm-up', danger: true, run: () => api.put(this.#path('warmup'), { state: 'off' }) }).then((done) => done && this.#said('The warm-up has ended.'));
    return html`<section class="card stack"><div class="row between"><h2>Warm-up</h2>${status(warmup.state, { tone: { running: 'good', paused: 'warn', finished: 'good' }[warmup.state] ?? 'none' })}</div>
      ${['running', 'paused'].includes(warmup.state) ? html`${usage({ label: `Day ${warmup.day ?? '–'} of ${warmup.days ?? '–'}, mails a day`, used: warmup.todays_limit, limit: warmup.target, note: warmup.judgement ? `Yesterday it ${JUDGEMENTS[warmup.judgement] ?? warmup.judgement}.${warmup.held_days ? ` ${plural(warmup.held_days, 'day')} lost so far.` : ''}` : undefined })}
      ${warmup.plan.length ? html`<pm-chart label="Mails a day, as planned" kind="bars" .height=${120} .labels=${warmup.plan.map((one) => one.date)} .series=${[{ label: 'Limit', values: warmup.plan.map((one) => one.limit) }]}></pm-chart>` : nothing}
      ${may ? html`<div class="actions">${warmup.state === 'running' ? html`<button type="button" @click=${() => set({ state: 'paused' }, 'The warm-up rests.')}>Pause warm-up</button>` : html`<button type="button" class="primary" @click=${() => set({ state: 'running' }, 'The warm-up goes on.')}>Resume warm-up</button>`}<button type="button" class="danger" @click=${end}>End</button></div>` : nothing}`
    : html`<p class="note">A new account that sends much at once lands in spam. The warm-up raises the limit day by day.</p>
      ${may ? ramp.render(html`<div class="fields">${ramp.field('strategy', { label: 'Plan', type: 'select', options: list.map((one) => [one.name, `${one.title}, ${plural(one.days, 'day')}`]), hint: list.find((one) => one.name === ramp.values.strategy)?.description })}
      ${ramp.field('target', { label: 'Mails a day at the end', type: 'number', min: 1, max: 100000 })}</div>`, { submit: 'Begin warm-up', busy: 'Beginning' }) : nothing}`}</section>`;
  }

  #edit(mailbox) {
    const part = this.query.edit === 'imap' ? 'imap' : 'smtp';
    const close = () => this.setQuery({ edit: '' });
    this.server ??= new Form(this, {
      initial: start(part, mailbox[part] ?? { ...start(part), host: '', username: mailbox.smtp.username, security: 'tls', port: 993 }),
      send: (values) => api.put(this.#path(part), account(values, part)),
      done: () => { close(); this.#said('The server took the settings.'); },
    });
    return dialog({ title: part === 'smtp' ? 'Sending (SMTP)' : 'Reading (IMAP)', onClose: () => { this.server = null; close(); },
      body: this.server.render(html`<p class="note">They are tried before they are taken. Until then the present ones hold.</p>${server(this.server, part)}${tested(this.server, [part])}`, { submit: 'Try and save', busy: 'Trying the server' }) });
  }
}
