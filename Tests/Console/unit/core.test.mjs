import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import test from 'node:test';

import { Api, ApiError, List, Resource, ago, atLeast, bytes, count, duration, fill, isStaff, money, pattern, percent, problemFields, readQuery, safeNext, staleness, writeQuery } from '../../../Gateway/Console/core.js';

// Older Nodes keep it to themselves.
globalThis.crypto ??= webcrypto;

test('words for values', () => {
  assert.equal(count(12840), '12,840');
  assert.equal(count(undefined), '–');
  assert.equal(percent(3, 70), '4.3 %');
  assert.equal(percent(0.5), '50 %');
  assert.equal(percent(1, 0), '–');
  assert.equal(money(4900), '$49.00');
  assert.equal(money(500, 'jpy'), '¥500');
  assert.equal(bytes(2048), '2.0 kB');
  assert.equal(duration(7500), '2 h 5 min');
  assert.equal(duration(0), '0 s');
  const now = Date.UTC(2026, 2, 1, 12);
  assert.equal(ago(now - 200_000, now), '3 minutes ago');
  assert.equal(ago(now - 20_000, now), 'just now');
  assert.equal(ago(now + 2 * 86_400_000, now), 'in 2 days');
  // 45 hours are not tomorrow.
  const morning = new Date(2026, 2, 1, 11).getTime();
  assert.equal(ago(morning + 45 * 3_600_000, morning), 'in 2 days');
  assert.equal(ago(morning + 25 * 3_600_000, morning), 'tomorrow');
  assert.equal(ago('nonsense', now), '–');
});

test('paths', () => {
  const match = pattern('/dashboard/workspaces/:slug/campaigns/:id');
  assert.deepEqual(match('/dashboard/workspaces/a%20b/campaigns/7'), { slug: 'a b', id: '7' });
  assert.equal(match('/dashboard/workspaces/a/campaigns/7/edit'), null);
  assert.equal(match('/dashboard/workspaces/%E0%A4%A/campaigns/7'), null);
  assert.equal(fill('/x/:slug', { slug: 'a/b' }), '/x/a%2Fb');
});

test('the query is typed by its defaults, and defaults are not written', () => {
  const defaults = { q: '', page: 1, open: false, tags: [] };
  const values = readQuery('?q=ada&page=2&open=true&tags=a&tags=b&other=x', defaults);
  assert.deepEqual(values, { q: 'ada', page: 2, open: true, tags: ['a', 'b'] });
  assert.deepEqual(readQuery('?page=x', defaults).page, 1);
  assert.equal(writeQuery(values, defaults), '?q=ada&page=2&open=true&tags=a&tags=b');
  assert.equal(writeQuery(defaults, defaults), '');
});

test('after signing in one stays on this site', () => {
  assert.equal(safeNext('/dashboard/leads?q=1'), '/dashboard/leads?q=1');
  for (const bad of [null, 'https://evil.example', '//evil.example', '/\\evil.example', '/login?next=x', 'javascript:x']) assert.equal(safeNext(bad), '/dashboard');
});

test('roles', () => {
  assert.ok(atLeast('owner', 'admin') && atLeast('viewer', undefined) && !atLeast('member', 'admin'));
  assert.ok(isStaff(['super_admin'], ['ops']) && isStaff(['ops'], ['ops']) && !isStaff(['finance'], ['ops']) && !isStaff([], []));
});

const answer = (status, body = {}, headers = {}) => new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
const client = (answers) => {
  const asked = [];
  const api = new Api(async (path, options) => {
    asked.push({ path, ...options });
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  }, [1, 1]);
  return { api, asked };
};

test('reading asks again while the answer is "not now", and then says why', async () => {
  const { api, asked } = client([new TypeError('down'), answer(503), answer(200, { data: [] })]);
  assert.deepEqual(await api.get('/x', { query: { q: 'a', empty: '' } }), { data: [] });
  assert.equal(asked.length, 3);
  assert.equal(asked[0].path, '/x?q=a');
  const gone = client([new TypeError(), new TypeError(), new TypeError()]);
  await assert.rejects(gone.api.get('/x'), (error) => error instanceof ApiError && error.status === 0 && error.kind === 'network' && error.isPassing);
});

