// Webhooks: who is told of what, what was sent, and sending it again.
import { Form, List, Resource, Screen, api, attempt, confirm, count, dialog, drawer, duration, empty, field, filters, go, header, html, icon, menu, nothing, plural, readQuery, session, show, status, time, toast } from '../ui.js';
import { facts } from '../ui/data.js';
import { inDays, secret, top } from './settings.js';

const PLACE = '/dashboard/settings/webhooks';
const STATES = ['waiting', 'running', 'delivered', 'failed'];
const path = (id, rest = '') => `/api/v1/webhooks/${id}${rest}`;
const stateOf = (row) => html`${status(row.state)}${row.state_reason ? html` <span class="quiet" dir="auto">${row.state_reason}</span>` : nothing}`;
const once = (answer) => secret('The signing secret', 'Each request is signed with it. It is not shown again.', [answer.secret]);

/** The types of events in groups: [['email', [{ name, summary }]]]. Pure. */
export function groups(types) {
  const found = new Map();
  for (const one of types) found.set(one.name.split('.')[0], [...(found.get(one.name.split('.')[0]) ?? []), one]);
  return [...found];
}

/** What the form of a webhook sends. Pure. */
export const wanted = (values, types) => ({ url: values.url.trim(), description: values.description.trim(), types: values.all ? ['*'] : types.map((one) => one.name).filter((name) => values[name]) });

/** The form of a new or a present webhook. */
const make = (host, hook, send, done) => new Form(host, {
  initial: { url: hook?.url ?? '', description: hook?.description ?? '', workspace: '', all: hook ? hook.types.includes('*') : true, ...Object.fromEntries((hook?.types ?? []).map((name) => [name, true])) },
  check: (values) => (values.all || host.types.data.some((one) => values[one.name]) ? {} : { all: 'Choose at least one, or all.' }),
  send: (values, key) => send(wanted(values, host.types.data), values, key),
  done,
});

const body = (form, types, isNew) => form.render(html`${form.field('url', { label: 'Address', required: true, maxlength: 2000, placeholder: 'https://example.com/hook', hint: 'Only https, and only on the Internet.' })}${form.field('description', { label: 'What it is for', optional: true, maxlength: 200 })}
  ${isNew && session.list?.length > 1 ? form.field('workspace', { label: 'Of', type: 'select', options: [['', 'The whole company'], ...session.list.map((one) => [one.id, one.name])] }) : nothing}
  ${form.field('all', { label: 'All events, also those to come', type: 'checkbox' })}${form.values.all ? nothing : groups(types).map(([name, list]) => html`<fieldset><legend>${name}</legend>${list.map((one) => form.field(one.name, { label: html`${one.name.split('.')[1]} <span class="quiet">${one.summary}</span>`, type: 'checkbox' }))}</fieldset>`)}`, { submit: isNew ? 'Make the webhook' : 'Save' });

class Hooks extends Screen {
  types = new Resource(this, (signal) => api.get('/api/v1/webhooks/event-types', { signal }).then((answer) => answer.data));
}

export class Webhooks extends Hooks {
  static query = { open: '' };

  list = new Resource(this, (signal) => api.get('/api/v1/webhooks', { signal }).then((answer) => answer.data), { every: 30_000 });

  form = make(this, null, (values, { workspace }, key) => api.post('/api/v1/webhooks', { ...values, ...(workspace ? { workspace } : {}) }, { key }), (answer) => {
    go(`${PLACE}/${answer.webhook.id}`);
    return once(answer);
  });

  render() {
    const button = html`<button type="button" class="primary" @click=${() => this.setQuery({ open: 'new' }, { push: true })}>${icon('plus')}New webhook</button>`;
    return html`${top('Webhooks', 'webhooks', button)}${show(this.list, { data: (rows) => html`<pm-table caption="Webhooks" .rows=${rows} .columns=${this.columns}></pm-table>`,
    empty: () => empty({ title: 'No webhook yet', text: 'Your own systems hear at once of mails, answers, leads and campaigns.', mark: 'webhooks', actions: button }) })}
      ${this.query.open && this.types.data ? dialog({ title: 'New webhook', onClose: () => this.setQuery({ open: '' }), body: body(this.form, this.types.data, true) }) : nothing}`;
  }

