/**
 * The first audible sample after a silence: when the agent begins to be heard.
 *
 * Audible means what it means on the server: 1 % of full scale (-40 dBFS).
 */

export const AUDIBLE = 0.01;
const QUIET_MS = 200;

export class OnsetDetector {
  private lastAudible = Number.NEGATIVE_INFINITY;
  private readonly quiet: number;

  constructor(sampleRate: number) {
    this.quiet = (sampleRate * QUIET_MS) / 1000;
  }

  /** @returns the position of the onset in this block, or null. */
  push(samples: Float32Array, start: number): number | null {
    let onset: number | null = null;
    for (let i = 0; i < samples.length; i++) {
      if (Math.abs(samples[i] ?? 0) < AUDIBLE) continue;
      const position = start + i;
      if (position - this.lastAudible >= this.quiet) onset ??= position;
      this.lastAudible = position;
    }
    return onset;
  }

  /** Whether something was audible within the last 200 ms before this position. */
  audibleAt(position: number): boolean {
    return position - this.lastAudible < this.quiet;
  }
}
