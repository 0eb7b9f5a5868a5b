// Who is not written to: a company's list and the platform's; and, for staff, whose sending is held by complaints.
import { Form, List, Screen, api, attempt, confirm, count, day, dialog, empty, field, filters, header, html, icon, nothing, plural, readQuery, session, show, status, time, toast, words, writeQuery } from '../ui.js';
import { fileDrop } from '../ui/data.js';
import { score } from './health.js';

const OWN = '/api/v1/suppressions';
const PLATFORM = '/api/v1/platform/system/suppressions';
const REPUTATION = '/api/v1/platform/system/reputation';
const REASONS = { unsubscribed: 'Unsubscribed', complaint: 'Complained', hard_bounce: 'Does not exist', soft_bounce: 'Came back again and again', manual: 'Put here by hand', import: 'Imported', legal: 'The law', erased: 'Was forgotten' };
const ASKED = ['unsubscribed', 'complaint', 'legal', 'erased'];
const MADE = ['manual', 'unsubscribed', 'complaint', 'legal'];

/** The entries that somebody typed, one a line or between commas: [{ address, … }]. Pure. */
export const entriesOf = (text, rest = {}) => [...new Set(text.split(/[\s,;]+/).filter(Boolean))].map((address) => ({ address, ...rest }));

/** What is wrong with what was typed, or undefined. Pure. */
export function wrong(text) {
  const given = entriesOf(text).map((one) => one.address);
  if (given.length > 500) return `At most 500 at once; these are ${count(given.length)}. Import a file instead.`;
  const odd = given.find((one) => !/^[^@]*@[^@]+\.[^@]+$/.test(one));
  return odd && `“${odd}” is neither a mail address nor a domain such as @example.com.`;
}

const SOURCES = { smtp: 'The mail server', imap: 'An answer', link: 'The link in a mail', one_click: 'One click', api: 'The API' };
const why = (name) => REASONS[name] ?? words(name);
const whom = (one) => one.address ?? 'Somebody who was forgotten';
const said = ({ added, known }) => `${plural(added, 'entry', 'entries')} added${known ? `, ${count(known)} there already` : ''}.`;

class Listed extends Screen {
  static query = { address: '', reason: '', open: '' };

  list = new List(this, async (cursor, signal) => {
    const { address, reason } = this.query;
    // The names of workspaces come first: a table is drawn anew only for new rows.
    if (this.base === OWN) await session.workspaces();
    return api.get(this.base, { query: { address: address.includes('@') ? address : undefined, reason, cursor, limit: 50 }, signal });
  });

  form = new Form(this, {
    initial: { addresses: '', reason: 'manual', note: '', until: '', workspace: '' },
    check: ({ addresses }) => ({ addresses: wrong(addresses) }),
    send: ({ addresses, reason, note, until, workspace }, key) => api.post(this.base, { ...(workspace ? { workspace } : {}), entries: entriesOf(addresses, { reason, ...(note.trim() ? { note: note.trim() } : {}), ...(until ? { expires_at: new Date(`${until}T23:59:59`).toISOString() } : {}) }) }, { key }),
    done: (answer) => {
      this.form.fill({ addresses: '', note: '' });
      toast(said(answer));
      this.setQuery({ open: '' });
      this.list.reload();
    },
  });

  get keys() { return this.may ? { c: { label: 'Add to the list', run: () => this.setQuery({ open: 'new' }, { push: true }) } } : {}; }

  routeChanged(before) {
    const was = readQuery(before.search, Listed.query);
    if (was.address !== this.query.address || was.reason !== this.query.reason) this.list.reload({ fresh: true });
  }

  get columns() {
    return [
      { label: 'Whom', main: true, cell: whom }, { label: 'Why', cell: (one) => html`<div>${why(one.reason)}${one.note ? html`<p class="note" dir="auto">${one.note}</p>` : nothing}</div>` }, ...this.more,
      { label: 'Since', cell: (one) => time(one.created_at) }, { label: 'Until', small: 'hide', cell: (one) => html`<span class="nowrap">${one.expires_at ? day(one.expires_at) : 'For good'}</span>` },
      { label: 'Do', hideLabel: true, end: true, cell: (one) => (this.mayLift(one) ? html`<button type="button" class="small" @click=${() => this.#lift(one)}>Take off<span class="hidden"> ${whom(one)}</span></button>` : nothing) },
    ];
  }

