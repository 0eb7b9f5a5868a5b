// Plans, what companies pay, and whether Stripe's word arrives.
import { Form, List, Resource, Screen, api, confirm, count, drawer, duration, empty, field, filters, header, html, money, nothing, show, stat, status, tabs, time, toast, words } from '../ui.js';

const BASE = '/api/v1/platform/finance';
const LIMITS = ['mails', 'users', 'workspaces', 'domains', 'mailboxes', 'leads', 'api_calls_per_minute'];
const WHY = { label: 'Reason', required: true, maxlength: 500, hint: 'At least 10 characters. It stands in the audit trail.' };
const STATES = ['pending', 'parked', 'failed', 'done', 'ignored'];
const failing = ({ counts }) => (counts.failed ?? 0) + (counts.parked ?? 0);
const named = (limit) => words(limit).replace('Api', 'API');
const state = (name) => status(name, name === 'parked' ? { tone: 'warn' } : undefined);

/** How one of Stripe's endpoints fares: a state and a sentence. */
export function verdict(endpoint) {
  if ((endpoint.oldest_pending_seconds ?? 0) > 600) return ['critical', `Events wait for ${duration(endpoint.oldest_pending_seconds)}.`];
  if (failing(endpoint)) return ['warning', `${count(failing(endpoint))} could not be handled. Mend the cause, then replay them.`];
  if (endpoint.version_mismatches) return ['warning', `${count(endpoint.version_mismatches)} came in another version of the API.`];
  return endpoint.last_received_at ? ['healthy', 'All that came is handled.'] : ['unknown', 'Nothing has come yet.'];
}

/** Limits as typed → as the API takes them: nothing is no limit. */
export const limitsOf = (values) => Object.fromEntries(LIMITS.map((name) => [name, values[name] === '' || values[name] == null ? null : Number(values[name])]));

const listed = (limits) => LIMITS.map((name) => `${named(name)} ${limits[name] == null ? 'no limit' : count(limits[name])}`).join(' · ');

export class Finance extends Screen {
  static query = { tab: '', state: '', open: '' };

  overview = new Resource(this, (signal) => api.get(`${BASE}/overview`, { signal }));

  health = new Resource(this, (signal) => api.get(`${BASE}/webhooks/health`, { signal }), { every: 10_000 });

  plans = new Resource(this, async (signal) => (await api.get(`${BASE}/plans`, { signal })).data);

  packs = new Resource(this, async (signal) => (await api.get(`${BASE}/packs`, { signal })).data);

  events = new List(this, (cursor, signal) => api.get(`${BASE}/events`, { query: { state: this.query.state, cursor, limit: 50 }, signal }));

  plan = new Resource(this, async (signal) => {
    const plan = await api.get(`${BASE}/plans/${this.query.open}`, { signal });
    this.form.fill({ name: plan.name, is_public: plan.is_public, stripe_product: plan.stripe_product ?? '', reason: '', ...Object.fromEntries(LIMITS.map((name) => [name, plan.limits[name] ?? ''])) });
    return plan;
  }, { auto: false });

  form = new Form(this, {
    initial: {},
    send: (values) => api.put(`${BASE}/plans/${this.query.open}`, { name: values.name, limits: limitsOf(values), is_public: Boolean(values.is_public), stripe_product: values.stripe_product || null, reason: values.reason }, { ifMatch: this.plan.data }),
    done: () => this.saved('The plan is changed. Whoever has it is looked at again.'),
  });

  price = new Form(this, {
    initial: { interval: 'month', currency: 'USD', amount: '', stripe_price: '', reason: '' },
    send: ({ reason, amount, stripe_price: stripe, ...rest }) => api.put(`${BASE}/plans/${this.query.open}/prices`, { prices: [{ ...rest, amount: Number(amount), stripe_price: stripe || null }], reason }, { ifMatch: this.plan.data }),
    done: () => this.saved('The price is changed. Subscriptions that there are keep theirs.'),
  });

  saved(text) {
    toast(text);
    this.setQuery({ open: '' });
    this.plans.reload();
  }

  firstUpdated() { if (this.query.open) this.plan.reload(); }

