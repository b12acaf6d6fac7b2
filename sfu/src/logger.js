const LEVELS = /** @type {const} */ (['debug', 'info', 'warning', 'error']);

/** @typedef {typeof LEVELS[number]} Level */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Facts */
/** @typedef {Record<Level, (what: string, facts?: Facts) => void>} Logger */

/**
 * One line per fact: time, level, what happened, and `key=value` for the rest.
 *
 * @param {Level} level the lowest one that is written
 * @param {(line: string) => void} [write]
 * @returns {Logger}
 */
export function makeLogger(level, write = (line) => process.stderr.write(line)) {
  const lowest = LEVELS.indexOf(level);
  const entries = LEVELS.map((name, rank) => {
    /** @param {string} what @param {Facts} [facts] */
    const log = (what, facts = {}) => {
      if (rank >= lowest) write(`${new Date().toISOString()} ${name} ${what}${formatted(facts)}\n`);
    };
    return [name, log];
  });
  return /** @type {Logger} */ (Object.fromEntries(entries));
}

/** @param {Facts} facts */
function formatted(facts) {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${/^[\w.:/-]+$/.test(String(value)) ? value : JSON.stringify(value)}`)
    .join('');
}
