// How the trail is kept: how long, what stays longer, who else has its signed states, what could not be taken in; and the operator's view of the last.
import { Form, List, Resource, Screen, api, attempt, confirm, count, day, dialog, empty, exact, field, header, html, icon, nothing, plural, problem, session, show, status, tabs, time, toast, words, writeQuery } from '../ui.js';
import { facts } from '../ui/data.js';
import { secret } from './settings.js';
import { dateOf } from './trail.js';

const EVENTS = '/api/v1/audit/events';
const HOLDS = '/api/v1/audit/holds';
const DELIVERY = '/api/v1/audit/checkpoint-delivery';
const INTAKE = '/api/v1/platform/admin/audit-events/quarantine';
const DAY = 86_400_000;
const GRACE = 30;
const CLASSES = [['d90', '90 days', 90], ['y1', 'A year', 366], ['y7', 'Seven years', 2557]];
const TABS = [['', 'Retention'], ['holds', 'Legal holds'], ['copies', 'Copies elsewhere'], ['waiting', 'Not taken in']];

/** Midnight (UTC) of a day as typed, `later` days after; nothing for nothing. Pure. */
export const instant = (date, later = 0) => (date ? new Date(Date.parse(date) + later * DAY).toISOString() : undefined);

/** What a hold covers, in words; days are UTC, the last one is covered whole. Pure. */
export function covers({ from, to }) {
  const [first, last] = [from && day(dateOf(from)), to && day(dateOf(Date.parse(to) - 1))];
  if (first && last) return first === last ? first : `${first} to ${last}`;
  return first ? `From ${first} on` : last ? `Until ${last}` : 'The whole trail';
}

/** Whether a hold keeps, keeps for a while after its release, or is over. Pure. */
export function stateOf({ released_at: at }, now = Date.now()) {
  if (!at) return 'active';
  return now - Date.parse(at) < GRACE * DAY ? 'ending' : 'released';
}

/** What of some entries is kept by these holds: all, some or none. Pure. */
export function kept(holds, from, to, now = Date.now()) {
  const spans = holds.filter((one) => stateOf(one, now) !== 'released').map((one) => [Date.parse(one.from ?? '') || -Infinity, Date.parse(one.to ?? '') || Infinity]);
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (spans.some(([begin, end]) => begin <= first && end >= last)) return 'all';
  return spans.some(([begin, end]) => begin < last && end > first) ? 'some' : 'none';
}

/** How many entries there are in a span, as far as is counted: { value, relation }. */
const counted = async (from, to, signal) => (await api.get(EVENTS, { query: { from, to, limit: 1 }, signal })).total;
const many = ({ value, relation }) => `${relation === 'gte' ? 'More than ' : ''}${plural(value, 'entry', 'entries')}`;
const stateBadge = (hold) => status(stateOf(hold), { active: {}, ending: { tone: 'warn', mark: 'clock' }, released: { tone: 'none' } }[stateOf(hold)]);

export class TrailSettings extends Screen {
  static query = { tab: '', open: '' };

  // Which entries pass out of sight in the next thirty days, by whole days.
  kept = new Resource(this, async (signal) => {
    const [retention, holds, { data: [first] }] = await Promise.all([api.get('/api/v1/audit/retention', { signal }), api.get(HOLDS, { query: { limit: 200 }, signal }), api.get(EVENTS, { query: { order: 'seq', limit: 1 }, signal })]);
    const from = instant(dateOf(retention.visible_from));
    const to = instant(from, GRACE);
    return { ...retention, from, to, first, holds: holds.data, lapsing: await counted(from, to, signal) };
  }, { auto: false });

  people = new Resource(this, (signal) => api.get('/api/v1/users', { query: { limit: 200 }, signal }).then(({ data }) => new Map(data.map((one) => [`user:${one.user}`, one.name]))), { auto: false });

  // Names come first: a table is drawn anew only for new rows.
  #named = () => this.people.data ?? this.people.reload();

  holds = new List(this, async (cursor, signal) => {
    await this.#named();
    return api.get(HOLDS, { query: { cursor, limit: 50 }, signal });
  }, { auto: false });

  delivery = new Resource(this, (signal) => api.get(DELIVERY, { signal }).then(async (one) => {
    await this.#named();
    if (!this.target.dirty) this.target.fill({ kind: one.kind, url: one.url ?? '', address: one.address ?? '' });
    return one;
  }, (error) => {
    if (error.status !== 404) throw error;
    return null;
  }), { auto: false });