  routeChanged(before) {
    const was = new URLSearchParams(before.search);
    if ((was.get('state') ?? '') !== this.query.state) this.events.reload({ fresh: true });
    if (this.query.open && was.get('open') !== this.query.open) this.plan.reload({ fresh: true });
  }

  replay = (event) => confirm({
    title: `Handle ${event.type} once more`, text: `Event ${event.id}. What it tells of is read from Stripe again, so nothing happens twice.`, action: 'Replay', reason: 'Reason, at least 10 characters',
    run: (reason) => api.post(`${BASE}/webhooks/events/${encodeURIComponent(event.id)}/replay`, { reason, ...(event.account && { account: event.account }) }),
  }).then((ok) => { if (ok) { toast('It is handled soon.'); this.events.reload(); this.health.reload(); } });

  render() {
    const { tab, open } = this.query;
    return html`${header({ title: 'Plans and webhooks' })}${tabs('Finance', [['', 'Subscriptions'], ['plans', 'Plans'], ['webhooks', 'Stripe webhooks']].map(([key, label]) => ({ label, href: this.href({ tab: key, state: '', open: '' }), current: tab === key, count: key === 'webhooks' ? this.health.data?.endpoints.reduce((sum, one) => sum + failing(one), 0) || null : null })))}
      ${{ plans: this.drawPlans, webhooks: this.drawWebhooks }[tab]?.() ?? this.drawOverview()}
      ${open ? drawer({ title: this.plan.data?.name ?? 'Plan', onClose: () => this.setQuery({ open: '' }), body: show(this.plan, { data: this.drawPlan }) }) : nothing}`;
  }

  drawOverview = () => show(this.overview, { data: ({ mrr, tenants, as_of: at }) => html`<div class="stats">${mrr.length ? mrr.map((one) => stat({ label: `A month, ${one.currency}`, value: money(one.amount, one.currency), note: `${count(one.subscriptions)} subscriptions` })) : stat({ label: 'A month', value: '–', note: 'nobody pays yet' })}
    ${stat({ label: 'Companies', value: tenants.reduce((sum, one) => sum + one.tenants, 0), href: '/dashboard/tenants' })}</div>
    <div class="section"><pm-table caption="Companies by plan and state" .rows=${tenants} .key=${(row) => row.plan + row.status} .columns=${[{ label: 'Plan', cell: (row) => words(row.plan), main: true }, { label: 'State', cell: (row) => status(row.status) }, { label: 'Companies', cell: (row) => count(row.tenants), end: true }]}></pm-table></div>
    <p class="note">As of ${time(at)}. One company's subscription, usage and grants stand on its page under Tenants.</p>` });

  drawPlans = () => html`${show(this.plans, { data: (rows) => html`<pm-table caption="Plans" .rows=${rows} .key=${(row) => row.code} .columns=${[
    { label: 'Plan', cell: (row) => row.name, open: (row) => this.setQuery({ open: row.code }, { push: true }) }, { label: 'Offered', cell: (row) => (row.is_public ? status('on', { word: 'To everybody' }) : status('off', { word: 'Not offered' })) },
    { label: 'Prices', cell: (row) => (row.prices.length ? html`<span>${row.prices.map((one) => html`<div>${money(one.amount, one.currency)} a ${one.interval}${one.stripe_price ? nothing : html` <span class="quiet">cannot be bought</span>`}</div>`)}</span>` : '–'), end: true }, { label: 'Limits', cell: (row) => html`<span class="note">${listed(row.limits)}</span>`, small: 'hide' },
  ]}></pm-table>` })}<div class="section">${show(this.packs, { data: (rows) => html`<pm-table caption="Packs of mails" .rows=${rows} .key=${(row) => row.code} .columns=${[{ label: 'Pack', cell: (row) => row.code, main: true }, { label: 'Mails', cell: (row) => count(row.mails), end: true }, { label: 'Price', cell: (row) => html`<span>${money(row.amount, row.currency)}${row.stripe_price ? nothing : html` <span class="quiet">cannot be bought</span>`}</span>`, end: true }]}></pm-table>`, empty: () => nothing })}</div>`;

