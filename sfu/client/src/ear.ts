/** What is heard on this side: the meter listens to both, the agent makes way for the user, turns are measured. */

import { DuckingPolicy } from './ducking';
import type { CallEvent } from './events';
import { type Heard, HeardMatcher } from './heard';
import { Meter, type MeterMessage } from './meter';
import type { Playback } from './playback';

export interface EarHooks {
  onHeard(turn: number, ms: number): void;
  onLevels(microphoneDb: number, agentDb: number): void;
}

export class Ear {
  private readonly ducking = new DuckingPolicy();
  private meter: Meter | null = null;
  private matcher: HeardMatcher | null = null;
  private timer = 0;
  private closed = false;

  constructor(
    private readonly playback: Playback,
    private readonly hooks: EarHooks,
  ) {}

  /** To be called in a user's gesture. Without a meter, a call goes on: nothing is measured, and nothing ducked. */
  async open(): Promise<void> {
    this.adjust();
    const meter = await Meter.open((message) => this.metered(message));
    if (this.closed) meter?.close();
    else if (meter) {
      this.meter = meter;
      this.matcher = new HeardMatcher(meter.sampleRate);
    }
  }

  setMicrophone(track: MediaStreamTrack): void {
    this.meter?.setMicrophone(track);
  }

  setAgent(track: MediaStreamTrack): void {
    // Before the meter: Chromium lets a remote track flow only where an element plays it.
    this.playback.setTrack(track);
    this.meter?.setAgent(track);
  }

  /** An event of the call. */
  told(event: CallEvent): void {
    const position = this.meter?.position ?? 0;
    switch (event.name) {
      case 'state_changed':
        this.ducking.stateChanged(event.state === 'agent_speaking');
        break;
      case 'agent_turn_started':
        this.ducking.agentTurnStarted();
        this.heard(this.matcher?.turnStarted(event.turn, position, this.latencyMs));
        break;
      case 'agent_turn_ended':
        this.ducking.agentTurnEnded(event.reason === 'interrupted');
        this.matcher?.turnEnded(event.turn, position, event.reason === 'interrupted');
        break;
      case 'interruption_judged':
        if (!event.interrupted) this.ducking.dismissed();
        break;
      default:
        return;
    }
    this.adjust();
  }

  /** Events were missed: a turn may have begun that nobody told of, and it must be heard. */
  eventsMissed(): void {
    this.ducking.agentTurnStarted();
    this.adjust();
  }

  /** The user has asked for the sound that the browser held back. */
  resume(): void {
    this.playback.play();
    this.meter?.resume();
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.timer);
    this.meter?.close();
    this.playback.close();
  }

  private get latencyMs(): number {
    return this.meter?.outputLatencyMs ?? 0;
  }

  private metered(message: MeterMessage): void {
    if (this.closed) return;
    switch (message.type) {
      case 'levels':
        this.hooks.onLevels(message.microphoneDb, message.agentDb);
        return;
      case 'onset':
        this.heard(this.matcher?.onset(message.onset, this.latencyMs));
        return;
      case 'speech':
        if (message.speaking) this.ducking.localSpeechStarted();
        else this.ducking.localSpeechStopped(performance.now());
        this.adjust();
    }
  }

  private heard(heard: Heard | null | undefined): void {
    if (heard) this.hooks.onHeard(heard.turn, heard.ms);
  }

  private adjust(): void {
    const now = performance.now();
    this.ducking.tick(now);
    this.playback.setGain(this.ducking.gain);
    window.clearTimeout(this.timer);
    const due = this.ducking.dueAt;
    if (due !== null) this.timer = window.setTimeout(() => this.adjust(), due - now + 1);
  }
}
