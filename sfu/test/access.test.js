import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { SignJWT, UnsecuredJWT } from 'jose';
import { parseConfig } from '../src/config.js';
import { Front } from '../src/front.js';
import { makeLogger } from '../src/logger.js';
import { Operations } from '../src/operations.js';
import { startFront, temporaryFolder, testConfig, until, withMediasoup } from './helpers/front.js';

const SECRET = 'a secret of 32 bytes, or of more';
const now = () => Math.floor(Date.now() / 1000);

/** @param {object} [claims] @param {string} [secret] */
function token(claims = {}, secret = SECRET) {
  const all = { aud: 'voicebot', iat: now(), exp: now() + 600, jti: crypto.randomUUID(), ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
}

/** Behind a proxy on this machine that says who calls. @param {object} [limits] */
const proxied = (limits = {}) => ({ access: { open: true, trusted_proxies: ['127.0.0.1'], limits } });
/** @param {string} address */
const from = (address) => ({ headers: { 'X-Forwarded-For': address } });

test('every token that is no good gets the same answer, and the log knows why', withMediasoup, async (t) => {
  const { page, idleWorker, metric, lines } = await startFront(t, { access: { secrets: [SECRET] } });
  const worker = await idleWorker();
  const unsigned = new UnsecuredJWT({ jti: 'x' })
    .setAudience('voicebot')
    .setIssuedAt()
    .setExpirationTime('1m');
  /** @type {[string, string | undefined, string?][]} */
  const cases = [
    ['missing', undefined],
    ['malformed', 'let me in'],
    ['malformed', await token({ jti: 7 })],
    ['forged', await token({}, 'a secret of somebody else, 32 bytes')],
    ['forged', unsigned.encode()],
    ['wrong_audience', await token({ aud: 'other' })],
    ['expired', await token({ iat: now() - 120, exp: now() - 60 })],
    ['not_yet', await token({ iat: now() + 600, exp: now() + 660 })],
    ['too_long', await token({ exp: now() + 3700 })],
    ['wrong_origin', await token({ origin: 'https://shop.example' })],
  ];
  for (const [reason, given] of cases) {
    const before = await metric(`signalling_refused_total{code="not_allowed_${reason}"}`);
    const asking = await page();
    const answer = await asking.join(given === undefined ? {} : { access_token: given });
    assert.deepEqual(answer, { type: 'refused', code: 'not_allowed', message: 'Not allowed.' }, reason);
    assert.equal(await asking.closed, 4006);
    assert.equal(await metric(`signalling_refused_total{code="not_allowed_${reason}"}`), before + 1);
    if (given) assert.ok(!lines.some((line) => line.includes(given)), 'no token in the log');
  }
  const good = await token({ sub: 'Ann', max_call_s: 90 });
  assert.equal((await (await page()).join({ access_token: good })).type, 'joined');
  const begun = await worker.next('call');
  assert.equal(begun.max_call_s, 90);
  assert.ok(lines.some((line) => line.includes('token_used') && line.includes('Ann')));
  assert.ok(!lines.some((line) => line.includes(good)));
  await idleWorker();
  assert.equal((await (await page()).join({ access_token: good })).code, 'not_allowed');
  assert.equal(await metric('signalling_refused_total{code="not_allowed_replayed"}'), 1);
});

test(
  'a token that was used at one node is none at another with the same folder',
  withMediasoup,
  async (t) => {
    const access = { secrets: [SECRET], used_tokens: join(temporaryFolder(t), 'used') };
    const good = await token();
    const answers = [];
    for (const node of [await startFront(t, { access }), await startFront(t, { access })]) {
      await node.idleWorker();
      answers.push((await (await node.page()).join({ access_token: good })).type);
    }
    assert.deepEqual(answers, ['joined', 'refused']);
  },
);

test('a token is not used up by a busy server, and a resume needs none', withMediasoup, async (t) => {
  const { page, idleWorker } = await startFront(t, { access: { secrets: [SECRET] } });
  const good = await token();
  assert.equal((await (await page()).join({ access_token: good })).code, 'not_ready');
  await idleWorker();
  const first = await page();
  const joined = await first.join({ access_token: good });
  assert.equal(joined.type, 'joined');
  first.vanish();
  assert.equal((await (await page()).join({ resume: joined.token })).type, 'joined');
});

test('without a secret, whom a proxy brings or another name is not let in', withMediasoup, async (t) => {
  const { page, idleWorker, metric } = await startFront(t);
  await idleWorker();
  /** @type {Record<string, string>[]} */
  const strange = [{ 'X-Forwarded-For': '192.0.2.1' }, { Via: '1.1 proxy' }, { Host: 'rebound.example' }];
  for (const headers of strange) assert.equal((await (await page({ headers })).join()).code, 'not_allowed');
  assert.equal(await metric('signalling_refused_total{code="not_allowed_not_local"}'), 3);
  assert.equal((await (await page()).join()).type, 'joined');
});

test('a front for strangers that says nothing of who may call does not start', async (t) => {
  const config = (/** @type {object} */ changes) =>
    parseConfig(JSON.stringify(testConfig(t, { host: '0.0.0.0', ...changes })), 'test');
  assert.throws(() => new Front(config({}), makeLogger('error'), new Operations()), {
    message: /nothing says who may call/,
    hint: /access\.secrets/,
  });
  assert.throws(
    () => config({ access: { secrets: ['hunter2'] } }),
    (error) => {
      const { message } = /** @type {Error} */ (error);
      return message.includes('access.secrets.0') && !message.includes('hunter2');
    },
  );
});

test(
  'an address holds so many connections and calls, and others are not touched',
  withMediasoup,
  async (t) => {
    const limits = { connections_per_address: 3, calls_per_address: 1 };
    const { page, idleWorker, metric } = await startFront(t, proxied(limits));
    await idleWorker();
    await idleWorker();
    const pages = [
      await page(from('192.0.2.1')),
      await page(from('192.0.2.1')),
      await page(from('192.0.2.1')),
    ];
    await assert.rejects(page(from('192.0.2.1')), /503/);
    assert.equal(await metric('signalling_refused_total{code="too_many"}'), 1);
    assert.equal((await pages[0].join()).type, 'joined');
    assert.equal((await pages[1].join()).code, 'not_allowed');
    const other = await page(from('192.0.2.2'));
    assert.equal((await other.join()).type, 'joined');
    pages[0].send({ type: 'leave' });
    await pages[0].closed;
    await idleWorker();
    await until(async () => (await pages[2].join().catch(() => null)) !== null);
    assert.equal(await metric('signalling_refused_total{code="not_allowed_too_many_calls"}'), 1);
    await page(from('192.0.2.1'));
  },
);

test('HTTP requests of one address have a rate, of others too', withMediasoup, async (t) => {
  const { url, metric } = await startFront(t, proxied({ requests_per_s: 1 }));
  /** @param {string} address */
  const statuses = async (address) =>
    (await Promise.all(Array.from({ length: 30 }, () => fetch(`${url}healthz`, from(address))))).map(
      ({ status }) => status,
    );
  const flood = await statuses('192.0.2.1');
  assert.ok(flood.includes(200), String(flood));
  assert.ok(flood.includes(429));
  assert.equal((await fetch(`${url}healthz`, from('192.0.2.2'))).status, 200);
  assert.ok((await metric('signalling_refused_total{code="too_many_requests"}')) >= 1);
});

/** A raw connection that may be closed at any time. @param {string} url */
async function rawTo(url) {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port) });
  socket.on('error', () => {});
  // What is not read keeps the end from being seen.
  socket.resume();
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await once(socket, 'connect');
  return { socket, closed };
}

