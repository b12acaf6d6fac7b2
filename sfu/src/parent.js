const LONGEST_LINE = 1024 * 1024;

/**
 * Reads a stream's first line, then only waits for its end.
 *
 * @param {import('node:stream').Readable} stream
 * @returns {Promise<{line: string | null, ended: Promise<void>}>} `line`: null where the stream ended before it, or it
 *is over 1 MiB
 */
export function firstLine(stream) {
  let text = '';
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('error', resolve);
    stream.once('close', resolve);
  });
  return new Promise((resolve) => {
    /** @param {string} chunk */
    const onData = (chunk) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= LONGEST_LINE) return;
      stream.off('data', onData).resume();
      resolve({ line: end < 0 ? null : text.slice(0, end), ended });
    };
    stream.setEncoding('utf8').on('data', onData);
    ended.then(() => resolve({ line: null, ended }));
  });
}