  columns = [
    { label: 'Address', cell: (row) => row.url, href: (row) => `${PLACE}/${row.id}` }, { label: 'State', cell: stateOf }, { label: 'Told of', cell: (row) => (row.types.includes('*') ? 'All events' : plural(row.types.length, 'event')) },
    { label: 'Of', small: 'hide', cell: (row) => (row.workspace ? session.list?.find((one) => one.id === row.workspace)?.name : 'The company') }, { label: 'Failed in a row', end: true, cell: (row) => count(row.failures) }, { label: 'Made', small: 'hide', cell: (row) => time(row.created_at) },
  ];
}

export class Webhook extends Hooks {
  static query = { state: '', type: '', open: '', edit: false };

  one = new Resource(this, (signal) => api.get(path(this.params.id), { signal }), { every: 30_000 });

  list = new List(this, (cursor, signal) => api.get(path(this.params.id, '/deliveries'), { query: { state: this.query.state, type: this.query.type, cursor, limit: 50 }, signal }), { every: 10_000 });

  detail = new Resource(this, (signal) => (this.query.open ? api.get(path(this.params.id, `/deliveries/${this.query.open}`), { signal }) : null));

  routeChanged(before) {
    const old = readQuery(before.search, Webhook.query);
    if (before.params.id !== this.params.id) this.one.reload({ fresh: true });
    if (old.state !== this.query.state || old.type !== this.query.type) this.list.reload({ fresh: true });
    if (old.open !== this.query.open) this.detail.reload({ fresh: true });
    if (!this.query.edit) this.form = null;
  }

  #run = (work, text) => attempt(work, text).then((answer) => { this.one.reload(); this.list.reload(); return answer; });

  #set = (state, text) => this.#run(() => api.patch(path(this.params.id), { state }), text);

  #test = () => this.#run(() => api.post(path(this.params.id, '/test')), (answer) => (answer.error ? `It failed: ${answer.error}` : `It answered ${answer.status} in ${answer.duration_ms} ms.`));

