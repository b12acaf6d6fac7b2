/** The audio of a call, whichever way it travels. */

import type { Signalling } from './signalling';

export type PathState = 'connecting' | 'connected' | 'broken';

export interface MediaHooks {
  /** The agent's voice; again after a reconnection that made a new one. */
  onRemote(track: MediaStreamTrack): void;
  onPath(state: PathState): void;
}

export interface Media {
  readonly path: PathState;
  /** @throws CallFailure */
  start(signalling: Signalling, microphone: MediaStreamTrack): Promise<void>;
  /** Find a new path after the network changed. @throws CallFailure */
  restart(signalling: Signalling): Promise<void>;
  replaceMicrophone(track: MediaStreamTrack): Promise<void>;
  close(): void;
}

export function pathOf(state: RTCPeerConnectionState): PathState {
  if (state === 'connected') return 'connected';
  return state === 'new' || state === 'connecting' ? 'connecting' : 'broken';
}

/** How much the receiver should hold back against jitter. A wish: browsers without either keep their own mind. */
export function setJitterBuffer(receiver: RTCRtpReceiver | undefined, targetMs: number | null): void {
  if (!receiver || targetMs === null) return;
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = targetMs;
  else (receiver as { playoutDelayHint?: number }).playoutDelayHint = targetMs / 1000;
}
