import { TokenBucket } from './rate_limit.js';

/** Whose rates are remembered: beyond, the one that was quiet for longest is forgotten, and may ask anew. */
const MOST_ADDRESSES = 10_000;
/** Seconds' worth of requests that may come at once: a page is a handful of files. */
const REQUESTS_BURST = 5;

/**
 * @typedef {{connections: number, connections_per_address: number, calls_per_address: number, joins_per_minute: number,
 *   requests_per_s: number, sockets: number, sockets_per_address: number, request_timeout_s: number,
 *   response_timeout_s: number}} Limits
 */

/** Rates per address. Times are ms of any monotonic clock. */
class Rates {
  /** @type {Map<string, TokenBucket>} */
  #buckets = new Map();

  /** @param {{rate: number, burst: number}} limits */
  constructor(limits) {
    this.limits = limits;
  }

  /** @param {string} key @param {number} now */
  take(key, now) {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.limits, now);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MOST_ADDRESSES)
      this.#buckets.delete(/** @type {string} */ (this.#buckets.keys().next().value));
    return bucket.take(now);
  }
}

/** Things that are taken and given back, counted per address. */
class Held {
  /** @type {Map<string, number>} */
  #counts = new Map();
  total = 0;

  /** @param {number} most @param {number} mostPerAddress */
  constructor(most, mostPerAddress) {
    this.most = most;
    this.mostPerAddress = mostPerAddress;
  }

  /** @param {string} key @returns {boolean} */
  take(key) {
    const count = this.#counts.get(key) ?? 0;
    if (this.total >= this.most || (key && count >= this.mostPerAddress)) return false;
    this.total += 1;
    if (key) this.#counts.set(key, count + 1);
    return true;
  }

  /** @param {string} key */
  giveBack(key) {
    this.total -= 1;
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

/**
 * How much one address, and all together, may ask for. Asked before each thing that costs something; the key "" is of
 * those who have no limit of their own. What is held (`sockets`, `pages`, `calls`) is given back.
 */
export class AddressLimits {
  #requests;
  #joins;

  /** @param {Limits} limits */
  constructor(limits) {
    const { requests_per_s: rate, joins_per_minute: joins } = limits;
    this.#requests = new Rates({ rate, burst: Math.max(1, rate * REQUESTS_BURST) });
    this.#joins = new Rates({ rate: joins / 60, burst: Math.max(1, joins / 2) });
    this.sockets = new Held(limits.sockets, limits.sockets_per_address);
    this.pages = new Held(Infinity, limits.connections_per_address);
    this.calls = new Held(Infinity, limits.calls_per_address);
  }

  /** Whether an HTTP request is answered. @param {string} key @param {number} now ms */
  request(key, now) {
    return !key || this.#requests.take(key, now);
  }

  /** Whether an attempt to join a call is looked at. @param {string} key @param {number} now ms */
  join(key, now) {
    return !key || this.#joins.take(key, now);
  }
}
