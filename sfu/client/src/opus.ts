import type { ProducerCodecOptions, RtpCapabilities } from 'mediasoup-client/types';

/** How to encode the microphone: speech, mono, repairable, silent in silence; less where the router says so. */
export function opusOptions(router: RtpCapabilities): ProducerCodecOptions {
  const opus = router.codecs?.find((codec) => codec.mimeType.toLowerCase() === 'audio/opus');
  const forbids = (name: string) => Number(opus?.parameters?.[name] ?? 1) === 0;
  return { opusFec: !forbids('useinbandfec'), opusDtx: !forbids('usedtx'), opusStereo: false };
}
