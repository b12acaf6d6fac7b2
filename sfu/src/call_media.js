import { randomInt } from 'node:crypto';
import { messageOf, Refused } from './errors.js';
import { opusParameters } from './opus.js';

/** @typedef {import('mediasoup').types.WebRtcTransport} WebRtcTransport */
/** @typedef {import('mediasoup').types.Consumer} Consumer */
/** @typedef {import('mediasoup').types.Producer} Producer */
/** @typedef {'send' | 'receive'} Direction */

/**
 * What a call hears of its media.
 *
 * @typedef {object} MediaSide
 * @property {(packet: Buffer) => void} onMicRtp one RTP packet of the user's voice
 * @property {(up: boolean) => void} onPath both ways between page and SFU are up (ICE and DTLS); one of them is down
 * @property {() => void} onLost the mediasoup Worker died
 */

/** Opus within an Ethernet packet; mediasoup itself takes 1,600 bytes. */
const LONGEST_RTP_BYTES = 1400;
const SHORTEST_RTP_BYTES = 12;

/**
 * One call's mediasoup objects. The page's microphone: WebRTC transport -> Producer -> Consumer of a DirectTransport ->
 * `onMicRtp`. The agent's voice: `sendRtp` -> Producer of the DirectTransport -> Consumer -> WebRTC transport.
 */
export class CallMedia {
  #around;
  #call;
  #onClosed;
  #closed = false;
  #up = false;
  /** @type {import('mediasoup').types.DirectTransport | undefined} */
  #direct;
  /** @type {Producer | undefined} */
  #agent;
  /** What there is, or is being made, once each: a transport per direction, `produce`, `consume`. */
  #claimed = new Set();
  /** @type {Map<string, {transport: WebRtcTransport, direction: Direction}>} */
  #transports = new Map();

  /**
   * @param {{router: import('mediasoup').types.Router, opus: import('./config.js').Config['opus'],
   *   listen: {webRtcServer: import('mediasoup').types.WebRtcServer} |
   *     {listenInfos: import('mediasoup').types.TransportListenInfo[]}}} around
   * @param {MediaSide} call
   * @param {() => void} onClosed
   */
  constructor(around, call, onClosed) {
    this.#around = around;
    this.#call = call;
    this.#onClosed = onClosed;
    const [codec] = around.router.rtpCapabilities.codecs ?? [];
    /** What the agent's RTP must carry. */
    this.agentRtp = {
      payload_type: /** @type {number} */ (codec.preferredPayloadType),
      clock_rate: codec.clockRate,
      channels: /** @type {number} */ (codec.channels),
      ssrc: randomInt(1, 2 ** 32),
    };
  }

  get rtpCapabilities() {
    return this.#around.router.rtpCapabilities;
  }

