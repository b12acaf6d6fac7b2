import { BlockList, isIP } from 'node:net';

const MOST_HOPS = 32;

/**
 * @typedef {object} Caller where a request comes from
 * @property {string} address the caller's, as far as it is known
 * @property {string} key what limits per address go by; "" where there are none: a program on this machine
 * @property {boolean} forwarded a proxy brought it
 * @property {boolean} unknownProxy one that is not trusted: the address is the proxy's own
 */

/** Finds the caller behind proxies: core/voicebot/access/addresses.py in JavaScript. */
export class Proxies {
  #trusted = new BlockList();

  /** @param {string[]} trusted addresses or networks of those whose X-Forwarded-For is believed */
  constructor(trusted) {
    for (const one of trusted) {
      const [address, bits] = one.split('/');
      const v6 = isIP(address) === 6;
      this.#trusted.addSubnet(
        address,
        bits === undefined ? (v6 ? 128 : 32) : Number(bits),
        v6 ? 'ipv6' : 'ipv4',
      );
    }
  }

  /**
   * The nearest address that is not a trusted proxy's.
   *
   * @param {string} peer the other end of the TCP connection
   * @param {import('node:http').IncomingHttpHeaders} headers Each proxy adds to X-Forwarded-For, at the end, the
   *   address that it was asked by; whatever comes before an address that is not trusted is hearsay.
   * @returns {Caller}
   */
  caller(peer, headers = {}) {
    const forwardedFor = String(headers['x-forwarded-for'] ?? '').trim();
    const forwarded = Boolean(forwardedFor || headers.forwarded || headers.via);
    let address = parsed(peer);
    if (!address) return { address: peer, key: callerKey(peer), forwarded, unknownProxy: forwarded };
    if (!this.trusts(address)) {
      // A program on this machine is its user's own, unless it brings others.
      const key = isLoopback(address) && !forwarded ? '' : callerKey(address);
      return { address, key, forwarded, unknownProxy: forwarded };
    }
    if (!forwardedFor)
      return { address, key: forwarded ? callerKey(address) : '', forwarded, unknownProxy: false };
    for (const hop of forwardedFor.split(',').slice(-MOST_HOPS).reverse()) {
      const found = parsed(hop);
      if (!found) break;
      address = found;
      if (!this.trusts(found)) break;
    }
    return { address, key: callerKey(address), forwarded: true, unknownProxy: false };
  }

  /** @param {string} address */
  trusts(address) {
    const found = parsed(address);
    return found !== '' && this.#trusted.check(found, isIP(found) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** What an address is counted as: IPv4 as it is, IPv6 by its first 64 bits, which one customer has whole. */
export function callerKey(/** @type {string} */ address) {
  const found = parsed(address);
  if (isIP(found) !== 6) return found || address.slice(0, 64);
  const [head, tail = ''] = canonical(found).split('::');
  const before = head ? head.split(':') : [];
  const zeros = 8 - before.length - (tail ? tail.split(':').length : 0);
  const groups = [...before, ...Array(zeros).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${canonical(`${groups.slice(0, 4).join(':')}::`)}/64`;
}

/**
 * Whether a Host header, with or without a port, names this machine by an address or name that is always its own. A
 * page of another site whose name is made to point here (DNS rebinding) says its own name.
 *
 * @param {string} host
 */
export function isLoopbackName(host) {
  const lower = host.trim().toLowerCase();
  const name = lower.startsWith('[') ? lower.slice(1).split(']')[0] : lower.replace(/:[^:]*$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return isIP(name) !== 0 && isLoopback(parsed(name));
}

/** Whether a front that listens on this `host` can be reached from this machine only. @param {string} host */
export function isLoopbackHost(host) {
  return isLoopbackName(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);
}

/** @param {string} address */
function isLoopback(address) {
  return isIP(address) === 4 ? address.startsWith('127.') : canonical(address) === '::1';
}

/** @param {string} address IPv6 @returns {string} its shortest form */
function canonical(address) {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/**
 * An address as peers and proxies write it: with a port, in brackets, with a zone, or IPv4 in IPv6.
 *
 * @param {string} text
 * @returns {string} "" where it is none
 */
function parsed(text) {
  let found = text.trim().replace(/^"|"$/g, '');
  if (found.startsWith('[')) found = found.slice(1).split(']')[0];
  else if (found.split(':').length === 2) found = found.split(':')[0];
  found = found.split('%')[0];
  const version = isIP(found);
  if (version !== 6) return version ? found : '';
  const short = canonical(found);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (!mapped) return short;
  const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
