// The campaigns of a workspace: what they are at, a new one, and what can be done with one.
import { Form, List, Resource, Screen, api, confirm, count, dialog, empty, go, header, html, icon, menu, nothing, percent, plural, readQuery, session, show, status, tabs, time, toast, toastError, words } from '../ui.js';
import { STARTS, WAITS, copyOf, left, officeHours, tally } from './campaign.js';

const path = (campaign) => `/api/v1/campaigns/${campaign.id}`;

/** What changes the state of a campaign: words and effect, asked before. `known` is its progress, when it was read. */
const ACTIONS = {
  pause: { label: 'Pause', need: true, text: (n) => `${n} wait for mail. Once it is paused, nothing new goes out until you resume.` },
  resume: { label: 'Resume', text: (n) => `${n} wait for mail. It goes on where it stopped; nobody receives a mail twice.` },
  stop: { label: 'End', danger: true, need: true, text: (n) => `${n} wait for mail and get no more of it. This cannot be taken back.` },
  archive: { label: 'Archive', text: () => 'It leaves this list; its figures and its log stay. This cannot be taken back.' },
  unschedule: { label: 'Take back', text: () => 'It does not begin at its time, and is a draft again.' },
};

/** Asks, and changes the state; resolves with the campaign as it is then, or null. */
export async function act(campaign, name, known) {
  const { label, text, danger, need } = ACTIONS[name];
  const progress = known ?? await api.get(`${path(campaign)}/progress`).catch(() => null);
  let answer = null;
  await confirm({
    title: `${label} ${campaign.name}`, text: text(progress?.total ? plural(left(progress), 'lead') : 'All its leads'), action: label, danger, reason: 'Reason', required: need === true,
    run: async (reason) => { answer = await api.post(`${path(campaign)}/${name}`, reason ? { reason } : {}); },
  });
  return answer;
}

/** What somebody may do with a campaign in its state. */
export const actionsOf = (campaign) => ({ scheduled: ['unschedule'], active: ['pause', 'stop'], paused: ['resume', 'stop'], draft: ['archive'], completed: ['archive'] })[campaign.status] ?? [];

/** The entries of a campaign's menu; `done` hears what became of it. */
export const entries = (campaign, slug, done, known) => (session.may('member') ? [
  !['completed', 'archived'].includes(campaign.status) && { label: 'Edit', href: `/dashboard/workspaces/${slug}/campaigns/${campaign.id}/edit` },
  { label: 'Duplicate', run: () => duplicate(campaign.id, slug) },
  ...actionsOf(campaign).map((name) => ({ label: ACTIONS[name].label, danger: ACTIONS[name].danger, run: () => act(campaign, name, known).then((answer) => answer && done(answer)) })),
  campaign.status === 'draft' && { label: 'Delete', danger: true, run: () => remove(campaign).then((gone) => gone && done(null)) },
] : []);

async function duplicate(id, slug) {
  try {
    const made = await api.post('/api/v1/campaigns', copyOf(await api.get(`/api/v1/campaigns/${id}`)));
    toast(`${made.name} is a draft.`);
    go(`/dashboard/workspaces/${slug}/campaigns/${made.id}/edit`);
  } catch (error) {
    toastError(error);
  }
}

const remove = (campaign) => confirm({
  title: `Delete ${campaign.name}`, text: 'The draft is gone for good; the templates stay.', action: 'Delete', danger: true,
  run: async () => {
    const now = await api.get(path(campaign));
    await api.delete(path(campaign), { ifMatch: now });
  },
});

const TABS = [['', 'All', 'all'], ['active', 'Active'], ['paused', 'Paused'], ['draft', 'Drafts'], ['scheduled', 'Scheduled'], ['completed', 'Completed'], ['archived', 'Archived']];

export class Campaigns extends Screen {
  static query = { status: '', new: '' };

  moving = new Map();

  list = new List(this, async (cursor, signal) => {
    const workspace = await this.session.workspace(this.params.slug);
    const answer = await api.get('/api/v1/campaigns', { query: { workspace: workspace.id, status: this.query.status, cursor, limit: 25 }, signal });
    this.#follow(answer.data, signal);
    return answer;
  }, { every: 15_000 });

  figures = new Resource(this, async (signal) => {
    const workspace = await this.session.workspace(this.params.slug);
    const rows = [];
    let cursor;
    do {
      const answer = await api.get('/api/v1/campaigns/analytics', { query: { workspace: workspace.id, cursor, limit: 100 }, signal });
      rows.push(...answer.data);
      cursor = answer.page.next;
    } while (cursor && rows.length < 1000);
    return { counts: tally(rows), rows: new Map(rows.map((row) => [row.campaign, row.figures])) };
  }, { every: 30_000 });

  form = new Form(this, {
    initial: { name: '', start: 'one' },
    draft: 'campaign',
    send: (values) => this.#create(values),
    done: (made) => go(`/dashboard/workspaces/${this.params.slug}/campaigns/${made.id}/edit`),
  });

