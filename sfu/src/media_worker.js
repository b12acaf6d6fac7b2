import { createWorker } from 'mediasoup';
import { CallMedia } from './call_media.js';
import { messageOf, Refused } from './errors.js';
import { opusCodec } from './opus.js';

/** @typedef {import('mediasoup').types.Worker} Worker */
/** @typedef {import('mediasoup').types.WebRtcServer} WebRtcServer */
/** @typedef {import('mediasoup').types.Router} Router */
/** @typedef {{worker: Worker, server: WebRtcServer | null, router: Router, since: number}} Live */

const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** A Worker that lived this long starts the backoff over. */
const SETTLED_MS = 60_000;

/**
 * A place for one mediasoup Worker, with the WebRtcServer and the Router that its calls share. A Worker that dies takes
 * its calls with it; another one is started in its place, later and later if it keeps dying.
 */
export class MediaWorker {
  /** @type {Set<CallMedia>} */
  calls = new Set();
  /** @type {Live | null} */
  #live = null;
  #restartMs = FIRST_RESTART_MS;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #closed = false;
  #index;
  #config;
  #around;

  /**
   * @param {number} index
   * @param {Pick<import('./config.js').Config, 'rtc' | 'opus'>} config
   * @param {{log: import('./logger.js').Logger, metrics: import('./metrics.js').Metrics, onChange: () => void}} around
   *   `onChange`: called when it starts to live or dies
   */
  constructor(index, config, around) {
    this.#index = index;
    this.#config = config;
    this.#around = around;
  }

  /** The process of the Worker, while there is one. */
  get pid() {
    return this.#live?.worker.pid;
  }

  /** @throws {Error} mediasoup's, where the Worker does not start or its ports are taken */
  async start() {
    const worker = await createWorker({ logLevel: 'warn', disableLiburing: true });
    try {
      const { rtc, opus } = this.#config;
      const server = rtc.port_range
        ? null
        : await worker.createWebRtcServer({ listenInfos: listenInfos(rtc, this.#index) });
      const router = await worker.createRouter({ mediaCodecs: [opusCodec(opus)] });
      if (this.#closed) return worker.close();
      this.#live = { worker, server, router, since: performance.now() };
    } catch (error) {
      worker.close();
      throw error;
    }
    worker.on('died', (error) => this.#onDied(error));
    this.#around.onChange();
    this.#around.log.info('media_worker_started', { index: this.#index, pid: worker.pid });
  }

  /**
   * @param {import('./call_media.js').MediaSide} call
   * @returns {Promise<CallMedia>}
   * @throws {Refused} not_ready
   */
  async open(call) {
    if (!this.#live) throw new Refused('not_ready', 'No media worker is there.');
    const { router, server } = this.#live;
    const listen = server ? { webRtcServer: server } : { listenInfos: listenInfos(this.#config.rtc, 0) };
    const media = new CallMedia({ router, listen, opus: this.#config.opus }, call, () =>
      this.calls.delete(media),
    );
    this.calls.add(media);
    try {
      await media.open();
    } catch (error) {
      media.close();
      throw new Refused('not_ready', `The media worker failed: ${messageOf(error)}.`);
    }
    return media;
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    const live = this.#live;
    this.#live = null;
    live?.worker.close();
  }

  /** @param {Error} error */
  #onDied(error) {
    const lived = performance.now() - (this.#live?.since ?? 0);
    if (this.#closed) return;
    this.#live = null;
    if (lived > SETTLED_MS) this.#restartMs = FIRST_RESTART_MS;
    this.#around.log.error('media_worker_died', {
      index: this.#index,
      error: error.message,
      calls: this.calls.size,
    });
    this.#around.metrics.mediaWorkerDied();
    this.#around.onChange();
    for (const media of [...this.calls]) media.lost();
    this.#restartLater();
  }

  #restartLater() {
    this.#timer = setTimeout(async () => {
      try {
        await this.start();
      } catch (error) {
        this.#around.log.error('media_worker_not_started', { index: this.#index, error: messageOf(error) });
        if (!this.#closed) this.#restartLater();
      }
    }, this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, LONGEST_RESTART_MS);
  }
}

/**
 * Where media is listened for: UDP, and TCP for networks that let nothing else through.
 *
 * @param {import('./config.js').Rtc} rtc
 * @param {number} index of the media worker: each has its own port
 * @returns {import('mediasoup').types.TransportListenInfo[]}
 */
function listenInfos({ listen_ip: ip, announced_address: announced, port, port_range: range }, index) {
  const where = range
    ? { portRange: { min: range[0], max: range[1] } }
    : { port: port ? port + index : undefined };
  return /** @type {const} */ (['udp', 'tcp']).map((protocol) => ({
    protocol,
    ip,
    announcedAddress: announced ?? undefined,
    ...where,
  }));
}
