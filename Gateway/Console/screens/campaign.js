// What a campaign is, in words and rules; without page and Lit, so that `node --test` runs it.

export const WAITS = {
  outside_window: 'outside the sending window',
  daily_cap: 'the campaign’s mails of the day are sent',
  mailboxes_full: 'all e-mail accounts have sent what they may today',
  mailboxes_unavailable: 'no e-mail account can send',
  thread_mailbox_full: 'the account that began the conversations has sent what it may today',
  window_never_opens: 'the sending window never opens',
  access_read_only: 'the subscription is over',
  audience_gone: 'the list or segment is gone',
  quota_exceeded: 'the plan’s mails are used up',
  too_large: 'there are too many leads to look ahead',
};

export const EXITS = {
  refused: 'Refused by the receiving server',
  stopped: 'Taken out by somebody',
  erased: 'Erased',
  lead_gone: 'The lead was deleted',
  left_audience: 'Left the audience',
  campaign_stopped: 'The campaign was ended',
  campaign_over: 'The campaign was over',
  cancelled: 'Cancelled before it was sent',
  unsubscribed: 'Unsubscribed',
  sequence_done: 'Every step is done',
};

export const ASSUMED = {
  nobody_answers: 'nobody answers',
  no_bounces: 'nothing bounces',
  mailboxes_stay_as_they_are: 'the e-mail accounts stay as they are',
  quota_suffices: 'the plan’s mails suffice',
  conditions_not_met: 'no condition is met',
  tests_decided_at_once: 'tests are decided at once',
};

/** What a launch needs: title, the codes of the API that speak of it, where it is mended (a section of the builder, or a page). */
export const CHECKS = [
  { title: 'Audience', codes: ['audience_gone', 'no_leads'], at: 'audience' },
  { title: 'Mails', codes: ['no_steps', 'template_not_found', 'no_unsubscribe_link', 'postal_address_not_in_template'], at: 'steps' },
  { title: 'Sending window', codes: ['window_never_opens'], at: 'schedule' },
  { title: 'E-mail accounts', codes: ['no_mailbox', 'mailbox_not_found', 'mailbox_stopped', 'some_mailboxes_stopped'], at: 'sending', page: 'emails' },
  { title: 'Domains', codes: ['domain_unauthenticated'], page: 'domains' },
  { title: 'Postal address', codes: ['no_postal_address'], page: 'settings' },
  { title: 'Your address', codes: ['owner_unverified'], href: '/verify' },
  { title: 'Plan', codes: ['sending_paused', 'quota_exceeded'], href: '/dashboard/settings/billing' },
];

/** The checks with what the API says to each: [{ title, state: done|warn|bad, details, … }]; codes of later versions come last. */
export function verdicts({ reasons = [], warnings = [] }) {
  const known = CHECKS.flatMap((check) => check.codes);
  const rest = [...reasons, ...warnings].filter((one) => !known.includes(one.code)).map((one) => one.code);
  return [...CHECKS, ...(rest.length ? [{ title: 'Other', codes: rest }] : [])].map((check) => {
    const bad = reasons.filter((one) => check.codes.includes(one.code));
    const warn = warnings.filter((one) => check.codes.includes(one.code));
    return { ...check, state: bad.length ? 'bad' : warn.length ? 'warn' : 'done', details: [...bad, ...warn] };
  });
}

/** How many campaigns are in each state, and in all but the archive. */
export function tally(rows) {
  const counts = { all: 0 };
  for (const { status } of rows) {
    counts[status] = (counts[status] ?? 0) + 1;
    if (status !== 'archived') counts.all += 1;
  }
  return counts;
}

const OPEN = ['waiting', 'queued', 'deferred', 'held'];

/** Leads that still have something to come. */
export const left = (progress) => OPEN.reduce((sum, name) => sum + (progress[name] ?? 0), 0);

/** The parts of a campaign's leads; they sum to the total. */
export const PARTS = [
  ['finished', 'Done', 'good'], ['replied', 'Replied', 'accent'], ['waiting', 'Waiting', 'none'], ['queued', 'Queued', 'none'], ['deferred', 'Deferred', 'warn'],
  ['held', 'Unclear', 'warn'], ['failed', 'Failed', 'bad'], ['bounced', 'Bounced', 'bad'], ['complained', 'Complained', 'bad'], ['suppressed', 'Skipped: suppressed', 'none'],
  ['unsubscribed', 'Skipped: unsubscribed', 'none'], ['removed', 'Skipped: taken out', 'none'],
];

/** A copy of a campaign, as the body that makes it. */
export function copyOf({ workspace, name, audience, enrols_later, steps, mailboxes, schedule, stops_on_reply, tracks_opens, tracks_clicks }) {
  return { workspace, name: `${name.slice(0, 193)} (copy)`, audience, enrols_later, steps, mailboxes, schedule, stops_on_reply, tracks_opens, tracks_clicks };
}

/** A copy that writes to a list: those whom the first one did not reach. */
export const again = (campaign, list) => ({ ...copyOf(campaign), name: `${campaign.name.slice(0, 192)} (again)`, audience: { kind: 'list', id: list }, enrols_later: false });

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const MAY_BE_ABSENT = ['starts_at'];

/** What the draft has otherwise than what is stored, as the body of the change. */
export function changes(stored, draft) {
  const names = ['name', 'audience', 'enrols_later', 'steps', 'mailboxes', 'schedule', 'stops_on_reply', 'tracks_opens', 'tracks_clicks', 'starts_at'];
  return Object.fromEntries(names.filter((name) => (name in draft || MAY_BE_ABSENT.includes(name)) && !same(stored[name], draft[name])).map((name) => [name, draft[name] ?? null]));
}

