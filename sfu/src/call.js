/**
 * A page's connection, as its call sees it.
 *
 * @typedef {object} Client
 * @property {(event: object) => void} event
 * @property {(reason: string, message: string) => void} ended says so and closes
 * @property {() => void} replaced another connection took over: closes
 * @property {() => Promise<boolean>} answers whether a ping comes back at once
 */

/** The agent says that it ends, and has so long for that. */
const FAREWELL_MS = 30_000;

/** @typedef {import('./link/worker_link.js').WorkerLink} WorkerLink */
/** @typedef {import('./call_media.js').CallMedia} CallMedia */

/**
 * One call: a page, its media and a call worker, tied together until one of them goes. Two clocks watch it: the page's
 * connection may be away for the grace time, and the media path must come up in time, and come back within the grace
 * time whenever it broke.
 */
export class Call {
  /** @type {Client | null} */
  client = null;
  ended = false;
  /** @type {NodeJS.Timeout | undefined} */
  #clientTimer;
  /** @type {NodeJS.Timeout | undefined} */
  #mediaTimer;
  /** @type {NodeJS.Timeout | undefined} */
  #longestTimer;
  #connected = false;
  /** @type {object | null} */
  #lastState = null;
  #media;
  #link;
  #graceMs;
  #metrics;
  #onEnded;

  /**
   * @param {{id: string, token: string}} names
   * @param {{media: CallMedia, link: WorkerLink}} parts
   * @param {{graceMs: number, mediaTimeoutMs: number}} times
   * @param {{metrics: import('./metrics.js').Metrics, onEnded: (call: Call, reason: string) => void}} around
   * @param {import('./calls.js').Terms} [terms]
   */
  constructor({ id, token }, { media, link }, { graceMs, mediaTimeoutMs }, { metrics, onEnded }, terms = {}) {
    this.id = id;
    this.token = token;
    this.#media = media;
    this.#link = link;
    this.#graceMs = graceMs;
    this.#metrics = metrics;
    this.#onEnded = onEnded;
    this.#mediaTimer = setTimeout(
      () => this.end('timeout', `No media path within ${mediaTimeoutMs / 1000} s.`),
      mediaTimeoutMs,
    );
    const { longestS = null, tokenS = null } = terms;
    if (longestS !== null)
      this.#longestTimer = setTimeout(
        () => this.end('timeout', `A call may last ${longestS} s.`),
        longestS * 1000 + FAREWELL_MS,
      );
    link.startCall(id, media.agentRtp, this, tokenS);
  }

  get rtpCapabilities() {
    return this.#media.rtpCapabilities;
  }

  /** @param {Client} client this connection is the call's from now on */
  attach(client) {
    clearTimeout(this.#clientTimer);
    const before = this.client;
    this.client = client;
    before?.replaced();
    if (this.#lastState) client.event(this.#lastState);
  }

  /** @param {Client} client its connection broke */
  detach(client) {
    if (this.client !== client || this.ended) return;
    this.client = null;
    this.#clientTimer = setTimeout(
      () => this.end('timeout', `The page was away for ${this.#graceMs / 1000} s.`),
      this.#graceMs,
    );
  }

  /**
   * @param {string} method @param {any} data
   * @returns {Promise<object>}
   * @throws {import('./errors.js').Refused}
   */
  request(method, data) {
    return this.#media.request(method, data);
  }

  /** @param {import('./schemas.js').Heard} measurement */
  heard({ turn_id, voice_to_voice_ms }) {
    this.#link.send({ type: 'heard', turn_id, voice_to_voice_ms });
  }

  /**
   * Ends the call for all three; the second end of a call does nothing.
   *
   * @param {string} reason as in PROTOCOL.md
   * @param {string} [message]
   */
  end(reason, message = '') {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.#clientTimer);
    clearTimeout(this.#mediaTimer);
    clearTimeout(this.#longestTimer);
    this.#media.close();
    this.#link.endCall(reason, message);
    this.client?.ended(reason, message);
    this.client = null;
    this.#onEnded(this, reason);
  }

  // --- what the worker says

  /** @param {Buffer} packet */
  onWorkerRtp(packet) {
    const dropped = this.#media.sendRtp(packet);
    if (dropped) this.#metrics.rtpDropped('to_page', dropped);
    else this.#metrics.rtp('to_page', packet.length);
  }

  /** @param {object} event */
  onWorkerEvent(event) {
    if ('name' in event && event.name === 'state_changed') this.#lastState = event;
    this.client?.event(event);
  }

  /** @param {'hung_up' | 'failed'} reason @param {string} message */
  onWorkerEnd(reason, message) {
    this.end(reason, message);
  }

  onWorkerLost() {
    this.end('agent_lost', 'The call worker is gone.');
  }

  // --- what the media says

  /** @param {Buffer} packet */
  onMicRtp(packet) {
    this.#link.sendRtp(packet);
  }

  /** @param {boolean} up */
  onPath(up) {
    clearTimeout(this.#mediaTimer);
    if (this.ended) return;
    if (up) {
      if (!this.#connected) this.#link.mediaConnected();
      this.#connected = true;
      return;
    }
    this.#mediaTimer = setTimeout(
      () => this.end('timeout', `The media path was down for ${this.#graceMs / 1000} s.`),
      this.#graceMs,
    );
  }

  onMediaLost() {
    this.end('media_lost', 'The media worker of this call died.');
  }
}
