/**
 * The agent's voice through the page's one <audio> element: the browser's echo canceller knows what that plays.
 */

import { playedAt } from './ducking';

const RAMP_STEPS = 3;
const RAMP_STEP_MS = 10;

export class Playback {
  private gain = 1;
  private target = 1;
  private timer = 0;
  private readonly volumeWorks: boolean;

  /** @param onBlocked the browser wants a gesture before it plays. */
  constructor(
    private readonly element: HTMLAudioElement,
    private readonly onBlocked: () => void,
  ) {
    element.volume = 0.5;
    this.volumeWorks = element.volume === 0.5;
    this.apply();
  }

  setTrack(track: MediaStreamTrack): void {
    this.element.srcObject = new MediaStream([track]);
    this.play();
  }

  play(): void {
    this.element.play().catch((error: unknown) => {
      // AbortError: a new track came before the old one played.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.onBlocked();
    });
  }

  /** To this gain within 30 ms; at once to silence. */
  setGain(gain: number): void {
    if (gain === this.target) return;
    this.target = gain;
    window.clearTimeout(this.timer);
    const step = gain === 0 ? gain - this.gain : (gain - this.gain) / RAMP_STEPS;
    const advance = () => {
      const left = gain - this.gain;
      this.gain = Math.abs(left) <= Math.abs(step) * 1.01 ? gain : this.gain + step;
      this.apply();
      if (this.gain !== gain) this.timer = window.setTimeout(advance, RAMP_STEP_MS);
    };
    advance();
  }

  /** @throws DOMException where that speaker is not to be had. */
  async setSpeaker(deviceId: string): Promise<void> {
    if ('setSinkId' in this.element) await this.element.setSinkId(deviceId);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.element.pause();
    this.element.srcObject = null;
    // The next call begins at full gain, wherever this one's ramp was.
    this.gain = this.target = 1;
    this.apply();
  }

  private apply(): void {
    const { volume, muted } = playedAt(this.gain, this.volumeWorks);
    this.element.volume = volume;
    this.element.muted = muted;
  }
}
