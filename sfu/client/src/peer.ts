/** Transport `webrtc`: one peer connection, made anew after a network change. */

import { CallFailure } from './failure';
import { type Media, type MediaHooks, type PathState, pathOf, setJitterBuffer } from './media';
import type { Joined } from './protocol';
import type { Signalling } from './signalling';

const GATHER_MS = 2000;

export class PeerMedia implements Media {
  path: PathState = 'connecting';
  private peer: RTCPeerConnection | null = null;
  private microphone: MediaStreamTrack | null = null;

  constructor(
    private readonly joined: Joined,
    private readonly hooks: MediaHooks,
  ) {}

  async start(signalling: Signalling, microphone: MediaStreamTrack): Promise<void> {
    this.microphone = microphone;
    await this.restart(signalling);
  }

  async restart(signalling: Signalling): Promise<void> {
    this.close();
    this.path = 'connecting';
    const peer = new RTCPeerConnection({ iceServers: this.joined.iceServers });
    this.peer = peer;
    peer.ontrack = ({ track, receiver }) => {
      setJitterBuffer(receiver, this.joined.jitterBufferTargetMs);
      this.hooks.onRemote(track);
    };
    peer.onconnectionstatechange = () => {
      if (this.peer !== peer) return;
      this.path = pathOf(peer.connectionState);
      this.hooks.onPath(this.path);
    };
    peer.addTransceiver(this.microphone ?? 'audio', { direction: 'sendrecv' });
    try {
      await peer.setLocalDescription(await peer.createOffer());
      await gathered(peer);
      const { sdp } = await signalling.request('offer', { sdp: peer.localDescription?.sdp ?? '' });
      await peer.setRemoteDescription({ type: 'answer', sdp: String(sdp) });
    } catch (error) {
      throw error instanceof CallFailure ? error : new CallFailure('setup_failed', String(error));
    }
  }

  async replaceMicrophone(track: MediaStreamTrack): Promise<void> {
    this.microphone = track;
    await this.peer?.getSenders()[0]?.replaceTrack(track);
  }

  close(): void {
    const peer = this.peer;
    this.peer = null;
    peer?.close();
  }
}

/** All candidates, or those of the first 2 s: a server behind closed doors must not hold up the call. */
function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, GATHER_MS);
    const check = () => {
      if (peer.iceGatheringState !== 'complete') return;
      window.clearTimeout(timer);
      resolve();
    };
    peer.onicegatheringstatechange = check;
    check();
  });
}
