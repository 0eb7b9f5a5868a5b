// Domains: the records that prove them, how they fare, the keys that sign their mail.
import { Form, List, Resource, Screen, api, attempt, confirm, copy, dialog, empty, go, header, html, icon, menu, nothing, plural, readQuery, session, show, status, time, toast, toastError } from '../ui.js';
import { facts } from '../ui/data.js';
import { health, score } from './health.js';

const STATES = { pending: ['Records are open', 'warn'], verified: ['Proved', 'good'], failing: ['The last check failed', 'warn'], broken: ['Records are broken', 'bad'] };
const PURPOSES = {
  ownership: ['Ownership', 'Says that the domain is yours.'], spf: ['SPF', 'Says which servers may send for the domain.'], dkim: ['DKIM', 'Lets receivers check our signature.'], dmarc: ['DMARC', 'Says what receivers do with forged mail.'],
  mx: ['Mail exchanger', 'Where answers and bounces arrive.'], tracking: ['Tracking host', 'Links and opens run over your own domain.'],
};
const RECORD = { ok: ['Right', 'good'], missing: ['Missing', 'bad'], wrong: ['Something is wrong', 'bad'], recommended: ['Recommended', 'none'], unknown: ['DNS gave no answer', 'warn'] };
const CERTIFICATE = { off: ['Not on this installation', 'none'], waiting: ['Its record is open', 'warn'], ordered: ['Being ordered', 'warn'], issued: ['Valid', 'good'], failing: ['Not there yet', 'bad'] };
const KEYS = { publish: 'Publish its record', keep: 'Nothing to do', remove: 'Its record can go', none: 'Nothing to do' };
const stateOf = (table, state, rest) => status(state, { word: table[state]?.[0] ?? state, tone: table[state]?.[1] ?? 'none', ...rest });
const name = (record) => PURPOSES[record.purpose]?.[0] ?? record.purpose;
const wait = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

/** What a check came to, in a sentence, and whether looking again soon can help. Pure. */
export function verdict(domain) {
  const open = domain.records.filter((one) => one.is_required && one.state !== 'ok');
  if (!open.length) return { done: true, text: `All required records of ${domain.domain} are right.` };
  return { done: false, text: `Still open: ${[...new Set(open.map(name))].join(', ')}.` };
}

const mark = (yes) => status(yes ? 'ok' : 'missing', { word: yes ? 'Right' : 'Missing', tone: yes ? 'good' : 'none', mark: yes ? 'check' : 'close' });

export class Domains extends Screen {
  static query = { open: '' };

  list = new List(this, async (cursor, signal) => {
    this.workspace = await session.workspace(this.params.slug);
    const [answer, scores] = await Promise.all([
      api.get('/api/v1/domains', { query: { workspace: this.workspace?.id, cursor, limit: 50 }, signal }),
      api.get('/api/v1/reputation', { query: { scope: 'domain', limit: 100 }, signal }),
    ]);
    return { ...answer, data: answer.data.map((row) => ({ ...row, fares: scores.data.find((one) => one.subject === row.domain) })) };
  }, { every: 60_000 });

  form = new Form(this, {
    initial: { domain: '' },
    send: ({ domain }, key) => api.post('/api/v1/domains', { workspace: this.workspace.id, domain: domain.trim().toLowerCase() }, { key }),
    done: (made) => go(`/dashboard/workspaces/${this.params.slug}/domains/${made.id}`),
  });

  routeChanged(before) { if (before.params.slug !== this.params.slug) this.list.reload({ fresh: true }); }

  #open = () => this.setQuery({ open: 'new' }, { push: true });

