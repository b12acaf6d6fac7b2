import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { load } from '../load.mjs';

/** A WebSocket whose other side is the test. */
class Socket {
  static OPEN = 1;
  static last = null;
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = String(url);
    Socket.last = this;
  }

  send(text) {
    assert.equal(this.readyState, Socket.OPEN);
    this.sent.push(JSON.parse(text).type);
  }

  close() {
    this.readyState = 3;
  }

  opens() {
    this.readyState = Socket.OPEN;
    this.onopen();
  }

  hears(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

globalThis.window = globalThis;
globalThis.document = { baseURI: 'http://127.0.0.1/' };
globalThis.WebSocket = Socket;
const { Signalling } = await load('signalling.ts');

let hangUp;
beforeEach(() => {
  hangUp = new AbortController();
});

const code = (expected) => (error) => error.code === expected;

test('hung up while it joins: the front is told, and no call is left to wait for a resume', async () => {
  for (const token of [null, 'secret']) {
    hangUp = new AbortController();
    const opening = assert.rejects(Signalling.open('7-1', token, hangUp.signal), code('aborted'));
    Socket.last.opens();
    hangUp.abort();
    await opening;
    assert.deepEqual(Socket.last.sent, ['join', 'leave']);
    assert.equal(Socket.last.readyState, 3);
  }
});

test('a load balancer can tell calls apart, and who comes back to one', async () => {
  for (const [token, url] of [
    [null, 'ws://127.0.0.1/signal?call=7-1'],
    ['secret', 'ws://127.0.0.1/signal?call=7-1&resume=1'],
  ]) {
    hangUp = new AbortController();
    const opening = assert.rejects(Signalling.open('7-1', token, hangUp.signal), code('aborted'));
    assert.equal(Socket.last.url, url);
    hangUp.abort();
    await opening;
  }
});

test('a new call brings its access token, a resumed one does not', async () => {
  for (const [token, more] of [
    [null, { access_token: 'a.b.c' }],
    ['secret', { resume: 'secret' }],
  ]) {
    const opening = assert.rejects(
      Signalling.open('7-1', token, hangUp.signal, 'a.b.c'),
      code('not_allowed'),
    );
    let said = '';
    Socket.last.send = (text) => {
      said ||= text;
    };
    Socket.last.opens();
    Socket.last.onclose({ code: 4006, reason: '' });
    await opening;
    assert.deepEqual(JSON.parse(said), { type: 'join', version: 1, ...more });
  }
});

test('hung up before there is a connection: nothing is said', async () => {
  const opening = assert.rejects(Signalling.open('7-1', null, hangUp.signal), code('aborted'));
  hangUp.abort();
  await opening;
  assert.deepEqual(Socket.last.sent, []);
  assert.equal(Socket.last.readyState, 3);
});

test('an attempt to resume that fails leaves the call for the next one', async () => {
  const opening = assert.rejects(Signalling.open('7-1', 'secret', hangUp.signal), code('in_use'));
  Socket.last.opens();
  Socket.last.hears({ type: 'refused', code: 'in_use', message: '' });
  await opening;
  assert.deepEqual(Socket.last.sent, ['join']);
});
