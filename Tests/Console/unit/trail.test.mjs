import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { altered, histogram, isBeginning, isField, isSigned, leafHash, quoted, range, rootOf, terms, withTerm, without } from '../../../Gateway/Console/screens/trail.js';

const golden = (name) => JSON.parse(readFileSync(new URL(`../../AuditTests/golden/${name}.json`, import.meta.url)));
const base64 = (hex) => Buffer.from(hex, 'hex').toString('base64');

test('the terms of a search', () => {
  assert.deepEqual(terms('action:list.* "two words" -outcome:success  x'), ['action:list.*', '"two words"', '-outcome:success', 'x']);
  assert.deepEqual(terms('meta.plan:"a \\" b" y'), ['meta.plan:"a \\" b"', 'y']);
  assert.deepEqual(terms(''), []);
  assert.deepEqual(['action:x', '-actor.type:user', 'word', '"a:b"', 'action:'].map(isField), [true, true, false, false, false]);
  assert.equal(withTerm('a b', 'b'), 'a b');
  assert.equal(withTerm('', 'b'), 'b');
  assert.equal(without('a b "c d"', 'b'), 'a "c d"');
  assert.deepEqual(['plain', 'two words', 'say "x"', '-dash'].map(quoted), ['plain', '"two words"', '"say \\"x\\""', '"-dash"']);
});

test('the span that is looked through', () => {
  const now = Date.UTC(2026, 10, 28, 11, 30);
  assert.deepEqual(range({ q: 'x', days: 30, from: '', to: '' }, now), { from: '2026-10-29T00:00:00.000Z' });
  assert.deepEqual(range({ q: '', days: 30, from: '2026-11-01', to: '2026-11-02' }, now), { from: '2026-11-01T00:00:00.000Z', to: '2026-11-03T00:00:00.000Z' });
  assert.deepEqual(range({ q: 'occurred:2026-01-01', days: 30, from: '', to: '' }, now), {});
});

test('each day has its bar', () => {
  const drawn = histogram([{ value: '2026-11-27', count: 3 }], '2026-11-26T00:00:00.000Z', Date.UTC(2026, 10, 28, 5));
  assert.deepEqual(drawn, { labels: ['2026-11-26', '2026-11-27', '2026-11-28'], values: [0, 3, 0] });
});

test('paths lead to the root, as in the golden vectors of RFC 6962', async () => {
  const { leaves, roots, inclusion } = golden('rfc6962');
  const { createHash } = await import('node:crypto');
  const hash = (hex) => createHash('sha256').update(Buffer.from(`00${hex}`, 'hex')).digest('base64');
  assert.ok(inclusion.length > 0);
  for (const { index, size, path } of inclusion) {
    assert.equal(await rootOf(hash(leaves[index]), index, size, path.map(base64)), base64(roots[size - 1]), `${index} of ${size}`);
    assert.notEqual(await rootOf(hash('ff'), index, size, path.map(base64)), base64(roots[size - 1]));
  }
  assert.equal(await rootOf(hash(''), 3, 3, []), null);
});

test('a tree that grew begins with the older one', async () => {
  const { roots, consistency } = golden('rfc6962');
  assert.ok(consistency.length > 0);
  for (const one of consistency) {
    const { from: first, to: second } = one;
    const tree = (size) => ({ size, root: base64(roots[size - 1]) });
    assert.equal(await isBeginning(tree(first), tree(second), one.path.map(base64)), true, `${first} of ${second}`);
    assert.equal(await isBeginning({ size: first, root: base64('00'.repeat(32)) }, tree(second), one.path.map(base64)), false);
  }
});

test('a signed state counts with the key that signed it, and as it was signed', async () => {
  const { generateKeyPairSync, sign } = await import('node:crypto');
  const pair = generateKeyPairSync('ed25519');
  const key = Buffer.concat([Buffer.from([1]), Buffer.from(pair.publicKey.export({ format: 'jwk' }).x, 'base64url')]);
  const said = 'penguinmails-audit/x\n3\nAAAA\n';
  const signature = Buffer.concat([Buffer.from('01020304', 'hex'), sign(null, Buffer.from(said), pair.privateKey)]).toString('base64');
  const checkpoint = { size: 3, root: 'AAAA', note: `${said}\n— trail ${signature}\n` };
  const keys = [`trail+01020304+${key.toString('base64')}`];
  assert.equal(await isSigned(checkpoint, keys), true);
  assert.equal(await isSigned({ ...checkpoint, size: 4 }, keys), false);
  assert.equal(await isSigned({ ...checkpoint, size: 4, note: checkpoint.note.replace('\n3\n', '\n4\n') }, keys), false);
  assert.equal(await isSigned(checkpoint, [`other+01020304+${key.toString('base64')}`]), false);
});

test('values that are not what was written are named', async () => {
  const { createHash } = await import('node:crypto');
  const salt = '00'.repeat(16);
  const digest = createHash('sha256').update(Buffer.concat([Buffer.from(salt, 'hex'), Buffer.from('"Ada"')])).digest('hex');
  const leaf = JSON.stringify({ sd: { 'actor.name': digest, ip: digest } });
  assert.deepEqual(await altered({ leaf, disclosures: { 'actor.name': { salt, value: '"Ada"' }, ip: { salt, value: '"Eve"' } } }), ['ip']);
  assert.equal(await leafHash(''), base64('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'));
});
