// A campaign as it is written: to whom, what, when, from where; stored as one goes, checked and looked ahead.
import { Resource, Screen, api, clock, confirm, count, day, drafts, field, go, header, html, icon, nothing, plural, problem, session, show, time, toast, toastError, words } from '../ui.js';
import '../ui/data.js';
import { ASSUMED, DAYS, OWN, WAITS, changes, clockOf, faultOf, freeNumber, minutesOf, officeHours, openingsOf, rowsOf, verdicts } from './campaign.js';
import { openMail, stepList } from './steps.js';

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zones = Intl.supportedValuesOf('timeZone');

/** A time as <input type="datetime-local"> has it, in this browser's zone. */
const localTime = (value) => {
  if (!value) return '';
  const at = new Date(value);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

export class Builder extends Screen {
  saving = { state: 'saved' };

  campaign = new Resource(this, async (signal) => {
    const stored = await api.get(this.path, { signal });
    const kept = drafts.read(this.key);
    this.take(stored, kept?.draft);
    if (kept && Object.keys(changes(stored, kept.draft)).length) this.saving = kept.revision === stored.revision ? { state: 'typing' } : { state: 'conflict', theirs: stored };
    if (this.saving.state === 'typing' && this.isDraft) this.later();
    this.people.reload();
    this.outlook.reload();
    return stored;
  });

  things = new Resource(this, async (signal) => {
    const { id } = await this.session.workspace(this.params.slug);
    const names = ['lists', 'segments', 'mailboxes', 'templates', 'leads', 'leads/fields'];
    const answers = await Promise.all(names.map((name) => api.get(`/api/v1/${name}`, { query: { workspace: id, limit: name === 'leads' ? 50 : 100 }, signal })));
    return Object.fromEntries(names.map((name, at) => [name.split('/').pop(), answers[at].data]));
  });

  /** What the company wants noticed: a campaign alone can only want less. */
  tracking = new Resource(this, (signal) => api.get('/api/v1/tracking/settings', { signal }));

  /** How many leads the audience has: { count, is_capped }. */
  people = new Resource(this, async (signal) => {
    const { kind, id } = this.draft.audience;
    if (kind === 'list') return { count: (await api.get(`/api/v1/lists/${id}`, { signal })).leads };
    if (kind === 'segment') return api.get(`/api/v1/segments/${id}/count`, { signal });
    return api.post('/api/v1/segments/preview', { workspace: this.draft.workspace, filter: { field: 'status', operator: 'equals', value: 'active' } }, { signal });
  }, { auto: false });

  outlook = new Resource(this, async (signal) => {
    const [checks, forecast] = await Promise.all(['checks', 'forecast'].map((name) => api.get(`${this.path}/${name}`, { signal }).catch((error) => { if (signal.aborted || name === 'checks') throw error; return null; })));
    return { checks, forecast };
  }, { auto: false });

  get path() { return `/api/v1/campaigns/${this.params.id}`; }

  get key() { return `campaign:${this.params.id}`; }

  get isDraft() { return this.stored?.status === 'draft'; }

  take(stored, draft = stored) {
    this.stored = stored;
    this.draft = { ...stored, ...draft };
    this.rows = rowsOf(this.draft.schedule.window?.openings ?? []);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    if (this.isDraft && this.saving.state === 'typing') this.save();
  }

  routeChanged(before) {
    if (before.params.id !== this.params.id) this.campaign.reload({ fresh: true });
  }

  // Storing

  edit = (changed) => {
    this.draft = { ...this.draft, ...changed };
    drafts.write(this.key, { revision: this.stored.revision, draft: this.draft });
    if (this.saving.state !== 'conflict') {
      this.saving = { ...this.saving, state: 'typing' };
      if (this.isDraft) this.later();
    }
    this.requestUpdate();
  };

  plan(changed) { this.edit({ schedule: { ...this.draft.schedule, ...changed } }); }

  later(delay = 700) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), delay);
  }

  /** Stores what is new; true when all of it is stored. */
  async save() {
    clearTimeout(this.timer);
    while (this.running) await this.running;
    const sent = this.draft;
    const body = changes(this.stored, sent);
    if (this.saving.state === 'conflict') return false;
    if (!Object.keys(body).length) {
      drafts.forget(this.key);
      this.#say({ state: 'saved', at: this.saving.at });
      return true;
    }
    this.#say({ ...this.saving, state: 'saving' });
    this.running = api.patch(this.path, body, { ifMatch: `"${this.stored.revision}"` }).then((answer) => {
      const newer = this.draft === sent ? {} : changes(sent, this.draft);
      this.stored = answer;
      this.draft = { ...answer, ...newer };
      if (!Object.keys(newer).length) drafts.forget(this.key);
      this.#say({ state: Object.keys(newer).length ? 'typing' : 'saved', at: Date.now() });
      if (body.audience) this.people.reload();
      this.outlook.reload();
      return true;
    }, async (error) => {
      if (error.status === 412) this.#say({ state: 'conflict', theirs: await api.get(this.path).catch(() => null) });
      else this.#say({ state: 'failed', error });
      if (error.isPassing) this.later(5_000);
      return false;
    });
    const done = await this.running;
    this.running = null;
    return done;
  }

  #say(saving) {
    this.saving = saving;
    this.requestUpdate();
  }

  async #settle(mine) {
    const theirs = await api.get(this.path);
    if (mine) this.stored = theirs;
    else this.take(theirs);
    this.#say({ state: 'typing' });
    await this.save();
    this.outlook.reload();
  }

  // Drawing

  render() {
    const campaign = this.draft;
    const back = { href: `/dashboard/workspaces/${this.params.slug}/campaigns`, label: 'Campaigns' };
    return html`${header({ title: campaign?.name || 'Edit campaign', back, note: campaign && !this.isDraft ? `It is ${campaign.status}: the audience stays, and changes go out once you save them.` : undefined, actions: campaign ? this.#actions() : nothing })}
      ${show(this.campaign, { data: () => (['completed', 'archived'].includes(campaign.status)
    ? html`<p class="hint">${icon('info')}<span>It is over and cannot be changed. <a href=${this.#progress}>See its figures</a></span></p>`
    : html`${this.#trouble()}<div class="split"><div class="stack">${this.#audience()}${this.#steps()}${this.#schedule()}${this.#sending()}</div><aside class="stack">${this.#outlook()}</aside></div>`) })}`;
  }

  get #progress() { return `/dashboard/workspaces/${this.params.slug}/campaigns/${this.params.id}`; }

  #actions() {
    const { state, at } = this.saving;
    const said = { saved: at ? `Saved ${clock(at)}` : 'Saved', saving: 'Saving', typing: this.isDraft ? 'Saving' : 'Not saved yet', failed: 'Not saved', conflict: 'Not saved' }[state];
    const ready = this.outlook.data?.checks.may_launch && state === 'saved';
    return html`<span class="quiet" data-saved>${said}</span>${this.isDraft
      ? html`<button type="button" class="primary" aria-disabled=${!ready} @click=${() => (ready ? this.#launch() : this.#point('checks'))}>${this.#isLater ? 'Schedule' : 'Launch'}</button>`
      : html`<a class="button" href=${this.#progress}>Progress</a><button type="button" class="primary" aria-disabled=${state === 'saved' || state === 'saving'} @click=${async () => { if (await this.save()) toast('Saved.'); }}>Save changes</button>`}`;
  }

  get #isLater() { return this.draft.starts_at && new Date(this.draft.starts_at) > Date.now(); }

  #trouble() {
    const { state, error, theirs } = this.saving;
    if (state === 'conflict') {
      return html`<div class="problem" role="alert">${icon('warn')}<div><p><b>Somebody else changed this campaign meanwhile.</b> What you typed is kept here and not stored${theirs ? html`; theirs is called <b dir="auto">${theirs.name}</b> and has ${plural(theirs.steps.length, 'step')}` : nothing}.</p></div>
        <button type="button" @click=${() => this.#settle(false).catch(toastError)}>Take theirs</button><button type="button" @click=${() => this.#settle(true).catch(toastError)}>Keep mine</button></div>`;
    }
    return state === 'failed' ? html`${problem(error, { retry: () => this.save() })}${Object.entries(error.fields).map(([name, text]) => html`<p class="error">${name}: ${text}</p>`)}` : nothing;
  }

  #section(id, title, body) {
    return html`<section class="card" id=${id} tabindex="-1" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2><div class="stack">${body}</div></section>`;
  }

  #point(id) {
    const place = this.querySelector(`#${id}`);
    place?.scrollIntoView({ block: 'start' });
    place?.focus({ preventScroll: true });
  }

  #audience() {
    const { audience, name } = this.draft;
    const { lists = [], segments = [] } = this.things.data ?? {};
    const choices = { list: lists, segment: segments };
    const people = this.people.data;
    const choose = (kind) => this.edit({ audience: kind === 'workspace' ? { kind } : { kind, id: choices[kind][0]?.id } });
    return this.#section('audience', 'Audience', html`
      ${field({ name: 'name', label: 'Name of the campaign', value: name, required: true, maxlength: 200, onInput: (value) => this.edit({ name: value }) })}
      <div class="fields">${field({ name: 'audience', label: 'Write to', type: 'select', value: audience.kind, disabled: !this.isDraft, options: [['workspace', 'All leads of the workspace'], ...(lists.length || audience.kind === 'list' ? [['list', 'A list']] : []), ...(segments.length || audience.kind === 'segment' ? [['segment', 'A segment (filter)']] : [])], onInput: choose })}
      ${audience.kind === 'workspace' ? nothing : field({ name: 'audience-id', label: words(audience.kind), type: 'select', value: audience.id, disabled: !this.isDraft, options: [...(choices[audience.kind].some((one) => one.id === audience.id) ? [] : [[audience.id, 'One that is gone']]), ...choices[audience.kind].map((one) => [one.id, one.name])], onInput: (id) => this.edit({ audience: { kind: audience.kind, id } }) })}</div>
      <p class="note">${people ? html`<b>${count(people.count)}${people.is_capped ? '+' : ''}</b> leads now. ` : nothing}Suppressed and unsubscribed leads are never written to. <a href="/dashboard/leads/segments">Make a segment from a filter</a></p>
      ${this.#switch('enrols_later', 'Leads that come into the audience later are written to as well')}`);
  }

  #switch(name, label, hint) { return field({ name, label, hint, type: 'switch', value: this.draft[name], onInput: (value) => this.edit({ [name]: value }) }); }

  #steps() {
    const { steps } = this.draft;
    const unnoticed = ['opens', 'clicks'].filter((name) => this.draft[`tracks_${name}`] && this.tracking.data?.[name] === false);
    const set = (next) => this.edit({ steps: next });
    const add = async (step) => {
      const number = freeNumber(steps);
      try {
        if (step.kind === 'email') step.variants = [{ name: 'A', template: this.things.data.templates[0]?.id ?? (await this.write(`mail ${number}`)).id, weight: 1 }];
        set([...steps, { number, ...step }]);
        if (step.kind === 'email') this.open(number, 'A');
      } catch (error) {
        toastError(error);
      }
    };
    return this.#section('steps', 'Steps', html`${stepList(this, steps, set)}
      ${steps.length < 20 ? html`<div class="actions">${[['Mail', { kind: 'email' }], ['Wait', { kind: 'wait', seconds: 259_200 }], ['Condition', { kind: 'condition', condition: { kind: 'opened' }, then: 'next', otherwise: 'exit' }]].map(([label, step]) => html`<button type="button" ?disabled=${!this.things.data} @click=${() => add({ ...step })}>${icon('plus')}${label}</button>`)}</div>` : nothing}
      ${this.#switch('stops_on_reply', 'Stop when the lead answers')}
      <div class="fields">${this.#switch('tracks_opens', 'Notice opened mails')}${this.#switch('tracks_clicks', 'Notice clicked links')}</div>
      ${unnoticed.length ? html`<p class="note" data-unnoticed>The company notices no ${unnoticed.join(' and no ')}, so these are not noticed here either. <a href="/dashboard/settings/sending">Sending settings</a></p>` : nothing}`);
  }

  /** A template of this campaign's own. */
  async write(label, content = OWN) {
    const made = await api.post('/api/v1/templates', { workspace: this.draft.workspace, name: `${this.draft.name.slice(0, 180)}: ${label}`, ...content });
    this.things.set({ ...this.things.data, templates: [made, ...this.things.data.templates] });
    return made;
  }

  /** Opens the mail of a step's variant; what is chosen or written there goes into the draft. */
  open = (number, name) => openMail(this, number, name);

  #schedule() {
    const { schedule, starts_at: begins } = this.draft;
    const { window: hours } = schedule;
    const store = (rows) => {
      this.rows = rows;
      this.plan({ window: { ...hours, openings: openingsOf(rows.filter((row) => !faultOf(row))) } });
    };
    const change = (at, changed) => store(this.rows.map((row, place) => (place === at ? { ...row, ...changed } : row)));
    const zone = (name, value, set) => field({ name, label: 'Time zone', value, list: 'zones', autocomplete: 'off', error: zones.includes(value) || value === 'UTC' ? undefined : 'Choose a zone of the list, such as Europe/Oslo.', onInput: set });
    return this.#section('schedule', 'When', html`
      ${field({ name: 'window', label: 'Only within certain hours', type: 'switch', value: Boolean(hours), onInput: (on) => { const next = on ? officeHours(schedule.zone === 'UTC' ? here : schedule.zone) : null; this.rows = rowsOf(next?.openings ?? []); this.plan({ window: next, ...(next ? { zone: next.zone } : { uses_lead_zone: false }) }); } })}
      ${hours ? html`${this.rows.map((row, at) => html`<fieldset class="stack tight"><legend class="hidden">Hours ${at + 1}</legend><div class="row wrap">${DAYS.map((label, place) => html`<label class="row">${html`<input type="checkbox" aria-label=${label} .checked=${row.days.includes(place + 1)} @change=${(event) => change(at, { days: event.target.checked ? [...row.days, place + 1].sort() : row.days.filter((one) => one !== place + 1) })}>`}${label.slice(0, 3)}</label>`)}</div>
        <div class="fields">${field({ name: `from-${at}`, label: 'From', type: 'time', value: clockOf(row.start), onInput: (value) => value && change(at, { start: minutesOf(value) }) })}
        ${field({ name: `to-${at}`, label: 'To', type: 'time', value: clockOf(row.end), error: faultOf(row), onInput: (value) => value && change(at, { end: minutesOf(value, true) }) })}
        ${this.rows.length > 1 ? html`<button type="button" class="quiet" @click=${() => store(this.rows.filter((_, place) => place !== at))}>Remove these hours</button>` : nothing}</div></fieldset>`)}
        <div class="actions"><button type="button" @click=${() => store([...this.rows, { days: [], start: 540, end: 720 }])}>${icon('plus')}Other hours</button></div>
        <div class="fields">${zone('zone', hours.zone, (value) => this.plan({ window: { ...hours, zone: value }, zone: value }))}
        ${field({ name: 'holiday', label: 'Day without mail', type: 'date', value: '', onInput: (value, event) => { if (value) { this.plan({ window: { ...hours, holidays: [...new Set([...hours.holidays ?? [], value])].sort() } }); event.target.value = ''; } } })}</div>
        ${hours.holidays?.length ? html`<p class="row wrap">${hours.holidays.map((one) => html`<span class="chip"><span>${day(one)}</span><button type="button" aria-label="Remove ${day(one)}" @click=${() => this.plan({ window: { ...hours, holidays: hours.holidays.filter((other) => other !== one) } })}>${icon('close')}</button></span>`)}</p>` : nothing}
        ${field({ name: 'lead-zone', label: 'In the lead’s own time zone, where it is known', type: 'switch', value: schedule.uses_lead_zone, onInput: (value) => this.plan({ uses_lead_zone: value }) })}` : zone('zone', schedule.zone, (value) => this.plan({ zone: value }))}
      <datalist id="zones">${zones.map((one) => html`<option value=${one}></option>`)}</datalist>
      <div class="fields">${field({ name: 'cap', label: 'Mails a day at most', type: 'number', min: 1, value: schedule.daily_cap ?? '', placeholder: 'No cap', hint: `Counted by days in ${schedule.zone}.`, onInput: (value) => this.plan({ daily_cap: value ? Math.max(1, Math.round(Number(value))) : null }) })}
      ${this.stored.launched_at ? nothing : field({ name: 'begins', label: 'Begin at', optional: true, type: 'datetime-local', value: localTime(begins), hint: `In ${here}. Empty: when it is launched.`, onInput: (value) => this.edit({ starts_at: value ? new Date(value).toISOString() : null }) })}</div>`);
  }

  #sending() {
    const { mailboxes: chosen, schedule } = this.draft;
    const known = this.things.data?.mailboxes ?? [];
    const turn = (id, on) => this.edit({ mailboxes: on ? [...chosen, id] : chosen.filter((one) => one !== id) });
    return this.#section('sending', 'From where', html`${known.length ? html`<fieldset><legend>E-mail accounts</legend><div class="choices">${known.map((one) => html`<label class="choice"><input type="checkbox" .checked=${chosen.includes(one.id)} @change=${(event) => turn(one.id, event.target.checked)}><span><b dir="auto">${one.address}</b> <span class="quiet">${one.state === 'active' ? (one.limits.daily ? `${count(one.limits.daily)} a day` : 'no limit a day') : `${one.state}: ${one.state_reason ?? ''}`}</span></span></label>`)}</div></fieldset>` : html`<p class="note">No e-mail account is connected. <a href="/dashboard/workspaces/${this.params.slug}/emails">Connect one</a></p>`}
      ${chosen.length > 1 ? field({ name: 'rotation', label: 'Rotation', type: 'select', value: schedule.rotation, options: [['round_robin', 'One after the other'], ['weighted', 'More from those that are healthier and have more left']], onInput: (value) => this.plan({ rotation: value }) }) : nothing}`);
  }

  #outlook() {
    const fix = (one) => {
      const page = one.page && `/dashboard/workspaces/${this.params.slug}/${one.page}`;
      const chosen = one.details.some((detail) => /stopped|unauth|postal/.test(detail.code)) || !one.at ? one.href ?? page : null;
      return chosen ? html`<a href=${chosen}>Mend<span class="hidden"> ${one.title}</span></a>` : html`<button type="button" class="plain link" @click=${() => this.#point(one.at)}>Mend<span class="hidden"> ${one.title}</span></button>`;
    };
    return show(this.outlook, {
      data: ({ checks, forecast }) => html`<div class="stack">${this.isDraft ? html`<section class="card" id="checks" tabindex="-1"><h2>Before the launch</h2><ul class="checks">${verdicts(checks).map((one) => html`<li class=${one.state}>${icon(one.state === 'done' ? 'check' : 'warn')}<div><p>${one.title}<span class="hidden">: ${{ done: 'fine', warn: 'worth a look', bad: 'must be mended' }[one.state]}</span></p>${one.details.map((detail) => html`<p class="note">${detail.detail}</p>`)}</div>${one.state === 'done' ? nothing : fix(one)}</li>`)}</ul></section>` : nothing}
      ${forecast ? this.#forecast(forecast) : nothing}</div>`,
    });
  }

  #forecast({ days, mails, ends_on: end, unplaced, reason, assumptions }) {
    return html`<section class="card"><h2>Forecast</h2>${mails ? html`<p><b>${plural(mails, 'mail')}</b>${days.length ? html` from ${day(days[0].day)}${end ? html` to ${day(end)}` : nothing}` : nothing}.</p>
      <pm-chart label="Mails a day" kind="bars" .labels=${days.map((one) => one.day)} .series=${[{ label: 'First mails', values: days.map((one) => one.first_mails) }, { label: 'Follow-ups', values: days.map((one) => one.mails - one.first_mails) }]}></pm-chart>` : html`<p class="note">No mail is to come.</p>`}
      ${unplaced ? html`<p class="hint warn">${icon('warn')}<span>${plural(unplaced, 'mail')} find no place: ${WAITS[reason] ?? reason}.</span></p>` : nothing}
      <p class="note">If ${assumptions.map((one) => ASSUMED[one] ?? words(one).toLowerCase()).join(', ')}.</p></section>`;
  }

  #launch() {
    const { forecast } = this.outlook.data;
    const { count: people, is_capped: more } = this.people.data ?? {};
    const when = this.#isLater ? html`It begins ${time(this.draft.starts_at)}.` : forecast?.first_mail_at ? html`The first mail goes out ${time(forecast.first_mail_at)}.` : nothing;
    confirm({
      title: `${this.#isLater ? 'Schedule' : 'Launch'} ${this.draft.name}`, action: this.#isLater ? 'Schedule' : 'Launch',
      text: html`${[people == null ? '' : `${count(people)}${more ? '+' : ''} leads`, forecast ? `${plural(forecast.mails, 'mail')} at most` : ''].filter(Boolean).join(', ')}. ${when} You can pause it at any time.`,
      run: () => api.post(`${this.path}/launch`),
    }).then((done) => { if (done) go(this.#progress); });
  }
}
