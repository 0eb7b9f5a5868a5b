import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './lit.mjs';

const { matching } = await load('palette.js');
const { setUp } = await load('screens/home.js');
const { ceiling, lines } = await load('ui/data.js');

test('the palette finds by every word, what begins with it first', () => {
  const commands = [{ label: 'Import leads', group: 'Action' }, { label: 'Leads', group: 'Go to' }, { label: 'Domains', group: 'Go to' }];
  assert.deepEqual(matching(commands, 'lea').map((one) => one.label), ['Leads', 'Import leads']);
  assert.deepEqual(matching(commands, 'leads import').map((one) => one.label), ['Import leads']);
  assert.deepEqual(matching(commands, '  '), commands);
  assert.deepEqual(matching(commands, 'nothing'), []);
});

test('the first step that is open is the one to do', () => {
  const steps = setUp({ verified: true, workspace: { slug: 'a b' }, mailboxes: [1], domains: [{ is_authenticated: false }], leads: 0 });
  assert.deepEqual(steps.map((step) => step.done), [true, true, true, false, false, false]);
  assert.deepEqual(steps.map((step) => step.current), [false, false, false, true, false, false]);
  assert.ok(setUp({ verified: false }).every((step) => !step.done));
});

test('axes end at a round number', () => {
  assert.deepEqual([0, 1, 3, 870, 1000, 2400].map(ceiling), [1, 1, 5, 1000, 1000, 2500]);
});

test('a gap begins a new line, a lonely point is a dot', () => {
  assert.deepEqual(lines([1, 2, null, 3], (at) => at, (value) => value), ['0.0,1.0 1.0,2.0', '3.0,3.0 3.0,3.0']);
});