  #lift = (one) => confirm({
    title: `Take ${whom(one)} off the list`, action: 'Take off', danger: true, text: `${why(one.reason)}. From now on ${one.address?.startsWith('@') ? 'everybody at this domain' : 'this address'} may be written to again. That you did it stands in the trail.`,
    reason: ASKED.includes(one.reason) || this.base === PLATFORM ? 'Why it is right' : undefined, run: (reason) => api.delete(`${this.base}/${one.id}`, { body: { reason } }),
  }).then((done) => done && this.list.reload());

  render() {
    const { address, reason, open } = this.query;
    return html`${header({ title: this.heading, note: this.note, actions: this.may ? this.actions() : nothing })}
      ${filters({ search: { value: address, label: 'What blocks this address', onInput: (text) => this.setQuery({ address: text }) }, body: this.base === OWN ? field({ name: 'reason', label: 'Why', hideLabel: true, type: 'select', value: reason, options: [['', 'Why: all'], ...Object.entries(REASONS)], onInput: (value) => this.setQuery({ reason: value }) }) : nothing })}
      ${address && !address.includes('@') ? html`<p class="note" role="status">Type a whole address: it finds itself and its domain.</p>` : nothing}
      ${show(this.list, { isFiltered: Boolean(reason || address.includes('@')), clear: () => this.setQuery({ address: '', reason: '' }),
    empty: () => empty({ title: 'Nobody yet', text: 'Who unsubscribes, complains or does not exist comes here by itself. Add whoever asked you on another way.', mark: 'stop' }),
    data: (rows) => html`<pm-table caption=${this.heading} .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>` })}
      ${open === 'new' && this.may ? dialog({ title: 'Add to the list', onClose: () => this.setQuery({ open: '' }), body: this.#new() }) : nothing}${this.beside()}`;
  }

  beside() { return nothing; }

  add = () => html`<button type="button" class="primary" @click=${this.keys.c.run}>${icon('plus')}Add</button>`;

  #new() {
    const { form } = this;
    const given = entriesOf(form.values.addresses).length;
    return form.render(html`${form.field('addresses', { label: 'Addresses or domains', type: 'textarea', rows: 4, required: true, hint: 'One a line. A domain begins with @: nobody there is written to.' })}
      <div class="fields">${form.field('reason', { label: 'Why', type: 'select', options: MADE.map((one) => [one, why(one)]) })}${form.field('until', { label: 'Last day', type: 'date', optional: true, hint: 'Else for good.' })}</div>
      ${this.base === OWN && session.list?.length > 1 ? form.field('workspace', { label: 'For', type: 'select', options: [['', 'The whole company'], ...session.list.map((one) => [one.id, one.name])] }) : nothing}
      ${form.field('note', { label: 'Note', optional: true, maxlength: 500 })}`, { submit: given > 1 ? `Add ${count(given)}` : 'Add', busy: 'Adding' });
  }
}

export class Suppressions extends Listed {
  base = OWN;

  heading = 'Suppressions';

  note = 'Whoever stands here is never written to by campaigns, whoever imports them again.';

  get may() { return session.may('member'); }

  mayLift = (one) => session.may(ASKED.includes(one.reason) ? 'admin' : 'member');

  more = [{ label: 'For', small: 'hide', cell: (one) => (one.workspace ? html`<span dir="auto">${session.list?.find((other) => other.id === one.workspace)?.name ?? 'A workspace'}</span>` : words(one.scope === 'tenant' ? 'the company' : one.scope)) }, { label: 'Came by', small: 'hide', cell: (one) => SOURCES[one.source] ?? words(one.source) }];

  actions = () => html`<a class="button" href="${OWN}/export${writeQuery({ reason: this.query.reason, address: this.query.address.includes('@') ? this.query.address : '' })}" download>${icon('download')}Export</a>
    <button type="button" @click=${() => this.setQuery({ open: 'import' }, { push: true })}>${icon('upload')}Import</button>${this.add()}`;

