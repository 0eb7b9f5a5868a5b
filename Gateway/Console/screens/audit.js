// The audit trail: search it, follow it, read an entry, check what was signed, take it away; and who of support looked into it.
import { Form, List, Live, Resource, Screen, api, bytes, copy, count, day, dialog, drawer, empty, exact, field, filters, go, header, html, icon, menu, nothing, plural, problem, readQuery, session, settings, show, status, time, toast, toastError, words, writeQuery } from '../ui.js';
import { diff, facts, json, timeline } from '../ui/data.js';
import { altered, dateOf, histogram, isBeginning, isField, isSigned, leafHash, quoted, range, rootOf, terms, withTerm, without } from './trail.js';

const EVENTS = '/api/v1/audit/events';
const EXPORTS = '/api/v1/audit/exports';
const DAYS = [[1, 'since yesterday'], [7, 'in the last 7 days'], [30, 'in the last 30 days'], [90, 'in the last 90 days'], [365, 'in the last year']];
const PRESETS = [['Without reading', '-action:audit_trail.read'], ['Refused', 'outcome:denied'], ['Failed', 'outcome:failure'], ['Signing in', 'action:session.*,password.*'], ['People and roles', 'action:member.*,invitation.*,workspace.*'], ['Keys and webhooks', 'action:api_key.*,webhook*'],
  ['By API keys', 'actor.type:api_key'], ['By our support', 'actor.type:support,staff'], ['Taken away', 'action:audit.export,lead_export.*'], ['Campaigns', 'action:campaign.*']];
const FIELDS = ['action:', 'actor:', 'actor.type:', 'ip:', 'meta.', 'occurred:', 'outcome:', 'recorded:', 'request:', 'source:', 'support:', 'target:', 'target.type:'];
const spanOf = (days) => DAYS.find(([number]) => number === days)?.[1] ?? `in the last ${days} days`;
const KINDS = { api_key: 'API key', support: 'Our support', staff: 'Our staff', system: 'System' };

export const named = (action) => words(action.replaceAll('.', ' '));
const whoOf = ({ kind, id, name }) => name ?? (kind === 'system' ? words(id) : KINDS[kind] ?? 'No name kept');
const targetOf = ({ type, id, name }) => (type === 'tenant' && !name ? 'The company' : `${words(type)} ${name ?? id}`);
const page = (event) => `/dashboard/audit/${event.id}`;

const resultOf = ({ outcome }) => status(outcome, { tone: outcome === 'success' ? 'good' : 'bad', mark: outcome === 'success' ? 'check' : 'stop' });

/** Everything that an entry says; `search(term)` is the address of a search for it. */
export function entry(event, search, proof) {
  const more = (text, term) => (search ? html`<a href=${search(term)}>${text}</a>` : text);
  const { actor, metadata } = event;
  return html`<div class="stack">${facts([['Result', resultOf(event)], ['When', html`${exact(event.occurred_at)} ${time(event.occurred_at)}`], ['Recorded', event.skew_ms && exact(event.recorded_at)],
    ['Who', html`${more(whoOf(actor), `actor:${quoted(actor.id)}`)} <span class="quiet">${KINDS[actor.kind] ?? words(actor.kind)}</span>`], ...event.targets.map((one) => ['On', more(targetOf(one), `target:${one.type}:${quoted(one.id)}`)]),
    ['From', event.address && more(event.address, `ip:${event.address}`)], ['With', event.user_agent], ['Request', event.request && more(html`<code>${event.request}</code>`, `request:${event.request}`)],
    ['Support session', event.support_session && more(html`<code>${event.support_session}</code>`, `support:${event.support_session}`)], ['Action', more(html`<code>${event.action}</code>`, `action:${event.action}`)], ['Told by', words(event.source)], ['Number', count(event.seq)],
    ...Object.entries(metadata)])}
    ${event.changes.length ? html`<h2>What changed</h2>${diff(event.changes)}` : nothing}
    ${proof ?? nothing}<details><summary>As JSON</summary>${json(event)}</details></div>`;
}

