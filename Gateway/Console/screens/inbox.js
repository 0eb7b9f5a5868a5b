// Answers to campaigns: threads as they come, read, answered through the mailbox that got them.
import { Form, List, Live, Resource, Screen, api, bytes, confirm, drafts, empty, field, filters, go, header, html, icon, menu, nothing, openDialog, readQuery, repeat, session, show, status, tabs, time, toast, toastError, words } from '../ui.js';
import '../ui/data.js';

const VIEWS = {
  '': ['Open', 'open', {}], unread: ['Unread', 'unread', { unread: true }], mine: ['Mine', 'assigned_to_me', { assigned_to: 'me' }], nobody: ['Unassigned', 'unassigned', { assigned_to: 'nobody' }],
  snoozed: ['Snoozed', 'snoozed', { state: 'snoozed' }], archived: ['Archived', 'archived', { state: 'archived' }],
};
const KINDS = [['', 'Every kind'], ['reply', 'Replies'], ['out_of_office', 'Out of office'], ['auto_reply', 'Automatic'], ['unsubscribe_wish', 'Wants to unsubscribe'], ['unknown', 'Unclear']];
const SENT = { planned: 'waiting', claimed: 'waiting', data_sent: 'waiting', accepted: 'sent', refused: 'refused', deferred: 'deferred', ambiguous: 'unclear', suppressed: 'held', cancelled: 'cancelled' };
const FILTERS = ['q', 'kind', 'mailbox', 'campaign', 'label'];

/** Whether a thread belongs into a view. */
const fits = (thread, view, me) => (['snoozed', 'archived'].includes(view) ? thread.state === view : thread.state === 'open'
  && ({ unread: thread.is_unread, mine: thread.assigned_to === me, nobody: !thread.assigned_to }[view] ?? true));

/** Times to come back at: [label, Date]. */
function later(now = new Date()) {
  const at = (days, hour) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  return [['In 3 hours', new Date(+now + 10_800_000)], ['Tomorrow, 9:00', at(1, 9)], ['Next Monday, 9:00', at(((8 - now.getDay()) % 7) || 7, 9)]];
}

export class Inbox extends Screen {
  static query = { view: '', q: '', kind: '', mailbox: '', campaign: '', label: '' };

  list = new List(this, (cursor, signal) => {
    const { view, ...rest } = this.query;
    return api.get('/api/v1/inbox/threads', { query: { ...rest, ...VIEWS[view]?.[2], cursor, limit: 50 }, signal });
  }, { every: 60_000 });

  counts = new Resource(this, (signal) => api.get('/api/v1/inbox/counts', { signal }), { every: 60_000 });

  around = new Resource(this, async (signal) => {
    const [mailboxes, campaigns, people] = await Promise.all(['mailboxes', 'campaigns', 'users'].map((name) => api.get(`/api/v1/${name}`, { query: { limit: 100 }, signal }).catch(() => ({ data: [] }))));
    return { mailboxes: mailboxes.data, campaigns: campaigns.data, people: people.data };
  });

  thread = new Resource(this, async (signal) => {
    const { id } = this.params;
    const read = await api.get(`/api/v1/inbox/threads/${id}`, { signal });
    if (this.form?.thread !== id) this.#compose(id);
    if (read.thread.is_unread && this.seen !== id && session.may('member')) this.#do('read', read.thread).catch(() => {});
    this.seen = id;
    this.thread.every = read.messages.some((one) => SENT[one.send_state] === 'waiting') ? 3_000 : 0;
    return read;
  }, { auto: false });

