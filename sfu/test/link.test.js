import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { mock } from 'node:test';
import { encodeControl, FrameReader } from '../src/link/frames.js';
import { LinkServer } from '../src/link/server.js';
import { WorkerLink } from '../src/link/worker_link.js';
import { makeLogger } from '../src/logger.js';
import { Metrics } from '../src/metrics.js';
import { CallWorker } from './helpers/call_worker.js';
import { startFront, temporaryFolder, until, withMediasoup } from './helpers/front.js';
import { rtpPacket } from './helpers/rtp.js';

const around = { log: makeLogger('error'), metrics: new Metrics() };

test('the socket is its owner’s alone, and goes with the server', async (t) => {
  const path = join(temporaryFolder(t), 's');
  const server = new LinkServer(path, around);
  await server.listen();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(new LinkServer(path, around).listen(), /Another process listens/);
  const worker = await CallWorker.greeted(path);
  await server.close();
  await worker.closed;
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
});

test('a stale socket is replaced; what is no socket is left alone', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 's');
  const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  spawnSync(process.execPath, ['-e', leave]);
  assert.ok(statSync(path).isSocket());
  const server = new LinkServer(path, around);
  await server.listen();
  await server.close();
  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(new LinkServer(file, around).listen(), /is no socket/);
  await assert.rejects(new LinkServer(join(folder, 'none', 's'), around).listen(), /cannot be made/);
  await assert.rejects(new LinkServer(`/tmp/${'x'.repeat(120)}`, around).listen(), /too long/);
});

test('what a call worker must not say ends its connection alone, with a reason', withMediasoup, async (t) => {
  const { call, config, metric } = await startFront(t);
  const bystander = await call();
  const event = { type: 'event', event: { name: 'x' } };
  /** @param {number} kind @param {Buffer} payload */
  const raw = (kind, payload) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(payload.length + 1);
    head[4] = kind;
    return Buffer.concat([head, payload]);
  };
  /** @type {[string, string, (worker: CallWorker) => void][]} */
  const cases = [
    ['another version', 'wrong_version', (worker) => worker.hello({ version: 2 })],
    ['another transport', 'wrong_transport', (worker) => worker.hello({ transport: 'webrtc' })],
    ['unknown key', 'bad_message', (worker) => worker.hello({ more: 1 })],
    ['unknown type', 'bad_message', (worker) => worker.send({ type: 'join' })],
    ['idle before hello', 'bad_message', (worker) => worker.send({ type: 'idle' })],
    ['RTP before hello', 'bad_message', (worker) => worker.sendRtp(Buffer.from('x'))],
    ['oversized', 'bad_message', (worker) => void worker.socket.write(Buffer.from([0, 1, 0, 1]))],
    ['empty', 'bad_message', (worker) => void worker.socket.write(Buffer.alloc(4))],
    ['unknown kind', 'bad_message', (worker) => void worker.socket.write(raw(3, Buffer.from('x')))],
    ['no JSON', 'bad_message', (worker) => void worker.socket.write(raw(1, Buffer.from('{')))],
    [
      'no UTF-8',
      'bad_message',
      (worker) => void worker.socket.write(raw(1, Buffer.from([0x22, 0xff, 0x22]))),
    ],
    [
      'hello twice',
      'bad_message',
      (worker) => {
        worker.hello();
        worker.hello();
      },
    ],
    [
      'event outside a call',
      'bad_message',
      (worker) => {
        worker.hello();
        worker.send(event);
      },
    ],
    [
      'idle twice',
      'bad_message',
      (worker) => {
        worker.hello();
        worker.send({ type: 'idle' });
        worker.send({ type: 'idle' });
      },
    ],
  ];
  for (const [what, code, say] of cases) {
    const worker = new CallWorker(config.socket);
    say(worker);
    const error = await worker.next('error');
    assert.equal(error.code, code, what);
    assert.ok(error.message, what);
    await worker.closed;
  }
  assert.equal(await metric('link_refused_total{code="wrong_transport"}'), 1);
  bystander.worker.send(event);
  await bystander.page.next('event');
  assert.equal(await metric('call_workers{state="connected"}'), 1);
});

test('RTP outside a call is dropped and counted; the worker stays', withMediasoup, async (t) => {
  const { idleWorker, page: connect, metric } = await startFront(t);
  const worker = await idleWorker();
  worker.sendRtp(rtpPacket({ payloadType: 100, ssrc: 1, sequence: 1 }));
  await until(
    async () => (await metric('rtp_dropped_total{direction="to_page",reason="outside_call"}')) === 1,
  );
  assert.equal((await (await connect()).join()).type, 'joined');
});

