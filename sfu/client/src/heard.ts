/**
 * Which onset in the listener's ear answers which turn, and how long it took: the page's `voice_to_voice`.
 *
 * The server says when a turn's audio may be sent, over another path than the audio: word of it usually comes before the
 * first sample, seldom a little after. Positions are in samples on the audio clock of the meter.
 */

export interface Onset {
  /** The agent's first audible sample. */
  at: number;
  /** The user's last sample of speech before it. */
  lastSpeech: number | null;
  /** Both spoke at once: then there is no wait to measure. */
  talking: boolean;
}

export interface Heard {
  turn: number;
  ms: number;
}

/** How much later than the audio the word of its turn may come. */
const LATE_MS = 500;
/** A short answer may be over for the server before the jitter buffer has let it out. */
const AFTER_END_MS = 1000;
const LONGEST_MS = 60_000;

export class HeardMatcher {
  private open: { turn: number; measured: boolean; until: number } | null = null;
  private unclaimed: Onset | null = null;
  private previousOnset = Number.NEGATIVE_INFINITY;

  constructor(private readonly sampleRate: number) {}

  /** @param outputLatencyMs from the meter to the ear. */
  onset(onset: Onset, outputLatencyMs: number): Heard | null {
    if (this.open && onset.at > this.open.until) this.open = null;
    if (!this.open) {
      this.unclaimed = onset;
      return null;
    }
    return this.open.measured ? null : this.claim(onset, outputLatencyMs);
  }

  turnStarted(turn: number, position: number, outputLatencyMs: number): Heard | null {
    this.open = { turn, measured: false, until: Number.POSITIVE_INFINITY };
    const early = this.unclaimed;
    this.unclaimed = null;
    if (!early || position - early.at > this.samples(LATE_MS)) return null;
    return this.claim(early, outputLatencyMs);
  }

  turnEnded(turn: number, position: number, interrupted: boolean): void {
    if (this.open?.turn !== turn) return;
    if (this.open.measured || interrupted) this.open = null;
    else this.open.until = position + this.samples(AFTER_END_MS);
  }

  private claim(onset: Onset, outputLatencyMs: number): Heard | null {
    if (!this.open) return null;
    this.open.measured = true;
    const { turn } = this.open;
    const { lastSpeech, talking, at } = onset;
    const since = this.previousOnset;
    this.previousOnset = at;
    // A greeting answers nobody; and speech before the last answer was answered by that one.
    if (turn < 1 || talking || lastSpeech === null || lastSpeech <= since) return null;
    const ms = ((at - lastSpeech) * 1000) / this.sampleRate + outputLatencyMs;
    return ms >= 0 && ms <= LONGEST_MS ? { turn, ms: Math.round(ms * 10) / 10 } : null;
  }

  private samples(ms: number): number {
    return (ms * this.sampleRate) / 1000;
  }
}
