import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { messageOf, UserError } from './errors.js';
import { findPageFile, sendPageFile } from './page_files.js';
import { Connection, LONGEST_MESSAGE_BYTES } from './signalling.js';

const SIGNAL_PATH = '/signal';
/** How often it is looked whether a request takes too long. */
const CHECK_MS = 1000;
/** @type {import('ws').ServerOptions & {closeTimeout: number}} `closeTimeout` is missing from the types. */
const SOCKETS = {
  noServer: true,
  maxPayload: LONGEST_MESSAGE_BYTES,
  perMessageDeflate: false,
  closeTimeout: 2000,
};
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; " +
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'microphone=(self)',
};

/** The front's port: the page, its signalling, and what operators ask. */
export class HttpFront {
  #server;
  #sockets = new WebSocketServer(SOCKETS);
  /** @type {Set<Connection>} */
  #connections = new Set();
  /** @type {WeakMap<import('node:stream').Duplex, NodeJS.Timeout>} */
  #lifetimes = new WeakMap();
  #warned = false;
  #around;

  /**
   * @param {{config: import('./config.js').Config, door: import('./door.js').Door, calls: import('./calls.js').Calls,
   *   log: import('./logger.js').Logger, metrics: import('./metrics.js').Metrics,
   *   operations: import('./operations.js').Operations}} around
   */
  constructor(around) {
    this.#around = around;
    const requestTimeout = around.config.access.limits.request_timeout_s * 1000;
    const timeouts = {
      requestTimeout,
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: CHECK_MS,
    };
    this.#server = createServer(timeouts, (request, response) => this.#onRequest(request, response));
    this.#server.on('connection', (socket) => this.#onConnection(socket));
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  /**
   * @returns {Promise<string>} the URL of the page
   * @throws {UserError}
   */
  async listen() {
    const { host, port } = this.#around.config;
    try {
      await new Promise((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(port, host, () => resolve(undefined));
      });
    } catch (error) {
      throw new UserError(
        `The server cannot listen on ${host}:${port}: ${messageOf(error)}.`,
        'Stop what listens there, or set `host` and `port` to an address of this machine and a free port.',
      );
    }
    const bound = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}/`;
  }

  /** Takes no more requests; connections with nothing left to say are gone when it returns. */
  async close() {
    const closed = new Promise((resolve) => this.#server.close(() => resolve(undefined)));
    for (const ws of this.#sockets.clients) ws.close(1001, 'shutdown');
    this.#server.closeIdleConnections();
    await closed;
  }

  /** One that is no WebSocket has so long, whatever it does: reads slowly, writes slowly. @param {import('node:net').Socket} socket */
  #onConnection(socket) {
    const { config, door, metrics } = this.#around;
    const peer = socket.remoteAddress ?? '';
    const key = door.socketKey(peer);
    if (!door.limits.sockets.take(key)) {
      metrics.refused('too_many_sockets');
      socket.destroy();
      return;
    }
    const lasts = config.access.limits.response_timeout_s * 1000;
    const timer = door.isProxy(peer) ? undefined : setTimeout(() => socket.destroy(), lasts);
    if (timer) this.#lifetimes.set(socket, timer);
    socket.once('close', () => {
      clearTimeout(timer);
      door.limits.sockets.giveBack(key);
    });
  }

  /** @param {import('node:http').IncomingMessage} request @returns {boolean} false: too many came from there */
  #mayAsk(request) {
    const { door, log, metrics } = this.#around;
    const { address, key, unknownProxy } = door.caller(request);
    if (unknownProxy && !this.#warned) {
      this.#warned = true;
      const hint = `if it is your proxy, add it to access.trusted_proxies: all its callers count as one address now`;
      log.warning('unknown_proxy', { address, hint });
    }
    if (door.limits.request(key, performance.now())) return true;
    metrics.refused('too_many_requests');
    return false;
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #onRequest(request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response.setHeader('Allow', 'GET, HEAD'), 405, 'Only GET and HEAD.');
    if (!this.#mayAsk(request))
      return answer(response.setHeader('Retry-After', '1'), 429, 'Too many requests.');
    const path = pathOf(request);
    const { config, calls, log, metrics, operations } = this.#around;
    try {
      if (path === '/healthz') return answer(response, 200, 'ok');
      if (path === '/readyz') {
        const { status, text, type } = readiness(calls, operations, wantsDetails(request));
        return answer(response, status, text, type);
      }
      if (path === '/metrics')
        return answer(response, 200, (await metrics.text()) + operations.metrics, metrics.contentType);
      if (path === SIGNAL_PATH) return answer(response, 426, 'A WebSocket is spoken here.');
      const file = await findPageFile(config.page_dir, path);
      if (file) return sendPageFile(file, request, response);
      return answer(response, 404, 'There is no such page.');
    } catch (error) {
      log.error('http_failed', { path, error: messageOf(error) });
      return response.destroy();
    }
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   * @param {Buffer} head
   */
  #onUpgrade(request, socket, head) {
    socket.on('error', () => socket.destroy());
    if (!this.#mayAsk(request)) return refuse(socket, '429 Too Many Requests', 'Too many requests.');
    if (pathOf(request) !== SIGNAL_PATH) return refuse(socket, '404 Not Found', 'There is no such socket.');
    if (!isAllowedOrigin(request, this.#around.config.allowed_origins)) {
      const { origin } = request.headers;
      this.#around.metrics.refused('bad_origin');
      this.#around.log.warning('origin_refused', { origin, host: request.headers.host });
      return refuse(socket, '403 Forbidden', 'This origin is not allowed.');
    }
    const { config, door } = this.#around;
    const caller = door.caller(request);
    const waiting = [...this.#connections].filter(({ inCall }) => !inCall).length;
    if (waiting >= config.access.limits.connections || !door.limits.pages.take(caller.key)) {
      this.#around.metrics.refused('too_many');
      if (door.worthALine(performance.now()))
        this.#around.log.warning('too_many_connections', { waiting, address: caller.address });
      return refuse(socket, '503 Service Unavailable', 'Too many connections wait for a call.');
    }
    // Also where the handshake fails, and no WebSocket ever comes of it.
    socket.once('close', () => door.limits.pages.giveBack(caller.key));
    const { origin, host = '' } = request.headers;
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      clearTimeout(this.#lifetimes.get(socket));
      const connection = new Connection(ws, { caller, host, origin }, this.#around);
      this.#connections.add(connection);
      ws.on('close', () => this.#connections.delete(connection));
    });
  }
}

/**
 * What /readyz answers (PROTOCOL.md).
 *
 * @param {import('./calls.js').Calls} calls
 * @param {import('./operations.js').Operations} operations
 * @param {boolean} detailed
 */
function readiness(calls, { obstacle, engines }, detailed) {
  const refusal = calls.obstacle;
  const why = obstacle || (refusal?.counted === 'busy_no_headroom' ? calls.crowded : refusal?.message);
  const status = why ? 503 : 200;
  const reason = why ?? 'ok';
  if (detailed)
    return {
      status,
      text: JSON.stringify({ ready: !why, reason, engines }),
      type: 'application/json; charset=utf-8',
    };
  const broken = engines.filter((one) => one.why).map((one) => `${one.kind} ${one.plugin}: ${one.why}`);
  return { status, text: [reason, ...broken].join('\n') };
}

/** @param {import('node:http').IncomingMessage} request */
function wantsDetails({ url, headers }) {
  const query = new URLSearchParams(/** @type {string} */ (url).split('?')[1]);
  return query.has('verbose') || (headers.accept ?? '').includes('application/json');
}

/** @param {import('node:http').IncomingMessage} request */
function pathOf(request) {
  return /** @type {string} */ (request.url).split('?', 1)[0];
}

/**
 * Browsers always say their origin; what says none is no browser, and no page of another site.
 *
 * @param {import('node:http').IncomingMessage} request
 * @param {string[]} allowed
 */
function isAllowedOrigin({ headers: { origin, host } }, allowed) {
  if (origin === undefined || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** @param {import('node:stream').Duplex} socket @param {string} status @param {string} why */
function refuse(socket, status, why) {
  // Not only ended: a client that keeps its side open would keep this one, and no timeout of HTTP holds any more.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${why.length}\r\n\r\n${why}`,
  );
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status @param {string} text @param {string} [type]
 */
function answer(response, status, text, type = 'text/plain; charset=utf-8') {
  return response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
}