/** Checks an entry against what was signed, here in the browser; a list of [good, words]. */
async function prove(read, event) {
  const [proof, { keys }] = await Promise.all([read(event.id ? `${EVENTS}/${event.id}/proof` : '/api/v1/audit/proof', event.id ? {} : { seq: event.seq }), read('/api/v1/audit/keys')]);
  const { checkpoint, leaf } = proof;
  const said = leaf && JSON.parse(leaf);
  const wrong = leaf ? await altered(proof) : [];
  const root = await rootOf(proof.leaf_hash, proof.seq - 1, checkpoint.size, proof.hashes);
  return [
    leaf ? [await leafHash(leaf) === proof.leaf_hash && said.seq === proof.seq && (!event.action || (said.id === event.id && said.action === event.action)), 'The entry is what its hash was made of.', 'The entry is not what its hash was made of.'] : [null, 'The entry is gone with its time; its hash is still there.'],
    [!wrong.length, 'Names, addresses and changes are what was written.', `Not what was written: ${wrong.join(', ')}.`],
    [root === checkpoint.root, `It is number ${count(proof.seq)} of ${count(checkpoint.size)} in the signed trail.`, 'It is not in the signed trail.'], await signedBy(checkpoint, keys)];
}
const signedBy = async (checkpoint, keys) => [await isSigned(checkpoint, keys), `The state of ${exact(checkpoint.at)} is signed with our key.`, 'No known key signed this state.', 'This browser cannot check the signature; penguin audit verify can.'];

/** The whole trail: that its newest state is signed, and that it grew out of what this browser kept. */
async function check(read) {
  const [checkpoint, { keys }] = await Promise.all([read('/api/v1/audit/checkpoint'), read('/api/v1/audit/keys')]);
  const place = `checkpoint:${session.tenant.id}`;
  const kept = settings.get(place, null);
  const lines = [await signedBy(checkpoint, keys)];
  if (kept?.size > checkpoint.size) lines.push([false, '', `The trail is shorter than on ${day(kept.at)}: ${count(checkpoint.size)} entries, then ${count(kept.size)}.`]);
  else if (kept) {
    const { hashes } = await read('/api/v1/audit/consistency', { from: kept.size, to: checkpoint.size });
    lines.push([await isBeginning(kept, checkpoint, hashes), `It still begins with the ${count(kept.size)} entries of ${exact(kept.at)}, which this browser kept: nothing was rewritten since.`, `It no longer begins with the ${count(kept.size)} entries of ${exact(kept.at)}, which this browser kept.`]);
  } else lines.push([null, 'This browser keeps this state from now on, and compares with it next time.']);
  if (lines.every(([good]) => good !== false)) settings.set(place, checkpoint);
  return { checkpoint, keys, lines };
}

const verdict = (lines) => {
  const bad = lines.some(([good]) => good === false);
  return html`<p role="status"><b>${bad ? 'This is not what was signed. Tell us, and keep the state that you have.' : 'All is as it was signed.'}</b></p>
  <ul class="checks">${lines.map(([good, yes, no, unknown]) => html`<li class=${good ? 'done' : good === false ? 'bad' : 'open'}>${icon(good ? 'check' : good === false ? 'warn' : 'info')}<p>${good === false ? no : good === null ? unknown ?? yes : yes}</p></li>`)}</ul>`;
};

/** A trail to search: the company's own, or another's in a support session. */
export class TrailScreen extends Screen {
  static query = { q: '', days: 30, from: '', to: '', open: '', panel: '' };

  get base() { return EVENTS; }

  read = (path, query, signal) => api.get(path, { query, signal, headers: this.headers });

  get wanted() {
    const { q, days, from, to } = this.query;
    return { q: q || undefined, ...range({ q, days, from, to }), tenant: this.query.tenant || undefined };
  }

  list = new List(this, (cursor, signal) => {
    if (!cursor) this.asked = this.wanted;
    return this.read(this.base, { ...this.asked, cursor, limit: 50 }, signal);
  }, { auto: false });

  counts = new Resource(this, (signal) => this.read('/api/v1/audit/facets', this.wanted, signal), { auto: false });