  /** Makes what is on the worker's side. @throws {Error} mediasoup's */
  async open() {
    const direct = await this.#around.router.createDirectTransport();
    this.#direct = direct;
    const { payload_type: payloadType, clock_rate: clockRate, channels, ssrc } = this.agentRtp;
    this.#agent = await direct.produce({
      kind: 'audio',
      rtpParameters: {
        codecs: [
          {
            mimeType: 'audio/opus',
            payloadType,
            clockRate,
            channels,
            parameters: opusParameters(this.#around.opus),
          },
        ],
        encodings: [{ ssrc, dtx: this.#around.opus.dtx }],
      },
    });
    if (this.#closed) throw new Error('the mediasoup Worker died');
  }

  /**
   * A request of the page, its data checked against its schema.
   *
   * @param {string} method @param {any} data
   * @returns {Promise<object>} the answer's data
   * @throws {Refused} nothing has changed
   */
  async request(method, data) {
    try {
      if (method === 'create_transport') return await this.#createTransport(data.direction);
      if (method === 'connect_transport') return await this.#connectTransport(data);
      if (method === 'produce') return await this.#produce(data);
      if (method === 'consume') return await this.#consume(data);
      return { iceParameters: await this.#transport(data.transport_id).transport.restartIce() };
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused(this.#closed ? 'ended' : 'bad_request', messageOf(error));
    }
  }

  /**
   * @param {Buffer} packet of the agent's voice
   * @returns {string | null} why it was dropped
   */
  sendRtp(packet) {
    if (packet.length < SHORTEST_RTP_BYTES || packet.length > LONGEST_RTP_BYTES || packet[0] >> 6 !== 2)
      return 'not_rtp';
    const { payload_type: payloadType, ssrc } = this.agentRtp;
    if ((packet[1] & 0x7f) !== payloadType || packet.readUInt32BE(8) !== ssrc) return 'wrong_stream';
    if (this.#closed || !this.#agent || this.#agent.closed) return 'outside_call';
    this.#agent.send(packet);
    return null;
  }

  /** Releases everything on the mediasoup Worker. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const { transport } of this.#transports.values()) transport.close();
    this.#direct?.close();
    this.#onClosed();
  }

  /** The mediasoup Worker died. */
  lost() {
    this.close();
    this.#call.onLost();
  }

  /** @param {Direction} direction */
  #createTransport(direction) {
    return this.#once(`${direction} transport`, async () => {
      const transport = await this.#around.router.createWebRtcTransport({
        ...this.#around.listen,
        enableUdp: true,
        enableTcp: true,
        preferUdp: true,
      });
      this.#releaseIfOver(transport);
      this.#transports.set(transport.id, { transport, direction });
      transport.on('icestatechange', () => this.#onTransportState());
      transport.on('dtlsstatechange', () => this.#onTransportState());
      const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
      return { id, iceParameters, iceCandidates, dtlsParameters };
    });
  }

  /** @param {{transport_id: string, dtls_parameters: import('mediasoup').types.DtlsParameters}} data */
  async #connectTransport({ transport_id: id, dtls_parameters: dtlsParameters }) {
    await this.#transport(id).transport.connect({ dtlsParameters });
    return {};
  }

  /** @param {{transport_id: string, rtp_parameters: import('mediasoup').types.RtpParameters}} data */
  #produce({ transport_id: id, rtp_parameters: rtpParameters }) {
    const { transport, direction } = this.#transport(id);
    if (direction !== 'send') throw new Refused('bad_request', 'Not the send transport.');
    return this.#once('microphone', async () => {
      const { mid, codecs, headerExtensions, encodings = [], rtcp } = rtpParameters;
      const [{ ssrc, dtx }] = encodings;
      const microphone = await transport.produce({
        kind: 'audio',
        rtpParameters: {
          mid,
          codecs,
          headerExtensions,
          encodings: [{ ssrc, dtx }],
          rtcp: { cname: rtcp?.cname },
        },
      });
      try {
        this.#releaseIfOver(microphone);
        const direct = /** @type {import('mediasoup').types.DirectTransport} */ (this.#direct);
        const tap = await direct.consume({
          producerId: microphone.id,
          rtpCapabilities: { ...this.rtpCapabilities, headerExtensions: [] },
        });
        this.#releaseIfOver(tap);
        tap.on('rtp', (packet) => this.#call.onMicRtp(packet));
      } catch (error) {
        microphone.close();
        throw error;
      }
      return { id: microphone.id };
    });
  }

  /** @param {{rtp_capabilities: import('mediasoup').types.RtpCapabilities}} data */
  #consume({ rtp_capabilities: rtpCapabilities }) {
    const receive = [...this.#transports.values()].find(({ direction }) => direction === 'receive');
    if (!receive) throw new Refused('not_found', 'There is no receive transport yet.');
    return this.#once('voice', async () => {
      // Without enableRtx mediasoup takes NACK out of audio.
      const voice = await receive.transport.consume({
        producerId: /** @type {Producer} */ (this.#agent).id,
        rtpCapabilities,
        enableRtx: true,
      });
      this.#releaseIfOver(voice);
      const { id, producerId, kind, rtpParameters } = voice;
      return { id, producerId, kind, rtpParameters };
    });
  }

  /**
   * What was being made while the call ended: mediasoup's own objects do not hear of it any more, and would be kept.
   *
   * @param {{close: () => void}} made
   * @throws {Refused} ended
   */
  #releaseIfOver(made) {
    if (!this.#closed) return;
    made.close();
    throw new Refused('ended', 'The call is over.');
  }

  /** @param {string} id */
  #transport(id) {
    const found = this.#transports.get(id);
    if (!found) throw new Refused('not_found', 'There is no such transport.');
    return found;
  }

  /**
   * @template T
   * @param {string} what
   * @param {() => Promise<T>} make
   * @returns {Promise<T>}
   */
  async #once(what, make) {
    if (this.#claimed.has(what)) throw new Refused('exists', `The call has its ${what} already.`);
    this.#claimed.add(what);
    try {
      return await make();
    } catch (error) {
      this.#claimed.delete(what);
      throw error;
    }
  }

  #onTransportState() {
    if (this.#closed) return;
    const transports = [...this.#transports.values()].map(({ transport }) => transport);
    const up = transports.length === 2 && transports.every(isUp);
    if (up === this.#up) return;
    this.#up = up;
    this.#call.onPath(up);
  }
}

/** @param {WebRtcTransport} transport */
function isUp({ iceState, dtlsState }) {
  return (iceState === 'connected' || iceState === 'completed') && dtlsState === 'connected';
}
