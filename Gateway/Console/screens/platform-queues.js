// The queues as the operator sees and works them.
import { List, Live, Resource, Screen, api, clock, confirm, count, duration, empty, filters, header, html, icon, nothing, plural, show, stat, status, tabs, time, toast, words } from '../ui.js';
import { facts, json, timeline } from '../ui/data.js';

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
