import { messageOf } from '../errors.js';
import { encodeControl, encodeRtp, FrameReader } from './frames.js';
import { wrongInWorkerMessage } from './schemas.js';

const VERSION = 1;
const TRANSPORT = 'mediasoup';
const HELLO_TIMEOUT_MS = 5000;
/** The worker's own patience with our answer is the same. */
const END_TIMEOUT_MS = 5000;
/** What is left to say must be taken within this. */
const CLOSE_TIMEOUT_MS = 1000;
/** Over this much unsent, RTP is dropped: late audio is worth nothing. */
const RTP_BUFFER_BYTES = 256 * 1024;
/** Over this much unsent, the worker does not read: the connection ends. */
const CONTROL_BUFFER_BYTES = 1024 * 1024;

/**
 * What a call hears of its worker.
 *
 * @typedef {object} CallSide
 * @property {(packet: Buffer) => void} onWorkerRtp
 * @property {(event: object) => void} onWorkerEvent
 * @property {(reason: 'hung_up' | 'failed', message: string) => void} onWorkerEnd the worker ended the call
 * @property {() => void} onWorkerLost
 */

/**
 * `hello`: nothing was said yet; `ready`: greeted, takes no call yet; `reserved`: a call for it is being made;
 * `ending`: our `end` waits for its answer.
 *
 * @typedef {'hello' | 'ready' | 'idle' | 'reserved' | 'call' | 'ending' | 'closed'} State
 */

/** One connection of a call worker: the front's side of the link's states. */
export class WorkerLink {
  /** @type {State} */
  state = 'hello';
  /** @type {number | undefined} */
  pid;
  /** @type {CallSide | null} */
  #call = null;
  #reader = new FrameReader();
  #socket;
  #log;
  #metrics;
  #onState;
  /** Of `hello`, then of the answer to each `end`. */
  #timer;

  /**
   * @param {import('node:net').Socket} socket
   * @param {{log: import('../logger.js').Logger, metrics: import('../metrics.js').Metrics,
   *   onState: (link: WorkerLink) => void}} around `onState`: called after each change of `state`
   */
  constructor(socket, { log, metrics, onState }) {
    this.#socket = socket;
    this.#log = log;
    this.#metrics = metrics;
    this.#onState = onState;
    this.#timer = setTimeout(() => this.#refuse('bad_message', 'No hello came.'), HELLO_TIMEOUT_MS);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => log.warning('worker_link_error', { pid: this.pid, error: error.message }));
    socket.on('close', () => this.#closed());
  }

  /** Takes an idle worker out of the pool while its call is being made. */
  reserve() {
    this.#become('reserved');
  }

  /** The call was not made. */
  release() {
    if (this.state === 'reserved') this.#become('idle');
  }

  /**
   * @param {string} callId
   * @param {{payload_type: number, clock_rate: number, channels: number, ssrc: number}} media
   * @param {CallSide} call
   * @param {number | null} [maxCallS] the longest that it may be, where its token says so
   */
  startCall(callId, media, call, maxCallS = null) {
    this.#call = call;
    this.#become('call');
    const limit = maxCallS === null ? {} : { max_call_s: maxCallS };
    this.send({ type: 'call', call_id: callId, media, ...limit });
  }

  /** The page can hear: the agent may begin to speak. */
  mediaConnected() {
    if (this.state === 'call') this.send({ type: 'media', state: 'connected' });
  }

  /** @param {string} reason @param {string} message */
  endCall(reason, message) {
    this.#call = null;
    if (this.state !== 'call') return;
    this.#become('ending');
    // One that hangs would neither come back to the pool nor be missed.
    this.#timer = setTimeout(() => this.#refuse('bad_message', 'No end came.'), END_TIMEOUT_MS);
    this.send({ type: 'end', reason, message });
  }

  /** @param {Buffer} packet the user's voice */
  sendRtp(packet) {
    if (this.state !== 'call') return this.#metrics.rtpDropped('to_worker', 'outside_call');
    if (this.#socket.writableLength > RTP_BUFFER_BYTES)
      return this.#metrics.rtpDropped('to_worker', 'slow_worker');
    this.#socket.write(encodeRtp(packet));
    this.#metrics.rtp('to_worker', packet.length);
  }

  /** @param {import('./frames.js').Message} message */
  send(message) {
    if (this.state === 'closed' || !this.#socket.writable) return;
    if (this.#socket.writableLength > CONTROL_BUFFER_BYTES) {
      this.#log.warning('worker_does_not_read', { pid: this.pid });
      this.#socket.destroy();
      return;
    }
    this.#socket.write(encodeControl(message));
  }

  /** Says what is left to say, then closes. */
  close() {
    // Not `end`: a peer that keeps its side open would keep this one.
    this.#socket.destroySoon();
    // A worker that does not read would keep it open.
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (this.state === 'closed') return;
        if (frame.kind === 2) this.#onRtp(frame.packet);
        else this.#onMessage(frame.message);
      }
    } catch (error) {
      // No frame; or a message that nobody foresaw, which must not touch the calls of other workers.
      this.#refuse('bad_message', messageOf(error));
    }
  }

  /** @param {Buffer} packet */
  #onRtp(packet) {
    if (this.state === 'call') this.#call?.onWorkerRtp(packet);
    else if (this.state === 'hello') this.#refuse('bad_message', 'RTP before hello.');
    else this.#metrics.rtpDropped('to_page', 'outside_call');
  }