  search() {
    this.list.reload({ fresh: true });
    this.counts.reload();
  }

  firstUpdated() { this.search(); }

  routeChanged(before) {
    const [was, is] = [readQuery(before.search, this.constructor.query), this.query];
    if (['q', 'days', 'from', 'to', 'session', 'tenant'].some((name) => was[name] !== is[name])) this.search();
  }

  narrow = (changes) => this.setQuery({ open: '', ...changes }, { push: true });

  #submit = (event) => {
    event.preventDefault();
    const typed = new FormData(event.target).get('q').trim();
    this.narrow({ q: terms([...terms(this.query.q).filter(isField), typed].join(' ')).join(' ') });
  };

  /** The box for words, the chips of what is searched for, the span of time. */
  bar(extra) {
    const { q, days, from, to } = this.query;
    const all = terms(q);
    const known = Object.entries(this.counts.data?.facets ?? {}).filter(([name]) => name !== 'day').flatMap(([name, values]) => values.map((one) => `${name}:${quoted(one.value)}`));
    const spans = DAYS.some(([number]) => number === days) ? DAYS : [...DAYS, [days, spanOf(days)]];
    return filters({
      body: html`<form @submit=${this.#submit}><label class="search"><span class="hidden">Search the trail</span>${icon('search')}<input type="search" name="q" data-search dir="auto" list="terms" maxlength="512" autocomplete="off" placeholder="Words, or action:lead.*" .value=${all.filter((one) => !isField(one)).join(' ')}></label><button>Search</button></form>
        <datalist id="terms">${[...FIELDS, ...known].map((one) => html`<option value=${one}></option>`)}</datalist>
        ${menu('Presets', PRESETS.map(([label, term]) => ({ label, run: () => this.narrow({ q: term }) })), { text: 'Presets', mark: 'down' })}${extra ?? nothing}
        ${field({ label: 'Time', hideLabel: true, name: 'days', type: 'select', value: from || to ? '' : days, options: [...spans.map(([number, text]) => [number, words(text)]), ['', 'From … to …']], onInput: (value) => this.narrow(value ? { days: Number(value), from: '', to: '' } : { from: this.asked?.from?.slice(0, 10) ?? new Date().toISOString().slice(0, 10) }) })}
        ${from || to ? ['from', 'to'].map((name) => field({ label: words(name), name, type: 'date', value: this.query[name], onInput: (value) => this.narrow({ [name]: value }) })) : nothing}`,
      chips: all.filter(isField).map((term) => ({ label: term, onRemove: () => this.narrow({ q: without(q, term) }) })),
    });
  }

  /** How many there are in which span, as days and as values to narrow down to. */
  summary() {
    const { answer, data } = this.list;
    if (!data || !answer) return nothing;
    const { total, window } = answer;
    const found = this.counts.data;
    const drawn = found?.facets.day && histogram(found.facets.day, window.from ?? this.asked.from, Math.min(Date.now(), Date.parse(window.to ?? '') || Date.now()));
    return html`<p class="note" role="status">${total?.relation === 'gte' ? 'More than ' : ''}${plural(total?.value ?? data.length, 'entry', 'entries')}, ${window.from ? day(dateOf(window.from)) : 'the beginning'} to ${window.to ? day(dateOf(Date.parse(window.to) - 1)) : 'now'}; days are UTC.</p>
      ${drawn?.labels.length > 1 && total?.value ? html`<pm-chart label="Entries a day" kind="bars" height="80" .labels=${drawn.labels} .series=${[{ label: 'Entries', values: drawn.values }]}></pm-chart>` : nothing}
      ${found && total?.value > 1 ? html`<details><summary>Narrow down</summary><div class="grid">${Object.entries(found.facets).filter(([name]) => name !== 'day').map(([name, values]) => html`<section><h2>${words(name.replace('.', ' '))}</h2><ul class="plain">${values.slice(0, 8).map((one) => html`<li><a href=${this.to(`${name}:${quoted(one.value)}`)} data-keep>${this.#called(name, one.value)}</a> <span class="quiet">${count(one.count)}</span></li>`)}</ul></section>`)}</div></details>` : nothing}`;
  }

  #called = (name, value) => {
    const by = name === 'actor' && this.list.data.find((event) => event.actor.id === value);
    return by ? whoOf(by.actor) : KINDS[value] ?? named(value);
  };

  /** The address of this search with one more term. */
  to = (term) => this.href({ q: withTerm(this.query.q, term), open: '' });

  columns = [
    { label: 'What', cell: (event) => html`${named(event.action)} ${event.outcome === 'success' ? nothing : resultOf(event)}`, href: (event) => this.href({ open: event.id, panel: '' }), keep: true },
    { label: 'On', cell: (event) => event.targets.map(targetOf).slice(0, 2).join(', ') },
    { label: 'Who', cell: (event) => whoOf(event.actor) },
    { label: 'From', cell: (event) => event.address ?? '–', small: 'hide' },
    { label: 'When', cell: (event) => time(event.occurred_at) },
  ];

  results() {
    const { q, days, from, to } = this.query;
    const wider = DAYS.find(([number]) => number > days);
    return show(this.list, {
      data: (rows) => html`<pm-table caption="Entries of the trail" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
      empty: () => empty({ title: from || to ? 'None in this time' : `None ${spanOf(days)}`, text: q && `Nothing fits ${q}.`, mark: 'search',
        actions: html`${from || to || wider ? html`<button type="button" @click=${() => this.narrow({ days: from || to ? 365 : wider[0], from: '', to: '' })}>Widen to ${(from || to ? DAYS.at(-1) : wider)[1].slice(3)}</button>` : nothing}${q ? html`<button type="button" @click=${() => this.narrow({ q: '' })}>Clear the search</button>` : nothing}` }),
    });
  }

  /** The open entry, beside the list. */
  side(link = true) {
    const event = this.list.data?.find((one) => one.id === this.query.open);
    if (!event) return nothing;
    return drawer({ title: named(event.action), onClose: () => this.setQuery({ open: '' }), body: html`${link ? html`<p class="row"><a href=${page(event)}>Permalink</a>${copy(location.origin + page(event), 'Copy permalink')}</p>` : nothing}${entry(event, this.to, this.proof(event))}` });
  }

  async prove(event) {
    this.proved = { event };
    this.requestUpdate();
    const done = await prove(this.read, event).then((lines) => ({ lines }), (error) => ({ error }));
    if (this.proved.event !== event) return;
    this.proved = { event, ...done };
    this.requestUpdate();
  }

  proof(event) {
    const { event: of, lines, error } = this.proved ?? {};
    if (of !== event) return html`<div><button type="button" @click=${() => this.prove(event)}>${icon('audit')}Check this entry</button></div>`;
    return error ? problem(error, { retry: () => this.prove(event) }) : html`<section>${lines ? verdict(lines) : 'Checking'}</section>`;
  }
}

export class Trail extends TrailScreen {
  fresh = [];

  live = new Live(this, () => (!this.query.from && !this.query.to ? `/api/v1/audit/tail${writeQuery({ q: this.query.q })}` : null), { audit: (event) => { this.fresh.unshift(event); } }, { onResume: () => this.list.reload() });

  views = new Resource(this, (signal) => api.get('/api/v1/audit/views', { signal }).then((answer) => answer.data));

  check = new Resource(this, (signal) => check((path, query) => api.get(path, { query, signal })), { auto: false });

  exports = new Resource(this, (signal) => api.get(EXPORTS, { query: { limit: 10 }, signal }).then(({ data }) => {
    this.exports.every = data.some((one) => ['queued', 'running'].includes(one.status)) ? 1_000 : 0;
    return data;
  }), { auto: false });

  form = new Form(this, { initial: { format: 'csv' }, send: ({ format }, key) => api.post(EXPORTS, { format, filter: this.asked ?? this.wanted }, { key }), done: () => this.exports.reload() });

  get keys() {
    return { e: { label: 'Export these entries', run: () => this.setQuery({ panel: 'export' }, { push: true }) }, i: { label: 'Check integrity', run: () => this.setQuery({ panel: 'check' }, { push: true }) }, p: { label: 'Pause or follow', run: () => this.live.setPaused(!this.live.paused) } };
  }

  // What came is shown together, no more often than every five seconds.
  connectedCallback() {
    super.connectedCallback();
    this.timer = setInterval(() => {
      if (!this.fresh.length || !this.list.data) return;
      const known = new Set(this.list.data.map((event) => event.id));
      const come = this.fresh.filter((event) => !known.has(event.id));
      this.fresh = [];
      const { total } = this.list.answer;
      if (total?.relation === 'eq') total.value += come.length;
      this.list.set([...come, ...this.list.data]);
    }, 5_000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  firstUpdated() {
    this.followed = this.live.path();
    this.search();
    this.#panel();
  }

  // What is open and not among what is shown has an address of its own.
  updated() {
    const { open } = this.query;
    if (open && this.list.data && !this.list.data.some((event) => event.id === open)) go(page({ id: open }), { replace: true });
  }

  search() {
    super.search();
    const { paused } = this.live;
    const path = this.live.path();
    this.fresh = [];
    if (path === this.followed) return;
    this.followed = path;
    this.live.setPaused(true);
    this.live.state = 'connecting';
    this.live.setPaused(paused);
  }

  routeChanged(before) {
    super.routeChanged(before);
    if (readQuery(before.search, Trail.query).panel !== this.query.panel) this.#panel();
  }

  #panel() {
    const { panel } = this.query;
    if (panel === 'export') this.exports.reload();
    if (panel === 'check') this.check.reload({ fresh: true });
  }

  #save = () => {
    const form = new Form(this, { initial: { name: '' }, send: ({ name }, key) => api.post('/api/v1/audit/views', { name, q: this.query.q }, { key }), done: () => { this.views.reload(); toast('The search is kept.'); this.saving = null; } });
    this.saving = form;
    this.requestUpdate();
  };

  #saved() {
    const views = this.views.data ?? [];
    const here = views.find((one) => one.q === this.query.q);
    return menu('Saved searches', [...views.map((one) => ({ label: one.name, run: () => this.narrow({ q: one.q }) })), !here && { label: 'Save this search', run: this.#save },
      here && { label: `Delete “${here.name}”`, danger: true, run: () => api.delete(`/api/v1/audit/views/${here.id}`).then(() => { this.views.reload(); toast('The saved search is deleted.'); }, toastError) }], { text: 'Saved', mark: 'down' });
  }

  render() {
    const { live, keys } = this;
    const follows = live.paused ? ['paused'] : live.state === 'live' ? ['live'] : [live.state, { tone: 'none', word: live.state === 'hidden' ? 'Not following' : words(live.state) }];
    return html`${header({ title: 'Audit trail', note: 'Who did what in this company, when and from where. Nobody can change it, and reading it is an entry too.', badge: status(...follows),
    actions: html`<button type="button" @click=${keys.p.run}>${icon(live.paused ? 'play' : 'pause')}${live.paused ? 'Follow' : 'Pause'}</button><a class="button" href="/dashboard/audit/settings">Settings</a><button type="button" @click=${keys.i.run}>Check integrity</button><button type="button" class="primary" @click=${keys.e.run}>${icon('download')}Export</button>` })}
      ${this.bar(this.#saved())}<div class="stack">${this.summary()}${this.results()}</div>${this.side()}${this.#open()}
      ${this.saving ? dialog({ title: 'Save this search', onClose: () => { this.saving = null; this.requestUpdate(); }, body: this.saving.render(html`<p><code>${this.query.q || 'every entry'}</code></p>${this.saving.field('name', { label: 'Name', required: true, maxlength: 100 })}`) }) : nothing}`;
  }

  #open() {
    const bodies = { export: ['Export', this.#export], check: ['Integrity', this.#check] };
    const [title, body] = bodies[this.query.panel] ?? [];
    return title ? drawer({ title, onClose: () => this.setQuery({ panel: '' }), body: html`<div class="stack">${body()}</div>` }) : nothing;
  }

  #check = () => show(this.check, { isEmpty: () => false, data: ({ checkpoint, keys, lines }) => html`<div class="stack">${verdict(lines)}
    ${facts([['Entries', count(checkpoint.size)], ['Root', html`<code>${checkpoint.root}</code>`], ['Signed', exact(checkpoint.at)], ['Public key', html`<code>${keys[0]}</code>`]])}
    <p class="note">Keep this signed state somewhere else: it is what nobody can rewrite behind your back. <a href="/dashboard/audit/settings?tab=copies">Have it sent once a day</a>. Everything above was computed in this browser.</p><div class="row"><pre tabindex="0"><code>${checkpoint.note}</code></pre>${copy(checkpoint.note, 'Copy signed state')}</div>
    <form class="stack tight" @submit=${(event) => { event.preventDefault(); this.prove({ seq: Number(new FormData(event.target).get('seq')) }); }}>${field({ label: 'Number of an entry', name: 'seq', type: 'number', min: 1, max: checkpoint.size, required: true })}<div><button>Check this entry</button></div></form>
    ${this.proved?.event.seq && !this.proved.event.id ? this.proof(this.proved.event) : nothing}</div>` });

  #export = () => {
    const { total, window } = this.list.answer ?? {};
    return html`<p>${total ? html`<b>${total.relation === 'gte' ? 'More than ' : ''}${plural(total.value, 'entry', 'entries')}</b>` : 'The entries'} that fit ${this.query.q ? html`<code>${this.query.q}</code>` : 'no filter'}, ${window?.from ? exact(window.from) : 'from the beginning'} to ${window?.to ? exact(window.to) : 'now'}. That you took them is an entry of the trail.</p>
    ${this.form.render(this.form.field('format', { label: 'Form', type: 'select', options: [['csv', 'CSV, a table'], ['ndjson', 'NDJSON, which anyone can verify']] }), { submit: 'Write the file', busy: 'Asking' })}
    <h2>Files</h2>${show(this.exports, { lines: 3, empty: () => html`<p class="note">None yet. A file waits seven days.</p>`, data: (rows) => html`<ul class="checks">${rows.map(this.#file)}</ul>` })}`;
  };

  #file = (one) => {
    const { done, of } = one.progress;
    const open = ['queued', 'running'].includes(one.status);
    const remove = () => api.delete(`${EXPORTS}/${one.id}`).then(() => this.exports.reload(), toastError);
    const fetch = async () => {
      try {
        const { url } = await api.post(`${EXPORTS}/${one.id}/link`);
        Object.assign(document.createElement('a'), { href: new URL(url).pathname, download: '' }).click();
      } catch (error) { toastError(error); }
    };
    return html`<li><div><p>${one.format.toUpperCase()} ${status(one.status, { ready: { tone: 'good' }, cancelled: { tone: 'none', word: 'Removed' } }[one.status])} <code dir="auto">${one.filter.q ?? ''}</code></p><p class="note">${open ? `${count(done)} of ${count(of)} looked at` : html`${plural(one.rows, 'entry', 'entries')}, ${bytes(one.bytes)}, ${time(one.created_at)}`}${one.failure ? ` ${one.failure}` : ''}</p>
      ${open ? html`<progress aria-label="Progress" max=${of || 1} value=${done}></progress>` : nothing}</div>
      ${one.status === 'ready' ? html`<button type="button" class="primary" @click=${fetch}>Download</button><a class="button" href="${EXPORTS}/${one.id}/manifest" download>Manifest</a>` : nothing}${open || one.status === 'ready' ? html`<button type="button" class="quiet" aria-label=${open ? 'Cancel' : 'Remove the file'} title=${open ? 'Cancel' : 'Remove the file'} @click=${remove}>${icon('trash')}</button>` : nothing}</li>`;
  };
}

/** One entry under an address of its own. */
export class Entry extends TrailScreen {
  list = new Resource(this, (signal) => this.read(`${EVENTS}/${this.params.id}`, {}, signal), { auto: false });

  search() { this.list.reload(); }

  routeChanged() { this.list.reload({ fresh: true }); }

  render() {
    const event = this.list.data;
    return html`${header({ title: event ? named(event.action) : 'Audit entry', note: event?.targets.map(targetOf).join(', '), back: { href: '/dashboard/audit', label: 'Audit trail' }, actions: copy(location.href, 'Copy permalink') })}
      <h2 class="hidden">The entry</h2>${show(this.list, { isEmpty: () => false, data: () => entry(event, (term) => `/dashboard/audit?q=${encodeURIComponent(term)}`, this.proof(event)) })}`;
  }
}

// Support access: who of the operator's people looked into the company, why, and what they read.

const STATES = { running: ['Looking now', 'warn'], ended: ['Ended', 'none'], expired: ['Ran out', 'none'] };
const BECAUSE = { holder: 'by the one who began it', expired: 'its time was over', staff_role_removed: 'that person no longer works in support' };
const ACTIONS = { 'audit_trail.read': 'Read the audit trail', 'support_session.begin': 'Began', 'support_session.end': 'Ended' };
const KNOWN = ['support_session', 'staff_role', 'reason', 'ticket', 'scope', 'expires_at'];

/** What an entry of the trail adds to what stands above it: "read: events, q: …". Pure. */
export const detail = (metadata) => Object.entries(metadata).filter(([key]) => !KNOWN.includes(key)).map(([key, value]) => `${key}: ${value}`).join(', ');

const stateOf = (row) => status(row.state, { word: STATES[row.state]?.[0] ?? row.state, tone: STATES[row.state]?.[1] ?? 'none' });

export class SupportAccess extends Screen {
  static query = { open: '' };

  list = new List(this, (cursor, signal) => api.get('/api/v1/support-sessions', { query: { cursor, limit: 50 }, signal }), { every: 30_000 });

  read = new Resource(this, (signal) => (this.query.open ? api.get('/api/v1/audit/events', { query: { q: `support:${this.query.open}`, limit: 100 }, signal }).then((answer) => answer.data) : []));

  routeChanged(before) { if (readQuery(before.search, SupportAccess.query).open !== this.query.open) this.read.reload({ fresh: true }); }

  render() {
    const one = this.list.data?.find((row) => row.id === this.query.open);
    return html`${header({ title: 'Support access', note: 'The operator’s people see your audit trail only in a session with a reason and a ticket, for an hour at most. They read; they cannot change anything, and never act as one of you.' })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Support access" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
    empty: () => empty({ title: 'Nobody has looked', text: 'If support looks into your company, it shows here at once, and stays.', mark: 'support' }) })}
      ${one ? drawer({ title: `${one.staff_name}, ${one.ticket}`, onClose: () => this.setQuery({ open: '' }), body: this.#detail(one) }) : nothing}`;
  }

  columns = [
    { label: 'Who', cell: (row) => row.staff_name, open: (row) => this.setQuery({ open: row.id }, { push: true }) }, { label: 'Why', cell: (row) => row.reason }, { label: 'Ticket', cell: (row) => row.ticket },
    { label: 'State', cell: stateOf }, { label: 'Began', cell: (row) => time(row.created_at) }, { label: 'Ends', small: 'hide', cell: (row) => time(row.ended_at ?? row.expires_at) },
  ];

  #detail = (one) => html`<div class="stack">${facts([['State', stateOf(one)], ['Why', one.reason], ['Ticket', one.ticket], ['Allowed', one.scope.map((name) => (name === 'audit' ? 'reading the audit trail' : name)).join(', ')], ['Began', time(one.created_at)], ['Ends', time(one.expires_at)], ['Ended', one.ended_at && html`${time(one.ended_at)}, ${BECAUSE[one.ended_because] ?? one.ended_because}`]])}
    <h3>What was done and read</h3>${show(this.read, { lines: 3, empty: () => html`<p class="note">Nothing so far.</p>`, data: (rows) => timeline(rows.map((event) => ({ at: event.occurred_at, title: ACTIONS[event.action] ?? event.action, text: detail(event.metadata), href: `/dashboard/audit/${event.id}` }))) })}</div>`;
}
