import { checker } from './validation.js';

const COUNT = { type: 'integer', minimum: 1, maximum: 1_000_000 };
const SECONDS = { type: 'number', exclusiveMinimum: 0, maximum: 3600 };
const RATE = { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 };
const NETWORK = '^[0-9A-Fa-f.:]+(/\\d{1,3})?$';

const limits = {
  connections: { ...COUNT, default: 100 },
  connections_per_address: { ...COUNT, default: 20 },
  calls_per_address: { ...COUNT, default: 8 },
  joins_per_minute: { ...RATE, default: 30 },
  requests_per_s: { ...RATE, default: 20 },
  sockets: { ...COUNT, default: 1000 },
  sockets_per_address: { ...COUNT, default: 100 },
  request_timeout_s: { ...SECONDS, default: 10 },
  response_timeout_s: { ...SECONDS, default: 60 },
};

/** The section `access` of the configuration: the same names, meanings and defaults as in a profile. */
export const ACCESS = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    // Shorter than the hash, the key would be what is guessed: RFC 7518, section 3.2.
    secrets: { type: 'array', items: { type: 'string', minLength: 32 }, maxItems: 2, default: [] },
    open: { type: 'boolean', default: false },
    audience: { type: 'string', minLength: 1, maxLength: 200, default: 'voicebot' },
    max_ttl_s: { ...SECONDS, maximum: 86_400, default: 3600 },
    leeway_s: { type: 'number', minimum: 0, maximum: 300, default: 5 },
    used_tokens: { type: 'string', minLength: 1, nullable: true, default: null },
    trusted_proxies: {
      type: 'array',
      maxItems: 100,
      items: { type: 'string', pattern: NETWORK },
      default: [],
    },
    limits: { type: 'object', additionalProperties: false, properties: limits, default: {} },
    max_call_s: { type: 'number', nullable: true, minimum: 5, maximum: 604_800, default: 3600 },
  },
};

const check = checker({ type: 'object', properties: { access: ACCESS } }, { useDefaults: true });

/**
 * The section alone, its defaults filled in.
 *
 * @param {object} access
 * @returns {import('./door.js').Access}
 * @throws {Error} says what is wrong, never a value: it may be a secret
 */
export function parseAccess(access) {
  const whole = { access: structuredClone(access) };
  const wrong = check(whole);
  if (wrong) throw new Error(wrong);
  return /** @type {any} */ (whole.access);
}
