/**
 * Whether somebody speaks into the microphone, and which sample of speech was the last.
 *
 * Sans-I/O: frames in, positions out. Positions are in samples on the caller's clock.
 *
 * Energy against a noise floor that follows the room: down at once, up slowly. Speech begins when most of a few frames
 * are well above the floor; it is over after a hangover, but what counts as its end is the last loud sample before it.
 */

/** Frames of 10 ms: long enough for the lowest voice's period. */
export const FRAMES_PER_SECOND = 100;

const START_DB = 12;
const STAY_DB = 6;
/** Below these nothing is speech, however quiet the room. */
const LEAST_START_DBFS = -50;
const LEAST_STAY_DBFS = -56;
/** What an echo canceller leaves of the agent's voice must not count as the user's. */
const FAR_END_DB = 8;
const START_FRAMES = 3;
const START_WINDOW = 4;
const HANGOVER_MS = 300;
const FLOOR_MIN_DBFS = -90;
const FLOOR_MAX_DBFS = -35;
const FLOOR_RISE_DB = 0.05;
const FLOOR_RISE_IN_SPEECH_DB = 0.01;

export type SpeechChange = 'started' | 'stopped' | null;

export class SpeechDetector {
  /** Position of the last sample of confirmed speech. */
  lastSpeech: number | null = null;
  speaking = false;
  levelDb = FLOOR_MIN_DBFS;

  private floorDb = -60;
  private recent: boolean[] = [];
  private wasLoud = false;
  private readonly hangover: number;

  constructor(sampleRate: number) {
    this.hangover = (sampleRate * HANGOVER_MS) / 1000;
  }

  /**
   * One frame of 10 ms.
   *
   * @param start position of its first sample.
   * @param farEndAudible whether the agent is being played: then more is asked of a beginning.
   */
  push(frame: Float32Array, start: number, farEndAudible = false): SpeechChange {
    this.levelDb = decibels(frame);
    const enter = Math.max(this.floorDb + START_DB, LEAST_START_DBFS) + (farEndAudible ? FAR_END_DB : 0);
    const stay = Math.max(this.floorDb + STAY_DB, LEAST_STAY_DBFS);
    this.recent.push(this.levelDb > enter);
    if (this.recent.length > START_WINDOW) this.recent.shift();
    const loud = this.levelDb > stay;
    // A single loud frame is a click: it neither begins speech nor prolongs it.
    const sustained = loud && this.wasLoud;
    this.wasLoud = loud;
    this.followFloor();

    let change: SpeechChange = null;
    if (!this.speaking && this.recent.filter(Boolean).length >= START_FRAMES) {
      this.speaking = true;
      change = 'started';
    }
    if (this.speaking && (sustained || change === 'started')) {
      this.lastSpeech = loud ? start + lastLoudSample(frame, amplitude(stay)) : start - 1;
    } else if (this.speaking && start + frame.length - (this.lastSpeech ?? 0) > this.hangover) {
      this.speaking = false;
      this.recent = [];
      change = 'stopped';
    }
    return change;
  }

  private followFloor(): void {
    if (this.levelDb < this.floorDb) {
      this.floorDb += (this.levelDb - this.floorDb) * 0.3;
    } else {
      this.floorDb += this.speaking ? FLOOR_RISE_IN_SPEECH_DB : FLOOR_RISE_DB;
    }
    this.floorDb = Math.min(Math.max(this.floorDb, FLOOR_MIN_DBFS), FLOOR_MAX_DBFS);
  }
}

/** Root mean square in dB of full scale. */
export function decibels(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? 10 * Math.log10(sum / samples.length + 1e-12) : -120;
}

export function amplitude(db: number): number {
  return 10 ** (db / 20);
}

function lastLoudSample(frame: Float32Array, threshold: number): number {
  for (let i = frame.length - 1; i >= 0; i--) {
    if (Math.abs(frame[i] ?? 0) >= threshold) return i;
  }
  return frame.length - 1;
}