test(
  'a slow request is cut off, and whatever else lasts too long but a WebSocket',
  withMediasoup,
  async (t) => {
    const limits = { request_timeout_s: 0.2, response_timeout_s: 2 };
    const { url, page } = await startFront(t, { access: { limits }, join_timeout_s: 600 });
    const webSocket = await page();
    const slow = await rawTo(url);
    slow.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ');
    const busy = await rawTo(url);
    const drip = setInterval(() => {
      slow.socket.write('a');
      // Never silent, and never done: only the longest life of a connection ends it.
      busy.socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    }, 50);
    t.after(() => clearInterval(drip));
    const silent = await rawTo(url);
    await Promise.all([slow.closed, silent.closed, busy.closed]);
    assert.equal((await webSocket.join()).code, 'not_ready');
  },
);

test('TCP connections are counted', withMediasoup, async (t) => {
  const { url, page } = await startFront(t, { access: { limits: { sockets: 3 } } });
  await page();
  const two = [await rawTo(url), await rawTo(url)];
  await (await rawTo(url)).closed;
  for (const { socket } of two) socket.destroy();
  const counted = async () => /too_many_sockets"} [1-9]/.test(await (await fetch(`${url}metrics`)).text());
  // Those that have gone make room, once the front has seen it.
  await until(() => counted().catch(() => false));
});
