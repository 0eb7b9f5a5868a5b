// Billing: the plan, what of it is used, what another costs before one agrees, invoices and the way of payment.
import { List, Resource, Screen, api, attempt, clock, confirm, count, day, field, header, html, icon, money, nothing, openDialog, plural, show, stat, status, stepUp, tabs, time, toast, toastError, usage, words } from '../ui.js';

const LIMITS = { mails: 'Mails', leads: 'Leads', mailboxes: 'E-mail accounts', domains: 'Domains', workspaces: 'Workspaces', users: 'People' };
const ACCESS = { grace: 'An invoice is unpaid. Sending goes on for now.', read_only: 'Sending rests until the open invoice is paid. Nothing is lost.', cancelled: 'The subscription has ended. Everything can be read; nothing is sent.' };
const WHY = { too_expensive: 'Too expensive', missing_features: 'Something is missing', switched_service: 'We use another service', unused: 'We do not use it', customer_service: 'The help we got', too_complex: 'Too complicated', low_quality: 'Quality', other: 'Something else' };
const BACK = '/dashboard/settings/billing';

const cash = (one) => (one ? money(one.amount, one.currency) : '–');
const per = (interval) => (interval === 'year' ? 'a year' : 'a month');

/** What a limit's forecast says, or undefined. A few hours say nothing of a month. Pure. */
export function forecast(limit, { start, end }, now = Date.now()) {
  const { used, limit: most, forecast_at_period_end: later } = limit;
  if (later == null || later <= used || new Date(end) <= now) return undefined;
  if (now - new Date(start) < 3 * 86_400_000) return `How many by ${day(end)} is too early to say.`;
  const text = `About ${count(later)} by ${day(end)} if it goes on like this`;
  return most != null && later > most ? `${text}: ${count(later - most)} more than the plan has.` : `${text}.`;
}

/** What another plan costs, in sentences. Pure. */
export function terms(preview) {
  const price = `${cash(preview.price)} ${per(preview.interval)}`;
  if (preview.direction === 'downgrade') return { due: 'Nothing now', then: `${price} from ${day(preview.effective_at)} on. Until then all stays as it is.` };
  return { due: cash(preview.amount_due_now), then: `${price} after that. It holds at once; what is left of the present plan is taken off.` };
}

const bars = (data) => html`<div class="grid">${Object.entries(LIMITS).filter(([key]) => data[key]).map(([key, label]) => {
  const one = data[key];
  const notes = [one.reserved ? `${count(one.reserved)} more are spoken for.` : '', one.packs?.count ? `${count(one.packs.mails)} are from packs.` : '', (key === 'mails' && forecast(one, data.period)) || (key === 'leads' ? 'Counted each night.' : '')].filter(Boolean).join(' ');
  return usage({ label, used: one.used, limit: one.limit, note: notes || undefined });
})}</div>`;

/** Sends the browser to a page of Stripe's. */
const leave = (path, body) => attempt(() => api.post(path, body)).then((answer) => answer && location.assign(answer.url));
const portal = () => leave('/api/v1/billing/portal', { return_path: BACK });
const checkout = (body) => leave('/api/v1/billing/checkout', body);

const closed = () => html`<p class="hint">${icon('info')}<span>Payments are not set up on this installation, so nothing can be bought or changed here. Its operator can set a plan for you.</span></p>`;

export class Billing extends Screen {
  static query = { checkout: '' };

  plan = new Resource(this, async (signal) => {
    const get = (path) => api.get(`/api/v1/billing/${path}`, { signal });
    const [subscription, used, config] = await Promise.all([get('subscription'), get('usage'), get('config')]);
    return { ...subscription, used, config };
  }, { every: 30_000 });

  invoices = new List(this, (cursor, signal) => api.get('/api/v1/billing/invoices', { query: { cursor, limit: 12 }, signal }));

  payments = new List(this, (cursor, signal) => api.get('/api/v1/billing/payments', { query: { cursor, limit: 5 }, signal }));

