import assert from 'node:assert/strict';
import test from 'node:test';
import { observer } from 'mediasoup';
import { startFront, until, withMediasoup } from './helpers/front.js';
import { Arrivals } from './helpers/queue.js';
import { payloadOf, rtpPacket } from './helpers/rtp.js';

const RTP_PARAMETERS = {
  mid: '0',
  codecs: [
    {
      mimeType: 'audio/opus',
      payloadType: 111,
      clockRate: 48000,
      channels: 2,
      parameters: { minptime: 10, useinbandfec: 1, usedtx: 1 },
      rtcpFeedback: [
        { type: 'nack', parameter: '' },
        { type: 'transport-cc', parameter: '' },
      ],
    },
  ],
  headerExtensions: [{ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 4, encrypt: false, parameters: {} }],
  encodings: [{ ssrc: 1234, dtx: false }],
  rtcp: { cname: 'x', reducedSize: true },
};

/**
 * Puts a DirectTransport in place of each WebRTC transport of the front started next, so that a test is the browser
 * without ICE and DTLS: everything behind them is the real thing.
 */
function catchTransports() {
  /** @type {Arrivals<import('mediasoup').types.DirectTransport>} */
  const transports = new Arrivals();
  observer.once('newworker', (worker) =>
    worker.observer.on('newrouter', (router) => {
      /** @type {any} */ (router).createWebRtcTransport = async () => {
        const transport = await router.createDirectTransport();
        transports.push(transport);
        return transport;
      };
    }),
  );
  return transports;
}

/** @param {import('./helpers/page.js').Page} page @param {any} joined @param {Arrivals<any>} transports */
async function connectMedia(page, joined, transports) {
  const send = (await page.request('create_transport', { direction: 'send' })).data;
  const sending = await transports.next();
  /** @type {Promise<import('mediasoup').types.Producer>} */
  const producer = new Promise((resolve) => sending.observer.once('newproducer', resolve));
  const produced = await page.request('produce', { transport_id: send.id, rtp_parameters: RTP_PARAMETERS });
  assert.ok(produced.ok, JSON.stringify(produced));
  await page.request('create_transport', { direction: 'receive' });
  const receiving = await transports.next();
  /** @type {Promise<import('mediasoup').types.Consumer>} */
  const consumer = new Promise((resolve) => receiving.observer.once('newconsumer', resolve));
  const consumed = await page.request('consume', { rtp_capabilities: joined.router_rtp_capabilities });
  assert.ok(consumed.ok, JSON.stringify(consumed));
  return { microphone: await producer, speaker: await consumer, consumed: consumed.data, produced, send };
}

test('audio goes both ways, byte for byte, and only of the right stream', withMediasoup, async (t) => {
  const transports = catchTransports();
  const { call, metric } = await startFront(t);
  const { worker, page, joined, begun } = await call();
  const { microphone, speaker, consumed } = await connectMedia(page, joined, transports);

  const voice = Buffer.from('the user says');
  microphone.send(rtpPacket({ payloadType: 111, ssrc: 1234, sequence: 7, payload: voice }));
  const received = await worker.rtp.next();
  assert.deepEqual(payloadOf(received), voice);
  assert.equal(received[1] & 0x7f, begun.media.payload_type);

  /** @type {Arrivals<Buffer>} */
  const heard = new Arrivals();
  speaker.on('rtp', (packet) => heard.push(packet));
  assert.equal(speaker.paused, false);
  const { payload_type: payloadType, ssrc, clock_rate: clockRate, channels } = begun.media;
  assert.deepEqual([clockRate, channels], [48000, 2]);
  const answer = Buffer.from('the agent says');
  worker.sendRtp(Buffer.from('no rtp'));
  worker.sendRtp(rtpPacket({ payloadType, ssrc: (ssrc ^ 1) >>> 0, sequence: 1 }));
  worker.sendRtp(rtpPacket({ payloadType: payloadType + 1, ssrc, sequence: 1 }));
  worker.sendRtp(rtpPacket({ payloadType, ssrc, sequence: 1, payload: Buffer.alloc(1500) }));
  worker.sendRtp(rtpPacket({ payloadType, ssrc, sequence: 2, payload: answer }));
  assert.deepEqual(payloadOf(await heard.next()), answer);
  assert.equal(await metric('rtp_packets_total{direction="to_page"}'), 1);
  assert.equal(await metric('rtp_packets_total{direction="to_worker"}'), 1);
  assert.equal(await metric('rtp_dropped_total{direction="to_page",reason="wrong_stream"}'), 2);
  assert.equal(await metric('rtp_dropped_total{direction="to_page",reason="not_rtp"}'), 2);

  assert.equal(consumed.kind, 'audio');
  const [codec] = consumed.rtpParameters.codecs;
  assert.equal(codec.mimeType, 'audio/opus');
  assert.deepEqual([codec.parameters.useinbandfec, codec.parameters.usedtx], [1, 1]);
  assert.ok(codec.rtcpFeedback.some((/** @type {any} */ { type }) => type === 'nack'));
});

