/** The page: its controls drive calls, and what calls tell is shown. */

import { Call, type CallObserver } from './call';
import { advance, EMPTY } from './conversation';
import type { CallEvent } from './events';
import { CallFailure } from './failure';
import { tokenOf } from './invitation';
import { canChooseSpeaker, devices, environmentProblem } from './microphone';
import { Playback } from './playback';
import { TranscriptView } from './transcript_view';
import { View } from './view';
import { WakeLock } from './wakelock';
import { type Phase, problem, STATES, waitingText } from './wording';

const view = new View();
const transcript = new TranscriptView();
const wakeLock = new WakeLock();
const playback = new Playback(view.audio, () => trouble('autoplay_blocked'));
let conversation = EMPTY;
let call: Call | null = null;
let phase: Phase = 'idle';
let muted = false;
let microphoneId = '';
let speakerId = '';
let accessToken = '';

function trouble(code: string | null, detail = ''): void {
  view.showProblem(code === null ? null : problem(code, detail));
}

function showPhase(next: Phase, seconds = 0): void {
  const changed = next !== phase;
  phase = next;
  view.showPhase(next);
  if (next !== 'in_call') {
    view.showState(next, next === 'waiting' ? waitingText(seconds) : STATES[next]);
    if (changed) view.announce(STATES[next]);
    return;
  }
  if (changed) view.announce('Connected');
  showCallState();
}

function showCallState(): void {
  const { state } = conversation;
  if (phase === 'in_call' && state !== 'ended') view.showState(state ?? 'warming_up');
}

function showEvent(event: CallEvent): void {
  conversation = advance(conversation, event);
  transcript.render(conversation);
  showCallState();
  if (event.name === 'user_transcript' && event.final) view.announce(`You: ${event.text}`);
  if (event.name === 'agent_turn_ended') {
    const interrupted = event.reason === 'interrupted' ? ', interrupted' : '';
    view.announce(`Agent${interrupted}: ${event.heardText}`);
  }
}

function begin(): void {
  const missing = environmentProblem();
  if (missing) {
    trouble(missing);
    return;
  }
  trouble(null);
  setMuted(false);
  conversation = EMPTY;
  transcript.clear();
  let talked = false;
  const observer: CallObserver = {
    onPhase: (next, seconds) => {
      talked ||= next === 'in_call';
      showPhase(next, seconds);
    },
    onEvent: showEvent,
    onHeard: (turn, ms) => {
      conversation = advance(conversation, { name: 'heard_here', turn, ms });
      transcript.render(conversation);
    },
    onLevels: (microphoneDb, agentDb) => view.showLevels(microphoneDb, agentDb),
    onTrouble: trouble,
    onMicrophone: (track) => {
      // The browser's own choice stays its choice.
      if (microphoneId) microphoneId = track.getSettings().deviceId ?? microphoneId;
      void showDevices();
    },
    onOver: (failure) => {
      call = null;
      wakeLock.release();
      conversation = advance(conversation, { name: 'state_changed', state: 'ended' });
      transcript.render(conversation);
      // One that never came about did not end.
      showPhase(talked ? 'ended' : 'idle');
      trouble(failure?.code ?? null, failure?.detail);
    },
  };
  call = new Call(playback, observer, accessToken);
  void wakeLock.hold();
  void call.start(microphoneId);
}

/** Also a later one: a page that shows this one in a frame gives it another token by the frame's address. */
function takeToken(): void {
  const token = tokenOf(location.hash);
  if (!token) return;
  accessToken = token;
  // Not to be bookmarked, shared or read over a shoulder.
  history.replaceState(history.state, '', location.pathname + location.search);
}

function setMuted(next: boolean): void {
  muted = next;
  call?.setMuted(next);
  view.showMuted(next);
}

async function showDevices(): Promise<void> {
  const [microphones, speakers] = await Promise.all([devices('audioinput'), devices('audiooutput')]);
  view.showDevices(view.microphone, microphones, microphoneId);
  view.showDevices(view.speaker, speakers, speakerId);
}

async function useMicrophone(id: string): Promise<void> {
  microphoneId = id;
  try {
    await call?.useMicrophone(id);
  } catch (error) {
    trouble(error instanceof CallFailure ? error.code : 'microphone_busy');
  }
}

view.talk.addEventListener('click', (event) => {
  // A double click is one press: its second half must not undo the first.
  if (event.detail > 1) return;
  if (call) call.hangUp();
  else begin();
});
view.mute.addEventListener('click', () => setMuted(!muted));
view.remedy.addEventListener('click', () => {
  const { code } = view.remedy.parentElement?.dataset ?? {};
  trouble(null);
  if (code === 'autoplay_blocked') call?.resumeSound();
  else void useMicrophone('');
});
view.microphone.addEventListener('change', () => void useMicrophone(view.microphone.value));
view.speaker.addEventListener('change', () => {
  speakerId = view.speaker.value;
  playback.setSpeaker(speakerId).catch(() => trouble('no_sink'));
});
document.addEventListener('keydown', (event) => {
  // A key held down on the button is one press.
  if (event.repeat && event.key === 'Enter' && event.target instanceof HTMLButtonElement)
    event.preventDefault();
  if (event.key.toLowerCase() !== 'm' || event.ctrlKey || event.metaKey || event.altKey || event.repeat)
    return;
  if (event.target instanceof HTMLSelectElement || !call) return;
  setMuted(!muted);
});
window.addEventListener('hashchange', takeToken);
window.addEventListener('pagehide', () => call?.hangUp());
window.addEventListener('online', () => call?.networkChanged());
if (navigator.mediaDevices) navigator.mediaDevices.addEventListener('devicechange', () => void showDevices());

// Chromium tells of every change of its speed estimate too: only another kind of network is another network.
const connection = (navigator as { connection?: EventTarget & { type?: string } }).connection;
let network = connection?.type;
connection?.addEventListener('change', () => {
  if (connection.type === network) return;
  network = connection.type;
  if (network !== 'none') call?.networkChanged();
});

view.speaker.hidden = !canChooseSpeaker;
for (const label of view.speaker.labels) label.hidden = !canChooseSpeaker;
void showDevices();
takeToken();
const missing = environmentProblem();
if (missing) trouble(missing);
