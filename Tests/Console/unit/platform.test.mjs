import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './lit.mjs';

const { capped, payload, plain, summary, target } = await load('screens/platform.js');
const { limitsOf, verdict } = await load('screens/platform.js');
const { localTime, parts, stateOf } = await load('screens/platform.js');

test('queues in words', () => {
  assert.equal(plain('queue:email-sending:high'), 'email-sending:high');
  assert.equal(capped(9_999), '9,999');
  assert.equal(capped(10_000), '10k+');
  const queue = { name: 'queue:a', health: 'healthy', is_paused: false, waiting: 0, active: 0 };
  assert.equal(summary([queue]), 'All quiet. Nothing is due, nothing is wrong.');
  assert.equal(summary([{ ...queue, waiting: 2, active: 1 }]), 'All healthy. 3 jobs due or running.');
  assert.equal(summary([{ ...queue, health: 'critical' }, { ...queue, name: 'queue:b', health: 'warning', is_paused: true }]), 'Critical: a. Warning: b. Paused: b.');
});

test('an act on many names only what narrows it', () => {
  assert.deepEqual(target({ state: 'failed', kind: '', tenant: '' }), {});
  assert.deepEqual(target({ kind: 'x', tenant: 't' }), { kind: 'x', tenant: 't' });
  assert.deepEqual(payload('{"a":1}'), { a: 1 });
  assert.equal(payload('{'), '{');
});

test('whether word from Stripe arrives', () => {
  const of = (rest) => verdict({ counts: {}, version_mismatches: 0, ...rest })[0];
  assert.equal(of({}), 'unknown');
  assert.equal(of({ last_received_at: 'x', oldest_pending_seconds: 30 }), 'healthy');
  assert.equal(of({ counts: { parked: 1 } }), 'warning');
  assert.equal(of({ version_mismatches: 2 }), 'warning');
  assert.equal(of({ counts: { failed: 1 }, oldest_pending_seconds: 601 }), 'critical');
  assert.deepEqual(limitsOf({ mails: '10', users: '' }), { mails: 10, users: null, workspaces: null, domains: null, mailboxes: null, leads: null, api_calls_per_minute: null });
});

test('announced work', () => {
  const work = { starts_at: '2026-03-01T10:00:00Z', ends_at: '2026-03-01T12:00:00Z' };
  const at = (time, rest) => stateOf({ ...work, ...rest }, Date.parse(time));
  assert.equal(at('2026-03-01T09:00:00Z'), 'scheduled');
  assert.equal(at('2026-03-01T10:00:00Z'), 'in_progress');
  assert.equal(at('2026-03-01T12:00:00Z'), 'over');
  assert.equal(at('2026-03-01T09:00:00Z', { cancelled_at: 'x' }), 'called_off');
  assert.equal(parts([]), 'General');
  assert.equal(parts(['smtp', 'new_part']), 'Sending, New part');
  assert.equal(new Date(localTime(new Date(0))).getTime(), 0);
});