  /** @param {import('./frames.js').Message} message */
  #onMessage(message) {
    const wrong = wrongInWorkerMessage(message);
    if (wrong) return this.#refuse('bad_message', wrong);
    const known = /** @type {any} */ (message);
    if (message.type === 'error') {
      this.#log.warning('worker_refuses', { pid: this.pid, code: known.code, message: known.message });
      return this.#drop();
    }
    if (this.state === 'hello' && message.type === 'hello') return this.#onHello(known);
    if (this.state !== 'hello' && message.type === 'bye') return this.#drop();
    if (this.state === 'ready' && message.type === 'idle') return this.#become('idle');
    if (this.state === 'call' && message.type === 'event') return this.#call?.onWorkerEvent(known.event);
    if (this.state === 'call' && message.type === 'end') return this.#onEnd(known);
    if (this.state === 'ending' && message.type === 'end') {
      clearTimeout(this.#timer);
      return this.#become('ready');
    }
    if (this.state === 'ending' && message.type === 'event') return; // said before it heard of the end
    this.#refuse('bad_message', `\`${message.type}\` is out of order here (${this.state}).`);
  }

  /** @param {{version: number, transport: string, pid: number}} hello */
  #onHello({ version, transport, pid }) {
    if (version !== VERSION)
      return this.#refuse('wrong_version', `This front speaks version ${VERSION}, not ${version}.`);
    if (transport !== TRANSPORT)
      return this.#refuse('wrong_transport', `This front's transport is ${TRANSPORT}, not ${transport}.`);
    clearTimeout(this.#timer);
    this.pid = pid;
    this.#become('ready');
    this.send({ type: 'welcome', version: VERSION });
  }

  /** @param {{reason: 'hung_up' | 'failed', message?: string}} end */
  #onEnd({ reason, message = '' }) {
    const call = this.#call;
    this.#call = null;
    this.send({ type: 'end', reason, message });
    this.#become('ready');
    call?.onWorkerEnd(reason, message);
  }

  /** @param {string} code @param {string} message */
  #refuse(code, message) {
    if (this.state === 'closed') return;
    this.#log.warning('worker_refused', { pid: this.pid, code, message });
    this.#metrics.linkRefused(code);
    this.send({ type: 'error', code, message });
    this.#drop();
  }

  #drop() {
    this.#closed();
    this.close();
  }

  #closed() {
    if (this.state === 'closed') return;
    clearTimeout(this.#timer);
    const call = this.#call;
    this.#call = null;
    this.#become('closed');
    call?.onWorkerLost();
  }

  /** @param {State} state */
  #become(state) {
    if (this.state === 'closed') return;
    this.state = state;
    this.#onState(this);
  }
}
