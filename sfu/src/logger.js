import { TokenBucket } from './rate_limit.js';

const LEVELS = /** @type {const} */ (['debug', 'info', 'warning', 'error']);
/** Lines of one kind: what anybody can cause must not fill a disk. */
const RATE = { rate: 10, burst: 100 };
const LONGEST_VALUE = 500;

/** @typedef {typeof LEVELS[number]} Level */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Facts */
/** @typedef {Record<Level, (what: string, facts?: Facts) => void>} Logger */

/**
 * One line per fact: time, level, what happened, and `key=value` for the rest. Of the same fact 100 lines at once and 10
 * a second are written; the next one after those left out has their number as `left_out`.
 *
 * @param {Level} level the lowest one that is written
 * @param {(line: string) => void} [write]
 * @param {() => number} [clock] ms, monotonic
 * @returns {Logger}
 */
export function makeLogger(
  level,
  write = (line) => process.stderr.write(line),
  clock = () => performance.now(),
) {
  const lowest = LEVELS.indexOf(level);
  /** @type {Map<string, {bucket: TokenBucket, leftOut: number}>} */
  const kinds = new Map();
  const entries = LEVELS.map((name, rank) => {
    /** @param {string} what @param {Facts} [facts] */
    const log = (what, facts = {}) => {
      if (rank < lowest) return;
      const now = clock();
      const kind = kinds.get(what) ?? { bucket: new TokenBucket(RATE, now), leftOut: 0 };
      kinds.set(what, kind);
      if (!kind.bucket.take(now)) {
        kind.leftOut++;
        return;
      }
      const leftOut = kind.leftOut ? { left_out: kind.leftOut } : {};
      kind.leftOut = 0;
      write(`${new Date().toISOString()} ${name} ${what}${formatted({ ...facts, ...leftOut })}\n`);
    };
    return [name, log];
  });
  return /** @type {Logger} */ (Object.fromEntries(entries));
}

/** @param {Facts} facts */
function formatted(facts) {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const text = String(value).slice(0, LONGEST_VALUE);
      return ` ${key}=${/^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text)}`;
    })
    .join('');
}
