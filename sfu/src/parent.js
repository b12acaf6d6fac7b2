const LONGEST_LINE = 1024 * 1024;

/**
 * Reads the lines of who has started this process: the first is the configuration.
 *
 * @param {import('node:stream').Readable} stream
 * @param {(line: string) => void} onLine called with each line after the first; one over 1 MiB is left out
 * @returns {Promise<{line: string | null, ended: Promise<void>}>} `line`: null where the stream ended before it, or it
 *is over 1 MiB
 */
export function configAndLines(stream, onLine) {
  let text = '';
  let skipping = false;
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('error', resolve);
    stream.once('close', resolve);
  });
  return new Promise((resolve) => {
    /** @type {(line: string | null) => void} */
    let take = (line) => {
      take = (later) => later !== null && onLine(later);
      resolve({ line, ended });
    };
    /** @param {string} chunk */
    const onData = (chunk) => {
      const lines = (text + chunk).split('\n');
      text = /** @type {string} */ (lines.pop());
      for (const line of lines) {
        if (skipping) skipping = false;
        else take(line.length > LONGEST_LINE ? null : line);
      }
      if (text.length > LONGEST_LINE) {
        if (!skipping) take(null);
        skipping = true;
      }
      if (skipping) text = '';
    };
    stream.setEncoding('utf8').on('data', onData);
    ended.then(() => take(null));
  });
}
