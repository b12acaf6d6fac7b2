/** The page's controls and its words. Knows the DOM, and nothing of calls. */

import { byId, element, setText } from './dom';
import { type Phase, type Problem, type Remedy, type ShownState, STATES } from './wording';

const REMEDIES: Record<Exclude<Remedy, null>, string> = {
  play: 'Play the sound',
  microphone: 'Use another microphone',
};
/** Below this a level shows nothing. */
const QUIETEST_DB = -60;
const ANNOUNCEMENTS = 20;

export class View {
  readonly talk = byId<HTMLButtonElement>('talk');
  readonly mute = byId<HTMLButtonElement>('mute');
  readonly remedy = byId<HTMLButtonElement>('remedy');
  readonly microphone = byId<HTMLSelectElement>('microphone');
  readonly speaker = byId<HTMLSelectElement>('speaker');
  readonly audio = byId<HTMLAudioElement>('agent');
  private readonly state = byId('state');
  private readonly error = byId('error');
  private readonly announcer = byId('announcer');
  private readonly ring = document.querySelector('.ring') as HTMLElement;
  private readonly microphoneLevel = byId<HTMLMeterElement>('microphone-level');
  private readonly agentLevel = byId<HTMLMeterElement>('agent-level');

  constructor() {
    const settings = byId<HTMLButtonElement>('settings');
    settings.addEventListener('click', () => {
      const devices = byId('devices');
      devices.hidden = !devices.hidden;
      settings.setAttribute('aria-expanded', String(!devices.hidden));
    });
  }

  showPhase(phase: Phase): void {
    document.body.dataset.phase = phase;
    const calling = phase !== 'idle' && phase !== 'ended';
    setText(byId('talk-label'), calling ? 'Hang up' : 'Talk');
    this.mute.disabled = !calling;
    byId('welcome').hidden = phase !== 'idle';
    if (!calling) this.showLevels(-120, -120);
  }

  /** @param words in place of the state's own. */
  showState(state: ShownState, words = STATES[state]): void {
    this.state.dataset.state = state;
    setText(this.state, words);
  }

  showMuted(muted: boolean): void {
    this.mute.setAttribute('aria-pressed', String(muted));
    setText(byId('mute-label'), muted ? 'Muted' : 'Mute');
  }

  showProblem(problem: Problem | null): void {
    this.error.hidden = problem === null;
    if (!problem) {
      delete this.error.dataset.code;
      setText(byId('error-text'), '');
      return;
    }
    this.error.dataset.code = problem.code;
    setText(byId('error-text'), problem.text);
    this.remedy.hidden = problem.remedy === null;
    if (problem.remedy) setText(this.remedy, REMEDIES[problem.remedy]);
  }

  showLevels(microphoneDb: number, agentDb: number): void {
    const [you, agent] = [loudness(microphoneDb), loudness(agentDb)];
    this.microphoneLevel.value = you;
    this.agentLevel.value = agent;
    this.ring.style.transform = `scale(${(1 + Math.max(you, agent) * 0.12).toFixed(3)})`;
  }

  /** @param chosen the device id in use, "" for the browser's choice. */
  showDevices(list: HTMLSelectElement, devices: MediaDeviceInfo[], chosen: string): void {
    const options = [new Option("The browser's choice", '')];
    // Chromium lists its default twice, under its own name and under this one.
    for (const { deviceId, label } of devices) {
      if (deviceId !== 'default') options.push(new Option(label || 'Unnamed device', deviceId));
    }
    list.replaceChildren(...options);
    list.value = devices.some((device) => device.deviceId === chosen) ? chosen : '';
  }

  /** For screen readers: words that others see come and go. */
  announce(words: string): void {
    this.announcer.append(element('p', '', words));
    while (this.announcer.childElementCount > ANNOUNCEMENTS) this.announcer.firstElementChild?.remove();
  }
}

function loudness(db: number): number {
  return Math.min(1, Math.max(0, 1 - db / QUIETEST_DB));
}
