import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from './errors.js';

/**
 * Used tokens on disk: core/voicebot/access/used.py in JavaScript. An empty file for each, which is only made where it is
 * not there: of all who try at once, one succeeds.
 */
export class UsedTokens {
  #folder;
  #lastingS;
  #onError;
  #sweepAtS = 0;

  /**
   * @param {string} folder it is made
   * @param {number} lastingS how long a token may be good after its use
   * @param {(what: string) => void} onError what could not be written: tokens are remembered in memory as well
   * @throws {UserError} the folder cannot be made
   */
  constructor(folder, lastingS, onError) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new UserError(
        `\`access.used_tokens\`: the folder cannot be made: ${messageOf(error)}.`,
        'Name one that the SFU may write, or leave it out.',
      );
    }
    this.#folder = folder;
    this.#lastingS = lastingS;
    this.#onError = onError;
  }

  /** @param {string} id */
  has(id) {
    return existsSync(this.#path(id));
  }

  /** Remember a token; false: it is there. @param {string} id @param {number} unixS */
  add(id, unixS) {
    try {
      closeSync(openSync(this.#path(id), 'wx', 0o600));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
      this.#onError(messageOf(error));
    }
    if (unixS >= this.#sweepAtS) {
      this.#sweepAtS = unixS + this.#lastingS;
      this.#sweep(unixS - this.#lastingS);
    }
    return true;
  }

  // An id is anybody's text.
  /** @param {string} id */
  #path(id) {
    return join(this.#folder, createHash('sha256').update(id).digest('hex'));
  }

  /** Delete what has expired: a file is as old as the use of its token. @param {number} beforeS */
  #sweep(beforeS) {
    try {
      for (const name of readdirSync(this.#folder)) {
        const path = join(this.#folder, name);
        if (/^[0-9a-f]{64}$/.test(name) && statSync(path).mtimeMs / 1000 < beforeS) unlinkSync(path);
      }
    } catch (error) {
      // Another front swept at the same time; the rest is for the next time.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') this.#onError(messageOf(error));
    }
  }
}