  beside() { return this.query.open === 'import' && this.may ? dialog({ title: 'Import a list', onClose: () => { this.got = null; this.setQuery({ open: '' }); }, body: this.#import() }) : nothing; }

  #take = async (file) => {
    this.got = { file };
    this.requestUpdate();
    const got = await attempt(() => api.upload(`${OWN}/import`, file, { type: /\.tsv$/i.test(file.name) ? 'text/tab-separated-values' : 'text/csv; charset=utf-8' }));
    this.got = got && { ...got, file };
    if (got) this.list.reload();
    this.requestUpdate();
  };

  #import() {
    const { got } = this;
    return html`<div class="stack"><p>An address a line, or columns <code>email</code>, <code>reason</code>, <code>note</code>, <code>expires_at</code>. They count for the whole company.</p>
      ${fileDrop({ label: 'List', accept: '.csv,.tsv,.txt,text/csv', file: got?.file, onFile: this.#take, note: 'At most 64 MB. The same file again changes nothing.' })}
      ${got?.rows !== undefined ? html`<div role="status"><p><b>${said(got)}</b> ${got.rejected ? `${plural(got.rejected, 'line')} of ${count(got.rows)} could not be read:` : ''}${got.is_cut_short ? ' The file was too large; what came before is on the list.' : ''}</p>
        ${got.errors.length ? html`<ul class="plain">${got.errors.slice(0, 10).map((one) => html`<li>Line ${count(one.line)}: ${words(one.code).toLowerCase()}</li>`)}</ul>${got.errors.length > 10 ? html`<p class="note">and more.</p>` : nothing}` : nothing}</div>` : got ? html`<p role="status">Reading</p>` : nothing}</div>`;
  }
}

export class PlatformSuppressions extends Listed {
  base = PLATFORM;

  heading = 'Suppressions of all';

  note = 'No company’s mail goes to these: traps, and whoever asked the operator.';

  get may() { return session.mayStaff('ops'); }

  mayLift = () => this.may;

  more = [];

  actions = () => this.add();
}

/** How all companies' domains and mailboxes fare; what complaints hold, and letting it go. */
export class Reputation extends Screen {
  static query = { band: '', held: '', scope: '' };

  list = new List(this, (cursor, signal) => api.get(REPUTATION, { query: { ...this.query, cursor, limit: 50 }, signal }), { every: 60_000 });

  routeChanged() { this.list.reload({ fresh: true }); }

  #release = (one) => confirm({
    title: `Let ${one.name} send again`, action: 'Let it send', danger: true, reason: 'Why it is right', text: `${plural(one.complaints, 'complaint')} of ${plural(one.accepted, 'mail')}. Another one holds it again. The company sees that you let it go, and why.`,
    run: (reason) => api.post(`${REPUTATION}/release`, { tenant: one.tenant, scope: 'domain', domain: one.name, reason }),
  }).then((done) => done && this.list.reload());

  columns = [
    { label: 'Name', main: true, cell: (one) => one.name }, { label: 'Company', small: 'hide', cell: (one) => html`<a href="/dashboard/tenants/${one.tenant}"><code>${one.tenant.slice(0, 8)}</code></a>` }, { label: 'Health', cell: score },
    { label: 'Mails', end: true, cell: (one) => count(one.accepted) }, { label: 'Came back', end: true, cell: (one) => count(one.bounces) }, { label: 'Complaints', end: true, cell: (one) => count(one.complaints) },
    { label: 'State', cell: (one) => html`${one.hold ? status('held', { word: one.hold === 'stop' ? 'Stopped' : 'Held' }) : one.is_listed ? status('bad', { tone: 'bad', word: 'On a block list' }) : '–'}` }, { label: 'Checked', small: 'hide', cell: (one) => time(one.checked_at) },
    { label: 'Do', hideLabel: true, end: true, cell: (one) => (one.hold && one.scope === 'domain' && session.mayStaff('ops') ? html`<button type="button" class="small" @click=${() => this.#release(one)}>Let it send<span class="hidden"> ${one.name}</span></button>` : nothing) },
  ];

  render() {
    const choice = (name, label, options) => field({ name, label, hideLabel: true, type: 'select', value: this.query[name], options: [['', `${label}: all`], ...options], onInput: (value) => this.setQuery({ [name]: value }) });
    return html`${header({ title: 'Reputation', note: 'How domains and e-mail accounts of all companies fare, and whose sending complaints hold.' })}
      ${filters({ body: html`${choice('scope', 'What', [['domain', 'Domains'], ['mailbox', 'E-mail accounts']])}${choice('band', 'Health', [['green', 'Good'], ['yellow', 'Fair'], ['red', 'Poor']])}${choice('held', 'Held', [['true', 'Held by complaints'], ['false', 'Not held']])}` })}
      ${show(this.list, { isFiltered: Object.values(this.query).some(Boolean), clear: () => this.setQuery({ band: '', held: '', scope: '' }), empty: () => empty({ title: 'Nothing to judge yet', text: 'Domains and accounts show once mail was sent from them.', mark: 'status' }),
    data: (rows) => html`<pm-table caption="Reputation" .rows=${rows} .key=${(one) => `${one.tenant}${one.subject}`} .columns=${this.columns} .list=${this.list}></pm-table>` })}`;
  }
}
