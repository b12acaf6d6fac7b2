/** A token bucket: `rate` a second on average, `burst` at once. Time is an argument, in ms, of any monotonic clock. */
export class TokenBucket {
  #tokens;
  #at;

  /**
   * @param {{rate: number, burst: number}} limits
   * @param {number} now ms
   */
  constructor({ rate, burst }, now) {
    this.rate = rate;
    this.burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /**
   * Takes a token.
   *
   * @param {number} now ms
   * @returns {boolean} false: there was none, it comes too fast
   */
  take(now) {
    this.#tokens = Math.min(this.burst, this.#tokens + ((now - this.#at) / 1000) * this.rate);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
