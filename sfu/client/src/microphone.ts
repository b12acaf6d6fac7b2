/** Microphones and speakers. */

import { CallFailure } from './failure';
import { microphoneProblem } from './wording';

/** @param deviceId "" for the browser's choice. @throws CallFailure */
export async function openMicrophone(deviceId: string): Promise<MediaStreamTrack> {
  const audio: MediaTrackConstraints = {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio, video: false });
    const track = stream.getAudioTracks()[0];
    if (!track) throw new CallFailure('no_microphone');
    return track;
  } catch (error) {
    if (error instanceof CallFailure) throw error;
    const name = error instanceof DOMException ? error.name : '';
    // The chosen one is gone: any other is better than none.
    if (deviceId && name === 'OverconstrainedError') return openMicrophone('');
    throw new CallFailure(microphoneProblem(name), error instanceof Error && !name ? error.message : '');
  }
}

/** Why no call can be made from this page at all, or null. */
export function environmentProblem(): string | null {
  if (!window.isSecureContext) return 'insecure_origin';
  if (typeof RTCPeerConnection === 'undefined' || typeof WebSocket === 'undefined') return 'no_webrtc';
  return navigator.mediaDevices ? null : 'no_webrtc';
}

export const canChooseSpeaker =
  typeof HTMLAudioElement !== 'undefined' && 'setSinkId' in HTMLAudioElement.prototype;

/** Devices of a kind; without permission browsers keep their names, and often themselves, to themselves. */
export async function devices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  if (!navigator.mediaDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((device) => device.kind === kind && device.deviceId);
}