  waiting = new List(this, (cursor, signal) => api.get('/api/v1/audit/quarantine', { query: { cursor, limit: 50 }, signal }), { auto: false });

  covered = new Resource(this, (signal) => counted(instant(this.hold.values.from), instant(this.hold.values.to, 1), signal), { auto: false });

  hold = new Form(this, {
    initial: { reason: '', from: '', to: '' }, draft: 'legal-hold',
    check: ({ reason, from, to }) => ({ reason: reason.trim().length < 10 ? 'At least 10 characters: it stands in the trail.' : undefined, to: from && to && to < from ? 'Not before the first day.' : undefined }),
    send: ({ reason, from, to }, key) => api.post(HOLDS, { reason: reason.trim(), from: instant(from), to: instant(to, 1) }, { key }),
    done: () => {
      this.hold.fill({ reason: '', from: '', to: '' });
      toast('The hold is placed.');
      this.setQuery({ open: '' });
      this.holds.reload();
    },
  });

  target = new Form(this, {
    initial: { kind: 'webhook', url: '', address: '' }, draft: 'checkpoint-delivery',
    send: ({ kind, url, address }) => api.put(DELIVERY, kind === 'mail' ? { kind, address: address.trim() } : { kind, url: url.trim() }),
    done: (made) => {
      this.delivery.set(made);
      this.setQuery({ open: '' });
      return made.secret ? secret('The signing secret', 'Each delivery is signed with it. It is not shown again.', [made.secret]) : toast('Set. The first one is sent at once.');
    },
  });

  get keys() { return session.may('owner') ? { c: { label: 'New legal hold', run: () => this.setQuery({ tab: 'holds', open: 'new' }, { push: true }) } } : {}; }

