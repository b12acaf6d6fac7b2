import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setLogEventListeners, workerBin } from 'mediasoup';
import { messageOf, Refused, UserError } from './errors.js';
import { MediaWorker } from './media_worker.js';

/** The mediasoup Workers, one per core unless configured; a call goes to the least loaded one. */
export class MediaWorkers {
  #workers;
  #config;
  #metrics;

  /**
   * @param {Pick<import('./config.js').Config, 'rtc' | 'opus'>} config
   * @param {{log: import('./logger.js').Logger, metrics: import('./metrics.js').Metrics}} around
   */
  constructor(config, { log, metrics }) {
    this.#config = config;
    this.#metrics = metrics;
    const around = { log, metrics, onChange: () => metrics.mediaWorkers(this.pids.length) };
    this.#workers = Array.from(
      { length: config.rtc.media_workers ?? availableParallelism() },
      (_, index) => new MediaWorker(index, config, around),
    );
    setLogEventListeners({
      ondebug: undefined,
      onwarn: (where, what) => log.warning('mediasoup', { where, what }),
      onerror: (where, what, error) =>
        log.error('mediasoup', { where, what, error: error && messageOf(error) }),
    });
  }

  /** The processes of the Workers that live. */
  get pids() {
    return this.#workers.flatMap(({ pid }) => (pid ? [pid] : []));
  }

  /** @throws {UserError} */
  async start() {
    checkBinary();
    try {
      for (const worker of this.#workers) await worker.start();
    } catch (error) {
      this.close();
      throw this.#notStarted(error);
    }
  }

  /**
   * A call's media objects, on the least loaded Worker.
   *
   * @param {import('./call_media.js').MediaSide} call
   * @returns {Promise<import('./call_media.js').CallMedia>}
   * @throws {Refused} not_ready
   */
  async open(call) {
    const living = this.#workers.filter(({ pid }) => pid);
    if (!living.length) throw new Refused('not_ready', 'No media worker is there.');
    return living.reduce((best, next) => (next.calls.size < best.calls.size ? next : best)).open(call);
  }

  close() {
    for (const worker of this.#workers) worker.close();
    this.#metrics.mediaWorkers(0);
  }

  /** @param {unknown} error */
  #notStarted(error) {
    const { listen_ip: ip, port } = this.#config.rtc;
    const last = port + this.#workers.length - 1;
    return new UserError(
      `A media worker did not start on ${ip}${port ? `, ports ${port} to ${last}` : ''}: ${messageOf(error)}.`,
      'Set `rtc.listen_ip` to an address of this machine, and `rtc.port` to a free port, UDP and TCP ' +
        '(each media worker takes one, upwards from there).',
    );
  }
}

/** @throws {UserError} */
function checkBinary() {
  try {
    accessSync(workerBin, constants.X_OK);
  } catch {
    throw new UserError(
      `The mediasoup worker is missing: ${workerBin} is no program.`,
      'Set MEDIASOUP_WORKER_BIN to what `python3 worker/ensure.py` prints, which fetches or builds it.',
    );
  }
}
