/** Transport `mediasoup`: a transport each way, whose ICE restarts after a network change. */

import { Device } from 'mediasoup-client';
import type {
  Producer,
  RtpCapabilities,
  RtpParameters,
  Transport,
  TransportOptions,
} from 'mediasoup-client/types';
import { CallFailure } from './failure';
import { type Media, type MediaHooks, type PathState, pathOf, setJitterBuffer } from './media';
import { opusOptions } from './opus';
import type { Joined } from './protocol';
import type { Signalling } from './signalling';

type Direction = 'send' | 'receive';

export class MediasoupMedia implements Media {
  path: PathState = 'connecting';
  private signalling: Signalling | null = null;
  private microphone: MediaStreamTrack | null = null;
  private producer: Producer | null = null;
  private readonly transports = new Map<Direction, Transport>();
  private readonly paths = new Map<Direction, PathState>();

  constructor(
    private readonly joined: Joined,
    private readonly hooks: MediaHooks,
  ) {}

  async start(signalling: Signalling, microphone: MediaStreamTrack): Promise<void> {
    this.signalling = signalling;
    this.microphone = microphone;
    try {
      const routerRtpCapabilities = this.joined.routerRtpCapabilities as RtpCapabilities;
      const device = await Device.factory();
      await device.load({ routerRtpCapabilities });
      const [sending, receiving] = await Promise.all([
        this.createTransport(device, 'send'),
        this.createTransport(device, 'receive'),
      ]);
      await Promise.all([
        this.produce(sending, routerRtpCapabilities),
        this.consume(receiving, device.recvRtpCapabilities),
      ]);
    } catch (error) {
      if (error instanceof CallFailure) throw error;
      const unsupported = error instanceof Error && error.name === 'UnsupportedError';
      throw new CallFailure(unsupported ? 'no_webrtc' : 'setup_failed', String(error));
    }
  }

  async restart(signalling: Signalling): Promise<void> {
    this.signalling = signalling;
    for (const [direction, path] of this.paths) {
      if (path === 'broken') this.paths.set(direction, 'connecting');
    }
    this.path = this.worse();
    await Promise.all(
      [...this.transports.values()].map(async (transport) => {
        const { iceParameters } = await signalling.request('restart_ice', { transport_id: transport.id });
        await transport.restartIce({ iceParameters: iceParameters as TransportOptions['iceParameters'] });
      }),
    );
  }

  async replaceMicrophone(track: MediaStreamTrack): Promise<void> {
    this.microphone = track;
    await this.producer?.replaceTrack({ track });
  }

  close(): void {
    for (const transport of this.transports.values()) transport.close();
    this.transports.clear();
  }

  private async createTransport(device: Device, direction: Direction): Promise<Transport> {
    const created = await this.request('create_transport', { direction });
    const options = { ...(created as unknown as TransportOptions), iceServers: this.joined.iceServers };
    const transport =
      direction === 'send' ? device.createSendTransport(options) : device.createRecvTransport(options);
    this.transports.set(direction, transport);
    this.paths.set(direction, 'connecting');
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      const data = { transport_id: transport.id, dtls_parameters: dtlsParameters };
      this.request('connect_transport', data).then(done, failed);
    });
    transport.on('connectionstatechange', (state) => {
      this.paths.set(direction, pathOf(state));
      this.path = this.worse();
      this.hooks.onPath(this.path);
    });
    return transport;
  }

  /** The state of the worse of the two. */
  private worse(): PathState {
    const paths = [...this.paths.values()];
    if (paths.includes('broken')) return 'broken';
    return paths.includes('connecting') ? 'connecting' : 'connected';
  }

  private async produce(transport: Transport, router: RtpCapabilities): Promise<void> {
    transport.on('produce', ({ rtpParameters }, done, failed) => {
      const data = { transport_id: transport.id, rtp_parameters: rtpParameters };
      this.request('produce', data).then(({ id }) => done({ id: String(id) }), failed);
    });
    // The page stops its microphone itself: it outlives a producer.
    const { microphone: track } = this;
    if (!track) return;
    const options = { track, stopTracks: false, codecOptions: opusOptions(router) };
    this.producer = await transport.produce(options);
    // Another one may have been chosen meanwhile.
    if (track !== this.microphone) await this.producer.replaceTrack({ track: this.microphone });
  }

  private async consume(transport: Transport, rtpCapabilities: RtpCapabilities): Promise<void> {
    const answer = await this.request('consume', { rtp_capabilities: rtpCapabilities });
    const consumer = await transport.consume({
      id: String(answer.id),
      producerId: String(answer.producerId),
      kind: 'audio',
      rtpParameters: answer.rtpParameters as RtpParameters,
    });
    setJitterBuffer(consumer.rtpReceiver, this.joined.jitterBufferTargetMs);
    this.hooks.onRemote(consumer.track);
  }

  private request(method: string, data: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (!this.signalling) return Promise.reject(new CallFailure('setup_failed', 'no connection'));
    return this.signalling.request(method, data);
  }
}