test(
  'in a call, a bad message or a broken connection: agent_lost, for that call only',
  withMediasoup,
  async (t) => {
    const { call } = await startFront(t);
    const bystander = await call();
    for (const go of /** @type {((worker: CallWorker) => void)[]} */ ([
      (worker) => worker.close(),
      (worker) => worker.send({ type: 'bye' }),
      (worker) => worker.send({ type: 'media', state: 'connected' }),
      (worker) => worker.send({ type: 'event', event: {} }),
      (worker) => {
        // JSON that can be read, but not written again: it is nested too deeply.
        const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
        const payload = `{"type": "event", "event": {"name": "x", "nested": ${nested}}}`;
        const head = Buffer.from([0, 0, 0, 0, 1]);
        head.writeUInt32BE(payload.length + 1);
        worker.socket.write(Buffer.concat([head, Buffer.from(payload)]));
      },
      (worker) => worker.send({ type: 'end', reason: 'busy', message: '' }),
    ])) {
      const { worker, page } = await call();
      go(worker);
      assert.equal((await page.next('ended')).reason, 'agent_lost');
      assert.equal(await page.closed, 1000);
    }
    assert.ok((await bystander.page.request('create_transport', { direction: 'send' })).ok);
  },
);

test('ends that cross end the call once', withMediasoup, async (t) => {
  const { call, page: connect, front } = await startFront(t);
  const { worker, page } = await call();
  page.send({ type: 'leave' });
  worker.send({ type: 'event', event: { name: 'late' } });
  worker.send({ type: 'end', reason: 'hung_up', message: '' });
  await page.closed;
  await worker.next('end');
  worker.send({ type: 'idle' });
  await until(() => front.links.idle === 1);
  assert.equal((await (await connect()).join()).type, 'joined');
});

test('a worker that went before its call began: the page may try again', withMediasoup, async (t) => {
  const { idleWorker, front, page: connect } = await startFront(t);
  const worker = await idleWorker();
  worker.send({ type: 'bye' });
  await until(() => front.links.idle === 0);
  assert.equal((await (await connect()).join()).code, 'not_ready');
});

test('to a worker that does not read, audio is dropped and control ends it', async (t) => {
  const path = join(temporaryFolder(t), 's');
  const metrics = new Metrics();
  const server = new LinkServer(path, { ...around, metrics });
  await server.listen();
  t.after(() => server.close());
  const worker = await CallWorker.greeted(path);
  worker.send({ type: 'idle' });
  await until(() => server.idle === 1);
  const link = server.take();
  assert.ok(link);
  let lost = false;
  const call = {
    onWorkerRtp() {},
    onWorkerEvent() {},
    onWorkerEnd() {},
    onWorkerLost() {
      lost = true;
    },
  };
  link.startCall('id', { payload_type: 100, clock_rate: 48_000, channels: 2, ssrc: 1 }, call);
  worker.socket.pause();
  for (let i = 0; i < 3000; i++) link.sendRtp(Buffer.alloc(1000));
  assert.match(await metrics.text(), /rtp_dropped_total\{direction="to_worker",reason="slow_worker"\} \d{3}/);
  for (let i = 0; i < 200; i++) link.send({ type: 'heard', filler: 'x'.repeat(10_000) });
  await until(() => lost);
  worker.close();
});

/** A greeted link on a socket without a system behind it, in a call. @param {import('node:test').TestContext} t */
function linkInCall(t) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  /** @type {any[]} */
  const said = [];
  const reader = new FrameReader();
  const socket = Object.assign(new PassThrough(), { destroySoon() {} });
  socket.write = /** @type {any} */ (
    (/** @type {Buffer} */ bytes) => {
      for (const frame of reader.push(bytes)) if (frame.kind === 1) said.push(frame.message);
    }
  );
  const link = new WorkerLink(/** @type {any} */ (socket), { ...around, onState() {} });
  /** @param {import('../src/link/frames.js').Message} message */
  const hear = (message) => socket.emit('data', encodeControl(message));
  hear({ type: 'hello', version: 1, transport: 'mediasoup', pid: 1 });
  hear({ type: 'idle' });
  link.reserve();
  const call = { onWorkerRtp() {}, onWorkerEvent() {}, onWorkerEnd() {}, onWorkerLost() {} };
  link.startCall('id', { payload_type: 100, clock_rate: 48_000, channels: 2, ssrc: 1 }, call);
  return { link, socket, hear, said };
}

test('a worker that does not answer `end` is let go, even where it does not read', (t) => {
  const { link, socket, said } = linkInCall(t);
  mock.timers.tick(60_000);
  assert.equal(link.state, 'call');
  link.endCall('hung_up', '');
  mock.timers.tick(4999);
  assert.equal(link.state, 'ending');
  mock.timers.tick(1);
  assert.equal(link.state, 'closed');
  assert.deepEqual(said.at(-1), { type: 'error', code: 'bad_message', message: 'No end came.' });
  assert.ok(!socket.destroyed);
  mock.timers.tick(1000);
  assert.ok(socket.destroyed);
});

test('a worker that answers `end` stays', (t) => {
  const { link, hear } = linkInCall(t);
  link.endCall('hung_up', '');
  hear({ type: 'end', reason: 'hung_up' });
  hear({ type: 'idle' });
  mock.timers.tick(60_000);
  assert.equal(link.state, 'idle');
});
