/** Keeps the screen on during a call, where the browser can. */
export class WakeLock {
  private lock: WakeLockSentinel | null = null;
  private wanted = false;

  constructor() {
    // The browser lets go of it whenever the page is hidden.
    document.addEventListener('visibilitychange', () => {
      if (this.wanted && document.visibilityState === 'visible') void this.hold();
    });
  }

  async hold(): Promise<void> {
    this.wanted = true;
    try {
      const lock = await navigator.wakeLock?.request('screen');
      // A call that began right after another has asked twice: one is enough, and each must be let go.
      if (!this.wanted || (this.lock && !this.lock.released)) await lock?.release();
      else this.lock = lock;
    } catch {
      // A low battery may refuse it; a call does not need it.
    }
  }

  release(): void {
    this.wanted = false;
    void this.lock?.release().catch(() => {});
    this.lock = null;
  }
}
