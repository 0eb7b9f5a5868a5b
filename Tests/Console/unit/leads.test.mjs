import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './lit.mjs';

const { changesOf, customValue, filterOf, happening, segmentOf, tagsOf, valuesOf } = await load('screens/leads.js');
const { byReason, isStuck, mappingFault, sureness } = await load('screens/import.js');
const segments = await load('screens/segments.js');
const { changes, choice, place, toChange } = await load('screens/templates.js');

const lead = { first_name: 'Ada', tags: ['a', 'b'], custom: { city: 'Oslo', size: 3, vip: false } };

test('filters of the URL become the API’s, and those of a segment', () => {
  assert.deepEqual(filterOf({ q: '', tag: 'x', status: '', list: '' }), { tag: 'x' });
  assert.deepEqual(segmentOf({ q: '', tag: '', status: '', list: '' }), { all: [{ field: 'email', operator: 'is_set' }] });
  const { all } = segmentOf({ q: 'ada  byron', status: 'active', tag: 'x' });
  assert.deepEqual(all.slice(2), [{ field: 'tag', operator: 'equals', value: 'x' }, { field: 'status', operator: 'equals', value: 'active' }]);
  assert.deepEqual(all[1].any.map((one) => one.value), ['byron', 'byron', 'byron', 'byron']);
});

test('only what changed of a lead is sent, in the kinds of its fields', () => {
  const fields = [{ key: 'size', kind: 'number' }, { key: 'vip', kind: 'boolean' }];
  const values = valuesOf(lead);
  assert.deepEqual(changesOf(lead, values, fields), {});
  assert.deepEqual(changesOf(lead, { ...values, first_name: ' ', tags: 'b, c,, c', 'custom.size': '4.5', 'custom.vip': 'true', 'custom.city': '' }, fields), { first_name: null, tags: ['b', 'c'], custom: { city: null, size: 4.5, vip: true } });
  assert.equal(customValue('number', 'many'), 'many');
  assert.deepEqual(tagsOf(' , '), []);
});

test('what happened reads as words and leads to its campaign', () => {
  const entry = happening({ kind: 'mail_bounced', at: 1, detail: { campaign: 'c', campaign_name: '<b>', step: 0, variant: 'A' } }, { workspace: { slug: 'w' } });
  assert.deepEqual([entry.title, entry.text, entry.tone, entry.href], ['Mail bounced', '<b> · step 0 · variant A', 'bad', '/dashboard/workspaces/w/campaigns/c']);
  assert.equal(happening({ kind: 'tagged', detail: { added: ['a'], removed: [] } }).text, 'added a');
});

test('reasons are counted, the most frequent first', () => {
  assert.deepEqual(byReason([{ reason: 'a' }, { reason: 'b' }, { reason: 'b' }]), [['b', 2], ['a', 1]]);
  assert.deepEqual([1, 0.6, 0.1].map(sureness), ['sure', 'likely', 'a guess']);
});

test('a mapping needs the address, and no target twice', () => {
  assert.match(mappingFault([{ target: 'skip' }, { target: 'company' }]), /address/);
  assert.match(mappingFault([{ target: 'email' }, { target: 'email' }]), /Two columns/);
  assert.equal(mappingFault([{ target: 'email' }, { target: 'skip' }, { target: 'skip' }]), null);
});

test('an import that has not moved for half a minute is stuck', () => {
  assert.equal(isStuck({ status: 'running', updated_at: '2026-01-01T00:00:00Z' }, Date.parse('2026-01-01T00:00:31Z')), true);
  assert.equal(isStuck({ status: 'completed', updated_at: '2026-01-01T00:00:00Z' }, Date.parse('2026-01-01T00:00:31Z')), false);
});

const filter = { all: [{ field: 'tag', operator: 'in', value: ['a'] }, { not: { any: [{ field: 'status', operator: 'equals', value: 'bounced' }, { any: [{ field: 'opened', operator: 'equals', value: true, campaign: 'c' }] }] } }, { not: { all: [{ field: 'company', operator: 'is_set' }] } }] };

test('a filter comes back from the tree as it was', () => {
  assert.deepEqual(segments.toFilter(segments.fromFilter(filter)), filter);
  assert.deepEqual(segments.toFilter(segments.fromFilter({ not: filter.all[0] })), { not: { any: [filter.all[0]] } });
});

test('a fault of the API finds its node', () => {
  const tree = segments.fromFilter(filter);
  assert.equal(segments.nodeAt(tree, 'all.1.not.any.1.any.0.value').field, 'opened');
  assert.equal(segments.nodeAt(tree, 'all.0.value.0').field, 'tag');
  assert.equal(segments.nodeAt(tree, ''), tree);
});

test('a node moves past conditions, into groups and out of them, and never out of the whole', () => {
  const tree = segments.fromFilter(filter);
  const [tag, none] = tree.items;
  assert.equal(segments.move(tree, tag, -1), false);
  segments.move(tree, tag, 1);
  assert.equal(none.items[0], tag);
  segments.move(tree, tag, 1);
  segments.move(tree, tag, 1);
  assert.equal(none.items[1].items[0], tag);
  assert.equal(segments.parentOf(tree, tag), none.items[1]);
  segments.move(tree, tag, -1);
  segments.move(tree, tag, -1);
  segments.move(tree, tag, -1);
  assert.equal(tree.items[0], tag);
  assert.deepEqual(segments.toFilter(tree), filter);
});

test('a condition is complete when its value says something', () => {
  const is = (value, operator = 'equals') => segments.isComplete(segments.condition({ field: 'x', operator, value }));
  assert.deepEqual([is(''), is(0), is(false), is([], 'in'), is(['', 2], 'between'), is({ days_ago: 0 }), is(undefined, 'is_set')], [false, true, true, false, false, true, true]);
  assert.equal(segments.isComplete(segments.group('all', [])), false);
  assert.deepEqual(Object.keys(segments.OPERATORS).map((kind) => typeof segments.freshValue(kind, segments.OPERATORS[kind][0])), Object.keys(segments.OPERATORS).map((kind) => (['boolean', 'did'].includes(kind) ? 'boolean' : 'string')));
});

test('a choice keeps what was marked, and its other word is what will be changed', () => {
  assert.equal(choice(' a {b} '), '{a \\{b\\}|another}');
  assert.deepEqual(toChange('{{first_name|there}}'), [13, 18]);
  assert.deepEqual(toChange('{{email}}'), [9, 9]);
  assert.deepEqual(place('a\nbc', 3), { line: 2, column: 2 });
  assert.deepEqual(changes({ subject: 'a', text: 'x' }, { subject: 'a', html: 'y' }).map((one) => one.path), ['Text', 'Html']);
});

test('what is typed for the list of suppressions', async () => {
  const { entriesOf, wrong } = await load('screens/suppressions.js');
  assert.deepEqual(entriesOf(' a@b.example,\n@c.example; a@b.example ', { reason: 'legal' }), [{ address: 'a@b.example', reason: 'legal' }, { address: '@c.example', reason: 'legal' }]);
  assert.equal(wrong('a@b.example @c.example'), undefined);
  assert.match(wrong('a@b.example nonsense'), /nonsense/);
  assert.match(wrong(Array.from({ length: 501 }, (_, at) => `a${at}@b.example`).join(' ')), /these are 501/);
});
