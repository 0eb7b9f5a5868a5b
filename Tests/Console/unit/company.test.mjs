import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './lit.mjs';

const { amount, series } = await load('screens/health.js');
const { account, tests } = await load('screens/mailboxes.js');
const { verdict } = await load('screens/domains.js');
const { forecast, terms } = await load('screens/billing.js');
const { device, inDays } = await load('screens/settings.js');
const { groups, wanted } = await load('screens/settings.js');
const { detail } = await load('screens/audit.js');

test('what the tests of a mailbox came to, each by itself', () => {
  assert.deepEqual(tests(null, ['smtp']), []);
  assert.deepEqual(tests({ problem: { detail: 'no plan' } }, ['smtp']), []);
  const refused = { problem: { part: 'smtp', stage: 'auth', reply: '535 no' } };
  assert.deepEqual(tests(refused, ['smtp', 'imap']).map((one) => [one.part, one.ok]), [['smtp', false], ['imap', true]]);
  assert.match(tests(refused, ['smtp'])[0].text, /user name and password: 535 no$/);
  const both = { problem: { ...refused.problem, also: { part: 'imap', stage: 'connect', reply: '' } } };
  assert.deepEqual(tests(both, ['smtp', 'imap']).map((one) => one.ok), [false, false]);
  assert.match(tests({ problem: { part: 'imap', stage: 'select' } }, ['imap'])[0].text, /“select”/);
});

test('an account from the values of a form, signing in as another part does', () => {
  const values = { 'imap.host': ' imap.example.com ', 'imap.port': '993', 'imap.security': 'tls', 'smtp.username': ' ada ', 'smtp.password': ' p ' };
  assert.deepEqual(account(values, 'imap', 'smtp'), { host: 'imap.example.com', port: 993, security: 'tls', username: 'ada', password: ' p ' });
});

test('health: days without a score are gaps; swings are no share', () => {
  assert.deepEqual(series([{ date: '2026-03-01' }, { date: '2026-03-02', score: 0 }]), { labels: ['2026-03-01', '2026-03-02'], values: [null, 0] });
  assert.equal(amount({ name: 'volume_swings' }, 2.04), '2 ×');
  assert.equal(amount({ name: 'bounces' }, 0.02), '2.0 %');
});

test('a domain is proved by its required records alone', () => {
  const record = (purpose, state, required = true) => ({ purpose, state, is_required: required });
  assert.equal(verdict({ domain: 'a.example', records: [record('spf', 'ok'), record('mx', 'recommended', false)] }).done, true);
  const open = verdict({ domain: 'a.example', records: [record('dkim', 'missing'), record('dkim', 'wrong'), record('dmarc', 'unknown')] });
  assert.deepEqual(open, { done: false, text: 'Still open: DKIM, DMARC.' });
});

test('a forecast says how much is missing', () => {
  const now = Date.UTC(2026, 2, 4);
  const period = { start: '2026-03-01T00:00:00Z', end: '2026-03-31T00:00:00Z' };
  assert.equal(forecast({ used: 5, limit: 10, forecast_at_period_end: 5 }, period, now), undefined);
  assert.match(forecast({ used: 5, limit: 10, forecast_at_period_end: 12 }, period, now), /2 more than the plan has/);
  assert.match(forecast({ used: 5, limit: null, forecast_at_period_end: 12 }, period, now), /like this\.$/);
  assert.equal(forecast({ used: 5, limit: 10, forecast_at_period_end: 12 }, period, Date.UTC(2026, 4, 1)), undefined);
});

test('a period of a few hours has no forecast', () => {
  const period = { start: '2026-03-01T00:00:00Z', end: '2026-03-31T00:00:00Z' };
  const limit = { used: 8, limit: 10, forecast_at_period_end: 2_000_000 };
  assert.match(forecast(limit, period, Date.UTC(2026, 2, 3, 23)), /too early to say\.$/);
  assert.match(forecast(limit, period, Date.UTC(2026, 2, 4)), /^About 2,000,000/);
});

test('what a change costs is said before', () => {
  const preview = { plan: 'business', interval: 'month', amount_due_now: { amount: 6333, currency: 'USD' }, price: { amount: 14900, currency: 'USD' }, effective_at: '2026-03-31T00:00:00Z' };
  assert.deepEqual([terms({ ...preview, direction: 'upgrade' }).due, terms({ ...preview, direction: 'downgrade' }).due], ['$63.33', 'Nothing now']);
  assert.match(terms({ ...preview, direction: 'upgrade' }).then, /^\$149\.00 a month/);
});

test('devices are named as people name them', () => {
  assert.equal(device('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36'), 'Chrome on Linux');
  assert.equal(device('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1'), 'Safari on iOS');
  assert.equal(device('curl/8'), 'curl/8');
  assert.equal(device(), 'Unknown');
});

test('in so many days, or never', () => {
  assert.equal(inDays('', 0), undefined);
  assert.equal(inDays('1', 0), '1970-01-02T00:00:00.000Z');
  assert.equal(inDays(-1, 86_400_000), '1970-01-01T00:00:00.000Z');
});

test('a webhook asks for all events, or for those that were chosen', () => {
  const types = [{ name: 'lead.created' }, { name: 'email.sent' }, { name: 'lead.changed' }];
  assert.deepEqual(groups(types).map(([name, list]) => [name, list.length]), [['lead', 2], ['email', 1]]);
  const values = { url: ' https://a.example ', description: '', 'lead.created': true, 'lead.changed': false };
  assert.deepEqual(wanted({ ...values, all: true }, types).types, ['*']);
  assert.deepEqual(wanted(values, types), { url: 'https://a.example', description: '', types: ['lead.created'] });
});

test('what support did, without what is said above it', () => {
  assert.equal(detail({ read: 'events', support_session: 'x', staff_role: 'support', search: 'action:*' }), 'read: events, search: action:*');
});
