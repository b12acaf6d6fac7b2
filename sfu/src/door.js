import { isLoopbackHost, isLoopbackName, Proxies } from './addresses.js';
import { Refused, UserError } from './errors.js';
import { AddressLimits } from './limits.js';
import { TokenBucket } from './rate_limit.js';
import { TokenRefused, TokenVerifier } from './tokens.js';

/** Refusals that are logged: so many a second, and at once. */
const LINES = { rate: 1, burst: 20 };

/**
 * @typedef {{secrets: string[], open: boolean, audience: string, max_ttl_s: number, leeway_s: number,
 *   used_tokens?: string | null, trusted_proxies: string[], limits: import('./limits.js').Limits, max_call_s: number | null}} Access
 * @typedef {import('./addresses.js').Caller} Caller
 * @typedef {{caller: Caller, host: string, origin: string | undefined}} From who a page is, by its request
 * @typedef {import('./tokens.js').Grant} Grant
 */

/** A call is not given; `reason` is for logs and metrics, the caller is told nothing of it. */
export class NotAllowed extends Refused {
  /** @param {string} reason as in docs/access.md */
  constructor(reason) {
    super('not_allowed', 'Not allowed.');
    this.reason = reason;
  }
}

/**
 * Where a front asks whom it lets in: core/voicebot/access/door.py in JavaScript. With a secret, a call needs a token.
 * Without one, calls are for this machine only: the front must listen on loopback, and no proxy may bring others.
 * `open` lets everybody in.
 */
export class Door {
  #access;
  #tokens;
  #proxies;
  #lines = new TokenBucket(LINES, 0);

  /**
   * @param {Access} access
   * @param {string} host where the front listens
   * @param {(what: string) => void} [onError] used tokens could not be written
   * @throws {UserError} it listens for strangers, and nothing says who may call
   */
  constructor(access, host, onError) {
    const { secrets, open, limits, trusted_proxies: proxies } = access;
    if (!secrets.length && !open && !isLoopbackHost(host))
      throw new UserError(
        `\`host\` is ${host}, and nothing says who may call.`,
        'Set `access.secrets`: calls then need a token. To let anybody call: `"access": {"open": true}`.',
      );
    this.#access = access;
    this.#tokens = secrets.length ? new TokenVerifier(access, onError) : null;
    this.#proxies = new Proxies(proxies);
    this.limits = new AddressLimits(limits);
  }

  /** @param {import('node:http').IncomingMessage} request @returns {Caller} */
  caller({ socket, headers }) {
    return this.#proxies.caller(socket.remoteAddress ?? '', headers);
  }

  /** Whether a connection is a trusted proxy's, which keeps it for the next caller. @param {string} peer */
  isProxy(peer) {
    return this.#proxies.trusts(peer);
  }

  /** What a TCP connection is counted as, before it has said anything. @param {string} peer */
  socketKey(peer) {
    return this.#proxies.trusts(peer) ? '' : this.#proxies.caller(peer).key;
  }

  /**
   * Whether a call may be given; then its token is used up, and the address has one call more, until `callOver`.
   *
   * @param {From} from
   * @param {string | undefined} token
   * @param {{nowMs: number, unixS: number}} times
   * @param {() => void} obstacle throws where there would be no call anyway: the token is kept for another attempt
   * @returns {Promise<Grant | null>} null: none is needed
   * @throws {NotAllowed}
   */
  async enter({ caller, host, origin }, token, { nowMs, unixS }, obstacle) {
    if (!this.limits.join(caller.key, nowMs)) throw new NotAllowed('too_many_joins');
    try {
      const grant = this.#tokens ? await this.#tokens.verify(token, unixS, origin) : null;
      if (!grant && !this.#access.open && (caller.forwarded || !isLoopbackName(host)))
        throw new NotAllowed('not_local');
      // From here on nothing waits: of two that come with one token, one gets in.
      obstacle();
      if (!this.limits.calls.take(caller.key)) throw new NotAllowed('too_many_calls');
      try {
        if (grant) this.#tokens?.use(grant, unixS);
      } catch (error) {
        this.callOver(caller);
        throw error;
      }
      return grant;
    } catch (error) {
      throw error instanceof TokenRefused ? new NotAllowed(error.reason) : error;
    }
  }

  /** @param {Caller} caller */
  callOver(caller) {
    this.limits.calls.giveBack(caller.key);
  }

  /** Whether another refusal is to be logged: a flood must not fill the disk. All are counted. @param {number} nowMs */
  worthALine(nowMs) {
    return this.#lines.take(nowMs);
  }

  /** How long a call may last: the token's word, within the settings'. @param {Grant | null} grant */
  longestCallS(grant) {
    const limits = [this.#access.max_call_s, grant?.maxCallS].filter((s) => typeof s === 'number');
    return limits.length ? Math.min(.../** @type {number[]} */ (limits)) : null;
  }
}
