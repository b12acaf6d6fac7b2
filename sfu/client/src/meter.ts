/** The playout meter: microphone and agent, heard on the clock of one AudioContext. */

import type { Onset } from './heard';

export type MeterMessage =
  | { type: 'levels'; microphoneDb: number; agentDb: number }
  | { type: 'speech'; speaking: boolean }
  | { type: 'onset'; onset: Onset };

export class Meter {
  private readonly sources: (MediaStreamAudioSourceNode | null)[] = [null, null];

  private constructor(
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
  ) {}

  /** Begins in a user's gesture; null where the browser has no audio worklet: a call goes without a meter. */
  static async open(onMessage: (message: MeterMessage) => void): Promise<Meter | null> {
    let context: AudioContext | null = null;
    try {
      context = new AudioContext({ latencyHint: 'interactive' });
      await context.audioWorklet.addModule(new URL('playout-meter.js', document.baseURI).href);
      const node = new AudioWorkletNode(context, 'playout-meter', {
        numberOfInputs: 2,
        numberOfOutputs: 1,
        channelCount: 1,
        channelCountMode: 'explicit',
      });
      node.port.onmessage = (event: MessageEvent<MeterMessage>) => onMessage(event.data);
      node.connect(context.destination);
      // Not awaited: where the browser holds sound back, this waits for the user.
      void context.resume();
      return new Meter(context, node);
    } catch (error) {
      console.warn('no playout meter:', error);
      void context?.close();
      return null;
    }
  }

  get sampleRate(): number {
    return this.context.sampleRate;
  }

  /** Now, in samples. */
  get position(): number {
    return this.context.currentTime * this.context.sampleRate;
  }

  /** From the meter to the ear, as far as the browser knows. */
  get outputLatencyMs(): number {
    return (this.context.outputLatency || this.context.baseLatency || 0) * 1000;
  }

  setMicrophone(track: MediaStreamTrack): void {
    this.connect(0, track);
  }

  setAgent(track: MediaStreamTrack): void {
    this.connect(1, track);
  }

  resume(): void {
    void this.context.resume();
  }

  close(): void {
    this.node.port.onmessage = null;
    if (this.context.state !== 'closed') void this.context.close();
  }

  private connect(input: number, track: MediaStreamTrack): void {
    this.sources[input]?.disconnect();
    this.sources[input] = null;
    try {
      const source = this.context.createMediaStreamSource(new MediaStream([track]));
      source.connect(this.node, 0, input);
      this.sources[input] = source;
    } catch (error) {
      // Firefox refuses a stream of another rate than the context's: the call goes on unmeasured.
      console.warn('the playout meter cannot hear this:', error);
    }
  }
}
