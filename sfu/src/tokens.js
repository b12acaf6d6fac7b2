import { compactVerify, errors } from 'jose';
import { UsedTokens } from './used_tokens.js';

const LONGEST_TOKEN = 2048;
const LONGEST_TEXT = 200;
const LONGEST_CALL_S = 604_800;
const LATEST = 2 ** 53;

/** Those that were used are remembered until they expire; so many at most. */
const REMEMBERED = 100_000;

/**
 * @typedef {'missing' | 'malformed' | 'forged' | 'wrong_audience' | 'expired' | 'not_yet' | 'too_long'
 *   | 'wrong_origin' | 'replayed' | 'too_many'} TokenReason for logs and metrics, as in docs/access.md
 * @typedef {{tokenId: string, expiresS: number, label: string, maxCallS: number | null}} Grant `expiresS`: Unix time
 *   from which it is refused, leeway included
 */

/** A token is not good for a call now. Callers are told that they are not allowed, and no more. */
export class TokenRefused extends Error {
  /** @param {TokenReason} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** Says which call tokens are good, and remembers those that were used: core/voicebot/access/tokens.py in JavaScript. */
export class TokenVerifier {
  #secrets;
  #audience;
  #maxTtlS;
  #leewayS;

  /**
   * @param {{secrets: string[], audience: string, max_ttl_s: number, leeway_s: number, used_tokens?: string | null}}
   *   settings any of the secrets may have signed; `used_tokens` is a folder that remembers beyond this process
   * @param {(what: string) => void} [onError] that folder could not be written
   * @param {number} [remembered]
   */
  constructor(settings, onError = () => {}, remembered = REMEMBERED) {
    const { secrets, audience, max_ttl_s: maxTtlS, leeway_s: leewayS, used_tokens: folder } = settings;
    this.#secrets = secrets.map((secret) => new TextEncoder().encode(secret));
    this.#audience = audience;
    this.#maxTtlS = maxTtlS;
    this.#leewayS = leewayS;
    this.used = new ReplayCache(remembered);
    // A token may have been made a leeway from now, and be taken a leeway after it has expired.
    this.kept = folder ? new UsedTokens(folder, maxTtlS + 2 * leewayS, onError) : null;
  }

  /**
   * What the token grants; it is not used up by that.
   *
   * @param {string | undefined} token
   * @param {number} nowS Unix time
   * @param {string} [origin] the site of the page, as its browser says
   * @returns {Promise<Grant>}
   * @throws {TokenRefused}
   */
  async verify(token, nowS, origin) {
    if (!token) throw new TokenRefused('missing');
    const { boundTo, ...grant } = this.#check(await this.#claims(token), nowS);
    if (boundTo !== null && boundTo.toLowerCase() !== origin?.toLowerCase())
      throw new TokenRefused('wrong_origin');
    if (this.used.has(grant.tokenId) || this.kept?.has(grant.tokenId)) throw new TokenRefused('replayed');
    return grant;
  }

  /**
   * The token has its call now.
   *
   * @param {Grant} grant
   * @param {number} nowS Unix time
   * @throws {TokenRefused}
   */
  use({ tokenId, expiresS }, nowS) {
    if (this.used.has(tokenId)) throw new TokenRefused('replayed');
    if (!this.used.add(tokenId, expiresS, nowS)) throw new TokenRefused('too_many');
    if (this.kept?.add(tokenId, nowS) === false) throw new TokenRefused('replayed');
  }

  /** @param {string} token @returns {Promise<Record<string, unknown>>} */
  async #claims(token) {
    if (token.length > LONGEST_TOKEN || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token))
      throw new TokenRefused('malformed');
    for (const secret of this.#secrets) {
      try {
        const { payload, protectedHeader } = await compactVerify(token, secret, { algorithms: ['HS256'] });
        const claims = protectedHeader.b64 === false ? null : JSON.parse(DECODER.decode(payload));
        if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims;
        throw new TokenRefused('malformed');
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        if (error instanceof errors.JOSEAlgNotAllowed) continue;
        throw new TokenRefused('malformed');
      }
    }
    throw new TokenRefused('forged');
  }

  /** @param {Record<string, unknown>} claims @param {number} nowS */
  #check(claims, nowS) {
    const issuedS = numberOf(claims, 'iat', LATEST);
    const untilS = numberOf(claims, 'exp', LATEST);
    const notBeforeS = 'nbf' in claims ? numberOf(claims, 'nbf', LATEST) : issuedS;
    const tokenId = textOf(claims, 'jti');
    const label = 'sub' in claims ? textOf(claims, 'sub') : '';
    const boundTo = 'origin' in claims ? textOf(claims, 'origin') : null;
    const maxCallS = 'max_call_s' in claims ? numberOf(claims, 'max_call_s', LONGEST_CALL_S) : null;
    if (maxCallS !== null && maxCallS < 1) throw new TokenRefused('malformed');
    const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    if (!audiences.includes(this.#audience)) throw new TokenRefused('wrong_audience');
    if (nowS >= untilS + this.#leewayS) throw new TokenRefused('expired');
    if (nowS < Math.max(issuedS, notBeforeS) - this.#leewayS) throw new TokenRefused('not_yet');
    if (untilS - issuedS > this.#maxTtlS) throw new TokenRefused('too_long');
    return { tokenId, expiresS: untilS + this.#leewayS, label, maxCallS, boundTo };
  }
}

/** Ids of used tokens until they expire. Nothing is forgotten before its time: that would let a token in twice. */
export class ReplayCache {
  /** @type {Map<string, number>} */
  #expiries = new Map();
  #sweepAtS = -Infinity;

  /** @param {number} size how many are remembered at most */
  constructor(size) {
    this.size = size;
  }

  get count() {
    return this.#expiries.size;
  }

  /** @param {string} id */
  has(id) {
    return this.#expiries.has(id);
  }

  /**
   * @param {string} id @param {number} expiresS @param {number} nowS on the clock of `expiresS`
   * @returns {boolean} false: it is there, or there is no room
   */
  add(id, expiresS, nowS) {
    // All of them are looked at once a minute, or when there is no room, which a stranger cannot bring about.
    if (nowS >= this.#sweepAtS || this.count >= this.size) {
      for (const [one, untilS] of this.#expiries) if (untilS <= nowS) this.#expiries.delete(one);
      this.#sweepAtS = nowS + 60;
    }
    if (this.has(id) || this.count >= this.size) return false;
    this.#expiries.set(id, expiresS);
    return true;
  }
}

const DECODER = new TextDecoder('utf-8', { fatal: true });

/** @param {Record<string, unknown>} claims @param {string} name @param {number} most */
function numberOf(claims, name, most) {
  const value = claims[name];
  if (typeof value !== 'number' || !(value >= 0 && value <= most)) throw new TokenRefused('malformed');
  return value;
}

/** @param {Record<string, unknown>} claims @param {string} name */
function textOf(claims, name) {
  const value = claims[name];
  // Counted as Python counts: by code points.
  if (typeof value !== 'string' || !value || [...value].length > LONGEST_TEXT)
    throw new TokenRefused('malformed');
  return value;
}
