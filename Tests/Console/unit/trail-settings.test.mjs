import assert from 'node:assert/strict';
import test from 'node:test';

// Far from UTC, where a day in UTC is another one.
process.env.TZ = 'America/Los_Angeles';
const { load } = await import('./lit.mjs');
const { covers, instant, kept, stateOf } = await load('screens/trail-settings.js');
const { day } = await load('core.js');

test('a date without a time is that date wherever one is', () => {
  assert.equal(day('2026-03-01'), '1 Mar 2026');
  assert.equal(day('2026-03-01T00:00:00Z'), '28 Feb 2026');
});

test('a hold covers whole days', () => {
  assert.equal(instant('2026-03-01'), '2026-03-01T00:00:00.000Z');
  assert.equal(instant('2026-03-01', 1), '2026-03-02T00:00:00.000Z');
  assert.equal(instant(''), undefined);
  const [from, to] = [instant('2026-03-01'), instant('2026-03-31', 1)];
  assert.equal(covers({ from, to }), '1 Mar 2026 to 31 Mar 2026');
  assert.equal(covers({ from, to: instant('2026-03-01', 1) }), '1 Mar 2026');
  assert.deepEqual([covers({}), covers({ from }), covers({ to })], ['The whole trail', 'From 1 Mar 2026 on', 'Until 31 Mar 2026']);
});

test('a hold that was released keeps for thirty days more', () => {
  const now = Date.UTC(2026, 2, 31);
  const released = (days) => ({ released_at: new Date(now - days * 86_400_000).toISOString() });
  assert.deepEqual([{}, released(0), released(29), released(31)].map((one) => stateOf(one, now)), ['active', 'ending', 'ending', 'released']);
});

test('what holds keep of a span', () => {
  const now = Date.UTC(2026, 5, 1);
  const span = ['2026-03-01T00:00:00Z', '2026-03-31T00:00:00Z'];
  const look = (...holds) => kept(holds, ...span, now);
  assert.equal(look(), 'none');
  assert.equal(look({}), 'all');
  assert.equal(look({ from: '2026-03-10T00:00:00Z' }), 'some');
  assert.equal(look({ to: '2026-03-01T00:00:00Z' }), 'none');
  assert.equal(look({ from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z', released_at: '2026-04-01T00:00:00Z' }), 'none');
  assert.equal(look({ released_at: '2026-05-20T00:00:00Z' }), 'all');
});