  get keys() { return session.may('member') ? { c: { label: 'Add a domain', run: this.#open } } : {}; }

  render() {
    const { form } = this;
    const button = session.may('member') ? html`<button type="button" class="primary" @click=${this.#open}>${icon('plus')}Add a domain</button>` : nothing;
    return html`${header({ title: 'Domains', note: 'Campaigns are launched only from domains that are proved by their records.', actions: button })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Domains" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
    empty: () => empty({ title: 'No domain yet', text: 'Add the domain that you send from. We say what to publish, and check it.', mark: 'domains', actions: button }) })}
      ${this.query.open ? dialog({ title: 'Add a domain', onClose: () => this.setQuery({ open: '' }), body: form.render(form.field('domain', { label: 'Domain', required: true, maxlength: 190, placeholder: 'example.com', hint: 'What stands after the @ of your addresses. New records can take up to 48 hours to be seen everywhere.' }), { submit: 'Add domain', busy: 'Checking' }) }) : nothing}`;
  }

  columns = [
    { label: 'Domain', cell: (row) => row.domain, href: (row) => `/dashboard/workspaces/${this.params.slug}/domains/${row.id}` },
    { label: 'State', cell: (row) => stateOf(STATES, row.state) },
    ...['spf', 'dkim', 'dmarc'].map((key) => ({ label: key.toUpperCase(), small: 'hide', cell: (row) => mark(row[key]) })),
    { label: 'Health', cell: (row) => score(row.fares) },
    { label: 'Checked', cell: (row) => time(row.checked_at) },
  ];
}

export class Domain extends Screen {
  static query = { days: 30, open: '' };

  one = new Resource(this, (signal) => api.get(`/api/v1/domains/${this.params.id}`, { signal }), { every: 60_000 });

  reputation = new Resource(this, (signal) => api.get(`/api/v1/domains/${this.params.id}/reputation`, { query: { days: this.query.days }, signal }), { every: 300_000 });

  keyring = new Resource(this, async (signal) => {
    const domain = this.one.data?.domain ?? (await api.get(`/api/v1/domains/${this.params.id}`, { signal })).domain;
    return (await api.get('/api/v1/signing-keys', { query: { domain, limit: 50 }, signal })).data;
  });

  /** Looking in DNS again and again; null while nobody asked. */
  watch = null;

  routeChanged(before) {
    if (before.params.id !== this.params.id) [this.one, this.keyring, this.reputation].forEach((one) => one.reload({ fresh: true }));
    else if (readQuery(before.search, Domain.query).days !== this.query.days) this.reputation.reload();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.watch = null;
  }

  /** Checks now, then every 15 seconds for two minutes while records are open; then tells. */
  #check = async () => {
    const mine = { round: 0 };
    this.watch = mine;
    for (; mine.round < 8 && this.watch === mine; mine.round += 1) {
      if (mine.round) await wait(15);
      if (this.watch !== mine) return;
      this.requestUpdate();
      try {
        this.one.set(await api.post(`/api/v1/domains/${this.params.id}/check`));
      } catch (error) {
        if (error.status !== 429 && !error.isPassing) {
          toastError(error);
          break;
        }
      }
      if (this.one.data && verdict(this.one.data).done) break;
    }
    if (this.watch !== mine) return;
    this.watch = null;
    toast(verdict(this.one.data).text);
    this.keyring.reload();
  };

  #stop = () => { this.watch = null; this.requestUpdate(); };

  get keys() { return session.may('member') ? { c: { label: 'Check the records now', run: this.#check } } : {}; }

  render() {
    const domain = this.one.data;
    const may = session.may('member');
    return html`${header({ title: domain?.domain ?? 'Domain', back: { href: `/dashboard/workspaces/${this.params.slug}/domains`, label: 'Domains' }, badge: domain ? stateOf(STATES, domain.state) : nothing,
    actions: domain && may ? html`<button type="button" class="primary" aria-disabled=${this.watch !== null} @click=${() => this.watch ?? this.#check()}>${icon('retry')}${this.watch ? 'Checking' : 'Check again'}</button>${menu('More', [{ label: 'Keys of a mail provider', run: () => this.setQuery({ open: 'selectors' }, { push: true }) }, { label: 'Remove domain', danger: true, run: this.#remove }])}` : nothing })}
      ${show(this.one, { data: (data) => this.#page(data), lines: 8 })}${domain && this.query.open ? this.#selectors(domain) : nothing}`;
  }

  #page(domain) {
    const { done, text } = verdict(domain);
    return html`<div class="stack"><p class="hint ${done ? '' : 'warn'}" role="status">${icon(done ? 'check' : 'warn')}<span><b>${text}</b> Checked ${time(domain.checked_at)}. ${this.watch ? html`Looking again every 15 seconds, ${plural(8 - this.watch.round, 'time')} more. <button type="button" class="plain link" @click=${this.#stop}>Stop</button>`
    : html`We look again by ourselves ${time(domain.next_check_at)}.${done ? '' : ' DNS can take up to 48 hours.'}`}</span></p>
      <section><h2>Records</h2><ul class="steps section">${domain.records.map((record) => this.#record(record))}</ul></section>
      ${domain.tracking_certificate ? this.#tracking(domain.tracking_certificate) : nothing}
      <section class="card"><h2>Health</h2>${show(this.reputation, { data: (data) => health(data, { days: this.query.days, href: (days) => this.href({ days }), reload: () => this.reputation.reload() }) })}</section>
      ${this.#keys(domain)}</div>`;
  }

  #record(record) {
    const line = (label, value, extra) => html`<dt>${label}</dt><dd class="row"><code dir="auto">${value}</code>${extra ?? nothing}</dd>`;
    const [title, why] = PURPOSES[record.purpose] ?? [record.purpose, ''];
    return html`<li class="stack tight"><div class="row wrap between"><h3>${title}</h3>${stateOf(RECORD, record.state)}</div><p class="note">${why}${record.is_required ? '' : ' Nothing stops without it.'}</p>
      <dl class="facts">${line(`${record.type} name`, record.name, copy(record.name, `Copy the name of ${title}`))}${record.value ? line('Expected', record.value, copy(record.value, `Copy the value of ${title}`)) : nothing}
      ${record.found.length ? record.found.map((one) => line('Found', one === record.value ? 'the same' : one)) : html`<dt>Found</dt><dd class="quiet">Nothing</dd>`}${record.lookups ? html`<dt>Look-ups</dt><dd>${record.lookups} of 10</dd>` : nothing}</dl>
      ${record.findings.length ? html`<ul class="checks">${record.findings.map((one) => html`<li class=${one.is_error ? 'bad' : 'open'}>${icon(one.is_error ? 'warn' : 'info')}<p>${one.detail} <span class="quiet">${one.remedy}</span></p></li>`)}</ul>` : nothing}</li>`;
  }

  #tracking(one) {
    return html`<section class="card"><div class="row wrap between"><h2>Certificate of the tracking host</h2>${stateOf(CERTIFICATE, one.state)}</div><div class="stack"><p class="note">${one.detail}</p>
      ${facts([['Host', html`<code>${one.host}</code>`], ['Links of new mails', one.is_used ? 'Under this host' : 'Under the platform’s host'], ['Issued', one.issued_at && time(one.issued_at)], ['Expires', one.expires_at && time(one.expires_at)],
    ['Renewed', one.renews_at && time(one.renews_at)], ['Tried next', one.next_attempt_at && time(one.next_attempt_at)]])}
      <p class="note">What is noticed at all is set for the company. <a href="/dashboard/settings/sending">Sending settings</a></p></div></section>`;
  }

  #again = (done) => { if (done) [this.keyring, this.one].forEach((one) => one.reload()); };

  #keys(domain) {
    const admin = session.may('admin');
    const retire = (key) => confirm({
      title: `Destroy the key ${key.selector}`, text: 'It signs nothing more, and can never be brought back. Without another one mail goes unsigned until a new record is published.', action: 'Destroy', danger: true, reason: 'Reason',
      run: (reason) => api.post('/api/v1/signing-keys/retire', { domain: domain.domain, selector: key.selector, reason }),
    }).then(this.#again);
    return html`<section><div class="row between wrap"><h2>Signing keys</h2><div class="actions">${session.may('member') ? html`<button type="button" @click=${() => attempt(() => api.post('/api/v1/signing-keys/check', { domain: domain.domain }), 'Looked in DNS.').then(this.#again)}>Look in DNS</button>` : nothing}${admin ? html`<button type="button" @click=${() => confirm({
      title: 'Make new keys', text: 'The present keys stay in use until DNS shows the new ones. Publish the new records that then stand above.', action: 'Make new keys', run: () => api.post('/api/v1/signing-keys/rotate', { domain: domain.domain }),
    }).then(this.#again)}>Make new keys</button>` : nothing}</div></div>
      <div class="section">${show(this.keyring, { empty: () => empty({ title: 'No keys', text: 'They are made when the domain is added.', mark: 'domains' }), data: (rows) => html`<pm-table caption="Signing keys" .rows=${rows} .key=${(row) => row.selector} .columns=${[
    { label: 'Selector', cell: (row) => html`<code>${row.selector}</code>`, main: true },
    { label: 'Kind', small: 'hide', cell: (row) => row.algorithm },
    { label: 'State', cell: (row) => status(row.state) },
    { label: 'To do', cell: (row) => html`${KEYS[row.action] ?? row.action}${row.state === 'retiring' && row.removable_at ? html` from ${time(row.removable_at)} on` : nothing}` },
    { label: 'Seen in DNS', cell: (row) => time(row.seen_at) },
    ...(admin ? [{ label: 'Actions', hideLabel: true, end: true, cell: (row) => (row.state === 'retired' ? nothing : html`<button type="button" class="quiet small" @click=${() => retire(row)}>Destroy<span class="hidden"> ${row.selector}</span></button>`) }] : []),
  ]}></pm-table>` })}</div></section>`;
  }

  #selectors(domain) {
    const close = () => this.setQuery({ open: '' });
    this.form ??= new Form(this, {
      initial: { dkim_selectors: domain.dkim_selectors.join(', ') },
      send: (values) => api.patch(`/api/v1/domains/${domain.id}`, { dkim_selectors: values.dkim_selectors.split(/[\s,]+/).filter(Boolean) }),
      done: (answer) => { this.one.set(answer); close(); },
    });
    return dialog({ title: 'Keys of a mail provider', onClose: close, body: this.form.render(this.form.field('dkim_selectors', { label: 'Selectors', placeholder: 'google, selector1', hint: 'Where your provider signs itself: the names under which its keys stand, at most 5.' })) });
  }

  #remove = () => confirm({
    title: `Remove ${this.one.data.domain}`, text: 'Its signing keys are destroyed; campaigns can no longer be launched from it.', action: 'Remove domain', danger: true, word: this.one.data.domain, run: () => api.delete(`/api/v1/domains/${this.params.id}`),
  }).then((done) => { if (done) { toast('The domain is removed.'); go(`/dashboard/workspaces/${this.params.slug}/domains`); } });
}
