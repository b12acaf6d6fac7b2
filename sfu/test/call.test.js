import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import test, { mock } from 'node:test';
import { Call } from '../src/call.js';
import { parseConfig } from '../src/config.js';
import { makeLogger } from '../src/logger.js';
import { Metrics } from '../src/metrics.js';
import { Connection } from '../src/signalling.js';

/** A call whose parts only record what is done to them. @param {import('node:test').TestContext} t */
function makeCall(t) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  /** @type {string[]} */
  const done = [];
  /** @type {any} */
  const link = {
    startCall: () => done.push('link started'),
    mediaConnected: () => done.push('link media'),
    endCall: (/** @type {string} */ reason) => done.push(`link ${reason}`),
    send: (/** @type {object} */ message) => done.push(JSON.stringify(message)),
  };
  /** @type {any} */
  const media = { close: () => done.push('media closed') };
  const call = new Call(
    { id: 'id', token: 'token' },
    { media, link },
    { graceMs: 10_000, mediaTimeoutMs: 20_000 },
    { metrics: new Metrics(), onEnded: (_, reason) => done.push(`ended ${reason}`) },
  );
  /** @param {string} name @returns {import('../src/call.js').Client} */
  const client = (name) => ({
    event: () => done.push(`${name} event`),
    ended: (reason) => done.push(`${name} ${reason}`),
    replaced: () => done.push(`${name} replaced`),
    answers: async () => true,
  });
  done.length = 0;
  return { call, client, done };
}

const ENDED = ['media closed', 'link timeout', 'ended timeout'];

test('no media path in time: timeout, for all three', (t) => {
  const { call, client, done } = makeCall(t);
  call.attach(client('page'));
  mock.timers.tick(19_999);
  assert.deepEqual(done, []);
  mock.timers.tick(1);
  assert.deepEqual(done, ['media closed', 'link timeout', 'page timeout', 'ended timeout']);
});

test('a media path that breaks has the grace time to come back', (t) => {
  const { call, done } = makeCall(t);
  call.onPath(true);
  mock.timers.tick(60_000);
  call.onPath(false);
  mock.timers.tick(9_999);
  call.onPath(true);
  mock.timers.tick(60_000);
  assert.deepEqual(done.splice(0), ['link media'], 'the worker is told once');
  call.onPath(false);
  mock.timers.tick(10_000);
  assert.deepEqual(done, ENDED);
});

test('a page that comes back is told the state', (t) => {
  const { call, client, done } = makeCall(t);
  const first = client('first');
  call.attach(first);
  call.onWorkerEvent({ name: 'state_changed', state: 'listening' });
  call.onWorkerEvent({ name: 'user_speech_started' });
  call.detach(first);
  call.attach(client('second'));
  assert.deepEqual(done, ['first event', 'first event', 'second event']);
});

test('a page that vanishes has the grace time to come back', (t) => {
  const { call, client, done } = makeCall(t);
  call.onPath(true);
  done.length = 0;
  const [first, second] = [client('first'), client('second')];
  call.attach(first);
  call.detach(first);
  mock.timers.tick(9_999);
  call.attach(second);
  mock.timers.tick(60_000);
  assert.deepEqual(done, []);
  call.detach(first);
  mock.timers.tick(60_000);
  assert.deepEqual(done, [], 'only the client that the call has counts');
  call.detach(second);
  mock.timers.tick(10_000);
  assert.deepEqual(done, ENDED);
});

test('another client takes the place of the one there is', (t) => {
  const { call, client, done } = makeCall(t);
  call.attach(client('first'));
  call.attach(client('second'));
  call.onWorkerEvent({});
  assert.deepEqual(done, ['first replaced', 'second event']);
});

test('a call ends once, and no clock of it goes on', (t) => {
  const { call, client, done } = makeCall(t);
  const page = client('page');
  call.attach(page);
  call.onWorkerEnd('failed', 'no LLM');
  call.onMediaLost();
  call.onWorkerLost();
  call.detach(page);
  call.onPath(false);
  mock.timers.tick(60_000);
  assert.deepEqual(done, ['media closed', 'link failed', 'page failed', 'ended failed']);
});

test('a connection without pongs for three pings is dropped', (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.after(() => mock.timers.reset());
  /** @type {string[]} */
  const done = [];
  /** @type {any} */
  const ws = Object.assign(new EventEmitter(), {
    ping: () => done.push('ping'),
    terminate: () => ws.emit('close', done.push('terminated')),
  });
  const config = parseConfig('{"socket": "s", "join_timeout_s": 3600}', 'test');
  /** @type {any} */
  const calls = {};
  /** @type {any} */
  const nobody = {};
  new Connection(ws, nobody, {
    config,
    door: nobody,
    calls,
    log: makeLogger('error'),
    metrics: new Metrics(),
  });
  for (let seconds = 0; seconds < 60; seconds += 5) {
    mock.timers.tick(5000);
    ws.emit('pong');
  }
  assert.deepEqual(done, Array(12).fill('ping'));
  mock.timers.tick(15_000);
  mock.timers.tick(5000);
  assert.deepEqual(done.slice(12), ['ping', 'ping', 'ping', 'terminated']);
});