// Steps

/** Puts ways and questions right after steps came, went or moved: they lead forward only, and ask about mails before them. `number` also numbers anew. */
export function arrange(steps, number = false) {
  const named = new Map(steps.map((step, at) => [step.number, number ? at + 1 : step.number]));
  const places = new Map(steps.map((step, at) => [step.number, at]));
  const target = (way, at) => (typeof way !== 'number' ? way : places.get(way) > at ? named.get(way) : 'next');
  return steps.map((step, at) => {
    const next = { ...step, number: named.get(step.number) };
    for (const name of ['next', 'then', 'otherwise']) if (step[name] !== undefined && step[name] !== null) next[name] = target(step[name], at);
    const asked = step.condition?.step;
    if (asked) {
      const place = places.get(asked);
      const { step: _, ...rest } = step.condition;
      next.condition = place < at && steps[place].kind === 'email' ? { ...rest, step: named.get(asked) } : rest;
    }
    return next;
  });
}

/** Steps with one moved; what cannot be is left as it is. */
export function moved(steps, from, to) {
  if (to < 0 || to >= steps.length || from === to) return steps;
  const next = [...steps];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** The place that a dragged step takes: behind all others whose middle is above the pointer. */
export const landing = (middles, from, y) => middles.filter((middle, at) => at !== from && middle < y).length;

export const freeNumber = (steps) => Math.max(0, ...steps.map((step) => step.number)) + 1;

/** A wording more: the next free letter. */
export const freeLetter = (variants) => ['A', 'B', 'C', 'D', 'E', 'F'].find((letter) => !variants.some((one) => one.name === letter));

const UNITS = [['days', 86_400], ['hours', 3_600], ['minutes', 60]];
export const unitSeconds = Object.fromEntries(UNITS);

/** 259200 → [3, 'days']: the largest unit that divides it. */
export function inUnits(seconds) {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? UNITS[2];
  return [Math.round(seconds / size), unit];
}

// Windows

export const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** 540 → "09:00", and back; midnight at the end is 24:00 = 1440. */
export const clockOf = (minutes) => `${String(Math.floor((minutes % 1440) / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
export const minutesOf = (text, end = false) => {
  const [hours, minutes] = text.split(':').map(Number);
  const sum = hours * 60 + minutes;
  return end && sum === 0 ? 1440 : sum;
};

/** Openings as rows of days with the same hours, and back. */
export function rowsOf(openings) {
  const rows = new Map();
  for (const { weekday, start, end } of openings) {
    const key = `${start}-${end}`;
    if (!rows.has(key)) rows.set(key, { days: [], start, end });
    rows.get(key).days.push(weekday);
  }
  return [...rows.values()];
}
export const openingsOf = (rows) => rows.flatMap(({ days, start, end }) => days.map((weekday) => ({ weekday, start, end }))).sort((a, b) => a.weekday - b.weekday || a.start - b.start);

/** A row that cannot be: ends before it begins. */
export const faultOf = ({ start, end }) => (end > start ? undefined : 'Ends before it begins.');

/** From Monday to Friday, nine to five. */
export const officeHours = (zone) => ({ zone, openings: openingsOf([{ days: [1, 2, 3, 4, 5], start: 540, end: 1020 }]), holidays: [] });

// Starting points

const mail = (number, ...templates) => ({ number, kind: 'email', variants: templates.map((template, at) => ({ name: 'ABCDE'[at], template })) });
const wait = (number, days) => ({ number, kind: 'wait', seconds: days * 86_400 });
const SIGN = '\n\n{{sender.name}}\n\n{{postal_address}}\nNo more of these: {{unsubscribe_url}}\n';

/** What a new mail of one's own says at first. */
export const OWN = { subject: '{{first_name|Hello}}, a question', text: `Hello {{first_name|there}},\n\n…${SIGN}` };

/** Ways to begin: the mails that are written, and the steps from their ids. */
export const STARTS = [
  { id: 'one', title: 'One mail', text: 'A single message to everybody in the audience.', mails: [OWN], steps: (a) => [mail(1, a)] },
  {
    id: 'follow',
    title: 'Mail with two follow-ups',
    text: 'After 3 and 5 more days, in the same thread, until somebody answers.',
    mails: [OWN, { subject: 'Re: a question', text: `Hello {{first_name|there}},\n\nDid my question reach you?${SIGN}` }, { subject: 'Re: a question', text: `Hello {{first_name|there}},\n\nThis is my last mail about it. A short no helps, too.${SIGN}` }],
    steps: (a, b, c) => [mail(1, a), wait(2, 3), mail(3, b), wait(4, 5), mail(5, c)],
  },
  {
    id: 'test',
    title: 'A/B test',
    text: 'Two wordings for a part of the leads; the one with more answers goes to the rest.',
    mails: [OWN, { subject: 'An idea for {{company|your work}}', text: OWN.text }],
    steps: (a, b) => [{ ...mail(1, a, b), test: { sample_share: 0.2, metric: 'replied', minimum_sample: 50, decide_after_hours: 48 } }],
  },
];

/** Failures by cause, the largest first: [{ cause, rows }]. */
export function causes(rows) {
  const found = new Map();
  for (const row of rows) {
    const cause = EXITS[row.exit_reason] ?? row.status;
    found.set(cause, [...(found.get(cause) ?? []), row]);
  }
  return [...found].map(([cause, list]) => ({ cause, rows: list })).sort((a, b) => b.rows.length - a.rows.length);
}

/** Seconds until the mails with Delivery are gone, at the rate so far; nothing when that cannot be told. */
export const secondsLeft = ({ queued = 0, rate_per_second: rate }) => (queued && rate ? queued / rate : null);
