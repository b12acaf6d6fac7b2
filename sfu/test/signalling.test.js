import assert from 'node:assert/strict';
import test from 'node:test';
import { startFront, until, withMediasoup } from './helpers/front.js';
import { Page } from './helpers/page.js';

test('a call: joined, its events, what was heard, and hung up by the page', withMediasoup, async (t) => {
  const { call, config, metric } = await startFront(t, { ice_servers: [{ urls: 'stun:192.0.2.1' }] });
  const { worker, page, joined, begun } = await call();
  const { router_rtp_capabilities: capabilities, token, ...rest } = joined;
  assert.deepEqual(rest, {
    type: 'joined',
    version: 1,
    transport: 'mediasoup',
    call_id: begun.call_id,
    resumed: false,
    ice_servers: config.ice_servers,
    jitter_buffer_target_ms: 40,
    grace_s: 10,
  });
  assert.equal(capabilities.codecs[0].mimeType, 'audio/opus');
  assert.ok(Buffer.from(token, 'base64url').length >= 16);
  const event = { name: 'user_transcript', at_s: 1.5, turn_id: 3, text: 'hallo', final: true };
  worker.send({ type: 'event', event });
  assert.deepEqual(await page.next('event'), { type: 'event', event });
  page.send({ type: 'heard', turn_id: 3, voice_to_voice_ms: 812.4 });
  assert.deepEqual(await worker.next('heard'), { type: 'heard', turn_id: 3, voice_to_voice_ms: 812.4 });
  assert.equal(await metric('calls_active'), 1);
  page.send({ type: 'leave' });
  assert.equal((await worker.next('end')).reason, 'hung_up');
  assert.equal((await page.next('ended')).reason, 'hung_up');
  assert.equal(await page.closed, 1000);
  assert.equal(await metric('calls_active'), 0);
  assert.equal(await metric('calls_ended_total{reason="hung_up"}'), 1);
  worker.send({ type: 'end', reason: 'hung_up', message: '' });
  worker.send({ type: 'idle' });
  await until(async () => (await metric('call_workers{state="idle"}')) === 1);
});

test('not_ready, then busy, then a free worker', withMediasoup, async (t) => {
  const { url, page, idleWorker } = await startFront(t);
  const readiness = async () => {
    const response = await fetch(`${url}readyz`);
    return [response.status, await response.text()];
  };
  const none = await page();
  assert.equal((await none.join()).code, 'not_ready');
  assert.equal(await none.closed, 4002);
  assert.deepEqual(await readiness(), [503, 'No call worker is there.']);
  const worker = await idleWorker();
  assert.deepEqual(await readiness(), [200, 'ok']);
  const first = await page();
  assert.equal((await first.join()).type, 'joined');
  const second = await page();
  assert.equal((await second.join()).code, 'busy');
  assert.equal(await second.closed, 4001);
  assert.deepEqual(await readiness(), [503, 'Every call worker has a call.']);
  await worker.next('call');
  worker.send({ type: 'end', reason: 'hung_up', message: 'bye' });
  assert.deepEqual(await first.next('ended'), { type: 'ended', reason: 'hung_up', message: 'bye' });
  assert.equal((await worker.next('end')).reason, 'hung_up');
  worker.send({ type: 'idle' });
  await until(async () => (await readiness())[0] === 200);
});

test('what a page must not say ends its connection alone', withMediasoup, async (t) => {
  const { call, page: connect, metric } = await startFront(t);
  const bystander = await call();
  const long = 'x'.repeat(64 * 1024 + 1);
  /** @type {[string, number, any[]][]} */
  const cases = [
    ['no JSON', 4400, ['{']],
    ['no object', 4400, ['null']],
    ['no type', 4400, [{}]],
    ['unknown type', 4400, [{ type: 'hello' }]],
    ['unknown key', 4400, [{ type: 'join', version: 1, more: 1 }]],
    ['wrong type of a key', 4400, [{ type: 'join', version: '1' }]],
    ['request before join', 4400, [{ type: 'request', id: 0, method: 'consume', data: {} }]],
    ['leave before join', 4400, [{ type: 'leave' }]],
    ['wrong version', 4003, [{ type: 'join', version: 2 }]],
    ['unknown token', 4004, [{ type: 'join', version: 1, resume: 'nobody' }]],
    ['too long', 1009, [long]],
  ];
  for (const [what, code, messages] of cases) {
    const page = await connect();
    for (const message of messages) page.send(message);
    assert.equal(await page.closed, code, what);
    const refused = page.messages.all.find(({ type }) => type === 'refused');
    if (code !== 1009) assert.ok(refused.message, what);
  }
  const binary = await connect();
  binary.ws.send(Buffer.from('{"type": "join", "version": 1}'), { binary: true });
  assert.equal(await binary.closed, 4400);

  assert.equal(await metric('signalling_refused_total{code="wrong_version"}'), 1);
  assert.equal(await metric('signalling_refused_total{code="too_large"}'), 1);
  const { ok } = await bystander.page.request('create_transport', { direction: 'send' });
  assert.ok(ok, 'the call beside them goes on');
  assert.deepEqual(bystander.page.messages.all, []);
});

