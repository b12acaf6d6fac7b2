const TIMEOUT_MS = 5000;

/**
 * What arrived, in order, for a test that awaits it; the timeout is a safety net only.
 *
 * @template T
 */
export class Arrivals {
  /** @type {T[]} */
  #items = [];
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {T} item */
  push(item) {
    this.#items.push(item);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /**
   * Takes the first item that fits, now or later; those before it stay.
   *
   * @param {(item: T) => boolean} [fits]
   * @returns {Promise<T>}
   */
  async next(fits = () => true) {
    const deadline = setTimeout(() => {
      for (const wake of this.#waiting.splice(0)) wake();
      timedOut = true;
    }, TIMEOUT_MS);
    let timedOut = false;
    try {
      for (;;) {
        const index = this.#items.findIndex(fits);
        if (index >= 0) return this.#items.splice(index, 1)[0];
        if (timedOut) throw new Error(`It did not arrive; there is ${JSON.stringify(this.#items)}`);
        await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  get all() {
    return [...this.#items];
  }
}