test('a problem becomes an error with its kind, field and request', async () => {
  const { api } = client([answer(400, { type: '/problems/invalid_request', title: 'No.', detail: 'email is odd', field: 'email', request_id: 'r1' })]);
  await assert.rejects(api.get('/x'), { kind: 'invalid_request', requestId: 'r1', fields: { email: 'email is odd' } });
  assert.deepEqual(problemFields({ title: 'No', errors: [{ field: 'a', detail: 'b' }] }), { a: 'b' });
});

test('a change carries the token and a key, and gets a new token once', async () => {
  const { api, asked } = client([answer(200, { csrf_token: 'old' }), answer(403, { type: '/problems/csrf_token' }), answer(200, { csrf_token: 'new' }), answer(201, { id: 1 })]);
  assert.deepEqual(await api.post('/api/v1/leads', { a: 1 }, { key: 'k' }), { id: 1 });
  assert.equal(asked[1].headers['X-CSRF-Token'], 'old');
  assert.equal(asked[3].headers['X-CSRF-Token'], 'new');
  assert.equal(asked[1].headers['Idempotency-Key'], 'k');
  assert.equal(asked[3].headers['Idempotency-Key'], 'k');
});

test('a change is not sent twice by itself', async () => {
  const { api, asked } = client([answer(200, { csrf_token: 't' }), answer(503)]);
  await assert.rejects(api.post('/x'), { status: 503 });
  assert.equal(asked.length, 2);
});

test('what was read can be changed under its tag', async () => {
  const { api, asked } = client([answer(200, { id: 1 }, { ETag: 'W/"4"' }), answer(200, { csrf_token: 't' }), answer(200, {})]);
  const read = await api.get('/x');
  await api.patch('/x', { a: 1 }, { ifMatch: read });
  assert.equal(asked[2].headers['If-Match'], '"4"');
});

test('a session that ended is told', async () => {
  const { api } = client([answer(401, { type: '/problems/unauthenticated' })]);
  let told = false;
  api.onSignedOut = () => { told = true; };
  await assert.rejects(api.get('/x'));
  assert.ok(told);
});

const host = () => ({ updates: 0, requestUpdate() { this.updates += 1; }, addController() {} });

test('a resource keeps what it had when it cannot be read again, and says that it is old', async () => {
  let fails = false;
  const resource = new Resource(host(), async () => { if (fails) throw new ApiError(502); return 1; });
  await resource.reload();
  assert.equal(resource.data, 1);
  assert.equal(staleness.oldest, null);
  fails = true;
  await resource.reload();
  assert.ok(resource.isStale && resource.data === 1 && staleness.oldest === resource.loadedAt);
  fails = false;
  await resource.reload();
  assert.ok(!resource.isStale && staleness.oldest === null);
  resource.hostDisconnected();
});

test('of two readings the later counts', async () => {
  const waiting = [];
  const resource = new Resource(host(), () => new Promise((resolve) => { waiting.push(resolve); }));
  const [first, second] = [resource.reload(), resource.reload()];
  waiting[1]('second');
  waiting[0]('first');
  await Promise.all([first, second]);
  assert.equal(resource.data, 'second');
});

test('a list grows page by page', async () => {
  const list = new List(host(), async (cursor) => (cursor ? { data: [3], page: { next: null } } : { data: [1, 2], page: { next: 'c' } }));
  await list.reload();
  assert.equal(list.next, 'c');
  await list.more();
  assert.deepEqual(list.data, [1, 2, 3]);
  assert.equal(list.next, null);
  await list.reload();
  assert.deepEqual(list.data, [1, 2, 3], 'what was shown stays when it is read again');
  await list.reload({ fresh: true });
  assert.deepEqual(list.data, [1, 2]);
});
