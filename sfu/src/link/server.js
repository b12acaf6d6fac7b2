import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { messageOf, UserError } from '../errors.js';
import { WorkerLink } from './worker_link.js';

/** Bytes: `sun_path` of Linux's sockaddr_un, less its terminator. */
const LONGEST_PATH = 107;

/** The Unix socket that call workers connect to, and who of them waits for a call. */
export class LinkServer {
  /** @type {Set<WorkerLink>} */
  #links = new Set();
  /** The longest idle first. @type {Set<WorkerLink>} */
  #idle = new Set();
  #server;
  #path;
  #around;

  /**
   * @param {string} path
   * @param {{log: import('../logger.js').Logger, metrics: import('../metrics.js').Metrics}} around
   */
  constructor(path, around) {
    this.#path = path;
    this.#around = around;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Call workers that were greeted. */
  get greeted() {
    return [...this.#links].filter((link) => link.state !== 'hello').length;
  }

  get idle() {
    return this.#idle.size;
  }

  /**
   * Makes the socket, mode 0600 from its first moment; a file that nobody listens at is replaced.
   *
   * @throws {UserError}
   */
  async listen() {
    try {
      await makeRoom(this.#path);
      await listenPrivately(this.#server, this.#path);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        `The socket ${this.#path} cannot be made: ${messageOf(error)}.`,
        'Set `socket` to a path in a folder of yours.',
      );
    }
    this.#server.on('error', (error) => this.#around.log.error('link_server', { error: error.message }));
  }

  /** The worker that has waited longest, reserved; undefined: none is idle. */
  take() {
    const [link] = this.#idle;
    link?.reserve();
    return link;
  }

  /** Takes no more connections, closes those there are; the socket file goes with the server. */
  async close() {
    const closed = new Promise((resolve) => this.#server.close(() => resolve(undefined)));
    for (const link of this.#links) link.close();
    await closed;
  }

  /** @param {import('node:net').Socket} socket */
  #accept(socket) {
    const link = new WorkerLink(socket, { ...this.#around, onState: (changed) => this.#onState(changed) });
    this.#links.add(link);
  }

  /** @param {WorkerLink} link */
  #onState(link) {
    this.#idle.delete(link);
    if (link.state === 'idle') this.#idle.add(link);
    if (link.state === 'closed') this.#links.delete(link);
    this.#around.log.debug('worker_state', { pid: link.pid, state: link.state });
    this.#around.metrics.callWorkers(this.greeted, this.idle);
  }
}

/**
 * Removes a stale socket file.
 *
 * @param {string} path
 * @throws {UserError} what is there is in use, or no socket
 */
async function makeRoom(path) {
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new UserError(
      `The socket path ${path} is too long: ${LONGEST_PATH} bytes at most.`,
      'Set `socket` to a shorter one.',
    );
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket())
    throw new UserError(`${path} exists and is no socket.`, 'Remove it, or set `socket` to another path.');
  if (await answers(path))
    throw new UserError(
      `Another process listens at the socket ${path}.`,
      'Stop it, or set `socket` to another path.',
    );
  unlinkSync(path);
}

/** @param {import('node:net').Server} server @param {string} path */
function listenPrivately(server, path) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file is made within the call to listen: nobody ever finds it open to others.
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve(undefined);
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** @param {string} path @returns {Promise<boolean>} */
function answers(path) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: stale. Anything else (permissions, a full backlog) may be somebody alive.
    socket.once('error', (error) => resolve(/** @type {any} */ (error).code !== 'ECONNREFUSED'));
  });
}
