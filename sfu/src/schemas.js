// The page's messages (PROTOCOL.md, Signalling). They come from anybody and part of them goes on to mediasoup, so
// every key, type and size is stated; nothing else passes.
import { checker, exactly } from './validation.js';

const text = (max = 200) => ({ type: 'string', maxLength: max });
const integer = (max = Number.MAX_SAFE_INTEGER) => ({ type: 'integer', minimum: 0, maximum: max });
const boolean = { type: 'boolean' };
const listOf = (/** @type {object} */ items, max = 64) => ({ type: 'array', maxItems: max, items });

const codecParameters = {
  type: 'object',
  maxProperties: 32,
  additionalProperties: {
    anyOf: [{ type: 'string', maxLength: 200 }, { type: 'number' }, { type: 'boolean' }, { type: 'null' }],
  },
};
const rtcpFeedback = listOf(exactly({ type: text(), 'parameter?': text() }));
const codec = {
  mimeType: { type: 'string', pattern: '^(audio|video)/[\\w.-]{1,60}$' },
  clockRate: integer(1_000_000),
  'channels?': integer(255),
  'parameters?': codecParameters,
  'rtcpFeedback?': rtcpFeedback,
};
const kind = { enum: ['audio', 'video'] };

const rtpParameters = exactly({
  // RFC 8843 allows more, mediasoup keeps 8 bytes.
  'mid?': { type: 'string', pattern: '^[\\w.-]{1,8}$' },
  codecs: { ...listOf(exactly({ ...codec, payloadType: integer(127) }), 16), minItems: 1 },
  'headerExtensions?': listOf(
    exactly({ uri: text(), id: integer(255), 'encrypt?': boolean, 'parameters?': codecParameters }),
  ),
  encodings: {
    type: 'array',
    minItems: 1,
    maxItems: 1,
    items: exactly({
      ssrc: { ...integer(2 ** 32 - 1), minimum: 1 },
      'dtx?': boolean,
      'active?': boolean,
      'codecPayloadType?': integer(127),
      'maxBitrate?': { type: 'number' },
      'adaptivePtime?': boolean,
      'priority?': text(),
      'networkPriority?': text(),
    }),
  },
  'rtcp?': exactly({ 'cname?': text(), 'reducedSize?': boolean, 'mux?': boolean }),
  'msid?': text(),
});

const rtpCapabilities = exactly({
  codecs: listOf(exactly({ ...codec, kind, 'preferredPayloadType?': integer(127) })),
  'headerExtensions?': listOf(
    exactly({
      kind,
      uri: text(),
      preferredId: integer(255),
      'preferredEncrypt?': boolean,
      'direction?': { enum: ['sendrecv', 'sendonly', 'recvonly', 'inactive'] },
    }),
  ),
});

const dtlsParameters = exactly({
  'role?': { enum: ['auto', 'client', 'server'] },
  fingerprints: {
    ...listOf(
      exactly({
        algorithm: { enum: ['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512'] },
        value: { type: 'string', pattern: '^([0-9A-Fa-f]{2}:){19,63}[0-9A-Fa-f]{2}$' },
      }),
      8,
    ),
    minItems: 1,
  },
});

/** @type {Record<string, object>} */
const requestData = {
  create_transport: exactly({ direction: { enum: ['send', 'receive'] } }),
  connect_transport: exactly({ transport_id: text(), dtls_parameters: dtlsParameters }),
  produce: exactly({ transport_id: text(), rtp_parameters: rtpParameters }),
  consume: exactly({ rtp_capabilities: rtpCapabilities }),
  restart_ice: exactly({ transport_id: text() }),
};

const type = { type: 'string' };
const checks = new Map([
  ['join', checker(exactly({ type, version: integer(), 'resume?': text(), 'access_token?': text(4096) }))],
  [
    'heard',
    checker(
      exactly({
        type,
        turn_id: integer(),
        voice_to_voice_ms: { type: 'number', minimum: 0, maximum: 600_000 },
      }),
    ),
  ],
  ['leave', checker(exactly({ type }))],
  [
    'request',
    checker(
      exactly({
        type,
        id: integer(),
        method: { enum: Object.keys(requestData) },
        data: { type: 'object' },
      }),
    ),
  ],
]);
const dataChecks = new Map(Object.entries(requestData).map(([method, schema]) => [method, checker(schema)]));

/**
 * @typedef {{type: 'join', version: number, resume?: string, access_token?: string}} Join
 * @typedef {{type: 'request', id: number, method: string, data: any}} Request
 * @typedef {{type: 'heard', turn_id: number, voice_to_voice_ms: number}} Heard
 * @typedef {Join | Request | Heard | {type: 'leave'}} PageMessage
 */

/**
 * @param {string} received
 * @returns {{message: PageMessage} | {wrong: string}} never throws: whatever came has one of the two
 */
export function parsePageMessage(received) {
  let message;
  try {
    message = JSON.parse(received);
  } catch {
    return { wrong: 'The message is not JSON.' };
  }
  if (typeof message !== 'object' || typeof message?.type !== 'string')
    return { wrong: 'The message is not a JSON object with a `type`.' };
  const check = checks.get(message.type);
  if (!check) return { wrong: `Unknown type ${JSON.stringify(message.type.slice(0, 100))}.` };
  const wrong = check(message);
  if (wrong) return { wrong: `${message.type}: ${wrong}.` };
  const wrongData = dataChecks.get(message.method)?.(message.data);
  if (wrongData) return { wrong: `${message.method}: ${wrongData}.` };
  return { message };
}
