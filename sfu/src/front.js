import { statSync } from 'node:fs';
import { Calls } from './calls.js';
import { Door } from './door.js';
import { HttpFront } from './http.js';
import { LinkServer } from './link/server.js';
import { MediaWorkers } from './media_workers.js';
import { Metrics } from './metrics.js';

/** The whole SFU: media, the call workers' socket, and the page's port. */
export class Front {
  #log;
  #http;

  /**
   * @param {import('./config.js').Config} config
   * @param {import('./logger.js').Logger} log
   * @param {import('./operations.js').Operations} operations
   */
  constructor(config, log, operations) {
    const door = new Door(config.access, config.host, (error) =>
      log.error('used_token_not_written', { error }),
    );
    const metrics = new Metrics();
    this.#log = log;
    this.media = new MediaWorkers(config, { log, metrics });
    this.links = new LinkServer(config.socket, { log, metrics });
    this.calls = new Calls(config, { links: this.links, media: this.media, log, metrics, operations });
    this.#http = new HttpFront({ config, door, calls: this.calls, log, metrics, operations });
    if (!statSync(config.page_dir, { throwIfNoEntry: false })?.isDirectory())
      log.warning('no_page', { page_dir: config.page_dir, hint: 'build it, or set `page_dir`' });
  }

  /**
   * @returns {Promise<string>} the page's URL
   * @throws {import('./errors.js').UserError} nothing is left behind
   */
  async start() {
    try {
      await this.links.listen();
      await this.media.start();
      const url = await this.#http.listen();
      this.#log.info('ready', { url, media_workers: this.media.pids.length });
      return url;
    } catch (error) {
      await this.links.close();
      this.media.close();
      throw error;
    }
  }

  /** Ends every call, tells both sides, and releases everything. */
  async close() {
    this.calls.close();
    this.media.close();
    await Promise.all([this.links.close(), this.#http.close()]);
  }
}
