/**
 * When to try again after the network failed, and when to give up. Sans-I/O: times in ms are arguments.
 */

const FIRST_MS = 500;
const LONGEST_MS = 4000;
/** The front pings every 5 s and may need this long to notice; the call's grace time begins only then. */
export const NOTICE_MS = 15_000;
/** An interruption of the media path this short heals by itself. */
export const MEDIA_LOST_MS = 2000;

export class ReconnectPolicy {
  attempts = 0;
  private lostAt: number | null = null;

  constructor(private readonly graceMs: number) {}

  get active(): boolean {
    return this.lostAt !== null;
  }

  lost(now: number): void {
    this.lostAt ??= now;
  }

  restored(): void {
    this.lostAt = null;
    this.attempts = 0;
  }

  /** Ms to wait before the next attempt: 500, 1000, 2000, 4000, 4000 …; null when the call cannot be there any more. */
  next(now: number): number | null {
    if (this.lostAt === null) return null;
    const left = this.lostAt + this.graceMs + NOTICE_MS - now;
    if (left <= 0) return null;
    const delay = Math.min(FIRST_MS * 2 ** this.attempts, LONGEST_MS, left);
    this.attempts += 1;
    return delay;
  }
}
