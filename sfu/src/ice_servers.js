import { createHmac } from 'node:crypto';

/**
 * What a page gets as `RTCConfiguration.iceServers`: the configured servers, and TURN with credentials that expire
 * (draft-uberti-behave-turn-rest-00, coturn's `use-auth-secret`): the name is `<expiry>:<call id>`, the credential
 * base64(HMAC-SHA1(secret, name)).
 *
 * @param {Pick<import('./config.js').Config, 'ice_servers' | 'turn'>} config
 * @param {string} callId
 * @param {number} nowS seconds since 1970
 * @returns {import('./config.js').IceServer[]}
 */
export function iceServers({ ice_servers: servers, turn }, callId, nowS) {
  if (!turn) return servers;
  const username = `${Math.floor(nowS) + turn.ttl_s}:${callId}`;
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64');
  return [...servers, { urls: turn.urls, username, credential }];
}