test(
  'in a call: out of order, wrong data, flooding; the call waits for a resume',
  withMediasoup,
  async (t) => {
    const { call, page: connect } = await startFront(t);
    let { page, joined } = await call();
    const heard = { type: 'heard', turn_id: 1, voice_to_voice_ms: 1 };
    /** @type {[string, number, any[]][]} */
    const cases = [
      ['second join', 4400, [{ type: 'join', version: 1 }]],
      ['unknown method', 4400, [{ type: 'request', id: 0, method: 'offer', data: {} }]],
      [
        'wrong data',
        4400,
        [{ type: 'request', id: 0, method: 'create_transport', data: { direction: 'up' } }],
      ],
      [
        'unknown data',
        4400,
        [{ type: 'request', id: 0, method: 'restart_ice', data: { transport_id: '', x: 1 } }],
      ],
      [
        'an id again',
        4400,
        Array(2).fill({ type: 'request', id: 5, method: 'restart_ice', data: { transport_id: '' } }),
      ],
      ['flooding', 4429, Array(150).fill(heard)],
    ];
    for (const [what, code, messages] of cases) {
      for (const message of messages) page.send(message);
      assert.equal(await page.closed, code, what);
      page = await connect();
      const again = await page.join({ resume: joined.token });
      assert.deepEqual([again.type, again.resumed, again.call_id], ['joined', true, joined.call_id], what);
    }
  },
);

test(
  'a call is resumed by its token, with its transports; not while its client answers',
  withMediasoup,
  async (t) => {
    const { call, page: connect, metric } = await startFront(t);
    const { page, joined, worker } = await call();
    const { data } = await page.request('create_transport', { direction: 'send' });
    const thief = await connect();
    assert.equal((await thief.join({ resume: joined.token })).code, 'in_use');
    assert.equal(await thief.closed, 4005);
    page.vanish();
    await page.closed;
    const back = await connect();
    const again = await back.join({ resume: joined.token });
    assert.deepEqual([again.resumed, again.call_id, again.token], [true, joined.call_id, joined.token]);
    assert.ok((await back.request('restart_ice', { transport_id: data.id })).ok);
    worker.send({ type: 'event', event: { name: 'x' } });
    await back.next('event');
    assert.equal(await metric('calls_resumed_total'), 1);
  },
);

test('a client that does not answer is taken over', withMediasoup, async (t) => {
  const { call, page: connect } = await startFront(t);
  const { page, joined } = await call();
  page.ws.pause();
  const other = await connect();
  assert.equal((await other.join({ resume: joined.token })).resumed, true);
  page.ws.resume();
  assert.equal(await page.closed, 1006);
  assert.ok((await other.request('create_transport', { direction: 'send' })).ok);
});

test('a page that vanishes: after the grace time everything is released', withMediasoup, async (t) => {
  const { call, page: connect, metric } = await startFront(t, { grace_s: 0.02 });
  const { page, joined, worker } = await call();
  page.vanish();
  assert.equal((await worker.next('end')).reason, 'timeout');
  assert.equal(await metric('calls_active'), 0);
  assert.equal((await (await connect()).join({ resume: joined.token })).code, 'unknown_call');
});

test('a page that says nothing, and one that makes no media path', withMediasoup, async (t) => {
  const { call, page: connect } = await startFront(t, { join_timeout_s: 0.05, media_timeout_s: 0.05 });
  const silent = await connect();
  assert.equal(await silent.closed, 4400);
  const { page, worker } = await call();
  assert.equal((await page.next('ended')).reason, 'timeout');
  assert.equal((await worker.next('end')).reason, 'timeout');
});

test('a page that goes while it joins leaves no call behind', withMediasoup, async (t) => {
  const { idleWorker, page: connect, metric } = await startFront(t);
  const worker = await idleWorker();
  const page = await connect();
  page.send({ type: 'join', version: 1 });
  page.send({ type: 'leave' });
  assert.equal(await page.closed, 1000);
  assert.equal((await worker.next('end')).reason, 'hung_up');
  assert.equal(await metric('calls_active'), 0);
});

test('origins: its own, an allowed one, none; another one gets 403', withMediasoup, async (t) => {
  const { url } = await startFront(t, { allowed_origins: ['https://voice.example.org'] });
  for (const origin of [new URL(url).origin, 'https://voice.example.org', undefined]) {
    const page = await Page.connect(url, { origin });
    page.vanish();
  }
  for (const origin of ['https://evil.example.org', 'null', 'https://voice.example.org.evil.example']) {
    await assert.rejects(Page.connect(url, { origin }), /403/);
  }
});

test('TURN credentials are made for each call', withMediasoup, async (t) => {
  const turn = { urls: ['turn:192.0.2.1'], secret: 's' };
  const { call } = await startFront(t, { turn });
  const { joined } = await call();
  assert.match(joined.ice_servers[0].username, new RegExp(`^\\d{10}:${joined.call_id}$`));
});