  #replay = () => {
    let days = '1';
    let state = 'failed';
    return confirm({
      title: 'Send again', action: 'Send again', text: html`Receivers know a message again by its id. At most 10,000 are sent, the oldest first.<br><br>${field({ name: 'state', label: 'Which', type: 'select', value: state, options: [['failed', 'Those that failed'], ['delivered', 'Those that arrived'], ['all', 'All']], onInput: (value) => { state = value; } })}${field({ name: 'days', label: 'Of the last', type: 'select', value: days, options: [['1', 'day'], ['7', '7 days'], ['30', '30 days']], onInput: (value) => { days = value; } })}`,
      run: async () => toast(`${plural((await api.post(path(this.params.id, '/replay'), { since: inDays(-days), state })).replayed, 'message')} will be sent again.`),
    }).then((done) => done && this.list.reload());
  };

  render() {
    const hook = this.one.data;
    const { open, edit } = this.query;
    const button = (label, run, kind = '') => html`<button type="button" class=${kind} @click=${run}>${label}</button>`;
    return html`${header({ title: hook?.url ?? 'Webhook', back: { href: PLACE, label: 'Webhooks' }, note: hook?.description, badge: hook ? stateOf(hook) : nothing,
    actions: hook ? html`${hook.state === 'active' ? button('Pause', () => this.#set('paused', 'Paused. What happens meanwhile waits.')) : button('Resume', () => this.#set('active', 'It is told again.'), 'primary')}${button('Send a test', this.#test)}
      ${menu('More', [{ label: 'Change', run: () => this.setQuery({ edit: true }, { push: true }) }, { label: 'Send many again', run: this.#replay }, { label: 'New secret', run: () => confirm({ title: 'New signing secret', text: 'The present one signs too for a while, so that nothing is missed.', action: 'New secret', run: () => api.post(path(this.params.id, '/rotate-secret')).then((answer) => { this.fresh = answer; }) }).then((done) => done && once(this.fresh)) },
    { label: 'Delete', danger: true, run: () => confirm({ title: 'Delete the webhook', text: `${hook.url} is told of nothing more; what waits is sent to nobody.`, action: 'Delete', danger: true, run: () => api.delete(path(this.params.id)) }).then((done) => done && go(PLACE)) }])}` : nothing })}
      ${show(this.one, { data: (data) => html`<div class="stack">${data.failures ? html`<p class="hint warn">${icon('warn')}<span>${plural(data.failures, 'attempt')} failed in a row. Each message is tried again ever more rarely; after many failures the webhook is switched off.</span></p>` : nothing}
        ${facts([['Told of', data.types.includes('*') ? 'All events' : data.types.join(', ')], ['State since', time(data.state_since)], ['Old secret', data.previous_secret_until && html`signs too until ${time(data.previous_secret_until)}`]])}</div>` })}
      <section class="section"><h2>Deliveries</h2><div class="section">${filters({ body: html`${this.#choice('state', 'State', STATES)}${this.#choice('type', 'Event', (this.types.data ?? []).map((one) => one.name))}` })}
      ${show(this.list, { isFiltered: Boolean(this.query.state || this.query.type), clear: () => this.setQuery({ state: '', type: '' }), empty: () => empty({ title: 'Nothing was sent yet', text: 'What happens in the company shows here, with the answer of your system.', mark: 'webhooks' }),
    data: (rows) => html`<pm-table caption="Deliveries" .rows=${rows} .key=${(row) => row.message} .columns=${this.columns} .list=${this.list}></pm-table>` })}</div></section>
      ${open ? drawer({ title: 'Delivery', onClose: () => this.setQuery({ open: '' }), body: show(this.detail, { data: (data) => data && this.#delivery(data), isEmpty: () => false }) }) : nothing}${edit && hook && this.types.data ? this.#edit(hook) : nothing}`;
  }

  #choice = (name, label, list) => field({ name, label, hideLabel: true, type: 'select', value: this.query[name], options: [['', `${label}: all`], ...list.map((one) => [one, one])], onInput: (value) => this.setQuery({ [name]: value }) });

  columns = [
    { label: 'Event', cell: (row) => row.type, open: (row) => this.setQuery({ open: row.message }, { push: true }) }, { label: 'State', cell: (row) => status(row.state) }, { label: 'Answer', cell: (row) => row.last_status ?? html`<span class="quiet">${row.last_error ?? '–'}</span>` },
    { label: 'Attempts', end: true, cell: (row) => count(row.attempts) }, { label: 'Next try', small: 'hide', cell: (row) => time(row.next_at) }, { label: 'Happened', cell: (row) => time(row.created_at) },
  ];

  #delivery({ delivery, body: text, attempts }) {
    return html`<div class="stack">${facts([['Event', delivery.type], ['State', status(delivery.state)], ['Message', html`<code>${delivery.message}</code>`], ['Next try', delivery.next_at && time(delivery.next_at)]])}
      <div class="actions"><button type="button" ?disabled=${delivery.state === 'running'} @click=${() => this.#run(() => api.post(path(this.params.id, `/deliveries/${delivery.message}/replay`)), 'It is sent again.').then(() => this.detail.reload())}>${icon('retry')}Send again</button></div>
      <h3>Attempts</h3>${attempts.length ? html`<ul class="checks">${attempts.map((one) => html`<li class=${one.error ? 'bad' : 'done'}>${icon(one.error ? 'warn' : 'check')}<div><p>${one.status ?? ''} ${one.error ?? ''} <span class="quiet">${duration(one.duration_ms / 1000)} ${time(one.at)}</span></p>${one.answer ? html`<pre tabindex="0" dir="auto">${one.answer}</pre>` : nothing}</div></li>`)}</ul>` : html`<p class="note">None yet.</p>`}
      <h3>What was sent</h3><pre tabindex="0">${text}</pre></div>`;
  }

  #edit(hook) {
    const close = () => this.setQuery({ edit: false });
    this.form ??= make(this, hook, (values) => api.patch(path(hook.id), values), (answer) => { this.one.set(answer); close(); });
    return dialog({ title: 'Change the webhook', onClose: close, body: body(this.form, this.types.data, false) });
  }
}
