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
      this.lock = await navigator.wakeLock?.request('screen');
      if (!this.wanted) await this.lock?.release();
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
