// How far a campaign is: where its leads are, why it waits, what failed, what its mails came to, and why each lead was mailed or not.
import { List, Resource, Screen, api, clock, confirm, count, day, drawer, duration, empty, field, filters, go, header, html, icon, menu, nothing, parts, percent, plural, readQuery, session, show, stat, status, tabs, time, toast, toastError, words } from '../ui.js';
import { facts, timeline } from '../ui/data.js';
import { act, actionsOf, entries } from './campaigns.js';
import { ways } from './unclear.js';
import { EXITS, PARTS, WAITS, again, causes, left, secondsLeft } from './campaign.js';

const OVER = ['finished', 'failed', 'suppressed', 'replied', 'bounced', 'complained', 'unsubscribed', 'removed'];
const ALWAYS = ['finished', 'waiting', 'queued', 'deferred', 'failed', 'suppressed'];
const FIGURES = [['delivered', 'Delivered'], ['opened', 'Opened'], ['clicked', 'Clicked'], ['replied', 'Replied'], ['bounced', 'Bounced'], ['unsubscribed', 'Unsubscribed']];
const EVERY = 3_000;

/** "Mon, 30 Nov, 09:00 (Europe/Oslo)", with how far off it is. */
const at = (value, zone) => html`${new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZone: zone }).format(new Date(value))} (${zone}), ${time(value)}`;

export class Progress extends Screen {
  static query = { tab: '', status: '', lead: '', by: 'variant', interval: 'day' };

  campaign = new Resource(this, (signal) => api.get(this.path, { signal }), { every: 10_000 });

  progress = new Resource(this, async (signal) => {
    const now = await api.get(`${this.path}/progress`, { signal });
    const said = JSON.stringify(now);
    if (said !== this.said) {
      if (this.said) this.failed.reload();
      Object.assign(this, { said, movedAt: Date.now() });
    }
    if (now.status !== this.campaign.data?.status) this.campaign.reload();
    return now;
  }, { every: EVERY });

  forecast = new Resource(this, (signal) => api.get(`${this.path}/forecast`, { signal }), { every: 60_000 });

  failed = new Resource(this, async (signal) => {
    const [failed, bounced, unclear] = await Promise.all([
      ...['failed', 'bounced'].map((name) => api.get(`${this.path}/enrolments`, { query: { status: name, limit: 100 }, signal })),
      api.get('/api/v1/sends/ambiguous', { query: { campaign: this.params.id, limit: 100 }, signal })]);
    return { causes: causes([...failed.data, ...bounced.data]), unclear: unclear.data };
  }, { every: 30_000 });

  figures = new Resource(this, async (signal) => {
    const { by, interval } = this.query;
    const [groups, series] = await Promise.all([api.get(`${this.path}/analytics`, { query: { group: by }, signal }), api.get(`${this.path}/analytics/series`, { query: { interval }, signal })]);
    return { groups, series };
  }, { auto: false });

  people = new List(this, (cursor, signal) => api.get(`${this.path}/enrolments`, { query: { status: this.query.status, cursor, limit: 50 }, signal }), { auto: false });

  log = new Resource(this, (signal) => api.get(`${this.path}/enrolments/${this.query.lead}`, { signal }), { auto: false });

  get path() { return `/api/v1/campaigns/${this.params.id}`; }

  connectedCallback() {
    super.connectedCallback();
    this.#read();
  }

