import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { parseMessage } = await load('protocol.ts');
const { problem, microphoneProblem } = await load('wording.ts');
const { opusOptions } = await load('opus.ts');

const JOINED = {
  type: 'joined',
  version: 1,
  transport: 'mediasoup',
  call_id: 'c',
  token: 't',
  resumed: false,
  ice_servers: [{ urls: 'stun:127.0.0.1' }],
  jitter_buffer_target_ms: 100,
  grace_s: 10,
  router_rtp_capabilities: { codecs: [] },
};
const parse = (message) => parseMessage(JSON.stringify(message));

test('joined, with what the page needs of it', () => {
  assert.deepEqual(parse(JOINED), {
    type: 'joined',
    transport: 'mediasoup',
    token: 't',
    iceServers: [{ urls: 'stun:127.0.0.1' }],
    jitterBufferTargetMs: 100,
    graceMs: 10_000,
    routerRtpCapabilities: { codecs: [] },
  });
  const { router_rtp_capabilities: _, ...bare } = JOINED;
  assert.equal(parse({ ...bare, transport: 'webrtc' }).routerRtpCapabilities, null);
});

test('a joined that the page could not use is none', () => {
  const { router_rtp_capabilities: _, ...bare } = JOINED;
  for (const wrong of [
    bare,
    { ...JOINED, version: 2 },
    { ...JOINED, transport: 'x' },
    { ...JOINED, token: 7 },
  ]) {
    assert.equal(parse(wrong), null);
  }
});

test('any text is a message or none', () => {
  const message = fc.record(
    {
      type: fc.constantFrom('joined', 'refused', 'response', 'event', 'ended', 'x'),
      id: fc.jsonValue(),
      ok: fc.oneof(fc.boolean(), fc.jsonValue()),
      data: fc.jsonValue(),
      code: fc.jsonValue(),
      message: fc.jsonValue(),
      reason: fc.jsonValue(),
      version: fc.constantFrom(1, 2, '1'),
      transport: fc.constantFrom('mediasoup', 'webrtc', 3),
      token: fc.oneof(fc.string(), fc.jsonValue()),
      ice_servers: fc.jsonValue(),
      grace_s: fc.jsonValue(),
      router_rtp_capabilities: fc.jsonValue(),
    },
    { requiredKeys: ['type'] },
  );
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    message.map((m) => JSON.stringify(m)),
  );
  fc.assert(
    fc.property(text, (received) => {
      const parsed = parseMessage(received);
      if (parsed?.type === 'joined')
        assert.ok(parsed.graceMs >= Number.NEGATIVE_INFINITY && typeof parsed.token === 'string');
      if (parsed?.type === 'response') assert.equal(typeof parsed.id, 'number');
      if (parsed?.type === 'ended')
        assert.equal(typeof parsed.reason + typeof parsed.message, 'stringstring');
    }),
  );
});

test('there are words for every refusal and every end that the protocol knows', async () => {
  const protocol = await readFile(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
  const table = (title) => {
    const [, rows] = protocol.split(`| ${title} |`);
    return [...rows.split('\n\n')[0].matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  };
  const codes = [...table('refused code | close code | when'), ...table('ended reason |')];
  assert.ok(codes.includes('busy') && codes.includes('agent_lost') && codes.length >= 13, codes.join());
  // These three are never shown: the page tries again, or hangs up.
  for (const code of codes.filter((c) => !['not_ready', 'in_use', 'hung_up'].includes(c))) {
    assert.doesNotMatch(problem(code).text, new RegExp(`\\(${code}\\)`), `no words for ${code}`);
  }
  assert.match(problem('failed', 'the llm has no key').text, /the llm has no key/);
  assert.match(problem('new_in_a_later_version').text, /new_in_a_later_version/);
});

test("the browser's refusals of a microphone", () => {
  assert.equal(microphoneProblem('NotFoundError'), 'no_microphone');
  assert.equal(microphoneProblem('NotAllowedError'), 'permission_refused');
  assert.equal(microphoneProblem('NotReadableError'), 'microphone_busy');
});

test('Opus as the router allows it', () => {
  const router = (parameters) => ({
    codecs: [{ kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, parameters }],
  });
  assert.deepEqual(opusOptions(router({})), { opusFec: true, opusDtx: true, opusStereo: false });
  assert.deepEqual(opusOptions(router({ useinbandfec: 1, usedtx: 0 })), {
    opusFec: true,
    opusDtx: false,
    opusStereo: false,
  });
});
