import { NotAllowed } from './door.js';
import { messageOf, Refused } from './errors.js';
import { iceServers } from './ice_servers.js';
import { TokenBucket } from './rate_limit.js';
import { parsePageMessage } from './schemas.js';

const VERSION = 1;
export const LONGEST_MESSAGE_BYTES = 64 * 1024;
const RATE = { rate: 50, burst: 100 };
const PING_MS = 5000;
/** So many pings without a pong: nobody is there any more. */
const PINGS = 3;
const ANSWER_MS = 1000;
/** Over this much unsent, the page does not read. */
const BUFFER_BYTES = 1024 * 1024;

/** @type {Record<string, number>} */
const CLOSE_CODES = {
  busy: 4001,
  not_ready: 4002,
  wrong_version: 4003,
  unknown_call: 4004,
  in_use: 4005,
  not_allowed: 4006,
  bad_message: 4400,
  too_fast: 4429,
};

/** @typedef {import('./call.js').Call} Call */
/** @typedef {import('./call.js').Client} Client */

/**
 * One page's WebSocket: joins it to a call, then carries its requests and the call's events.
 *
 * @implements {Client}
 */
export class Connection {
  /** @type {'new' | 'joining' | 'joined' | 'closed'} */
  #state = 'new';
  /** @type {Call | null} */
  #call = null;
  #lastRequestId = -1;
  #unanswered = 0;
  #bucket = new TokenBucket(RATE, performance.now());
  #ws;
  #config;
  #calls;
  #door;
  #from;
  #log;
  #metrics;
  #joinTimer;
  #pingTimer;

