import assert from 'node:assert/strict';
import test from 'node:test';

import { again, arrange, causes, changes, clockOf, copyOf, faultOf, freeLetter, freeNumber, inUnits, landing, left, minutesOf, moved, officeHours, openingsOf, PARTS, rowsOf, secondsLeft, STARTS, tally, verdicts } from '../../../Gateway/Console/screens/campaign.js';

const mail = (number, rest = {}) => ({ number, kind: 'email', variants: [], ...rest });
const fork = (number, rest) => ({ number, kind: 'condition', condition: { kind: 'opened', step: 1 }, then: 'next', otherwise: 'exit', ...rest });

test('steps keep their ways when others come and go', () => {
  const steps = [mail(1), fork(2, { otherwise: 4 }), mail(3), mail(4)];
  assert.deepEqual(arrange(steps), steps);
  const numbered = arrange([mail(7), fork(9, { condition: { kind: 'opened', step: 7 }, otherwise: 3 }), mail(5), mail(3)], true);
  assert.deepEqual(numbered.map((step) => step.number), [1, 2, 3, 4]);
  assert.equal(numbered[1].otherwise, 4);
  assert.equal(numbered[1].condition.step, 1);
});

test('a way back becomes the next step, a question about a later mail one about any', () => {
  const [first, second] = arrange([fork(2, { otherwise: 1 }), mail(1)]);
  assert.equal(first.otherwise, 1);
  assert.equal('step' in first.condition, false);
  assert.equal(second.number, 1);
  assert.equal(arrange([mail(1), fork(2, { otherwise: 1 })])[1].otherwise, 'next');
  assert.equal(arrange([mail(1, { next: 9 })])[0].next, 'next');
});

test('moving stays within the list', () => {
  assert.deepEqual(moved([1, 2, 3], 2, 0), [3, 1, 2]);
  assert.deepEqual(moved([1, 2, 3], 0, 1), [2, 1, 3]);
  assert.deepEqual(moved([1, 2], 0, 2), [1, 2]);
  assert.deepEqual(moved([1, 2], 0, -1), [1, 2]);
  assert.deepEqual([0, 99, 101, 250, 301, 999].map((y) => landing([100, 200, 300], 1, y)), [0, 0, 1, 1, 2, 2]);
  assert.deepEqual([50, 201, 301].map((y) => landing([100, 200, 300], 0, y)), [0, 1, 2]);
  assert.equal(freeNumber([mail(3), mail(1)]), 4);
  assert.equal(freeNumber([]), 1);
  assert.equal(freeLetter([{ name: 'A' }, { name: 'C' }]), 'B');
});

test('only what changed is sent, and what was taken away is null', () => {
  const stored = { name: 'A', steps: [mail(1)], schedule: { zone: 'UTC' }, starts_at: '2026-12-01T08:00:00Z', revision: 3 };
  assert.deepEqual(changes(stored, stored), {});
  assert.deepEqual(changes(stored, { ...stored, name: 'B', revision: 1 }), { name: 'B' });
  assert.deepEqual(changes(stored, { ...stored, starts_at: null }), { starts_at: null });
  const { starts_at: _, ...rest } = stored;
  assert.deepEqual(changes(rest, { ...rest, starts_at: null }), {});
});

test('a copy is named one and stays within the length', () => {
  const copy = copyOf({ id: '1', status: 'active', workspace: 'w', name: 'x'.repeat(200), steps: [], starts_at: 'then' });
  assert.equal(copy.name.length, 200);
  assert.ok(copy.name.endsWith(' (copy)'));
  assert.equal('id' in copy || 'starts_at' in copy || 'status' in copy, false);
});

test('a copy for those who were not reached writes to their list alone', () => {
  const copy = again({ workspace: 'w', name: 'x'.repeat(200), audience: { kind: 'workspace' }, enrols_later: true, steps: [1] }, 'l');
  assert.deepEqual([copy.audience, copy.enrols_later, copy.steps], [{ kind: 'list', id: 'l' }, false, [1]]);
  assert.equal(copy.name.length, 200);
  assert.ok(copy.name.endsWith(' (again)'));
});

test('waits and windows in words and back', () => {
  assert.deepEqual(inUnits(259_200), [3, 'days']);
  assert.deepEqual(inUnits(5_400), [90, 'minutes']);
  assert.deepEqual(inUnits(7_200), [2, 'hours']);
  assert.equal(clockOf(545), '09:05');
  assert.equal(clockOf(1440), '00:00');
  assert.equal(minutesOf('00:00', true), 1440);
  assert.equal(minutesOf('09:05'), 545);
  const { openings } = officeHours('Europe/Oslo');
  assert.equal(openings.length, 5);
  assert.deepEqual(openingsOf(rowsOf(openings)), openings);
  const two = [...openings, { weekday: 6, start: 600, end: 720 }];
  assert.equal(rowsOf(two).length, 2);
  assert.equal(faultOf({ start: 600, end: 600 }), 'Ends before it begins.');
  assert.equal(faultOf({ start: 600, end: 601 }), undefined);
});

test('each reason stands at its check, also those of later versions', () => {
  const list = verdicts({ reasons: [{ code: 'no_steps', detail: 'a' }, { code: 'something_new', detail: 'b' }], warnings: [{ code: 'some_mailboxes_stopped', detail: 'c' }] });
  const state = (title) => list.find((one) => one.title === title).state;
  assert.equal(state('Mails'), 'bad');
  assert.equal(state('E-mail accounts'), 'warn');
  assert.equal(state('Audience'), 'done');
  assert.equal(state('Other'), 'bad');
  assert.equal(verdicts({}).length, list.length - 1);
});

test('counts of campaigns and leads', () => {
  assert.deepEqual(tally([{ status: 'draft' }, { status: 'draft' }, { status: 'archived' }]), { all: 2, draft: 2, archived: 1 });
  const counts = { total: 120, waiting: 100, queued: 10, deferred: 3, held: 2, finished: 0, failed: 0, suppressed: 0, replied: 5, bounced: 0, complained: 0, unsubscribed: 0, removed: 0 };
  assert.equal(left(counts), 115);
  assert.equal(PARTS.reduce((sum, [name]) => sum + counts[name], 0), counts.total);
  assert.equal(secondsLeft({ queued: 10, rate_per_second: 2 }), 5);
  assert.equal(secondsLeft({ queued: 10 }), null);
});

test('failures by cause, the largest first', () => {
  const found = causes([{ status: 'bounced' }, { exit_reason: 'refused' }, { exit_reason: 'refused' }]);
  assert.deepEqual(found.map((one) => [one.cause, one.rows.length]), [['Refused by the receiving server', 2], ['bounced', 1]]);
});

test('each way to begin makes steps from its mails', () => {
  for (const one of STARTS) {
    const steps = one.steps(...one.mails.map((_, at) => `t${at}`));
    assert.equal(steps.flatMap((step) => step.variants ?? []).length, one.mails.length);
    for (const { text } of one.mails) assert.match(text, /\{\{unsubscribe_url\}\}/);
  }
});
