/**
 * The playout meter's ear, on the audio thread: microphone (input 0) and agent (input 1) on one sample clock.
 *
 * Its output is silence; it exists because a node is only run when it leads somewhere.
 */

import type { MeterMessage } from './meter';
import { OnsetDetector } from './onset';
import { decibels, FRAMES_PER_SECOND, SpeechDetector } from './speech';

declare const sampleRate: number;
declare const currentFrame: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const FRAMES_PER_LEVEL = 5;

class PlayoutMeter extends AudioWorkletProcessor {
  private readonly speech = new SpeechDetector(sampleRate);
  private readonly onsets = new OnsetDetector(sampleRate);
  private readonly microphone = new Float32Array(Math.round(sampleRate / FRAMES_PER_SECOND));
  private readonly agent = new Float32Array(this.microphone.length);
  private filled = 0;
  private frames = 0;

  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const microphone = inputs[0]?.[0];
    const agent = inputs[1]?.[0];
    const length = outputs[0]?.[0]?.length ?? 128;
    const onset = agent ? this.onsets.push(agent, currentFrame) : null;
    if (onset !== null) {
      const { lastSpeech, speaking } = this.speech;
      // Two frames are not yet judged at most.
      const talking = speaking && lastSpeech !== null && onset - lastSpeech < 3 * this.microphone.length;
      this.tell({ type: 'onset', onset: { at: onset, lastSpeech, talking } });
    }
    for (let i = 0; i < length; i++) {
      this.microphone[this.filled] = microphone?.[i] ?? 0;
      this.agent[this.filled] = agent?.[i] ?? 0;
      if (++this.filled === this.microphone.length) this.frame(currentFrame + i + 1 - this.filled);
    }
    return true;
  }

  private frame(start: number): void {
    this.filled = 0;
    const change = this.speech.push(this.microphone, start, this.onsets.audibleAt(start));
    if (change) this.tell({ type: 'speech', speaking: change === 'started' });
    if (++this.frames % FRAMES_PER_LEVEL === 0) {
      this.tell({ type: 'levels', microphoneDb: this.speech.levelDb, agentDb: decibels(this.agent) });
    }
  }

  private tell(message: MeterMessage): void {
    this.port.postMessage(message);
  }
}

registerProcessor('playout-meter', PlayoutMeter);
