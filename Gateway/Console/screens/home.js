// Home: what is left to set up, what is being sent, what needs somebody.
import { Form, Resource, Screen, api, count, empty, header, html, icon, nothing, plural, session, settings, show, status, time, toast, usage } from '../ui.js';

/** The steps to the first campaign, in their order, from what is there already. Pure. */
export function setUp({ verified, workspace, domains = [], mailboxes = [], leads = 0, campaigns = [] }) {
  const place = (name) => (workspace ? `/dashboard/workspaces/${workspace.slug}/${name}` : null);
  const steps = [
    { done: verified, title: 'Confirm your address', text: 'With the code or the link from our mail.', href: '/verify' },
    { done: Boolean(workspace), title: 'Create a workspace', text: 'For a client or a team; it holds the postal address that each mail names.', href: null },
    { done: mailboxes.length > 0, title: 'Connect an e-mail account', text: 'Its server is tried before it is taken.', href: place('emails') },
    { done: domains.some((one) => one.is_authenticated), title: 'Prove your domain', text: 'Publish the records that we show; then mail arrives.', href: place('domains') },
    { done: leads > 0, title: 'Import leads', text: 'From a CSV file, with a preview before anything is stored.', href: '/dashboard/leads/import' },
    { done: campaigns.some((one) => one.launched_at), title: 'Launch a campaign', text: 'With a forecast of what is sent when.', href: place('campaigns') },
  ];
  const current = steps.findIndex((step) => !step.done);
  return steps.map((step, at) => ({ ...step, current: at === current }));
}

export class Home extends Screen {
  state = new Resource(this, async (signal) => {
    const get = (path, query) => api.get(path, { query, signal });
    const [workspaces, domains, mailboxes, campaigns, unclear, plan] = await Promise.all([
      session.workspaces(), get('/api/v1/domains', { limit: 50 }), get('/api/v1/mailboxes', { limit: 50 }), get('/api/v1/campaigns', { limit: 50 }), get('/api/v1/sends/ambiguous', { limit: 50 }),
      // Billing hears of a new company a moment later: nothing else may wait for it.
      session.may('admin') ? get('/api/v1/billing/usage').catch((error) => { if (signal.aborted) throw error; return null; }) : null,
    ]);
    const wanted = settings.get('workspace', null);
    const workspace = workspaces.find((one) => one.slug === wanted) ?? workspaces[0];
    const leads = workspace ? plan?.leads?.used || campaigns.data.length || (await get('/api/v1/leads', { workspace: workspace.id, limit: 1 })).data.length : 0;
    const running = campaigns.data.filter((one) => one.status === 'active').slice(0, 5);
    await Promise.all(running.map(async (one) => { one.progress = await get(`/api/v1/campaigns/${one.id}/progress`).catch(() => null); }));
    return { workspaces, workspace, domains: domains.data, mailboxes: mailboxes.data, campaigns: campaigns.data, unclear, plan, leads, verified: session.user.verified };
  }, { every: 30_000 });

  form = new Form(this, {
    initial: { name: '', postal_address: '' },
    draft: 'workspace',
    send: (values, key) => api.post('/api/v1/workspaces', values, { key }),
    done: async (made) => {
      settings.set('workspace', made.slug);
      await session.workspaces({ again: true });
      toast(`The workspace ${made.name} is there.`);
      this.state.reload();
    },
  });

  render() {
    return html`${header({ title: 'Home', note: session.tenant?.name })}${show(this.state, { data: (state) => this.#page(state), isEmpty: () => false })}`;
  }

  #page(state) {
    const steps = setUp(state);
    const left = steps.filter((step) => !step.done).length;
    const running = state.campaigns.filter((one) => one.status === 'active');
    return html`${left ? this.#steps(steps, left) : nothing}
      <div class="split section"><section><h2>Sending now</h2><div class="section">${running.length
    ? html`<pm-table caption="Campaigns that are sending" .rows=${running} .columns=${this.#columns(state)}></pm-table>`
    : empty({ title: 'No campaign is sending', text: 'A campaign that is launched shows here, with how far it is.', mark: 'campaigns', actions: state.workspace ? html`<a class="button" href="/dashboard/workspaces/${state.workspace.slug}/campaigns">All campaigns</a>` : nothing })}</div></section>
      <section class="stack"><h2>Needs you</h2>${this.#needs(state)}${state.plan ? this.#plan(state.plan) : nothing}</section></div>`;
  }

