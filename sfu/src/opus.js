/** @typedef {import('./config.js').Config['opus']} OpusConfig */

/**
 * What a Router takes: Opus only.
 *
 * @param {OpusConfig} opus
 * @returns {import('mediasoup').types.RtpCodecCapability}
 */
export function opusCodec(opus) {
  return {
    kind: 'audio',
    mimeType: 'audio/opus',
    clockRate: 48_000,
    channels: 2,
    parameters: opusParameters(opus),
  };
}

/** The format parameters of RFC 7587. @param {OpusConfig} opus */
export function opusParameters({ fec, dtx }) {
  return { useinbandfec: fec ? 1 : 0, usedtx: dtx ? 1 : 0, minptime: 10 };
}
