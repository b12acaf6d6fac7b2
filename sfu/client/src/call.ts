/** One call, from the Talk button until it is over: microphone, signalling, media, ear and what is between them. */

import { Ear } from './ear';
import { asCallEvent, type CallEvent } from './events';
import { CallFailure } from './failure';
import type { Media, MediaHooks } from './media';
import { MediasoupMedia } from './mediasoup';
import { openMicrophone } from './microphone';
import { PeerMedia } from './peer';
import type { Playback } from './playback';
import type { Joined } from './protocol';
import { MEDIA_LOST_MS, ReconnectPolicy } from './reconnect';
import { Signalling } from './signalling';
import type { Phase } from './wording';

const NO_PATH_MS = 10_000;
const RETRY_S = 5;

export interface CallObserver {
  /** `waiting` comes once a second, with the seconds left. */
  onPhase(phase: Phase, seconds?: number): void;
  onEvent(event: CallEvent): void;
  onHeard(turn: number, ms: number): void;
  onLevels(microphoneDb: number, agentDb: number): void;
  /** Something that the user can mend; null when it is mended. */
  onTrouble(code: string | null): void;
  onMicrophone(track: MediaStreamTrack): void;
  /** The call is over; null where that is as it should be. */
  onOver(failure: CallFailure | null): void;
}

export class Call {
  /** `crypto.randomUUID` is missing where the page comes without TLS. */
  private readonly name = Array.from(crypto.getRandomValues(new Uint32Array(3)), String).join('-');
  private readonly abort = new AbortController();
  private readonly ear: Ear;
  private microphone: MediaStreamTrack | null = null;
  private muted = false;
  private signalling: Signalling | null = null;
  private joined: Joined | null = null;
  private media: Media | null = null;
  private policy = new ReconnectPolicy(0);
  private pathTimer = 0;
  private wake: () => void = () => {};

  constructor(
    playback: Playback,
    private readonly observer: CallObserver,
    private readonly accessToken = '',
  ) {
    this.ear = new Ear(playback, {
      onLevels: (microphoneDb, agentDb) => observer.onLevels(microphoneDb, agentDb),
      onHeard: (turn, ms) => {
        this.signalling?.heard(turn, ms);
        observer.onHeard(turn, ms);
      },
    });
  }

  /** Runs until media flow; afterwards events drive the call. Failures end it through `onOver`. */
  async start(microphoneId: string): Promise<void> {
    try {
      this.observer.onPhase('asking_microphone');
      // Both at once: an AudioContext wants the gesture that began the call.
      const ear = this.ear.open();
      const microphone = await openMicrophone(microphoneId);
      await ear;
      this.takeMicrophone(microphone);
      this.check();
      await this.connect();
    } catch (error) {
      this.finish(error instanceof CallFailure ? error : new CallFailure('setup_failed', String(error)));
    }
  }

  hangUp(): void {
    this.finish(null);
  }

  /** Whether the microphone is sent. */
  setMuted(muted: boolean): void {
    this.muted = muted;
    if (this.microphone) this.microphone.enabled = !muted;
  }

  /** @throws CallFailure where that microphone is not to be had; the call goes on with the old one. */
  async useMicrophone(deviceId: string): Promise<void> {
    const track = await openMicrophone(deviceId);
    if (this.over) {
      track.stop();
      return;
    }
    this.takeMicrophone(track);
    await this.media?.replaceMicrophone(track);
    this.observer.onTrouble(null);
  }

  /** The browser is online again, or on another network. */
  networkChanged(): void {
    if (!this.joined || this.over) return;
    // Either way the next attempt is due now.
    void this.reconnect();
    this.wake();
  }

  resumeSound(): void {
    this.ear.resume();
  }

  // --- setting up ---------------------------------------------------------------------------------------------------

  private async connect(): Promise<void> {
    for (;;) {
      this.check();
      this.observer.onPhase('connecting');
      try {
        const { signalling, joined } = await Signalling.open(
          this.name,
          null,
          this.abort.signal,
          this.accessToken,
        );
        this.attach(signalling);
        this.joined = joined;
        break;
      } catch (error) {
        if (!(error instanceof CallFailure) || error.code !== 'not_ready') throw error;
      }
      for (let seconds = RETRY_S; seconds > 0 && !this.over; seconds--) {
        this.observer.onPhase('waiting', seconds);
        await this.pause(1000);
      }
    }
    this.policy = new ReconnectPolicy(this.joined.graceMs);
    const hooks: MediaHooks = {
      onRemote: (track) => this.ear.setAgent(track),
      onPath: () => this.pathChanged(),
    };
    const kind = this.joined.transport === 'webrtc' ? PeerMedia : MediasoupMedia;
    this.media = new kind(this.joined, hooks);
    if (!this.signalling || !this.microphone) throw new CallFailure('server_gone');
    await this.media.start(this.signalling, this.microphone);
    this.check();
    if (!(await this.pathMade())) throw new CallFailure('no_media_path');
    this.observer.onPhase('in_call');
  }

