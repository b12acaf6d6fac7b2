import { once } from 'node:events';
import { WebSocket } from 'ws';
import { Arrivals } from './queue.js';

/** A page as far as signalling goes. */
export class Page {
  /** @type {Arrivals<any>} */
  messages = new Arrivals();
  #requests = 0;

  /** @param {WebSocket} ws */
  constructor(ws) {
    this.ws = ws;
    /** @type {Promise<number>} the close code */
    this.closed = new Promise((resolve) => ws.on('close', resolve));
    ws.on('message', (data) => this.messages.push(JSON.parse(String(data))));
    ws.on('error', () => {});
  }

  /** @param {string} url of the front @param {import('ws').ClientOptions} [options] */
  static async connect(url, options = {}) {
    const ws = new WebSocket(`${url.replace('http', 'ws')}signal`, options);
    const page = new Page(ws);
    await once(ws, 'open');
    return page;
  }

  /** @param {unknown} message */
  send(message) {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** @param {string} type */
  next(type) {
    return this.messages.next((message) => message.type === type);
  }

  /** @param {object} [more] @returns {Promise<any>} */
  join(more = {}) {
    this.send({ type: 'join', version: 1, ...more });
    return this.messages.next(({ type }) => type === 'joined' || type === 'refused');
  }

  /** @param {string} method @param {object} data @returns {Promise<any>} the response */
  request(method, data) {
    const id = this.#requests++;
    this.send({ type: 'request', id, method, data });
    return this.messages.next((message) => message.type === 'response' && message.id === id);
  }

  /** Away without a word. */
  vanish() {
    this.ws.terminate();
  }
}
