// Mails of which nobody knows whether they arrived: the line broke before the server's answer. Found by account and campaign, settled one by one or many.
import { List, Resource, Screen, api, confirm, empty, field, filters, header, html, icon, menu, nothing, plural, readQuery, session, show, time, toast } from '../ui.js';

const WAYS = [['sent', 'They arrived', 'Nothing is sent; the sequence goes on.'], ['resend', 'Send again', 'They go out once more. Who got the first one gets it twice.'], ['not_sent', 'Give up', 'They count as failed and are not sent again.']];
const AT_ONCE = 5;

/** What settling many came to, in a sentence: how many, how many somebody settled before, how many could not be. Pure. */
export function outcome(results) {
  const gone = results.filter((one) => one.reason?.status === 404).length;
  const failed = results.filter((one) => one.status === 'rejected').length - gone;
  const done = results.length - gone - failed;
  return [`${plural(done, 'mail')} settled`, gone && `${gone} settled before`, failed && `${failed} not settled`].filter(Boolean).join(', ') + '.';
}

/** Runs `work` for each, a few at a time; the results as Promise.allSettled gives them. Pure but for `work`. */
export async function inTurn(list, work, atOnce = AT_ONCE) {
  const results = [];
  for (let at = 0; at < list.length; at += atOnce) results.push(...await Promise.allSettled(list.slice(at, at + atOnce).map(work)));
  return results;
}

/** Asks, and settles them; resolves true when something was done. */
async function settle(mails, [as, label, text]) {
  let results = [];
  const done = await confirm({
    title: `${label}: ${plural(mails.length, 'mail')}`, text, action: label, danger: as === 'resend',
    run: async () => {
      results = await inTurn(mails, (one) => api.post(`/api/v1/sends/${one.id}/settle`, { as }));
      const failure = results.find((one) => one.status === 'rejected' && one.reason.status !== 404);
      // What could be settled is; one that could not says why when nothing else was.
      if (failure && results.every((one) => one.status === 'rejected')) throw failure.reason;
    },
  });
  if (done) toast(outcome(results), { tone: results.some((one) => one.status === 'rejected' && one.reason.status !== 404) ? 'bad' : '' });
  return done;
}

/** The three ways as entries of a menu: ways(mails, () => list.reload()). */
export const ways = (mails, then) => WAYS.map((way) => ({ label: way[1], danger: way[0] === 'resend', run: () => settle(mails, way).then((done) => done && then()) }));

const lists = async (signal) => {
  const [mailboxes, campaigns] = await Promise.all(['mailboxes', 'campaigns'].map((name) => api.get(`/api/v1/${name}`, { query: { limit: 100 }, signal })));
  await session.workspaces();
  return { mailboxes: mailboxes.data, campaigns: campaigns.data };
};

export class Unclear extends Screen {
  static query = { mailbox: '', campaign: '' };

  list = new List(this, (cursor, signal) => api.get('/api/v1/sends/ambiguous', { query: { ...this.query, cursor, limit: 50 }, signal }), { every: 30_000 });

  around = new Resource(this, lists);

  selected = new Set();

  routeChanged(before) {
    const old = readQuery(before.search, Unclear.query);
    if (old.mailbox === this.query.mailbox && old.campaign === this.query.campaign) return;
    this.selected = new Set();
    this.list.reload({ fresh: true });
  }

  #done = () => {
    this.selected = new Set();
    this.list.reload();
  };

  render() {
    const { mailbox, campaign } = this.query;
    const { mailboxes = [], campaigns = [] } = this.around.data ?? {};
    const may = session.may('member');
    const choice = (name, label, rows, title) => field({ name, label, hideLabel: true, type: 'select', value: this.query[name],
      options: [['', label], ...rows.map((one) => [one.id, title(one)]), ...(this.query[name] && !rows.some((one) => one.id === this.query[name]) ? [[this.query[name], 'Another one']] : [])], onInput: (value) => this.setQuery({ [name]: value }) });
    return html`${header({ title: 'Unclear mails', note: 'The line broke between a mail’s last byte and the server’s answer, so nobody knows whether it arrived. It is held until somebody settles it.' })}
      ${filters({ body: html`${choice('mailbox', 'Every account', mailboxes, (one) => one.address)}${choice('campaign', 'Every campaign', campaigns, (one) => one.name)}` })}
      ${show(this.around.data ? this.list : this.around, {
    data: (rows) => html`<pm-table caption="Unclear mails" .rows=${rows} .columns=${this.columns} .list=${this.list} .selected=${may ? this.selected : undefined} @select=${({ detail }) => { this.selected = detail; this.requestUpdate(); }}></pm-table>
      ${this.selected.size ? this.#bulk(rows.filter((one) => this.selected.has(one.id))) : nothing}`,
    empty: () => empty({ title: 'Every mail is clear', text: 'A mail shows here when a server took it in and the line broke before it said so. That is rare.', mark: 'check' }),
    isFiltered: Boolean(mailbox || campaign), clear: () => this.setQuery({ mailbox: '', campaign: '' }),
  })}`;
  }

  #bulk(mails) {
    return html`<div class="bulk" role="group" aria-label="With the chosen mails"><b>${mails.length} chosen</b>${ways(mails, this.#done).map((one) => html`<button type="button" class=${one.danger ? 'danger' : ''} @click=${one.run}>${one.label}</button>`)}
      <button type="button" class="quiet" @click=${() => { this.selected = new Set(); this.requestUpdate(); }}>Choose none</button></div>`;
  }

  #named(row) {
    const found = this.around.data.campaigns.find((one) => one.id === row.campaign);
    const slug = session.list?.find((one) => one.id === row.workspace)?.slug;
    if (!row.campaign) return html`<span class="quiet">None</span>`;
    return slug ? html`<a href="/dashboard/workspaces/${slug}/campaigns/${row.campaign}">${found?.name ?? 'A campaign'}</a>` : found?.name ?? 'A campaign';
  }

  columns = [
    { label: 'To', cell: (row) => html`<div>${row.recipient}<p class="note">${row.reason ?? nothing}</p></div>`, main: true },
    { label: 'Campaign', cell: (row) => this.#named(row) },
    { label: 'Account', cell: (row) => this.around.data.mailboxes.find((one) => one.id === row.mailbox)?.address ?? html`<span class="quiet">An account that is gone</span>`, small: 'hide' },
    { label: 'Sent', cell: (row) => time(row.data_sent_at) },
    ...(session.may('member') ? [{ label: 'Settle', hideLabel: true, end: true, cell: (row) => menu(`Settle the mail to ${row.recipient}`, ways([row], this.#done), { text: html`<span class="nowrap">Settle</span>`, mark: 'down' }) }] : []),
  ];
}
