import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeControl, encodeRtp, FrameReader } from '../../src/link/frames.js';
import { Arrivals } from './queue.js';

/** A call worker as far as the link goes. */
export class CallWorker {
  /** @type {Arrivals<any>} */
  messages = new Arrivals();
  /** @type {Arrivals<Buffer>} */
  rtp = new Arrivals();

  /** @param {string} path */
  constructor(path) {
    const reader = new FrameReader();
    this.socket = connect(path);
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      for (const frame of reader.push(chunk)) {
        if (frame.kind === 2) this.rtp.push(frame.packet);
        else this.messages.push(frame.message);
      }
    });
  }

  /** One that was greeted. @param {string} path */
  static async greeted(path) {
    const worker = new CallWorker(path);
    worker.hello();
    await worker.next('welcome');
    return worker;
  }

  /** @param {object} [changes] */
  hello(changes = {}) {
    this.send({ type: 'hello', version: 1, transport: 'mediasoup', pid: process.pid, ...changes });
  }

  /** @param {{type: string, [key: string]: unknown}} message */
  send(message) {
    this.socket.write(encodeControl(message));
  }

  /** @param {Buffer} packet */
  sendRtp(packet) {
    this.socket.write(encodeRtp(packet));
  }

  /** @param {string} type */
  next(type) {
    return this.messages.next((message) => message.type === type);
  }

  close() {
    this.socket.destroy();
  }
}
