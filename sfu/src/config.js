import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ACCESS } from './access_settings.js';
import { messageOf, UserError } from './errors.js';
import { checker } from './validation.js';

/**
 * @typedef {{urls: string | string[], username?: string, credential?: string}} IceServer
 * @typedef {{urls: string[], secret: string, ttl_s: number}} Turn
 * @typedef {{listen_ip: string, announced_address: string | null, port: number, port_range: [number, number] | null,
 *   media_workers: number | null}} Rtc
 * @typedef {{host: string, port: number, page_dir: string, socket: string, allowed_origins: string[],
 *   ice_servers: IceServer[], turn: Turn | null, jitter_buffer_target_ms: number | null, grace_s: number,
 *   join_timeout_s: number, media_timeout_s: number, rtc: Rtc, opus: {fec: boolean, dtx: boolean},
 *   access: import('./door.js').Access, log_level: import('./logger.js').Level}} Config
 */

const PORT = { type: 'integer', minimum: 0, maximum: 65_535 };
const TEXT = { type: 'string', minLength: 1 };
const SECONDS = { type: 'number', minimum: 0, maximum: 3600 };
const ICE_URL = '^(stun|turn)s?:\\S+$';

/** @param {Record<string, object>} properties @param {string[]} [required] */
const keys = (properties, required = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

const check = checker(
  keys(
    {
      host: { ...TEXT, default: '127.0.0.1' },
      port: { ...PORT, default: 8080 },
      page_dir: { ...TEXT, default: fileURLToPath(new URL('../../core/voicebot/page', import.meta.url)) },
      socket: TEXT,
      allowed_origins: {
        type: 'array',
        items: { type: 'string', pattern: '^https?://[^/\\s]+$' },
        default: [],
      },
      ice_servers: {
        type: 'array',
        default: [],
        items: keys(
          {
            urls: {
              anyOf: [
                { type: 'string', pattern: ICE_URL },
                { type: 'array', minItems: 1, items: { type: 'string', pattern: ICE_URL } },
              ],
            },
            username: TEXT,
            credential: TEXT,
          },
          ['urls'],
        ),
      },
      turn: {
        ...keys(
          {
            urls: { type: 'array', minItems: 1, items: { type: 'string', pattern: '^turns?:\\S+$' } },
            secret: TEXT,
            ttl_s: { type: 'integer', minimum: 60, maximum: 86_400, default: 3600 },
          },
          ['urls', 'secret'],
        ),
        nullable: true,
        default: null,
      },
      jitter_buffer_target_ms: {
        type: 'number',
        nullable: true,
        minimum: 0,
        maximum: 4000,
        default: 40,
      },
      grace_s: { ...SECONDS, default: 10 },
      join_timeout_s: { ...SECONDS, default: 5 },
      media_timeout_s: { ...SECONDS, default: 20 },
      rtc: {
        ...keys({
          listen_ip: { ...TEXT, default: '127.0.0.1' },
          announced_address: { ...TEXT, nullable: true, default: null },
          port: { ...PORT, default: 40_000 },
          port_range: {
            type: 'array',
            nullable: true,
            items: [
              { ...PORT, minimum: 1 },
              { ...PORT, minimum: 1 },
            ],
            minItems: 2,
            maxItems: 2,
            default: null,
          },
          media_workers: { type: 'integer', nullable: true, minimum: 1, maximum: 256, default: null },
        }),
        default: {},
      },
      opus: {
        ...keys({
          fec: { type: 'boolean', default: true },
          dtx: { type: 'boolean', default: true },
        }),
        default: {},
      },
      access: ACCESS,
      log_level: { enum: ['debug', 'info', 'warning', 'error'], default: 'info' },
    },
    ['socket'],
  ),
  { useDefaults: true },
);

/**
 * @param {string} text JSON
 * @param {string} where it is from, for messages
 * @returns {Config} complete: with every default
 * @throws {UserError}
 */
export function parseConfig(text, where) {
  const hint = 'The keys and their defaults: README.md, section Configuration.';
  let config;
  try {
    config = JSON.parse(text);
  } catch (error) {
    // Without the excerpt that V8 may show: it may hold the TURN secret.
    const reason = messageOf(error).replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '');
    throw new UserError(`${where} is not JSON: ${reason}.`, hint);
  }
  const both = config?.rtc?.port !== undefined && config?.rtc?.port_range;
  const wrong = check(config);
  if (wrong) throw new UserError(`${where}: ${wrong}.`, hint);
  const { port, port_range: range, media_workers: workers } = config.rtc;
  if (both) throw new UserError(`${where}: \`rtc.port\` and \`rtc.port_range\` exclude each other.`, hint);
  if (range && range[0] > range[1])
    throw new UserError(`${where}: \`rtc.port_range\` must be [lowest, highest].`, hint);
  if (port + (workers ?? 1) - 1 > 65_535)
    throw new UserError(
      `${where}: \`rtc.port\` is too high for ${workers} media workers, a port each.`,
      hint,
    );
  return config;
}

/**
 * @param {string} path
 * @returns {Config}
 * @throws {UserError}
 */
export function loadConfig(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(
      `The config cannot be read: ${messageOf(error)}.`,
      'Pass a readable file to --config.',
    );
  }
  return parseConfig(text, path);
}