  firstUpdated() { this.#read(); }

  routeChanged() { this.#read(); }

  // Each part is read when it is first looked at.
  #read() {
    const { tab, open } = this.query;
    const wanted = { '': this.kept, holds: this.holds, copies: this.delivery, waiting: this.waiting }[tab];
    if (wanted && wanted.data === undefined && !wanted.loading) wanted.reload();
    if (tab === 'holds' && open && this.covered.data === undefined) this.covered.reload();
  }

  render() {
    const { tab, open } = this.query;
    const part = { holds: this.#holds, copies: this.#copies, waiting: this.#waiting }[tab] ?? this.#kept;
    return html`${header({ title: 'Trail settings', back: { href: '/dashboard/audit', label: 'Audit trail' }, note: 'How long entries are kept, and who else can show that nobody changed them.',
    actions: tab === 'holds' && session.may('owner') ? html`<button type="button" class="primary" @click=${this.keys.c.run}>${icon('plus')}New hold</button>` : nothing })}
      ${tabs('Trail settings', TABS.map(([name, label]) => ({ label, href: this.href({ tab: name, open: '' }), current: name === tab })))}<div class="section">${part()}</div>
      ${open && tab === 'holds' && session.may('owner') ? dialog({ title: 'New legal hold', onClose: () => this.setQuery({ open: '' }), body: this.#newHold() }) : nothing}
      ${open && tab === 'copies' ? dialog({ title: 'Where to send signed states', onClose: () => this.setQuery({ open: '' }), body: this.#newTarget() }) : nothing}`;
  }

  #days = (from, to) => ({ from: dateOf(from), to: dateOf(Date.parse(to) - 1) });

  #kept = () => show(this.kept, { isEmpty: () => false, data: ({ retention, days, visible_from: shown, from, to, first, holds, lapsing }) => {
    const stays = kept(holds, from, to);
    const leaves = lapsing?.value > 0 && stays !== 'all';
    return html`<div class="split"><div class="stack"><h2>Kept for ${CLASSES.find(([name]) => name === retention)?.[1].toLowerCase() ?? plural(days, 'day')}</h2>
      ${facts([['By your plan', plural(days, 'day')], ['Shown from', exact(shown)], ['First entry', first && html`${exact(first.occurred_at)} ${time(first.occurred_at)}`], ['Legal holds', html`<a href=${this.href({ tab: 'holds' })} data-keep>${plural(holds.filter((one) => !one.released_at).length, 'active hold')}</a>`]])}
      <div class="hint ${leaves ? 'warn' : ''}">${icon(leaves ? 'warn' : 'info')}<div><p>${leaves ? html`<b>${many(lapsing)}</b> of ${covers({ from, to })} (UTC) pass out of sight in the next ${GRACE} days, each when it is ${plural(days, 'day')} old.${stays === 'some' ? ' A legal hold keeps some of them.' : ''}`
    : lapsing?.value > 0 ? html`A legal hold keeps the ${many(lapsing)} whose time ends in the next ${GRACE} days.` : `Nothing passes out of sight in the next ${GRACE} days.${first ? ` The first entry does after ${day(Date.parse(first.occurred_at) + days * DAY)}.` : ''}`}</p>
        ${leaves ? html`<p class="row wrap"><a href="/dashboard/audit${writeQuery(this.#days(from, to))}">Look at them</a><a href="/dashboard/audit${writeQuery({ ...this.#days(from, to), panel: 'export' })}">Take them away</a>${session.may('owner') ? html`<a href=${this.href({ tab: 'holds', open: 'new' })} data-keep>Keep them by a legal hold</a>` : nothing}</p>` : nothing}</div></div></div>
      <section class="card stack"><h2>What lapses when</h2><ul class="checks">${CLASSES.map(([name, label, most]) => html`<li class=${name === retention ? 'done' : 'open'}>${icon(name === retention ? 'check' : 'clock')}<p>${name === retention ? html`<b>${label}: your plan</b>` : label} <span class="quiet">gone at ${plural(most + GRACE, 'day')} at the earliest</span></p></li>`)}</ul>
      <p class="note">A month keeps what the plan was at its first entry: a better plan keeps what comes after it longer, a lesser one hides at once.</p><p class="note">What is hidden goes for good with its whole month, ${GRACE} days after its last entry’s time. That it went, and how many they were, is signed for.</p>
      ${session.may('admin') ? html`<p><a href="/dashboard/settings/billing/plans">Change plan</a></p>` : nothing}</section></div>`;
  } });

  columns = [
    { label: 'Reason', main: true, cell: (one) => one.reason }, { label: 'Covers', cell: covers }, { label: 'State', cell: (one) => html`${stateBadge(one)}${stateOf(one) === 'ending' ? html` <span class="quiet">keeps until ${day(Date.parse(one.released_at) + GRACE * DAY)}</span>` : nothing}` },
    { label: 'Placed', cell: (one) => html`${time(one.placed_at)} <span class="quiet" dir="auto">${this.#who(one.placed_by)}</span>` }, { label: 'Released', small: 'hide', cell: (one) => (one.released_at ? html`${time(one.released_at)} <span class="quiet" dir="auto">${this.#who(one.released_by)}</span>` : '–') },
    { label: 'Do', hideLabel: true, end: true, cell: (one) => (one.released_at || !session.may('owner') ? nothing : html`<button type="button" class="small" @click=${() => this.#release(one)}>Release<span class="hidden"> ${one.reason}</span></button>`) },
  ];

  #who = (by = '') => this.people.data?.get(by) ?? (by.startsWith('user:') ? 'Somebody who left' : 'An API key');

  #holds = () => show(this.holds, {
    empty: () => empty({ title: 'No legal hold', text: 'A hold keeps entries whose time is over, as when a court or an authority asks for them. Owners place and release it.', mark: 'audit', actions: session.may('owner') ? html`<button type="button" class="primary" @click=${this.keys.c.run}>New hold</button>` : nothing }),
    data: (rows) => html`<div class="stack"><p class="note">Days are UTC. A hold brings nothing back that is gone, is never deleted, and keeps for ${GRACE} days after its release.${session.may('owner') ? '' : ' Owners place and release it.'}</p><pm-table caption="Legal holds" .rows=${rows} .columns=${this.columns} .list=${this.holds}></pm-table></div>`,
  });

  #newHold() {
    const again = () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.covered.reload({ fresh: true }), 400); };
    const { data, error } = this.covered;
    return this.hold.render(html`${this.hold.field('reason', { label: 'Reason', type: 'textarea', rows: 2, required: true, maxlength: 500, hint: 'Such as the number of the case. It stands in the trail.' })}
      <div class="fields">${this.hold.field('from', { label: 'First day', type: 'date', optional: true, onInput: again })}${this.hold.field('to', { label: 'Last day', type: 'date', optional: true, onInput: again })}</div>
      <p class="note" role="status">${error ? '' : data ? `${many(data)} that are shown now stay, and what is still to come of these days (UTC).` : 'Counting'}</p>`, { submit: 'Place the hold', busy: 'Placing' });
  }

  #release = async (one) => {
    let only = null;
    try {
      const { visible_from: shown } = await api.get('/api/v1/audit/retention');
      const end = one.to && one.to < shown ? one.to : shown;
      only = one.from && one.from >= end ? { value: 0 } : await counted(one.from, end);
    } catch { /* The number is missing; releasing says what is wrong. */ }
    const done = await confirm({
      title: 'Release the hold', action: 'Release', danger: true, run: () => api.delete(`${HOLDS}/${one.id}`),
      text: html`<b dir="auto">${one.reason}</b><br>${covers(one)}. ${only === null ? 'What only it keeps' : only.value ? `${many(only)} older than your plan keeps` : 'Nothing is older than your plan keeps now; what grows older'} may go ${GRACE} days from now, for good, unless another hold keeps it. That you released it stands in the trail.`,
    });
    if (done) this.holds.reload();
  };

  #copies = () => show(this.delivery, {
    isEmpty: (value) => value === null,
    empty: () => empty({ title: 'Only we have your signed states', text: 'Once a day the newest signed state of your trail can be sent to a place of yours. Whoever has one can show that nothing before it was changed, not even by us.', mark: 'audit', actions: html`<button type="button" class="primary" @click=${this.#set}>Choose where</button>` }),
    data: (one) => html`<div class="stack">${one.failure ? html`<div class="hint bad">${icon('warn')}<div><p><b>It has not arrived since ${exact(one.failing_since)}.</b> <span dir="auto">${one.failure}</span></p><p>Tried again ${time(one.next_at)}, then ever more rarely, at least every six hours.</p></div></div>` : nothing}
      ${facts([['State', one.failure ? status('failed', { word: 'Fails' }) : one.delivered_at ? status('delivered', { word: 'Arrives' }) : status('pending', { word: 'Not sent yet' })], ['Sent to', html`<span dir="auto">${one.url ?? one.address}</span>`], ['As', { webhook: 'A signed post', mail: 'Mail' }[one.kind] ?? words(one.kind)],
    ['Last arrived', one.delivered_at && html`${exact(one.delivered_at)} ${time(one.delivered_at)}`], ['With', one.size !== undefined && plural(one.size, 'entry', 'entries')], ['Next look', one.failure ? undefined : time(one.next_at)], ['Chosen', html`${time(one.set_at)} <span class="quiet" dir="auto">${this.#who(one.set_by)}</span>`]])}
      <p class="note">Sent once a day when the trail has grown, and once a week when it has not.</p>
      ${this.tried ? html`<div class="hint ${this.tried.delivered ? '' : 'bad'}" role="status">${icon(this.tried.delivered ? 'check' : 'warn')}<div><p>${this.tried.delivered ? `The state of ${plural(this.tried.size, 'entry', 'entries')} arrived.` : this.tried.failure}</p>${this.tried.status || this.tried.answer ? html`<p class="note" dir="auto">${one.kind === 'mail' ? 'The mail server' : 'Your system'} answered ${this.tried.status} ${this.tried.answer}</p>` : nothing}</div></div>` : nothing}
      <div class="actions"><button type="button" class="primary" @click=${this.#try}>Send now</button><button type="button" @click=${this.#set}>Change</button><button type="button" class="danger" @click=${this.#stop}>Stop sending</button></div></div>`,
  });

  #set = () => this.setQuery({ open: 'copy' }, { push: true });

  #newTarget() {
    const { kind } = this.target.values;
    return this.target.render(html`${this.target.field('kind', { label: 'As', type: 'select', options: [['webhook', 'A signed post to an address of yours'], ['mail', 'Mail']] })}
      ${kind === 'mail' ? this.target.field('address', { label: 'Mail address', type: 'email', required: true, maxlength: 320, hint: 'Best of somebody outside your company, such as an auditor.' }) : this.target.field('url', { label: 'Address', required: true, maxlength: 2000, placeholder: 'https://archive.example.com/trail', hint: 'Only https, and only on the Internet.' })}
      ${this.delivery.data?.kind === 'webhook' && kind === 'webhook' ? html`<p class="note">The secret is a new one each time; the present one signs no more.</p>` : nothing}`, { submit: 'Send them there' });
  }

  #try = async () => {
    this.tried = await attempt(() => api.post(`${DELIVERY}/test`));
    this.delivery.reload();
  };

  #stop = async () => {
    const one = this.delivery.data;
    if (!await confirm({ title: 'Stop sending signed states', action: 'Stop sending', danger: true, text: `${one.url ?? one.address} gets no more. What it has stays good as proof${one.size ? ` of the first ${plural(one.size, 'entry', 'entries')}` : ''}; of later entries only we have signed states.`, run: () => api.delete(DELIVERY) })) return;
    this.tried = null;
    this.delivery.set(null);
  };

  #waiting = () => show(this.waiting, {
    empty: () => empty({ title: 'Everything was taken in', text: 'An act that could not become an entry shows here with the reason, until we have mended it.', mark: 'check' }),
    data: (rows) => html`<div class="stack">${rows.some((one) => one.reason.startsWith('the tree is damaged')) ? html`<div class="hint bad">${icon('warn')}<p><b>What is stored of your trail is not what was signed, so nothing is added to it.</b> Tell us, and keep the signed states that you have.</p></div>` : nothing}
      <p class="note">${plural(this.waiting.answer?.count ?? rows.length, 'act')} could not become an entry yet. We see the same list; each gets the next number once it is taken in. What is in them is shown to nobody.</p><pm-table caption="Not taken in" .rows=${rows} .columns=${intakeColumns} .list=${this.waiting}></pm-table></div>`,
  });
}

