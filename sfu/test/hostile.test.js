import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { startFront, withMediasoup } from './helpers/front.js';

// Everything here fits the schemas, so it reaches mediasoup.
const EXTENSIONS = ['sdes:mid', 'sdes:rtp-stream-id', 'ssrc-audio-level', 'toffset', ''].map(
  (name) => `urn:ietf:params:rtp-hdrext:${name}`,
);
const parameters = fc.dictionary(
  fc.constantFrom('apt', 'useinbandfec', 'usedtx', 'minptime', 'channel_mapping', 'x', ''),
  fc.oneof(
    { weight: 20, arbitrary: fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.double()) },
    fc.constant(null),
  ),
  { maxKeys: 3 },
);
/** Mostly what mediasoup takes, else anything. @template T @param {T} good @param {T[]} others */
const mostly = (good, ...others) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(good) }, fc.constantFrom(...others));
const codec = {
  mimeType: mostly('audio/opus', 'audio/rtx', 'audio/PCMU', 'video/rtx', 'audio/telephone-event'),
  clockRate: mostly(48_000, 0, 8000, 1_000_000),
  channels: mostly(2, 0, 1, 255),
  parameters,
  rtcpFeedback: fc.array(
    fc.record({ type: fc.constantFrom('nack', 'transport-cc', ''), parameter: fc.constantFrom('', 'pli') }),
    { maxLength: 3 },
  ),
};
const rtpParameters = fc.record(
  {
    mid: fc.constantFrom('0', 'a-b.c_de'),
    codecs: fc.array(fc.record({ ...codec, payloadType: fc.integer({ min: 0, max: 127 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    headerExtensions: fc.array(
      fc.record({
        uri: mostly(EXTENSIONS[0], ...EXTENSIONS),
        id: fc.integer({ min: 0, max: 255 }),
        encrypt: fc.boolean(),
        parameters,
      }),
    ),
    encodings: fc.tuple(fc.record({ ssrc: fc.integer({ min: 1, max: 2 ** 32 - 1 }), dtx: fc.boolean() })),
    rtcp: fc.record({ cname: fc.string({ maxLength: 200 }) }),
  },
  { requiredKeys: ['codecs', 'encodings'] },
);
const rtpCapabilities = fc.record({
  codecs: fc.array(
    fc.record({
      ...codec,
      kind: mostly('audio', 'video'),
      preferredPayloadType: fc.integer({ min: 0, max: 127 }),
    }),
    { maxLength: 3 },
  ),
  headerExtensions: fc.array(
    fc.record({
      kind: fc.constantFrom('audio', 'video'),
      uri: mostly(EXTENSIONS[0], ...EXTENSIONS),
      preferredId: fc.integer({ min: 0, max: 255 }),
    }),
  ),
});
const dtlsParameters = fc.record({
  role: fc.constantFrom('auto', 'client', 'server'),
  fingerprints: fc.array(
    fc.record({
      algorithm: fc.constantFrom('sha-1', 'sha-256', 'sha-512'),
      value: fc.constantFrom(20, 32, 64).map((bytes) => Array(bytes).fill('AB').join(':')),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

test('hostile parameters are refused or taken; the media worker lives on', withMediasoup, async (t) => {
  const { front, call } = await startFront(t);
  const { page, worker } = await call();
  const { pids } = front.media;
  /** @type {Record<string, number>} */
  const answers = {};
  await fc.assert(
    fc.asyncProperty(rtpParameters, rtpCapabilities, dtlsParameters, async (rtp, capabilities, dtls) => {
      const victim = await front.media.open({ onMicRtp() {}, onPath() {}, onLost() {} });
      try {
        for (const direction of ['send', 'receive']) {
          const { id } = /** @type {any} */ (await victim.request('create_transport', { direction }));
          const data = {
            transport_id: id,
            dtls_parameters: dtls,
            rtp_parameters: rtp,
            rtp_capabilities: capabilities,
          };
          for (const method of ['connect_transport', direction === 'send' ? 'produce' : 'consume']) {
            const answer = await victim.request(method, data).then(
              () => 'taken',
              (error) => error.code,
            );
            answers[`${method} ${answer}`] = (answers[`${method} ${answer}`] ?? 0) + 1;
          }
        }
      } finally {
        victim.close();
      }
    }),
    { numRuns: 100, seed: 1 },
  );
  for (const both of ['produce taken', 'produce bad_request', 'consume taken', 'consume bad_request'])
    assert.ok(answers[both], JSON.stringify(answers));
  assert.deepEqual(front.media.pids, pids);
  assert.ok((await page.request('create_transport', { direction: 'send' })).ok);
  assert.deepEqual(worker.messages.all, []);
});
