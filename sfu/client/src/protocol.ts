/** The messages of the front, as PROTOCOL.md has them. */

import type { RtpCapabilities } from 'mediasoup-client/types';
import { isRecord, type Json, numberOr, textOr } from './values';

export const VERSION = 1;

export interface Joined {
  type: 'joined';
  transport: 'mediasoup' | 'webrtc';
  token: string;
  iceServers: RTCIceServer[];
  jitterBufferTargetMs: number | null;
  graceMs: number;
  routerRtpCapabilities: RtpCapabilities | null;
}

export type FrontMessage =
  | Joined
  | { type: 'refused'; code: string; message: string }
  | { type: 'response'; id: number; ok: true; data: Json }
  | { type: 'response'; id: number; ok: false; code: string; message: string }
  | { type: 'event'; event: unknown }
  | { type: 'ended'; reason: string; message: string };

/** @returns null for what is not a message of this protocol. */
export function parseMessage(text: string): FrontMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const message = textOr(value.message, '');
  switch (value.type) {
    case 'joined':
      return joined(value);
    case 'refused':
      return { type: 'refused', code: textOr(value.code, 'unknown'), message };
    case 'response': {
      const id = numberOr(value.id, null);
      if (id === null) return null;
      if (value.ok === true)
        return { type: 'response', id, ok: true, data: isRecord(value.data) ? value.data : {} };
      return { type: 'response', id, ok: false, code: textOr(value.code, 'unknown'), message };
    }
    case 'event':
      return { type: 'event', event: value.event };
    case 'ended':
      return { type: 'ended', reason: textOr(value.reason, 'unknown'), message };
    default:
      return null;
  }
}

function joined(value: Json): Joined | null {
  const { transport, token } = value;
  if (value.version !== VERSION || typeof token !== 'string') return null;
  if (transport !== 'mediasoup' && transport !== 'webrtc') return null;
  const capabilities = value.router_rtp_capabilities;
  if (transport === 'mediasoup' && !isRecord(capabilities)) return null;
  return {
    type: 'joined',
    transport,
    token,
    iceServers: Array.isArray(value.ice_servers) ? (value.ice_servers as RTCIceServer[]) : [],
    jitterBufferTargetMs: numberOr(value.jitter_buffer_target_ms, null),
    graceMs: numberOr(value.grace_s, 10) * 1000,
    routerRtpCapabilities: isRecord(capabilities) ? (capabilities as RtpCapabilities) : null,
  };
}
