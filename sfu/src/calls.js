import { randomBytes, randomUUID } from 'node:crypto';
import { Call } from './call.js';
import { Refused } from './errors.js';

const TOKEN_BYTES = 24;

/**
 * @typedef {object} Terms of a call
 * @property {number | null} [longestS] how long it may last
 * @property {number | null} [tokenS] the same, where its token says so: its call worker is told
 * @property {() => void} [onOver]
 */

/** The calls that are on, by their tokens; who gets one, and who gets his back. */
export class Calls {
  /** @type {Map<string, Call>} */
  #byToken = new Map();
  /** Tokens of calls whose client is being asked whether it is still there. @type {Set<string>} */
  #resuming = new Set();
  #closed = false;
  #times;
  #links;
  #media;
  #log;
  #metrics;
  #operations;

  /**
   * @param {{grace_s: number, media_timeout_s: number}} times
   * @param {{links: import('./link/server.js').LinkServer,
   *   media: {pids: number[], open: (call: import('./call_media.js').MediaSide) => Promise<import('./call_media.js').CallMedia>},
   *   log: import('./logger.js').Logger, metrics: import('./metrics.js').Metrics,
   *   operations: {busy: string}}} around
   */
  constructor(
    { grace_s: graceS, media_timeout_s: mediaTimeoutS },
    { links, media, log, metrics, operations },
  ) {
    this.#times = { graceMs: graceS * 1000, mediaTimeoutMs: mediaTimeoutS * 1000 };
    this.#links = links;
    this.#media = media;
    this.#log = log;
    this.#metrics = metrics;
    this.#operations = operations;
  }

  /** Why a call would not be taken now; null: it would. @returns {Refused | null} */
  get obstacle() {
    if (this.#closed) return new Refused('not_ready', 'The server stops.');
    if (!this.#media.pids.length) return new Refused('not_ready', 'No media worker is there.');
    if (!this.#links.greeted) return new Refused('not_ready', 'No call worker is there.');
    if (!this.#links.idle) return new Refused('busy', 'Every call worker has a call.');
    // How busy the machine is, is not for callers.
    if (this.crowded) return new Refused('busy', 'There is no room for a further call.', 'busy_no_headroom');
    return null;
  }

  /** Why the machine has no room for a further call, for operators; '' where it has, or no call is on. */
  get crowded() {
    return this.#byToken.size ? this.#operations.busy : '';
  }

  /**
   * @param {Terms} [terms] `onOver` is called once there was a call
   * @returns {Promise<Call>} a new call, without a client yet
   * @throws {Refused} busy, not_ready
   */
  async open(terms = {}) {
    const obstacle = this.obstacle;
    if (obstacle) throw obstacle;
    const link = /** @type {import('./link/worker_link.js').WorkerLink} */ (this.#links.take());
    /** @type {Call | undefined} */
    let call;
    let media;
    try {
      media = await this.#media.open({
        onMicRtp: (packet) => call?.onMicRtp(packet),
        onPath: (up) => call?.onPath(up),
        onLost: () => call?.onMediaLost(),
      });
    } catch (error) {
      link.release();
      throw error;
    }
    if (this.#closed || link.state !== 'reserved') {
      media.close();
      link.release();
      throw new Refused('not_ready', this.#closed ? 'The server stops.' : 'The call worker has just gone.');
    }
    const names = { id: randomUUID(), token: randomBytes(TOKEN_BYTES).toString('base64url') };
    const around = {
      metrics: this.#metrics,
      onEnded: (/** @type {Call} */ ended, /** @type {string} */ reason) => {
        this.#onEnded(ended, reason);
        terms.onOver?.();
      },
    };
    call = new Call(names, { media, link }, this.#times, around, terms);
    this.#byToken.set(call.token, call);
    this.#metrics.callsActive(this.#byToken.size);
    this.#log.info('call_started', { call: call.id, worker: link.pid });
    return call;
  }

  /**
   * @param {string} token
   * @returns {Promise<Call>} its client is gone, or did not answer
   * @throws {Refused} unknown_call, in_use
   */
  async resume(token) {
    const call = this.#byToken.get(token);
    if (!call) throw new Refused('unknown_call', 'The call has ended.');
    if (this.#resuming.has(token)) throw new Refused('in_use', 'The call is being resumed.');
    this.#resuming.add(token);
    try {
      if (await call.client?.answers()) throw new Refused('in_use', 'The call has a client that answers.');
    } finally {
      this.#resuming.delete(token);
    }
    if (call.ended) throw new Refused('unknown_call', 'The call has ended.');
    this.#metrics.callResumed();
    this.#log.info('call_resumed', { call: call.id });
    return call;
  }

  /** Ends every call; none begins any more. */
  close() {
    this.#closed = true;
    for (const call of [...this.#byToken.values()]) call.end('shutdown', 'The server stops.');
  }

  /** @param {Call} call @param {string} reason */
  #onEnded(call, reason) {
    this.#byToken.delete(call.token);
    this.#metrics.callsActive(this.#byToken.size);
    this.#metrics.callEnded(reason);
    this.#log.info('call_ended', { call: call.id, reason });
  }
}