  drawPlan = (plan) => html`<div class="stack">${this.form.render(html`${this.form.field('name', { label: 'Name', required: true })}<div class="fields">${LIMITS.map((name) => this.form.field(name, { label: named(name), type: 'number', min: 0 }))}</div><p class="note">Empty means no limit.</p>
    ${this.form.field('is_public', { label: 'Offered to everybody', type: 'switch' })}${this.form.field('stripe_product', { label: 'Product at Stripe', mono: true })}${this.form.field('reason', WHY)}`, { submit: 'Change plan' })}
    <h3>Prices</h3><ul>${plan.prices.map((one) => html`<li>${money(one.amount, one.currency)} a ${one.interval} <code>${one.stripe_price ?? 'not at Stripe'}</code></li>`)}</ul>
    ${this.price.render(html`<div class="fields">${this.price.field('interval', { label: 'Interval', type: 'select', options: ['month', 'year'] })}${this.price.field('currency', { label: 'Currency', required: true, maxlength: 3 })}${this.price.field('amount', { label: 'Amount in the smallest unit', type: 'number', min: 0, required: true, hint: this.price.values.amount ? money(Number(this.price.values.amount), /^[a-z]{3}$/i.test(this.price.values.currency) ? this.price.values.currency : 'usd') : undefined })}</div>
    ${this.price.field('stripe_price', { label: 'Price at Stripe', mono: true, hint: 'Made there first. Without it, it cannot be bought.' })}${this.price.field('reason', WHY)}`, { submit: 'Set price' })}</div>`;

  drawWebhooks = () => html`${show(this.health, { data: ({ endpoints, loops, api_version: version }) => html`<pm-table caption="Endpoints" .rows=${endpoints} .key=${(row) => row.name} .columns=${[
    { label: 'Endpoint', cell: (row) => words(row.name), main: true }, { label: 'State', cell: (row) => html`<span>${status(verdict(row)[0])} <span class="note">${verdict(row)[1]}</span></span>` },
    ...STATES.map((state) => ({ label: words(state), cell: (row) => count(row.counts[state] ?? 0), end: true, small: state === 'failed' || state === 'pending' ? '' : 'hide' })), { label: 'Last received', cell: (row) => time(row.last_received_at) },
  ]}></pm-table><p class="note">Counts are of the last 30 days. Stripe's API is read as ${version}. ${loops.map((loop) => html`${words(loop.name)} ran ${time(loop.last_run_at)}. `)}</p>` })}<div class="section"></div>
    ${filters({ body: field({ name: 'state', label: 'State of the events', hideLabel: true, type: 'select', value: this.query.state, options: [['', 'Events in any state'], ...STATES.map((one) => [one, words(one)])], onInput: (state) => this.setQuery({ state }) }) })}
    ${show(this.events, { data: (rows) => html`<pm-table caption="Events" .rows=${rows} .key=${(row) => row.account + row.id} .list=${this.events} .columns=${this.columns}></pm-table>`, isFiltered: this.query.state !== '', clear: () => this.setQuery({ state: '' }), empty: () => empty({ title: 'No events yet', text: 'What Stripe sends stands here.', mark: 'webhooks' }) })}`;

  columns = [
    { label: 'Event', cell: (row) => html`<span>${row.type}<br><code class="quiet">${row.id}</code></span>`, main: true }, { label: 'State', cell: (row) => html`<span>${state(row.state)}${row.error ? html` <span class="note" dir="auto">${words(row.error)}</span>` : nothing}</span>` },
    { label: 'Of', cell: (row) => html`<code>${row.object_id ?? '–'}</code>`, small: 'hide' }, { label: 'Company', cell: (row) => (row.tenant ? html`<a href="/dashboard/tenants/${row.tenant}">Open</a>` : '–') }, { label: 'Attempts', cell: (row) => count(row.attempts), end: true, small: 'hide' },
    { label: 'Received', cell: (row) => time(row.received_at) }, { label: 'Replay', hideLabel: true, cell: (row) => html`<button type="button" class="small" aria-label="Replay ${row.id}" @click=${() => this.replay(row)}>Replay</button>` },
  ];
}
