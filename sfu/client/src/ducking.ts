/**
 * How loud the agent may be: it makes way for the user at once, before the server has said a word.
 *
 * Sans-I/O: times in ms are arguments; `gain` is what to play at.
 */

export const DUCKED = 0.15;
/** The user is quiet, and the server has not said what it was: without its word, this long. */
export const UNDUCK_AFTER_MS = 700;

export class DuckingPolicy {
  private muted = false;
  private ducked = false;
  private agentSpeaking = false;
  private userSpeaking = false;
  private quietSince = Number.NEGATIVE_INFINITY;

  get gain(): number {
    if (this.muted) return 0;
    return this.ducked ? DUCKED : 1;
  }

  /** When `tick` has something to do, or null. */
  get dueAt(): number | null {
    return this.ducked && !this.userSpeaking ? this.quietSince + UNDUCK_AFTER_MS : null;
  }

  localSpeechStarted(): void {
    this.userSpeaking = true;
    if (this.agentSpeaking) this.ducked = true;
  }

  localSpeechStopped(now: number): void {
    this.userSpeaking = false;
    this.quietSince = now;
  }

  stateChanged(agentSpeaking: boolean): void {
    this.agentSpeaking = agentSpeaking;
  }

  agentTurnStarted(): void {
    this.muted = false;
    this.ducked = false;
  }

  /** What an interrupted turn has left in the jitter buffer is not for the ear. */
  agentTurnEnded(interrupted: boolean): void {
    if (interrupted) this.muted = true;
  }

  /** It was a cough, or a word of agreement: the server goes on where it stopped, and that is to be heard. */
  dismissed(): void {
    this.ducked = false;
  }

  tick(now: number): void {
    const due = this.dueAt;
    if (due !== null && now >= due) this.ducked = false;
  }
}

/** iOS ignores an element's volume: there it is heard or not. */
export function playedAt(gain: number, volumeWorks: boolean): { volume: number; muted: boolean } {
  return volumeWorks ? { volume: gain, muted: gain === 0 } : { volume: 1, muted: gain < 0.5 };
}