  live = new Live(this, '/api/v1/inbox/live', { thread: (thread) => this.#merge(thread) }, { onResume: () => this.list.reload() });

  connectedCallback() {
    super.connectedCallback();
    if (this.params.id) this.thread.reload();
  }

  routeChanged(before) {
    const changed = readQuery(before.search, Inbox.query);
    if (Object.keys(changed).some((name) => changed[name] !== this.query[name])) this.list.reload({ fresh: true });
    if (before.params.id === this.params.id) return;
    this.seen = null;
    if (this.params.id) this.thread.reload({ fresh: true }).then(() => this.querySelector('.thread h2')?.focus());
  }

  /** Takes a thread as it is now: into its place, to the top, or out of this view. */
  #merge(thread) {
    const rows = this.list.data ?? [];
    const known = rows.some((one) => one.id === thread.id);
    const stays = fits(thread, this.query.view, session.user.id) || thread.id === this.params.id;
    if (known) this.list.set(rows.filter((one) => one.id !== thread.id || stays).map((one) => (one.id === thread.id ? thread : one)).sort((a, b) => b.last_at.localeCompare(a.last_at)));
    else if (stays && fits(thread, this.query.view, session.user.id)) this.list.reload();
    if (thread.id === this.params.id && this.thread.data) {
      if (thread.last_at === this.thread.data.thread.last_at) this.thread.set({ ...this.thread.data, thread });
      else this.thread.reload();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.counts.reload(), 500);
  }

  #compose(id) {
    const send = (values, key, more) => api.post(`/api/v1/inbox/threads/${id}/reply`, { text: values.text, ...more }, { key });
    this.form = new Form(this, {
      initial: { text: '' }, draft: `reply:${id}`,
      send: async (values, key) => {
        try {
          return await send(values, key);
        } catch (error) {
          if (error.kind !== 'recipient_suppressed') throw error;
          let answer;
          await confirm({ title: 'Answer all the same?', text: 'This person must not be written to by campaigns. Your answer is one mail by hand.', action: 'Send', run: async () => { answer = await send(values, undefined, { confirm_suppressed: true }); } });
          if (!answer) throw error;
          return answer;
        }
      },
      done: () => { this.form.set('text', ''); drafts.forget(`reply:${id}`); toast('Your answer is on its way.'); this.thread.reload(); },
    });
    this.form.thread = id;
  }

