import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** @typedef {'to_worker' | 'to_page'} RtpDirection */

/** What the SFU counts, for Prometheus. */
export class Metrics {
  #registry = new Registry();
  #callsActive = this.#gauge('calls_active', 'Calls that are on.');
  #callsEnded = this.#counter('calls_ended_total', 'Calls that ended, by reason.', ['reason']);
  #callsResumed = this.#counter('calls_resumed_total', 'Calls that went on after the network failed.');
  #refused = this.#counter('signalling_refused_total', 'Connections and messages refused, by code.', [
    'code',
  ]);
  #linkRefused = this.#counter('link_refused_total', 'Call workers refused, by code.', ['code']);
  #callWorkers = this.#gauge(
    'call_workers',
    'Call workers that are connected, and those of them that wait.',
    ['state'],
  );
  #packets = this.#counter('rtp_packets_total', 'RTP packets passed on.', ['direction']);
  #bytes = this.#counter('rtp_bytes_total', 'Bytes of RTP packets passed on.', ['direction']);
  #dropped = this.#counter('rtp_dropped_total', 'RTP packets dropped, by reason.', ['direction', 'reason']);
  #mediaWorkers = this.#gauge('media_workers', 'mediasoup Workers that live.');
  #mediaWorkersDied = this.#counter('media_workers_died_total', 'mediasoup Workers that died.');
  // Labels are looked up once, not a hundred times a second and call.
  #rtp = {
    to_worker: { packets: this.#packets.labels('to_worker'), bytes: this.#bytes.labels('to_worker') },
    to_page: { packets: this.#packets.labels('to_page'), bytes: this.#bytes.labels('to_page') },
  };

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType() {
    return this.#registry.contentType;
  }

  /** The page of /metrics. */
  text() {
    return this.#registry.metrics();
  }

  /** @param {number} count */
  callsActive(count) {
    this.#callsActive.set(count);
  }

  /** @param {string} reason */
  callEnded(reason) {
    this.#callsEnded.inc({ reason });
  }

  callResumed() {
    this.#callsResumed.inc();
  }

  /** @param {string} code */
  refused(code) {
    this.#refused.inc({ code });
  }

  /** @param {string} code */
  linkRefused(code) {
    this.#linkRefused.inc({ code });
  }

  /** @param {number} connected @param {number} idle */
  callWorkers(connected, idle) {
    this.#callWorkers.set({ state: 'connected' }, connected);
    this.#callWorkers.set({ state: 'idle' }, idle);
  }

  /** @param {RtpDirection} direction @param {number} bytes */
  rtp(direction, bytes) {
    this.#rtp[direction].packets.inc();
    this.#rtp[direction].bytes.inc(bytes);
  }

  /** @param {RtpDirection} direction @param {string} reason */
  rtpDropped(direction, reason) {
    this.#dropped.inc({ direction, reason });
  }

  /** @param {number} count */
  mediaWorkers(count) {
    this.#mediaWorkers.set(count);
  }

  mediaWorkerDied() {
    this.#mediaWorkersDied.inc();
  }

  /** @param {string} name @param {string} help @param {string[]} [labelNames] */
  #gauge(name, help, labelNames = []) {
    return new Gauge({ name: `voicebot_sfu_${name}`, help, labelNames, registers: [this.#registry] });
  }

  /** @param {string} name @param {string} help @param {string[]} [labelNames] */
  #counter(name, help, labelNames = []) {
    return new Counter({ name: `voicebot_sfu_${name}`, help, labelNames, registers: [this.#registry] });
  }
}