  private takeMicrophone(track: MediaStreamTrack): void {
    this.microphone?.stop();
    this.microphone = track;
    if (this.over) {
      track.stop();
      return;
    }
    track.enabled = !this.muted;
    track.onended = () => {
      if (track === this.microphone) this.observer.onTrouble('microphone_lost');
    };
    this.ear.setMicrophone(track);
    this.observer.onMicrophone(track);
  }

  private attach(signalling: Signalling): void {
    this.signalling = signalling;
    if (this.over) {
      signalling.leave();
      return;
    }
    signalling.handlers = {
      onEvent: (received) => {
        const event = asCallEvent(received);
        if (!event) return;
        this.ear.told(event);
        this.observer.onEvent(event);
      },
      onEnded: (reason, message) => {
        // It is over: nothing to leave.
        signalling.close();
        this.finish(reason === 'hung_up' ? null : new CallFailure(reason, message));
      },
      onLost: (failure) => {
        if (failure) this.finish(failure);
        else if (this.media) void this.reconnect();
        else this.finish(new CallFailure('server_gone'));
      },
    };
  }

  /** Whether the media find their way in time. */
  private async pathMade(): Promise<boolean> {
    const until = performance.now() + NO_PATH_MS;
    while (this.media?.path === 'connecting' && performance.now() < until && !this.over) {
      await this.pause(until - performance.now());
    }
    this.check();
    return this.media?.path === 'connected';
  }

  // --- the network --------------------------------------------------------------------------------------------------

  private pathChanged(): void {
    window.clearTimeout(this.pathTimer);
    this.wake();
    if (this.media?.path !== 'broken' || this.policy.active) return;
    this.pathTimer = window.setTimeout(() => void this.reconnect(), MEDIA_LOST_MS);
  }

  private async reconnect(): Promise<void> {
    if (this.over || this.policy.active || !this.joined || !this.media) return;
    this.policy.lost(performance.now());
    this.observer.onPhase('reconnecting');
    try {
      for (;;) {
        // Ours would answer the front's question whether it is still there.
        this.signalling?.close();
        const delay = this.policy.next(performance.now());
        if (delay === null) throw new CallFailure('server_gone');
        await this.pause(delay);
        this.check();
        if (await this.resumed(this.joined.token, this.media)) break;
      }
      this.policy.restored();
      this.ear.eventsMissed();
      this.observer.onPhase('in_call');
    } catch (error) {
      this.finish(error instanceof CallFailure ? error : new CallFailure('server_gone', String(error)));
    }
  }

  /** One attempt. @throws CallFailure where no other one can succeed. */
  private async resumed(token: string, media: Media): Promise<boolean> {
    try {
      const { signalling } = await Signalling.open(this.name, token, this.abort.signal);
      this.attach(signalling);
      await media.restart(signalling);
      return (await this.pathMade()) && signalling.alive;
    } catch (error) {
      const code = error instanceof CallFailure ? error.code : 'setup_failed';
      if (['unreachable', 'signalling_refused', 'in_use', 'not_ready', 'setup_failed'].includes(code))
        return false;
      throw error;
    }
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  private get over(): boolean {
    return this.abort.signal.aborted;
  }

  private check(): void {
    if (this.over) throw new CallFailure('aborted');
  }

  /** Waits, but not longer than until `wake` or the end of the call. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = window.setTimeout(resolve, Math.max(0, ms));
      this.wake = () => {
        window.clearTimeout(timer);
        resolve();
      };
    });
  }

  private finish(failure: CallFailure | null): void {
    if (this.over) return;
    this.abort.abort();
    window.clearTimeout(this.pathTimer);
    this.wake();
    this.signalling?.leave();
    this.media?.close();
    this.ear.close();
    this.microphone?.stop();
    this.observer.onOver(failure);
  }
}