  #steps(steps, left) {
    return html`<section class="card"><div class="row between"><h2>Set up</h2><span class="quiet">${left === 1 ? 'one step left' : `${left} steps left`}</span></div>
      <ol class="checks">${steps.map((step) => html`<li class=${step.done ? 'done' : 'open'}>${icon(step.done ? 'check' : 'dot')}<div><p>${step.done ? step.title : html`<b>${step.title}</b>`}<span class="hidden">${step.done ? ', done' : ', open'}</span></p>
        ${step.done ? nothing : html`<p class="note">${step.text}</p>`}${step.current && !step.href ? this.#workspaceForm() : nothing}</div>
        ${!step.done && step.href ? html`<a class="button ${step.current ? 'primary' : ''}" href=${step.href}>Go<span class="hidden"> to ${step.title}</span></a>` : nothing}</li>`)}</ol></section>`;
  }

  #workspaceForm() {
    if (!session.may('admin')) return html`<p class="note">Ask an owner or admin for one.</p>`;
    return html`<div class="stack narrow-form section">${this.form.render(html`${this.form.field('name', { label: 'Name of the workspace', required: true, maxlength: 100 })}
      ${this.form.field('postal_address', { label: 'Postal address', type: 'textarea', rows: 2, required: true, hint: 'The law asks for it in each mail.' })}`, { submit: 'Create workspace', busy: 'Creating' })}</div>`;
  }

  #columns(state) {
    const slug = (row) => state.workspaces.find((one) => one.id === row.workspace)?.slug ?? '';
    return [
      { label: 'Campaign', cell: (row) => row.name, href: (row) => `/dashboard/workspaces/${slug(row)}/campaigns/${row.id}` },
      { label: 'State', cell: (row) => status(row.status) },
      { label: 'Leads through', cell: (row) => (row.progress ? html`<div class="usage nowrap"><progress max=${row.progress.total || 1} value=${row.progress.finished} aria-label="Leads that are through"></progress><span class="quiet">${count(row.progress.finished)} of ${count(row.progress.total)}</span></div>` : '–') },
      { label: 'Launched', cell: (row) => time(row.launched_at), small: 'hide' },
    ];
  }

  #needs(state) {
    const names = new Map(state.workspaces.map((one) => [one.id, one.slug]));
    const place = (one, name) => `/dashboard/workspaces/${names.get(one.workspace)}/${name}/${one.id}`;
    const { data: unclear, page } = state.unclear;
    const items = [
      ...(unclear.length ? [{ text: page.next ? `More than ${unclear.length} unclear mails` : plural(unclear.length, 'unclear mail'), why: 'may have arrived or not', href: '/dashboard/unclear' }] : []),
      ...state.mailboxes.filter((one) => ['error', 'failed', 'suspended'].includes(one.state ?? one.status)).map((one) => ({ text: one.address, why: one.last_error ?? 'cannot send', href: place(one, 'emails') })),
      ...state.domains.filter((one) => !one.is_authenticated).map((one) => ({ text: one.domain, why: 'is not proved yet', href: place(one, 'domains') })),
      ...state.campaigns.filter((one) => one.status === 'paused').map((one) => ({ text: one.name, why: one.status_reason ? `paused: ${one.status_reason}` : 'is paused', href: place(one, 'campaigns') })),
    ];
    if (!items.length) return html`<p class="note">Nothing. All is quiet.</p>`;
    return html`<ul class="checks">${items.slice(0, 8).map((item) => html`<li class="warn">${icon('warn')}<p><a href=${item.href} dir="auto">${item.text}</a> <span class="quiet" dir="auto">${item.why}</span></p></li>`)}</ul>
      ${items.length > 8 ? html`<p class="note">and ${plural(items.length - 8, 'more thing')}</p>` : nothing}`;
  }

  #plan(plan) {
    return html`<h2>This period</h2><div class="stack tight">${[['Mails', plan.mails], ['Leads', plan.leads], ['E-mail accounts', plan.mailboxes]].filter(([, one]) => one).map(([label, one]) => usage({ label, used: one.used, limit: one.limit, note: label === 'Leads' ? 'Counted each night.' : undefined }))}
      <p class="note">Ends ${time(plan.period?.end)}. <a href="/dashboard/settings/billing">Billing</a></p></div>`;
  }
}