  async #do(name, thread, body) {
    const answer = await api.post(`/api/v1/inbox/threads/${thread.id}/${name}`, body);
    this.#merge(answer);
    return answer;
  }

  #act = (name, thread, body) => this.#do(name, thread, body).catch(toastError);

  /** Puts a thread away and goes on to the next. */
  async #away(thread, name, said, body) {
    const next = this.#beside(thread.id, 1) ?? this.#beside(thread.id, -1);
    if (!await this.#act(name, thread, body)) return;
    this.list.set(this.list.data.filter((one) => one.id !== thread.id));
    if (this.params.id === thread.id) go(this.#place(this.wide && next ? next.id : ''), { keep: true });
    toast(said, { undo: () => this.#act(name === 'archive' ? 'unarchive' : 'unsnooze', thread).then(() => this.list.reload()) });
  }

  get wide() { return innerWidth > 960; }

  #beside(id, by) {
    const rows = this.list.data ?? [];
    return rows[rows.findIndex((one) => one.id === id) + by];
  }

  #place(id) { return `/dashboard/inbox${id ? `/${id}` : ''}${this.route.search}`; }

  get keys() {
    const open = this.thread.data?.thread.id === this.params.id ? this.thread.data?.thread : null;
    const focused = () => open ?? this.list.data?.find((one) => one.id === document.activeElement.closest('[data-row]')?.dataset.row);
    const step = (by) => () => { const next = this.#beside(open.id, by); if (next) go(this.#place(next.id), { keep: true }); };
    return {
      ...(open ? { j: { label: 'Next thread', run: step(1) }, k: { label: 'Thread before', run: step(-1) } } : {}),
      ...(session.may('member') ? { e: { label: 'Archive the thread', run: () => { const one = focused(); if (one && one.state !== 'archived') this.#away(one, 'archive', 'Archived.'); } }, ...(open ? { r: { label: 'Reply', run: () => this.querySelector('.thread textarea')?.focus() } } : {}) } : {}),
    };
  }

  render() {
    const { view, q, kind, mailbox, campaign, label } = this.query;
    const counts = this.counts.data;
    const { mailboxes = [], campaigns = [] } = this.around.data ?? {};
    const set = (name) => (value) => this.setQuery({ [name]: value });
    const pick = (name, text, value, options) => field({ name, label: text, hideLabel: true, type: 'select', value, options, onInput: set(name) });
    return html`${header({ title: 'Inbox', badge: this.live.state === 'lost' ? status('warning', { word: 'Not live' }) : nothing })}
      <div class=${this.params.id ? 'reading' : ''}><div class="choose">${tabs('View', Object.entries(VIEWS).map(([value, [text, name]]) => ({ label: text, href: this.href({ view: value }), count: counts?.[name], current: view === value })))}
      ${filters({ search: { value: q, label: 'Address or subject', onInput: set('q') }, chips: [label && { label: `Label: ${label}`, onRemove: () => set('label')('') }], body: html`${pick('kind', 'Kind', kind, KINDS)}${mailboxes.length > 1 ? pick('mailbox', 'E-mail account', mailbox, [['', 'Every account'], ...mailboxes.map((one) => [one.id, one.address])]) : nothing}${campaigns.length ? pick('campaign', 'Campaign', campaign, [['', 'Every campaign'], ...campaigns.map((one) => [one.id, one.name])]) : nothing}` })}</div>
      <div class="inbox"><section aria-label="Threads">${show(this.list, {
    data: (rows) => this.#rows(rows), isFiltered: FILTERS.some((name) => this.query[name]), clear: () => this.setQuery(Object.fromEntries(FILTERS.map((name) => [name, '']))),
    empty: () => empty(view ? { title: 'Nothing here', text: 'No thread is in this view.' } : { title: 'No open answers', text: 'When somebody answers a campaign, it shows here at once.' }) })}</section>
      <section class="thread" aria-label="Thread">${this.params.id ? html`<a class="button" href=${this.#place('')}>${icon('left')}Threads</a>${show(this.thread, { data: (read) => this.#thread(read) })}` : html`<p class="note">Choose a thread.</p>`}</section></div></div>`;
  }

  #rows(rows) {
    return html`<ul class="threads">${repeat(rows, (one) => one.id, (one) => html`<li data-row=${one.id} class=${one.is_unread ? 'unread' : ''}><a href=${this.#place(one.id)} data-main data-keep aria-current=${one.id === this.params.id ? 'true' : nothing}>
      <span class="row between"><b dir="auto">${one.contact_name || one.contact}</b>${time(one.last_at)}</span><span dir="auto">${one.is_unread ? html`<span class="hidden">Unread: </span>` : nothing}${one.subject}</span><span class="quiet" dir="auto">${one.snippet}</span>
      <span class="row wrap">${one.kind === 'reply' ? nothing : status(one.kind, { tone: one.kind === 'unsubscribe_wish' ? 'bad' : 'none' })}${one.label ? status(one.label, { word: one.label, tone: 'none' }) : nothing}${one.assigned_to ? html`<span class="quiet">${this.#name(one.assigned_to)}</span>` : nothing}${one.snoozed_until ? html`<span class="quiet">back ${time(one.snoozed_until)}</span>` : nothing}</span></a></li>`)}</ul>
      ${this.list.next ? html`<div class="foot"><button type="button" @click=${() => this.list.more()}>Show more</button></div>` : nothing}`;
  }

  #name(id) { return id === session.user.id ? 'You' : this.around.data?.people.find((one) => one.user === id)?.name ?? 'Somebody'; }

  #thread({ thread, messages, has_older: older, mails }) {
    const campaign = this.around.data?.campaigns.find((one) => one.id === thread.campaign);
    const slug = session.list?.find((one) => one.id === thread.workspace)?.slug;
    return html`<div class="stack"><header class="stack tight"><div class="row between wrap"><h2 tabindex="-1" dir="auto">${thread.subject}</h2>${session.may('member') ? this.#actions(thread) : nothing}</div>
      <p class="note" dir="auto"><b>${thread.contact_name ?? ''}</b> ${thread.contact} ${campaign && slug ? html` answers <a href="/dashboard/workspaces/${slug}/campaigns/${campaign.id}?tab=leads&lead=${thread.enrolment ?? ''}" dir="auto">${campaign.name}</a>` : nothing}${thread.assigned_to ? html`, for ${this.#name(thread.assigned_to)}` : nothing}${thread.label ? html`, labelled <a href=${`/dashboard/inbox?label=${encodeURIComponent(thread.label)}`} dir="auto">${thread.label}</a>` : nothing}</p></header>
      ${older ? html`<button type="button" @click=${() => this.#older(messages[0].id)}>Older messages</button>` : nothing}
      ${older ? nothing : mails.map((one) => html`<p class="note">Mail of step ${one.send_key.split(':')[2]} of the campaign: ${SENT[one.state] ?? words(one.state)}, ${time(one.at)}</p>`)}
      ${repeat(messages, (one) => one.id, (one) => this.#message(one))}
      ${session.may('member') ? this.#reply(thread) : nothing}</div>`;
  }

  #actions(thread) {
    const me = session.user.id;
    const others = (this.around.data?.people ?? []).filter((one) => one.user !== me);
    const back = { archived: 'unarchive', snoozed: 'unsnooze' }[thread.state];
    return html`<div class="actions">${back ? html`<button type="button" @click=${() => this.#act(back, thread)}>${thread.state === 'archived' ? 'Take out of the archive' : 'Wake now'}</button>` : html`<button type="button" @click=${() => this.#away(thread, 'archive', 'Archived.')}>${icon('check')}Archive</button>
      ${menu('Snooze', [...later().map(([text, until]) => ({ label: text, run: () => this.#away(thread, 'snooze', `Snoozed: ${text.toLowerCase()}.`, { until: until.toISOString() }) })), { label: 'Choose a time', run: () => this.#ask('Snooze until', 'datetime-local', (value) => this.#away(thread, 'snooze', 'Snoozed.', { until: new Date(value).toISOString() })) }], { text: 'Snooze', mark: 'clock' })}`}
      ${menu('Assign', [{ label: 'To me', run: () => this.#act('assign', thread, { to: me }) }, ...others.map((one) => ({ label: `To ${one.name}`, run: () => this.#act('assign', thread, { to: one.user }) })), thread.assigned_to && { label: 'To nobody', run: () => this.#act('assign', thread, { to: null }) }], { text: 'Assign', mark: 'down' })}
      ${menu('More', [{ label: 'Mark as unread', run: () => this.#act('unread', thread) }, { label: 'Label', run: () => this.#ask('Label', 'text', (value) => this.#act('label', thread, { label: value || null }), thread.label) }])}</div>`;
  }

  #ask(title, type, run, value = '') {
    openDialog({ title, body: ({ close }) => html`<form class="stack" @submit=${(event) => { event.preventDefault(); run(new FormData(event.currentTarget).get('value').trim()); close(); }}>${field({ name: 'value', label: title, hideLabel: true, type, value, maxlength: 64, required: type !== 'text' })}<div class="actions end"><button class="primary">Save</button></div></form>` });
  }

  async #older(before) {
    try {
      const read = await api.get(`/api/v1/inbox/threads/${this.params.id}`, { query: { before } });
      const now = this.thread.data;
      this.thread.set({ ...now, has_older: read.has_older, messages: [...read.messages, ...now.messages] });
    } catch (error) {
      toastError(error);
    }
  }

  #message(one) {
    return html`<article class="card stack ${one.direction}"><div class="row between wrap"><span dir="auto"><b>${one.from.name || one.from.address}</b> ${one.author ? html`<span class="quiet">by ${this.#name(one.author)}</span>` : nothing} ${one.send_state ? status(SENT[one.send_state] ?? one.send_state) : one.kind === 'reply' ? nothing : status(one.kind, { tone: 'none' })}</span>${time(one.at)}</div>
      <p class="said" dir="auto">${one.text}</p>
      ${one.quoted ? html`<details><summary>Quoted text</summary><p class="said quiet" dir="auto">${one.quoted}</p></details>` : nothing}
      ${one.html ? html`<details @toggle=${(event) => { this.shown = { ...this.shown, [one.id]: event.currentTarget.open }; this.requestUpdate(); }}><summary>As it was laid out</summary>${this.shown?.[one.id] ? html`<pm-preview .html=${one.html} label="HTML of the mail"></pm-preview>` : nothing}${one.has_hidden_images ? html`<p class="note">Pictures from elsewhere are left out: loading them would tell the sender.</p>` : nothing}</details>` : nothing}
      ${one.attachments.length ? html`<p class="note" dir="auto">Attached, not kept: ${one.attachments.map((file) => `${file.name ?? file.content_type} (${bytes(file.size)})`).join(', ')}</p>` : nothing}</article>`;
  }

  #reply(thread) {
    const from = this.around.data?.mailboxes.find((one) => one.id === thread.mailbox);
    const quick = (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.form.submit(event); };
    return html`<div @keydown=${quick}>${this.form.render(this.form.field('text', { label: `Reply to ${thread.contact_name || thread.contact}`, type: 'textarea', rows: 6, required: true, hint: from ? `Goes out as ${from.address}. Ctrl and Enter sends it.` : undefined }), { submit: 'Send', busy: 'Sending' })}</div>`;
  }
}
