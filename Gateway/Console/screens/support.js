// Support access: who of the operator's people looked into the company, why, and what they read.
import { List, Resource, Screen, api, drawer, empty, header, html, nothing, readQuery, show, status, time } from '../ui.js';
import { facts, timeline } from '../ui/data.js';

const STATES = { running: ['Looking now', 'warn'], ended: ['Ended', 'none'], expired: ['Ran out', 'none'] };
const BECAUSE = { holder: 'by the one who began it', expired: 'its time was over', staff_role_removed: 'that person no longer works in support' };
const ACTIONS = { 'audit_trail.read': 'Read the audit trail', 'support_session.begin': 'Began', 'support_session.end': 'Ended' };
const KNOWN = ['support_session', 'staff_role', 'reason', 'ticket', 'scope', 'expires_at'];

/** What an entry of the trail adds to what stands above it: "read: events, q: …". Pure. */
export const detail = (metadata) => Object.entries(metadata).filter(([key]) => !KNOWN.includes(key)).map(([key, value]) => `${key}: ${value}`).join(', ');

const stateOf = (row) => status(row.state, { word: STATES[row.state]?.[0] ?? row.state, tone: STATES[row.state]?.[1] ?? 'none' });

export class SupportAccess extends Screen {
  static query = { open: '' };

  list = new List(this, (cursor, signal) => api.get('/api/v1/support-sessions', { query: { cursor, limit: 50 }, signal }), { every: 30_000 });

  read = new Resource(this, (signal) => (this.query.open ? api.get('/api/v1/audit/events', { query: { q: `support:${this.query.open}`, limit: 100 }, signal }).then((answer) => answer.data) : []));

  routeChanged(before) { if (readQuery(before.search, SupportAccess.query).open !== this.query.open) this.read.reload({ fresh: true }); }

  render() {
    const one = this.list.data?.find((row) => row.id === this.query.open);
    return html`${header({ title: 'Support access', note: 'The operator’s people see your audit trail only in a session with a reason and a ticket, for an hour at most. They read; they cannot change anything, and never act as one of you.' })}
      ${show(this.list, { data: (rows) => html`<pm-table caption="Support access" .rows=${rows} .columns=${this.columns} .list=${this.list}></pm-table>`,
    empty: () => empty({ title: 'Nobody has looked', text: 'If support looks into your company, it shows here at once, and stays.', mark: 'support' }) })}
      ${one ? drawer({ title: `${one.staff_name}, ${one.ticket}`, onClose: () => this.setQuery({ open: '' }), body: this.#detail(one) }) : nothing}`;
  }

  columns = [
    { label: 'Who', cell: (row) => row.staff_name, open: (row) => this.setQuery({ open: row.id }, { push: true }) }, { label: 'Why', cell: (row) => row.reason }, { label: 'Ticket', cell: (row) => row.ticket },
    { label: 'State', cell: stateOf }, { label: 'Began', cell: (row) => time(row.created_at) }, { label: 'Ends', small: 'hide', cell: (row) => time(row.ended_at ?? row.expires_at) },
  ];

  #detail = (one) => html`<div class="stack">${facts([['State', stateOf(one)], ['Why', one.reason], ['Ticket', one.ticket], ['Allowed', one.scope.map((name) => (name === 'audit' ? 'reading the audit trail' : name)).join(', ')], ['Began', time(one.created_at)], ['Ends', time(one.expires_at)], ['Ended', one.ended_at && html`${time(one.ended_at)}, ${BECAUSE[one.ended_because] ?? one.ended_because}`]])}
    <h3>What was done and read</h3>${show(this.read, { lines: 3, empty: () => html`<p class="note">Nothing so far.</p>`, data: (rows) => timeline(rows.map((event) => ({ at: event.occurred_at, title: ACTIONS[event.action] ?? event.action, text: detail(event.metadata), href: `/dashboard/audit/${event.id}` }))) })}</div>`;
}