  async #act(path, body, text) {
    try {
      const answer = await stepUp(() => api.post(`/api/v1/billing/${path}`, body));
      if (answer.hosted_url) location.assign(answer.hosted_url);
      else toast(text);
      this.plan.reload();
      this.invoices.reload();
    } catch (error) {
      toastError(error);
      if (error.problem?.hosted_url) location.assign(error.problem.hosted_url);
    }
  }

  #cancel = () => {
    let feedback = '';
    const { period_end: end, plan } = this.plan.data;
    return confirm({
      title: `Cancel ${plan.name}`, danger: true, action: 'Cancel the subscription',
      text: html`It runs until ${day(end)}; then nothing more is sent, and everything can still be read. Nothing is charged after that.<br><br>${field({ name: 'feedback', label: 'Why', type: 'select', options: [['', 'Rather not say'], ...Object.entries(WHY)], onInput: (value) => { feedback = value; } })}`,
      run: () => api.post('/api/v1/billing/cancel', feedback ? { feedback } : {}),
    }).then((done) => { if (done) { toast(`It ends on ${day(end)}.`); this.plan.reload(); } });
  };

  render() {
    const data = this.plan.data;
    return html`${header({ title: 'Billing', actions: data?.config.is_configured ? html`${data.is_at_stripe ? html`<button type="button" @click=${portal}>${icon('external')}Payment method</button>` : nothing}<a class="button primary" href="${BACK}/plans">${data.is_at_stripe ? 'Change plan' : 'Choose a plan'}</a>` : nothing })}
      ${show(this.plan, { data: (all) => this.#page(all), lines: 8 })}`;
  }

  #page(data) {
    const { plan, config } = data;
    const trial = data.status === 'trialing';
    const scheduled = data.scheduled_change;
    const hint = (text, button) => html`<p class="hint warn">${icon('warn')}<span>${text}</span>${button ?? nothing}</p>`;
    return html`<div class="stack">${config.is_configured ? nothing : closed()}
      ${this.query.checkout === 'success' ? html`<p class="hint" role="status">${icon('check')}<span>Thank you. The new plan shows here within seconds.</span></p>` : nothing}
      ${ACCESS[data.access] ? hint(html`<b>${ACCESS[data.access]}</b> ${data.read_only_at && data.access === 'grace' ? html`Sending rests ${time(data.read_only_at)}.` : nothing} ${data.cancels_at ? html`It is cancelled ${time(data.cancels_at)}.` : nothing}`, data.past_due_since ? html`<button type="button" @click=${() => this.#act('retry-payment', {}, 'Paid.')}>Pay now</button>` : nothing) : nothing}
      ${data.cancel_at ? hint(html`The subscription ends on ${day(data.cancel_at)}.`, html`<button type="button" @click=${() => this.#act('resume', {}, 'It goes on.')}>Keep it</button>`) : nothing}
      ${scheduled ? hint(html`${words(scheduled.plan)} begins ${scheduled.effective_at ? `on ${day(scheduled.effective_at)}` : 'when the period ends'}.`, html`<button type="button" @click=${() => this.#act('change/cancel', {}, 'The plan stays.')}>Keep the present plan</button>`) : nothing}
      <div class="stats">${stat({ label: 'Plan', value: plan.name, note: words(data.status) })}${stat({ label: 'Price', value: data.amount ? cash(data.amount) : trial ? 'Free' : '–', note: data.amount ? per(data.interval) : trial ? 'during the trial' : undefined })}
      ${trial && data.trial_ends_at ? stat({ label: 'Trial', value: plural(Math.max(0, Math.ceil((new Date(data.trial_ends_at) - Date.now()) / 86_400_000)), 'day'), note: `left, until ${day(data.trial_ends_at)}` }) : stat({ label: data.cancel_at ? 'Ends' : 'Renews', value: day(data.period_end) })}</div>
      <section class="card"><div class="row between"><h2>Used</h2><span class="quiet">${day(data.used.period.start)} to ${day(data.used.period.end)}</span></div>${bars(data.used)}
      ${config.is_configured && data.is_at_stripe && config.packs.length ? html`<div class="actions section">${config.packs.map((pack) => html`<button type="button" @click=${() => checkout({ pack: pack.code })}>Buy ${count(pack.mails)} more mails for ${cash(pack.price)}</button>`)}</div>` : nothing}</section>
      <section><h2>Invoices</h2><div class="section">${this.#list(this.invoices, 'No invoice yet', [
    { label: 'Invoice', main: true, cell: (row) => (row.hosted_url ? html`<a href=${row.hosted_url} target="_blank" rel="noreferrer">${row.number ?? 'Draft'}</a>` : row.number ?? 'Draft') },
    { label: 'Date', cell: (row) => (row.created_at ? day(row.created_at) : '–') }, { label: 'State', cell: (row) => status(row.status ?? 'draft', row.status === 'open' ? { tone: 'warn' } : {}) }, { label: 'Total', end: true, cell: (row) => cash(row.total) },
    { label: 'Open', end: true, small: 'hide', cell: (row) => cash(row.amount_remaining) }, { label: 'PDF', end: true, cell: (row) => (row.pdf_url ? html`<a href=${row.pdf_url} target="_blank" rel="noreferrer" aria-label="PDF of ${row.number ?? 'the draft'}">PDF</a>` : nothing) },
  ])}</div></section>
      <section><h2>Payments</h2><div class="section">${this.#list(this.payments, 'No payment yet', [
    { label: 'Date', cell: (row) => day(row.created_at) }, { label: 'State', cell: (row) => html`${status(row.status)} <span class="quiet">${row.failure ?? ''}</span>` }, { label: 'By', cell: (row) => `${words(row.brand ?? row.method ?? '')} ${row.last_four ? `•••• ${row.last_four}` : ''}` },
    { label: 'Amount', end: true, cell: (row) => html`${cash(row.amount)}${row.amount_refunded?.amount ? html` <span class="quiet">${cash(row.amount_refunded)} given back</span>` : nothing}` },
  ])}</div></section>
      ${data.is_at_stripe && !data.cancel_at && data.access !== 'cancelled' && config.is_configured ? html`<div class="actions"><button type="button" class="danger" @click=${this.#cancel}>Cancel the subscription</button></div>` : nothing}</div>`;
  }

  #list(list, title, columns) {
    if (list.error?.kind === 'stripe_not_configured') return html`<p class="note">There are none: payments are not set up on this installation.</p>`;
    return show(list, { lines: 2, empty: () => html`<p class="note">${title}.</p>`, data: (rows) => html`<pm-table caption=${title.replace(/^No | yet/g, '')} .rows=${rows} .columns=${columns} .list=${list}></pm-table>` });
  }
}

export class Plans extends Screen {
  static query = { interval: 'month' };

  all = new Resource(this, async (signal) => {
    const [catalogue, subscription, config] = await Promise.all(['/api/v1/plans', '/api/v1/billing/subscription', '/api/v1/billing/config'].map((path) => api.get(path, { signal })));
    return { plans: catalogue.data, subscription, config };
  });

  render() {
    const { interval } = this.query;
    return html`${header({ title: 'Change plan', back: { href: BACK, label: 'Billing' }, note: 'More takes effect at once, less when the period ends. You see what it costs before anything is charged.' })}
      ${tabs('Paid', [['month', 'By the month'], ['year', 'By the year']].map(([key, label]) => ({ label, href: this.href({ interval: key }), current: key === interval })))}
      ${show(this.all, { data: (all) => html`${all.config.is_configured ? nothing : html`<div class="section">${closed()}</div>`}<div class="grid section">${all.plans.map((plan) => this.#card(plan, all))}</div>` })}`;
  }

  #card(plan, { subscription, config }) {
    const { interval } = this.query;
    const price = plan.prices.find((one) => one.interval === interval)?.price;
    const isCurrent = plan.code === subscription.plan.code && (!subscription.is_at_stripe || subscription.interval === interval);
    const choose = () => (subscription.is_at_stripe ? this.#preview(plan) : checkout({ plan: plan.code, interval }));
    return html`<section class="card stack tight"><div class="row between"><h2>${plan.name}</h2>${isCurrent ? status('active', { word: subscription.is_at_stripe ? 'Your plan' : 'Your trial' }) : nothing}</div>
      <p>${price ? html`<b>${cash(price)}</b> <span class="quiet">${per(interval)}</span>` : html`<span class="quiet">On request</span>`}</p>
      <ul class="checks">${[[plan.mails_per_period, 'mails a month'], ...Object.entries(LIMITS).slice(1).map(([key, label]) => [plan[key], label.toLowerCase()])].map(([number, label]) => html`<li class="done">${icon('check')}<span>${number == null ? `Any number of ${label}` : `${count(number)} ${label}`}</span></li>`)}</ul>
      ${price && config.is_configured && !(isCurrent && subscription.is_at_stripe) ? html`<button type="button" class="primary" @click=${choose}>${subscription.is_at_stripe ? 'See what it costs' : 'Choose'}<span class="hidden"> ${plan.name}</span></button>` : nothing}</section>`;
  }

  async #preview(plan) {
    const target = { plan: plan.code, interval: this.query.interval };
    const preview = await attempt(() => api.post('/api/v1/billing/change/preview', target));
    if (!preview) return;
    const { due, then } = terms(preview);
    let answer;
    const over = preview.exceeds.map((one) => `${(LIMITS[one.limit] ?? one.limit).toLowerCase()} (${count(one.used)}, allowed ${count(one.allowed)})`);
    if (over.length && preview.direction === 'downgrade') {
      await openDialog({ title: `${plan.name} is too small`, body: () => html`<p>You use more than it allows: ${over.join(', ')}. Remove some first.</p>` });
      return;
    }
    const done = await confirm({
      title: `Change to ${plan.name}`, action: preview.direction === 'downgrade' ? 'Change at the period’s end' : `Pay ${due} and change`, danger: false,
      text: html`<span class="stats">${stat({ label: 'To pay now', value: due })}</span><br>${then}${preview.valid_until ? html`<br><span class="quiet">This price holds until ${clock(preview.valid_until)}.</span>` : nothing}`,
      run: async () => { answer = await api.post('/api/v1/billing/change', { ...target, preview_token: preview.preview_token ?? null }); },
    });
    if (!done) return;
    if (answer.outcome === 'requires_action' && answer.hosted_url) {
      location.assign(answer.hosted_url);
      return;
    }
    toast({ scheduled: `${plan.name} begins when the period ends.`, requires_action: 'Your bank wants a confirmation. Then it happens by itself.' }[answer.outcome] ?? `You have ${plan.name} now.`);
    this.all.reload();
  }
}