  /**
   * @param {import('ws').WebSocket} ws
   * @param {import('./door.js').From} from
   * @param {{config: import('./config.js').Config, door: import('./door.js').Door, calls: import('./calls.js').Calls,
   *   log: import('./logger.js').Logger, metrics: import('./metrics.js').Metrics}} around
   */
  constructor(ws, from, { config, door, calls, log, metrics }) {
    this.#ws = ws;
    this.#from = from;
    this.#door = door;
    this.#config = config;
    this.#calls = calls;
    this.#log = log;
    this.#metrics = metrics;
    this.#joinTimer = setTimeout(
      () => this.#refuse('bad_message', 'No join came in time.'),
      config.join_timeout_s * 1000,
    );
    this.#pingTimer = setInterval(() => this.#ping(), PING_MS);
    ws.on('message', (data, isBinary) => {
      try {
        this.#onMessage(/** @type {Buffer} */ (data), isBinary);
      } catch (error) {
        // A message that nobody foresaw must not touch other calls.
        log.error('signalling_failed', { call: this.#call?.id, error: messageOf(error) });
        this.#close(1011, 'failed');
      }
    });
    ws.on('pong', () => {
      this.#unanswered = 0;
    });
    ws.on('error', (error) => this.#onError(error));
    ws.on('close', () => this.#onClose());
  }

  get inCall() {
    return this.#call !== null;
  }

  // --- the Client of a call

  /** @param {object} event */
  event(event) {
    this.#send({ type: 'event', event });
  }

  /** @param {string} reason @param {string} message */
  ended(reason, message) {
    this.#call = null;
    this.#send({ type: 'ended', reason, message });
    this.#close(1000, reason);
  }

  replaced() {
    this.#call = null;
    this.#ws.terminate();
  }

  /** @returns {Promise<boolean>} */
  answers() {
    return new Promise((resolve) => {
      /** @param {boolean} answer */
      const done = (answer) => {
        clearTimeout(timer);
        this.#ws.off('pong', pong);
        this.#ws.off('close', closed);
        resolve(answer);
      };
      const pong = () => done(true);
      const closed = () => done(false);
      const timer = setTimeout(closed, ANSWER_MS);
      this.#ws.on('pong', pong);
      this.#ws.on('close', closed);
      if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping();
      else closed();
    });
  }

  // --- what comes

  /** @param {Buffer} data @param {boolean} isBinary */
  #onMessage(data, isBinary) {
    if (this.#state === 'closed') return;
    if (!this.#bucket.take(performance.now()))
      return this.#refuse('too_fast', `More than ${RATE.rate} messages a second.`);
    if (isBinary) return this.#refuse('bad_message', 'The message is not text.');
    const parsed = parsePageMessage(data.toString());
    if ('wrong' in parsed) return this.#refuse('bad_message', parsed.wrong);
    const { message } = parsed;
    if (message.type === 'join') return this.#join(message);
    if (message.type === 'leave' && this.#state === 'joining') return this.#close(1000, 'hung_up');
    if (!this.#call) return this.#refuse('bad_message', `\`${message.type}\` before joined.`);
    if (message.type === 'request') return this.#request(this.#call, message);
    if (message.type === 'heard') return this.#call.heard(message);
    this.#call.end('hung_up', 'The page hung up.');
  }

  /** @param {import('./schemas.js').Join} join */
  async #join({ version, resume, access_token: token }) {
    if (this.#state !== 'new') return this.#refuse('bad_message', 'A second join.');
    if (version !== VERSION)
      return this.#refuse('wrong_version', `This server speaks version ${VERSION}, not ${version}.`);
    this.#state = 'joining';
    clearTimeout(this.#joinTimer);
    try {
      const call = await (resume === undefined ? this.#enter(token) : this.#calls.resume(resume));
      this.#joined(call, resume !== undefined);
    } catch (error) {
      if (error instanceof NotAllowed) return this.#turnAway(error);
      if (error instanceof Refused) return this.#refuse(error.code, error.message, error.counted);
      this.#log.error('join_failed', { error: messageOf(error) });
      this.#refuse('not_ready', 'The server failed.');
    }
  }

  /**
   * @param {string | undefined} token
   * @returns {Promise<Call>}
   * @throws {Refused}
   */
  async #enter(token) {
    const times = { nowMs: performance.now(), unixS: Date.now() / 1000 };
    const { caller } = this.#from;
    const grant = await this.#door.enter(this.#from, token, times, () => {
      if (this.#calls.obstacle) throw this.#calls.obstacle;
    });
    const onOver = () => this.#door.callOver(caller);
    const terms = { longestS: this.#door.longestCallS(grant), tokenS: grant?.maxCallS ?? null, onOver };
    try {
      const call = await this.#calls.open(terms);
      if (grant) this.#log.info('token_used', { call: call.id, token: grant.tokenId, label: grant.label });
      return call;
    } catch (error) {
      onOver();
      throw error;
    }
  }

  /** The log knows why; whoever asks is not told. @param {NotAllowed} error */
  #turnAway({ code, message, reason }) {
    if (this.#door.worthALine(performance.now()))
      this.#log.warning('not_allowed', { reason, address: this.#from.caller.address });
    this.#refuse(code, message, `${code}_${reason}`);
  }

  /** @param {Call} call @param {boolean} resumed */
  #joined(call, resumed) {
    // Gone before it knew its call: nobody could ever resume a new one; one to resume waits on as before.
    if (/** @type {string} */ (this.#state) === 'closed') {
      if (!resumed) call.end('hung_up', 'The page went before it joined.');
      return;
    }
    this.#state = 'joined';
    this.#call = call;
    this.#send({
      type: 'joined',
      version: VERSION,
      transport: 'mediasoup',
      call_id: call.id,
      token: call.token,
      resumed,
      ice_servers: iceServers(this.#config, call.id, Date.now() / 1000),
      jitter_buffer_target_ms: this.#config.jitter_buffer_target_ms,
      grace_s: this.#config.grace_s,
      router_rtp_capabilities: call.rtpCapabilities,
    });
    call.attach(this);
  }

  /** @param {Call} call @param {import('./schemas.js').Request} request */
  async #request(call, { id, method, data }) {
    if (id <= this.#lastRequestId)
      return this.#refuse('bad_message', `Request ${id} after ${this.#lastRequestId}: ids must grow.`);
    this.#lastRequestId = id;
    try {
      this.#send({ type: 'response', id, ok: true, data: await call.request(method, data) });
    } catch (error) {
      const code = error instanceof Refused ? error.code : 'failed';
      this.#log.info('request_failed', { call: call.id, method, code, error: messageOf(error) });
      this.#send({ type: 'response', id, ok: false, code, message: messageOf(error) });
    }
  }

  /** @param {Error & {code?: string}} error */
  #onError({ code, message }) {
    // ws itself closes with 1009.
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#metrics.refused('too_large');
    this.#log.info('signalling_error', { call: this.#call?.id, error: message });
  }

  #onClose() {
    this.#release();
    const call = this.#call;
    this.#call = null;
    call?.detach(this);
  }

  // --- what goes

  #ping() {
    if (this.#unanswered++ < PINGS) this.#ws.ping();
    else this.#ws.terminate();
  }

  /** @param {object} message */
  #send(message) {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (this.#ws.bufferedAmount > BUFFER_BYTES) this.#ws.terminate();
    else this.#ws.send(JSON.stringify(message));
  }

  /** @param {string} code @param {string} message @param {string} [counted] */
  #refuse(code, message, counted = code) {
    if (this.#state === 'closed') return;
    if (counted === code) this.#log.info('signalling_refused', { call: this.#call?.id, code, message });
    this.#metrics.refused(counted);
    this.#send({ type: 'refused', code, message });
    this.#close(CLOSE_CODES[code], code);
  }

  /** @param {number} code @param {string} reason */
  #close(code, reason) {
    this.#release();
    this.#ws.close(code, reason);
  }

  #release() {
    this.#state = 'closed';
    clearTimeout(this.#joinTimer);
    clearInterval(this.#pingTimer);
  }
}