  /** Reads what the query asks for otherwise than before. */
  #read(before = {}) {
    const { tab, lead } = this.query;
    const other = (...names) => names.some((name) => before[name] !== this.query[name]);
    if (tab === 'figures' && other('tab', 'by', 'interval')) this.figures.reload();
    if (tab === 'leads' && other('tab', 'status')) this.people.reload({ fresh: true });
    if (lead && other('lead')) this.log.reload({ fresh: true });
  }

  routeChanged(before) {
    if (before.params.id !== this.params.id) for (const one of [this.campaign, this.progress, this.forecast, this.failed]) one.reload({ fresh: true });
    this.#read(before.params.id === this.params.id ? readQuery(before.search, Progress.query) : {});
  }

  get keys() {
    const name = session.may('member') && this.campaign.data ? actionsOf(this.campaign.data).find((one) => ['pause', 'resume'].includes(one)) : null;
    return name ? { p: { label: `${words(name)} the campaign`, run: () => this.#act(name) } } : {};
  }

  #act = (name) => act(this.campaign.data, name, this.progress.data).then((answer) => answer && this.#changed(answer));

  #changed = (answer) => {
    if (!answer) return;
    this.campaign.set(answer);
    for (const one of [this.progress, this.forecast]) one.reload();
    toast(`${answer.name}: ${words(answer.status).toLowerCase()}.`);
  };

  render() {
    const campaign = this.campaign.data;
    const { tab } = this.query;
    const base = `/dashboard/workspaces/${this.params.slug}/campaigns`;
    const main = session.may('member') && campaign ? actionsOf(campaign).find((name) => name !== 'stop' && name !== 'archive') : null;
    return html`${header({
      title: campaign?.name ?? 'Campaign', back: { href: base, label: 'Campaigns' }, badge: campaign ? status(campaign.status) : nothing,
      actions: campaign ? html`${main ? html`<button type="button" class=${main === 'resume' ? 'primary' : ''} @click=${() => this.#act(main)}>${icon(main === 'pause' ? 'pause' : 'play')}${{ pause: 'Pause', resume: 'Resume', unschedule: 'Take back' }[main]}</button>` : nothing}${session.may('member') ? menu('More', entries(campaign, this.params.slug, this.#changed, this.progress.data)) : nothing}` : nothing,
    })}${show(this.campaign, { data: () => html`${this.#why(campaign)}
      ${tabs('View', [['', 'Progress'], ['figures', 'Figures'], ['leads', 'Leads']].map(([value, label]) => ({ label, href: this.href({ tab: value, status: '', lead: '' }), current: tab === value })))}
      ${tab === 'figures' ? this.#figures() : tab === 'leads' ? this.#people() : this.#overview(campaign)}` })}
      ${this.query.lead ? drawer({ title: this.log.data?.enrolment.email ?? 'Lead', onClose: () => this.setQuery({ lead: '' }), body: this.#log() }) : nothing}`;
  }

  /** Why nobody is mailed, and until when. */
  #why(campaign) {
    const { status: state, waiting_reason: why, next_at: next, status_reason: reason, starts_at: begins, schedule } = campaign;
    const zone = schedule.window?.zone ?? schedule.zone;
    const open = this.progress.data ? left(this.progress.data) : 0;
    const text = state === 'active' && why ? html`It waits: ${WAITS[why] ?? words(why)}. ${next ? html`It looks again ${at(next, zone)}.` : nothing}`
      : state === 'paused' ? html`Paused${reason ? html`: <span dir="auto">${reason}</span>` : nothing}. Nothing new goes out; when you resume, nobody receives a mail twice.`
        : state === 'scheduled' ? html`It begins ${at(begins, zone)}.`
          : state === 'draft' ? html`A draft: nobody is written to. <a href="${this.route.pathname}/edit">Go on with it</a>`
            : ['completed', 'archived'].includes(state) && (reason || open) ? html`${words(state)}${reason ? html`: <span dir="auto">${reason}</span>` : nothing}.${open ? ` Still unclear: ${plural(open, 'lead')}.` : nothing}` : null;
    return text ? html`<p class="hint ${state === 'draft' ? '' : 'warn'}">${icon('clock')}<span>${text}</span></p>` : nothing;
  }

  #overview(campaign) {
    return html`<div class="stack section">${show(this.progress, { data: (now) => html`<div class="stack"><section class="card"><div class="row between"><h2>Leads</h2><span class="quiet row">${this.progress.every ? `at ${clock(this.progress.loadedAt)}` : 'held'}<button type="button" class="quiet small" @click=${this.#hold}>${icon(this.progress.every ? 'pause' : 'play')}${this.progress.every ? 'Hold' : 'Follow'}</button></span></div>
      ${now.is_enrolled || now.total ? parts({ label: 'Leads', total: now.total, parts: PARTS.filter(([name]) => now[name] || ALWAYS.includes(name)).map(([name, label, tone]) => ({ label, value: now[name], tone, href: now[name] ? this.href({ tab: 'leads', status: name }) : undefined })) }) : html`<p class="note">${campaign.launched_at ? 'Its leads are being taken in.' : 'It has not begun.'}</p>`}
      ${this.#still(now)}</section>
      <div class="stats">${stat({ label: 'Mails sent', value: now.mails })}${stat({ label: 'With the mail server', value: now.outstanding, note: now.deferred ? `${plural(now.deferred, 'is', 'are')} tried again later` : undefined })}
      ${stat({ label: 'Rate', value: now.rate_per_second == null ? '–' : `${count(Math.round(now.rate_per_second * 60))}`, note: 'mails a minute while sending' })}${stat({ label: now.finished_at ? 'Ended' : 'Expected end', ...this.#end(now) })}</div></div>` })}
      ${show(this.failed, { data: (failed) => this.#failed(failed) })}</div>`;
  }

  #hold = () => {
    this.progress.every = this.progress.every ? 0 : EVERY;
    if (this.progress.every) this.progress.reload();
    this.requestUpdate();
  };

  #still(now) {
    if (!now.outstanding || now.status !== 'active' || !this.progress.every || Date.now() - this.movedAt < 3 * EVERY) return nothing;
    return html`<p class="note section">Nothing has moved since ${clock(this.movedAt)}: ${now.deferred === now.outstanding ? 'the receiving servers said “later”' : WAITS[now.waiting_reason] ?? 'the mails wait for their turn with the mail server'}.</p>`;
  }

  #end(now) {
    if (now.finished_at) return { value: time(now.finished_at) };
    const soon = secondsLeft(now);
    const ahead = this.forecast.data;
    if (now.status === 'paused') return { value: '–', note: 'paused' };
    if (ahead?.last_mail_at) return { value: day(ahead.last_mail_at), note: `${plural(ahead.mails, 'mail')} to come, if nobody answers` };
    return soon ? { value: duration(Math.ceil(soon)), note: 'for what is queued' } : { value: '–', note: left(now) ? 'cannot be told yet' : undefined };
  }

  #failed({ causes: list, unclear }) {
    if (!list.length && !unclear.length) return nothing;
    return html`<section class="card"><h2>What failed</h2><ul class="checks">${unclear.length ? html`<li class="warn">${icon('warn')}<div><p><b>${plural(unclear.length, 'mail')}</b> of which nobody knows whether it arrived</p><p class="note" dir="auto">The line broke before the server’s answer. ${unclear.slice(0, 3).map((one) => one.recipient).join(', ')}${unclear.length > 3 ? ' …' : ''}</p></div>
      <a href="/dashboard/unclear?campaign=${this.params.id}">Show<span class="hidden"> unclear mails</span></a>${session.may('member') ? menu('Settle', ways(unclear, () => [this.failed, this.progress].forEach((one) => one.reload())), { text: 'Settle', mark: 'down' }) : nothing}</li>` : nothing}
      ${list.map(({ cause, rows }) => html`<li class="bad">${icon('stop')}<div><p><b>${plural(rows.length, 'lead')}</b> ${words(cause)}</p><p class="note" dir="auto">${rows.slice(0, 3).map((one) => one.email ?? 'erased').join(', ')}${rows.length > 3 ? ' …' : ''}</p><p class="note">Final: not tried again by itself.</p></div>${rows[0].exit_reason === 'refused' && session.may('member') ? html`<button type="button" class="small" @click=${this.#again}>Write again</button>` : nothing}<a href=${this.href({ tab: 'leads', status: rows[0].status })}>Show<span class="hidden"> ${cause}</span></a></li>`)}</ul></section>`;
  }

  /** What a refused mail said is gone, so no mail goes twice by itself: a copy of the campaign writes to those leads. */
  #again = async () => {
    const campaign = this.campaign.data;
    const rows = [];
    try {
      for (let cursor; cursor !== null;) {
        const { data, page } = await api.get(`${this.path}/enrolments`, { query: { status: 'failed', cursor, limit: 100 } });
        rows.push(...data.filter((one) => one.exit_reason === 'refused'));
        cursor = page.next ?? null;
      }
    } catch (error) {
      return toastError(error);
    }
    const leads = [...new Set(rows.map((one) => one.lead))];
    const later = rows.filter((one) => one.step > 1).length;
    let list;
    let made;
    const done = await confirm({
      title: `Write to ${plural(leads.length, 'lead')} again`, action: 'Make the draft',
      text: `The ${plural(leads.length, 'lead')} whose mail was refused become a list, and a copy of this campaign writes to it. Nothing goes out before you launch the draft.${later ? ` ${plural(later, 'lead')} got the mails before; the copy begins with the first one.` : ''}`,
      run: async () => {
        list ??= await api.post('/api/v1/lists', { workspace: campaign.workspace, name: `Refused: ${campaign.name.slice(0, 60)}, ${day(Date.now())} ${clock(Date.now())}` });
        for (let at = 0; at < leads.length; at += 1_000) await api.post(`/api/v1/lists/${list.id}/leads`, { leads: leads.slice(at, at + 1_000) });
        made = await api.post('/api/v1/campaigns', again(campaign, list.id));
      },
    });
    return done && go(`/dashboard/workspaces/${this.params.slug}/campaigns/${made.id}/edit`);
  };

  #figures() {
    const { by, interval } = this.query;
    const choose = (name, label, value, options) => field({ name, label, type: 'select', value, options, onInput: (next) => this.setQuery({ [name]: next }) });
    const rate = (name) => (row) => html`<span class="nowrap">${percent(row.figures.rates[name] ?? (name === 'delivered' && row.figures.sent ? row.figures.delivered / row.figures.sent : null))} <span class="quiet">(${count(row.figures[name])})</span></span>`;
    return html`<div class="section stack"><div class="row wrap">${choose('by', 'Tell apart', by, [['variant', 'By step and variant'], ['step', 'By step'], ['day', 'By day']])}${choose('interval', 'A point is', interval, [['day', 'a day'], ['week', 'a week']])}
      <a class="button" href="${this.path}/analytics.csv" download>${icon('download')}CSV</a></div>${show(this.figures, {
    data: ({ groups, series }) => html`<pm-chart label="Mails over time" kind=${series.points.length > 1 ? 'lines' : 'bars'} .labels=${series.points.map((one) => one.from)} .series=${[['sent', 'Sent'], ['replied', 'Replied'], ['opened', 'Opened'], ['bounced', 'Bounced']].slice(0, series.points.length > 1 ? 4 : 1).map(([name, label]) => ({ label, values: series.points.map((one) => one.figures[name]) }))}></pm-chart>
      <pm-table caption="Figures" .rows=${[...groups.groups.filter((one) => by === 'day' || one.kind === 'email'), { total: true, figures: groups.totals }]} .key=${(row) => `${row.day}${row.step}${row.variant}`} .columns=${[
    { label: by === 'day' ? 'Day' : 'Mail', main: true, cell: (row) => (row.total ? html`<b>All</b>` : row.day ? day(row.day) : html`<div>Step ${row.step}${row.variant && groups.groups.filter((one) => one.step === row.step).length > 1 ? ` ${row.variant}` : ''}${row.is_winner ? html` ${status('ok', { word: 'Winner' })}` : nothing}<p class="note" dir="auto">${row.template?.name ?? row.templates?.map((one) => one.name).join(', ')}</p></div>`) },
    { label: 'Sent', cell: (row) => count(row.figures.sent), end: true }, ...FIGURES.map(([name, label]) => ({ label, cell: rate(name), end: true }))]}></pm-table>
      <p class="note">Days are those of ${groups.zone}. Opens and clicks are those of people; scanners made ${plural(groups.totals.machine_opened, 'open')} more.</p>` })}</div>`;
  }

  #people() {
    const { status: chosen } = this.query;
    return html`<div class="section">${filters({ body: field({ name: 'status', label: 'State', hideLabel: true, type: 'select', value: chosen, options: [['', 'Every state'], ...PARTS.map(([name, label]) => [name, label])], onInput: (value) => this.setQuery({ status: value }) }) })}
      ${show(this.people, {
    data: (rows) => html`<pm-table caption="Leads of the campaign" .rows=${rows} .list=${this.people} .columns=${this.columns}></pm-table>`,
    empty: () => empty({ title: 'Nobody yet', text: 'Leads are taken in when the campaign begins.', mark: 'leads' }), isFiltered: chosen !== '', clear: () => this.setQuery({ status: '' }) })}</div>`;
  }

  columns = [
    { label: 'Lead', cell: (row) => row.email ?? 'erased', open: (row) => this.setQuery({ lead: row.id }, { push: true }) },
    { label: 'State', cell: (row) => status(row.status) },
    { label: 'Step', cell: (row) => row.step, end: true },
    { label: 'Next', cell: (row) => time(row.due_at) },
    { label: 'Ended', cell: (row) => (row.finished_at ? html`<div>${time(row.finished_at)}<p class="note">${EXITS[row.exit_reason] ?? ''}</p></div>` : time(null)), small: 'hide' },
  ];

  #log() {
    return show(this.log, { data: ({ enrolment, zone, log, lead }) => html`<div class="stack">${facts([['State', status(enrolment.status)], ['Step', enrolment.step], ['Next', enrolment.due_at && time(enrolment.due_at)], ['Clock', zone]])}
      ${timeline(log.map((one) => ({ at: one.at, title: one.text, tone: /refused|bounce|failed|complain/.test(one.code) ? 'bad' : /sent|replied|finished/.test(one.code) ? 'good' : '' })))}
      <div class="actions"><a class="button" href="/dashboard/leads?open=${lead}">Open the lead</a>${session.may('member') && !OVER.includes(enrolment.status) ? html`<button type="button" class="danger" @click=${() => this.#remove(enrolment)}>Take out</button>` : nothing}</div></div>` });
  }

  #remove(enrolment) {
    confirm({ title: `Take ${enrolment.email} out`, text: '1 lead gets no more mail of this campaign. This cannot be taken back.', action: 'Take out', danger: true, reason: 'Reason', required: false, run: (reason) => api.post(`${this.path}/enrolments/${enrolment.id}/stop`, reason ? { reason } : {}) }).then((done) => {
      if (!done) return;
      for (const one of [this.log, this.people, this.progress]) one.reload();
    });
  }
}
