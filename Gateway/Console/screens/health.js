// How domains and mailboxes fare: shared by both pages.
import { api, confirm, count, day, empty, html, icon, nothing, percent, plural, session, status, tabs, time } from '../ui.js';
import '../ui/data.js';

const BANDS = { green: ['good', 'Good'], yellow: ['warn', 'Fair'], red: ['bad', 'Poor'] };
const PARTS = { bounces: 'Mails that came back', complaints: 'Complaints', unsubscribes: 'Unsubscribes', volume_swings: 'Swings in volume' };
const TRENDS = { improving: 'improving', steady: 'steady', declining: 'getting worse' };

/** A score in words: "98 Good". */
export const score = (one) => {
  if (one?.score == null) return html`<span class="quiet">Not enough mail yet</span>`;
  const [tone, word] = BANDS[one.band] ?? ['none', one.band];
  return html`<span class="row"><b>${one.score}</b>${status(one.band, { tone, word })}</span>`;
};

/** The days of a reputation as a chart wants them. Pure. */
export const series = (days) => ({ labels: days.map((one) => one.date), values: days.map((one) => one.score ?? null) });

/** A part's value: a rate, or for swings how many times as much. Pure. */
export const amount = (part, value) => (part.name === 'volume_swings' ? `${Number(value.toFixed(1))} ×` : percent(value));

const holds = (hold, done) => html`<div class="hint warn">${icon('stop')}<div><p><b>Sending is held: ${plural(hold.complaints, 'complaint')} of ${plural(hold.accepted, 'mail')}.</b></p><p dir="auto">${hold.reason}</p>
  <p class="note">Since ${time(hold.held_since)}. Can be ended from ${time(hold.resumable_at)} on.</p></div>
  ${session.may('admin') ? html`<button type="button" ?disabled=${hold.level === 'stop' && new Date(hold.resumable_at) > Date.now()} @click=${() => confirm({
    title: 'End the hold', text: 'Sending goes on. Take those who complained out of your lists first; another complaint holds it again.', action: 'End the hold',
    run: () => api.post(hold.scope === 'tenant' ? '/api/v1/reputation/resume' : `/api/v1/domains/${hold.subject}/reputation/resume`),
  }).then((yes) => yes && done())}>End the hold</button>` : nothing}</div>`;

/** Score, chart with thresholds, and what the score is made of: health(reputation, { days: 30, href: (days) => …, reload }) */
export function health(data, { days, href, reload }) {
  const { labels, values } = series(data.trend.days);
  const known = values.some((one) => one != null);
  const listed = data.blacklists.filter((one) => one.status === 'listed');
  return html`<div class="stack">${data.hold ? holds(data.hold, reload) : nothing}
    <div class="row between wrap"><p class="row wrap">${score(data)}<span class="quiet">${data.trend.direction ? `${TRENDS[data.trend.direction] ?? data.trend.direction} this week; ` : ''}from the last ${data.window_days} days, checked ${time(data.checked_at)}</span></p>
    ${tabs('Days shown', [30, 90].map((one) => ({ label: `${one} days`, href: href(one), current: one === days })))}</div>
    ${known ? html`<pm-chart label="Health" .labels=${labels} .series=${[{ label: 'Score', values }]} .max=${100} .limits=${[{ label: 'good from 90', value: 90, tone: 'good' }, { label: 'poor below 70', value: 70, tone: 'bad' }]}></pm-chart>
    <pm-table caption="What the score is made of" .key=${(row) => row.name} .rows=${data.penalties} .columns=${[
    { label: 'Part', cell: (row) => PARTS[row.name] ?? row.name },
    { label: 'Now', end: true, cell: (row) => amount(row, row.value) },
    { label: 'Costs from', end: true, small: 'hide', cell: (row) => amount(row, row.noticeable) },
    { label: 'Costs all from', end: true, small: 'hide', cell: (row) => amount(row, row.full) },
    { label: 'Points lost', end: true, cell: (row) => `${Number(row.points.toFixed(1))} of ${row.weight}` },
  ]}></pm-table>
    <p class="note">${[['taken', data.counts.accepted], ['refused', data.counts.refused], ['came back', data.counts.hard_bounces], ['complaints', data.counts.complaints], ['unsubscribes', data.counts.unsubscribes], ['replies', data.counts.replies]].map(([word, number]) => `${count(number)} ${word}`).join(', ')}.</p>`
    : empty({ title: 'No score yet', text: 'It shows when enough mail was sent to judge by.', mark: 'status' })}
    ${listed.length ? html`<ul class="checks">${listed.map((one) => html`<li class="bad">${icon('warn')}<p><b>${one.subject}</b> is on the block list ${one.zone}${one.listed_since ? ` since ${day(one.listed_since)}` : ''}. <span class="quiet">${one.meaning ?? ''}</span></p></li>`)}</ul>`
    : data.blacklists.length ? html`<p class="note">On none of ${plural(data.blacklists.length, 'block list')}.</p>` : nothing}</div>`;
}