test('each thing is made once; a failed request leaves the call as it was', withMediasoup, async (t) => {
  const transports = catchTransports();
  const { call } = await startFront(t);
  const { page, joined } = await call();
  const early = await page.request('consume', { rtp_capabilities: joined.router_rtp_capabilities });
  assert.deepEqual([early.ok, early.code], [false, 'not_found']);
  const { send } = await connectMedia(page, joined, transports);
  const parameters = { transport_id: send.id, rtp_parameters: RTP_PARAMETERS };
  for (const [method, data, code] of /** @type {[string, object, string][]} */ ([
    ['create_transport', { direction: 'send' }, 'exists'],
    ['produce', parameters, 'exists'],
    ['produce', { ...parameters, transport_id: 'none' }, 'not_found'],
    ['consume', { rtp_capabilities: joined.router_rtp_capabilities }, 'exists'],
    ['restart_ice', { transport_id: 'none' }, 'not_found'],
  ])) {
    const response = await page.request(method, data);
    assert.deepEqual([response.ok, response.code], [false, code], method);
  }
});

test('real WebRTC transports: what the page gets, and what mediasoup refuses', withMediasoup, async (t) => {
  const { call } = await startFront(t, {
    rtc: { port: 0, media_workers: 1, announced_address: '192.0.2.7' },
  });
  const { page } = await call();
  const { data } = await page.request('create_transport', { direction: 'send' });
  const protocols = data.iceCandidates.map((/** @type {any} */ { protocol }) => protocol);
  assert.deepEqual(protocols.sort(), ['tcp', 'udp']);
  for (const { address } of data.iceCandidates) assert.equal(address, '192.0.2.7');
  const restarted = await page.request('restart_ice', { transport_id: data.id });
  assert.notEqual(restarted.data.iceParameters.usernameFragment, data.iceParameters.usernameFragment);
  const codecs = [{ ...RTP_PARAMETERS.codecs[0], mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 }];
  const wrong = { transport_id: data.id, rtp_parameters: { ...RTP_PARAMETERS, codecs } };
  assert.equal((await page.request('produce', wrong)).code, 'bad_request');
  const good = { transport_id: data.id, rtp_parameters: RTP_PARAMETERS };
  assert.equal((await page.request('produce', good)).ok, true);
  const dtls = { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: `${'AB:'.repeat(31)}AB` }] };
  const connect = { transport_id: data.id, dtls_parameters: dtls };
  assert.deepEqual((await page.request('connect_transport', connect)).data, {});
  assert.equal((await page.request('connect_transport', connect)).code, 'bad_request');
});

test('a port range instead of one port', withMediasoup, async (t) => {
  const { call } = await startFront(t, { rtc: { port_range: [42100, 42199], media_workers: 1 } });
  const { page } = await call();
  const { data } = await page.request('create_transport', { direction: 'send' });
  for (const { port } of data.iceCandidates) assert.ok(port >= 42100 && port <= 42199);
});

test('a call leaves nothing on the media worker', withMediasoup, async (t) => {
  /** @type {import('mediasoup').types.Router[]} */
  const routers = [];
  observer.once('newworker', (worker) => worker.observer.on('newrouter', (router) => routers.push(router)));
  const { call } = await startFront(t);
  const { page } = await call();
  await page.request('create_transport', { direction: 'send' });
  // One that is under way when the call ends.
  page.send({ type: 'request', id: 99, method: 'create_transport', data: { direction: 'receive' } });
  page.send({ type: 'leave' });
  assert.equal(await page.closed, 1000);
  await until(async () => (await routers[0].dump()).transportIds.length === 0);
});

test('a media worker that dies ends its calls only; another takes its place', withMediasoup, async (t) => {
  const port = 10_000 + (process.pid % 20_000);
  const { front, call, metric } = await startFront(t, { rtc: { port, media_workers: 2 } });
  const [victim] = front.media.pids;
  const first = await call();
  const second = await call();
  process.kill(victim, 'SIGKILL');
  assert.equal((await first.page.next('ended')).reason, 'media_lost');
  assert.equal(await first.page.closed, 1000);
  assert.equal((await first.worker.next('end')).reason, 'media_lost');
  const { ok } = await second.page.request('create_transport', { direction: 'send' });
  assert.ok(ok);
  assert.equal(await metric('media_workers_died_total'), 1);
  await until(() => front.media.pids.length === 2);
  assert.ok(!front.media.pids.includes(victim));
  const third = (await call()).page;
  const { data } = await third.request('create_transport', { direction: 'send' });
  for (const candidate of data.iceCandidates)
    assert.equal(candidate.port, port, 'the new one, on the port of the old');
});

test('what is being made while the call ends is released', withMediasoup, async (t) => {
  /** @type {{closed: boolean}[]} */
  const made = [];
  observer.once('newworker', (worker) =>
    worker.observer.on('newrouter', (router) =>
      router.observer.on('newtransport', (transport) => {
        made.push(transport);
        transport.observer.on('newproducer', (producer) => made.push(producer));
        transport.observer.on('newconsumer', (consumer) => made.push(consumer));
      }),
    ),
  );
  const { front } = await startFront(t);
  const media = await front.media.open({ onMicRtp() {}, onPath() {}, onLost() {} });
  const { id } = /** @type {any} */ (await media.request('create_transport', { direction: 'send' }));
  await media.request('create_transport', { direction: 'receive' });
  const asked = [
    media.request('produce', { transport_id: id, rtp_parameters: RTP_PARAMETERS }),
    media.request('consume', { rtp_capabilities: media.rtpCapabilities }),
  ].map((answer) => assert.rejects(answer, { code: 'ended' }));
  media.close();
  await Promise.all(asked);
  assert.equal(made.length, 6, 'the media worker had taken both requests');
  assert.ok(made.every(({ closed }) => closed));
});