  /** How far those are that move; what is over is asked once. */
  async #follow(rows, signal) {
    const open = rows.filter((row) => ['active', 'paused'].includes(row.status) || (row.launched_at && !this.moving.has(row.id)));
    await Promise.all(open.map(async (row) => {
      try {
        this.moving.set(row.id, await api.get(`${path(row)}/progress`, { signal }));
      } catch {
        // The row stands without it.
      }
    }));
    this.requestUpdate();
  }

  async #create({ name, start }) {
    const workspace = await this.session.workspace(this.params.slug);
    const chosen = STARTS.find((one) => one.id === start);
    const [mailboxes, ...templates] = await Promise.all([
      api.get('/api/v1/mailboxes', { query: { workspace: workspace.id, limit: 50 } }),
      ...(chosen?.mails ?? []).map((mail, at) => api.post('/api/v1/templates', { workspace: workspace.id, name: `${name.slice(0, 180)}: mail ${at + 1}`, ...mail })),
    ]);
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    return api.post('/api/v1/campaigns', {
      workspace: workspace.id, name, steps: chosen?.steps(...templates.map((one) => one.id)) ?? [],
      mailboxes: mailboxes.data.filter((one) => one.state === 'active').map((one) => one.id), schedule: { window: officeHours(timeZone), zone: timeZone },
    });
  }

  routeChanged(before) {
    if (readQuery(before.search, Campaigns.query).status !== this.query.status || before.params.slug !== this.params.slug) this.list.reload({ fresh: true });
    if (before.params.slug !== this.params.slug) this.figures.reload({ fresh: true });
  }

  get keys() { return session.may('member') ? { c: { label: 'New campaign', run: () => this.#open('one') } } : {}; }

  #open(start) {
    this.form.set('start', start);
    this.setQuery({ new: 'true' }, { push: true });
  }

  render() {
    const { status: chosen, new: making } = this.query;
    const counts = this.figures.data?.counts;
    const may = session.may('member');
    return html`${header({ title: 'Campaigns', actions: may ? html`<button type="button" class="primary" @click=${() => this.#open('one')}>${icon('plus')}New campaign</button>` : nothing })}
      ${tabs('State', TABS.map(([value, label, key = value]) => ({ label, href: this.href({ status: value, new: '' }), count: counts && (counts[key] ?? 0), current: chosen === value })))}
      ${show(this.list, {
    data: (rows) => this.#table(rows.filter((row) => chosen || row.status !== 'archived')),
    empty: () => this.#begin(may), isFiltered: chosen !== '', clear: () => this.setQuery({ status: '' }),
  })}
      ${making ? dialog({ title: 'New campaign', onClose: () => this.setQuery({ new: '' }), body: this.#form() }) : nothing}`;
  }

  #begin(may) {
    return html`${empty({ title: 'No campaigns yet', text: 'A campaign writes to your leads, step by step, and stops when somebody answers.', mark: 'campaigns' })}
      ${may ? html`<h2 class="section">Three ways to begin</h2><div class="grid section">${STARTS.map((one) => html`<section class="card stack tight"><h3>${one.title}</h3><p class="note">${one.text}</p><div class="actions"><button type="button" @click=${() => this.#open(one.id)}>Begin<span class="hidden"> with ${one.title}</span></button></div></section>`)}</div>` : nothing}`;
  }

  #form() {
    const choice = (id, title, text) => html`<label class="choice"><input type="radio" name="start" .checked=${this.form.values.start === id} @change=${() => this.form.set('start', id)}><span><b>${title}</b><br><span class="quiet">${text}</span></span></label>`;
    return this.form.render(html`${this.form.field('name', { label: 'Name', required: true, maxlength: 200, hint: 'Only your team sees it.' })}
      <fieldset><legend>Begin with</legend><div class="choices">${STARTS.map((one) => choice(one.id, one.title, one.text))}${choice('none', 'Nothing', 'Without any step.')}</div></fieldset>`, { submit: 'Create draft', busy: 'Creating' });
  }

  #table(rows) {
    return html`<pm-table caption="Campaigns" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`;
  }

  #rate(row, name) {
    const figures = this.figures.data?.rows.get(row.id);
    return figures?.sent ? html`<span class="nowrap">${percent(figures.rates[name])} <span class="quiet">(${count(figures[name])})</span></span>` : html`<span class="quiet">–</span>`;
  }

  #reach(row) {
    const progress = this.moving.get(row.id);
    if (!progress?.total) return html`<span class="quiet">–</span>`;
    const done = progress.total - left(progress);
    return html`<div class="usage"><progress max=${progress.total} value=${done} aria-label="Leads that are through"></progress><span class="quiet">${count(done)} of ${count(progress.total)}</span></div>`;
  }

  #changed = (answer) => {
    if (answer) toast(`${answer.name}: ${words(answer.status).toLowerCase()}.`);
    this.list.reload();
    this.figures.reload();
  };

  columns = [
    { label: 'Campaign', cell: (row) => row.name, href: (row) => `/dashboard/workspaces/${this.params.slug}/campaigns/${row.id}${row.status === 'draft' && session.may('member') ? '/edit' : ''}` },
    { label: 'State', cell: (row) => html`<div>${status(row.status)}${this.#why(row)}</div>` },
    { label: 'Leads through', cell: (row) => this.#reach(row) },
    { label: 'Replies', cell: (row) => this.#rate(row, 'replied'), end: true },
    { label: 'Bounces', cell: (row) => this.#rate(row, 'bounced'), end: true },
    { label: 'Launched', cell: (row) => (row.launched_at || row.status !== 'scheduled' ? time(row.launched_at) : time(row.starts_at)), small: 'hide' },
    { label: 'Actions', hideLabel: true, end: true, cell: (row) => menu(`Actions for ${row.name}`, entries(row, this.params.slug, this.#changed, this.moving.get(row.id))) },
  ];

  #why(row) {
    const open = row.status === 'completed' && this.moving.get(row.id) ? left(this.moving.get(row.id)) : 0;
    if (row.status === 'active' && row.waiting_reason) return html`<p class="note">waits: ${WAITS[row.waiting_reason] ?? row.waiting_reason}${row.next_at ? html`, looks again ${time(row.next_at)}` : nothing}</p>`;
    const why = row.status === 'paused' ? row.status_reason : open ? `still unclear: ${plural(open, 'lead')}` : null;
    return why ? html`<p class="note" dir="auto">${why}</p>` : nothing;
  }
}