const intakeColumns = [
  { label: 'Event', main: true, cell: (one) => html`<code>${one.type}</code>` }, { label: 'Why', cell: (one) => one.reason }, { label: 'Told by', cell: (one) => words(one.source) },
  { label: 'Bytes', end: true, small: 'hide', cell: (one) => count(one.bytes) }, { label: 'Since', cell: (one) => time(one.quarantined_at) },
];

/** The operator's: what waits of all companies, and taking it in again. */
export class Intake extends Screen {
  list = new List(this, (cursor, signal) => api.get(INTAKE, { query: { cursor, limit: 50 }, signal }), { every: 30_000 });

  columns = [...intakeColumns, { label: 'Company', small: 'hide', cell: (one) => (one.tenant ? html`<a href="/dashboard/tenants/${one.tenant}"><code>${one.tenant.slice(0, 8)}</code></a>` : '–') },
    { label: 'Do', hideLabel: true, end: true, cell: (one) => html`<button type="button" class="small" @click=${() => attempt(() => api.post(`${INTAKE}/${one.id}/redrive`), 'It is in its trail.').then(() => this.list.reload())}>Take in<span class="hidden"> ${one.id}</span></button>` }];

  #all = () => {
    const rows = this.list.data ?? [];
    const chosen = { type: '', source: '' };
    const choice = (name, label) => field({ name, label, type: 'select', value: '', options: [['', 'All'], ...new Set(rows.map((one) => one[name]))].map((one) => [one].flat()), onInput: (value) => { chosen[name] = value; } });
    return confirm({
      title: 'Take in what waits', action: 'Take in', text: html`Each is tried by itself, the oldest first; what is still refused stays. ${this.list.next ? `More than ${count(rows.length)}` : plural(rows.length, 'event')} wait.<br><br>${choice('source', 'Told by')}${choice('type', 'Event')}`,
      run: async () => {
        const sum = { taken: 0, rejected: 0 };
        for (let after; after !== null;) {
          const { taken, rejected, next } = await api.post(`${INTAKE}/redrive`, { source: chosen.source || undefined, type: chosen.type || undefined, after });
          sum.taken += taken;
          sum.rejected += rejected;
          after = next ?? null;
        }
        toast(`${plural(sum.taken, 'event')} taken in, ${count(sum.rejected)} still refused.`);
      },
    }).then(() => this.list.reload());
  };

  render() {
    return html`${header({ title: 'Trail intake', note: 'Acts that could not become entries of a company’s trail, kept as they came while the others went in. The company sees its own.', actions: this.list.data?.length ? html`<button type="button" class="primary" @click=${this.#all}>${icon('retry')}Take in again</button>` : nothing })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Not taken in" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`, empty: () => empty({ title: 'All quiet', text: 'Everything was taken in. What a service tells wrongly, or what belongs to a trail that is damaged, waits here with the reason.', mark: 'check' }) })}`;
  }
}
