import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './lit.mjs';

const { addressesOf } = await load('screens/sending.js');
const { inTurn, outcome } = await load('screens/unclear.js');

test('addresses are found in whatever was pasted, each once', () => {
  assert.deepEqual(addressesOf(' ada@a.example, bo@b.example;\n\tada@a.example '), ['ada@a.example', 'bo@b.example']);
  assert.deepEqual(addressesOf(' \n '), []);
});

test('what settling many came to is said with its numbers', () => {
  const done = { status: 'fulfilled' };
  const gone = { status: 'rejected', reason: { status: 404 } };
  const failed = { status: 'rejected', reason: { status: 409 } };
  assert.equal(outcome([done]), '1 mail settled.');
  assert.equal(outcome([done, done, gone]), '2 mails settled, 1 settled before.');
  assert.equal(outcome([gone, failed]), '0 mails settled, 1 settled before, 1 not settled.');
});

test('many are worked through a few at a time, and one that fails stops no other', async () => {
  let running = 0;
  let most = 0;
  const results = await inTurn([1, 2, 3, 4, 5], async (one) => {
    running += 1;
    most = Math.max(most, running);
    await null;
    running -= 1;
    if (one === 2) throw new Error('no');
    return one;
  }, 2);
  assert.equal(most, 2);
  assert.deepEqual(results.map((one) => one.value ?? 'failed'), [1, 'failed', 3, 4, 5]);
});
