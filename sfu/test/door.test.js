import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseAccess } from '../src/access_settings.js';
import { callerKey, isLoopbackHost, isLoopbackName, Proxies } from '../src/addresses.js';
import { Door } from '../src/door.js';
import { AddressLimits } from '../src/limits.js';

const SECRET = 'a secret of 32 bytes, or of more';
/** @param {object} [changes] */
const access = (changes = {}) => parseAccess(changes);
/** @param {string} address */
const from = (address) => new Proxies([]).caller(address);
const go = () => {};
const AT = { nowMs: 0, unixS: 1000 };

test('without a secret a front serves this machine only, unless it is open', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'talk.example.org', ''])
    assert.throws(() => new Door(access(), host), /nothing says who may call/);
  new Door(access({ open: true }), '0.0.0.0');
  new Door(access({ secrets: [SECRET] }), '0.0.0.0');
  const door = new Door(access(), '127.0.0.1');
  const page = { caller: from('127.0.0.1'), host: 'localhost:8080', origin: undefined };
  assert.equal(await door.enter(page, undefined, AT, go), null);
  for (const strange of [
    { ...page, host: 'rebound.example:8080' },
    { ...page, caller: new Proxies([]).caller('127.0.0.1', { 'x-forwarded-for': '192.0.2.7' }) },
    { ...page, caller: new Proxies(['127.0.0.1']).caller('127.0.0.1', { via: '1.1 caddy' }) },
  ])
    await assert.rejects(door.enter(strange, undefined, AT, go), {
      code: 'not_allowed',
      reason: 'not_local',
    });
});

test('a token that met an obstacle is kept, and of two that come at once one gets in', async () => {
  const { SignJWT } = await import('jose');
  const token = await new SignJWT({ aud: 'voicebot', iat: 1000, exp: 1060, jti: 'one', max_call_s: 90 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET));
  const door = new Door(access({ secrets: [SECRET], max_call_s: 3600 }), '0.0.0.0');
  const page = { caller: from('192.0.2.1'), host: 'x', origin: undefined };
  const busy = new Error('busy');
  await assert.rejects(
    door.enter(page, token, AT, () => {
      throw busy;
    }),
    busy,
  );
  const both = await Promise.allSettled([door.enter(page, token, AT, go), door.enter(page, token, AT, go)]);
  const [won, lost] = both.sort((a) => (a.status === 'fulfilled' ? -1 : 1));
  assert.equal(won.status, 'fulfilled');
  assert.equal(door.longestCallS(/** @type {any} */ (won).value), 90);
  assert.equal(/** @type {any} */ (lost).reason.reason, 'replayed');
  assert.equal(door.limits.calls.total, 1, 'the refused one gave its place back');
  assert.equal(door.longestCallS(null), 3600);
});

test('an address may hold so many calls, and try so often', async () => {
  const limits = { calls_per_address: 2, joins_per_minute: 10 };
  const door = new Door(access({ open: true, limits }), '0.0.0.0');
  const page = { caller: from('192.0.2.1'), host: 'x', origin: undefined };
  /** @type {string[]} */
  const reasons = [];
  for (let i = 0; i < 7; i++)
    await door.enter(page, undefined, AT, go).then(
      () => reasons.push('in'),
      ({ reason }) => reasons.push(reason),
    );
  const calls = 'too_many_calls';
  assert.deepEqual(reasons, ['in', 'in', calls, calls, calls, 'too_many_joins', 'too_many_joins']);
  door.callOver(page.caller);
  assert.equal(await door.enter(page, undefined, { nowMs: 6000, unixS: 0 }, go), null);
  await door.enter({ ...page, caller: from('192.0.2.2') }, undefined, AT, go);
  for (let i = 0; i < 50; i++) await door.enter({ ...page, caller: from('127.0.0.1') }, undefined, AT, go);
});

test('the caller behind proxies', () => {
  const proxies = new Proxies(['10.0.0.0/8', '::1']);
  /** @param {string} peer @param {string} [forwarded] */
  const who = (peer, forwarded) =>
    proxies.caller(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded });
  assert.deepEqual(who('203.0.113.9', '1.2.3.4'), {
    address: '203.0.113.9',
    key: '203.0.113.9',
    forwarded: true,
    unknownProxy: true,
  });
  assert.equal(who('10.1.1.1', '1.2.3.4').address, '1.2.3.4');
  assert.equal(who('::ffff:10.1.1.1', '6.6.6.6, 1.2.3.4').address, '1.2.3.4', 'what came before is hearsay');
  assert.equal(who('10.1.1.1', '1.2.3.4, 10.2.2.2').address, '1.2.3.4', 'a proxy behind a proxy');
  assert.equal(who('::1', '[2001:db8:1:2:3::4]:5678').key, '2001:db8:1:2::/64');
  assert.equal(who('10.1.1.1', 'unknown').address, '10.1.1.1');
  assert.equal(who('127.0.0.1').key, '', 'a program on this machine');
  assert.equal(who('127.0.0.1', '1.2.3.4').key, '127.0.0.1', 'which brings others');
});

test('names and addresses of this machine', () => {
  for (const name of [
    'localhost',
    'LOCALHOST:8080',
    'a.localhost:1',
    '127.0.0.1',
    '127.9.9.9:80',
    '[::1]:80',
    '[::1]',
  ])
    assert.ok(isLoopbackName(name), name);
  for (const name of [
    '',
    'x',
    'localhost.example:80',
    '0.0.0.0',
    '127.example',
    '[::]:80',
    '192.0.2.1:80',
    '[',
    ':',
  ])
    assert.ok(!isLoopbackName(name), name);
  assert.ok(isLoopbackHost('::1') && isLoopbackHost('127.0.0.1') && !isLoopbackHost('::'));
  assert.equal(callerKey('2001:db8::1'), '2001:db8::/64');
  assert.equal(callerKey('2001:db8:0:1:ffff:ffff:ffff:ffff'), '2001:db8:0:1::/64');
  assert.equal(callerKey('fe80::1%eth0'), 'fe80::/64');
});

test('whatever headers say, a caller has an address', () => {
  const proxies = new Proxies(['127.0.0.0/8']);
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 60 }),
      (header, host) => {
        const { address, key } = proxies.caller('127.0.0.1', { 'x-forwarded-for': header });
        assert.ok(address.length > 0 && key.length <= 64);
        isLoopbackName(host);
      },
    ),
  );
});

test('rates are remembered of so many addresses, held things are given back', () => {
  const limits = new AddressLimits(
    access({ limits: { requests_per_s: 2, sockets: 3, sockets_per_address: 2 } }).limits,
  );
  let passed = 0;
  for (let i = 0; i < 100; i++) passed += Number(limits.request('a', 0));
  assert.equal(passed, 10);
  assert.ok(limits.request('a', 500) && !limits.request('a', 500));
  assert.ok(limits.request('', 0), 'no limit of its own');
  for (let i = 0; i < 20_000; i++) limits.request(`${i}`, 500);
  assert.ok(limits.request('a', 500), 'forgotten: so many others came');
  assert.deepEqual(
    ['b', 'b', 'b', 'c', 'd'].map((key) => limits.sockets.take(key)),
    [true, true, false, true, false],
  );
  limits.sockets.giveBack('b');
  assert.ok(limits.sockets.take('b'));
});
