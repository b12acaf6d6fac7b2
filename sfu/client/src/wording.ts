/** What the page says. One place, so that every failure has words and a way on. */

import type { CallState } from './events';

export type Phase =
  | 'idle'
  | 'asking_microphone'
  | 'connecting'
  | 'waiting'
  | 'in_call'
  | 'reconnecting'
  | 'ended';

/** What `#state[data-state]` may hold. */
export type ShownState = Exclude<Phase, 'in_call'> | Exclude<CallState, 'ended'>;

export const STATES: Record<ShownState, string> = {
  idle: 'Ready when you are',
  asking_microphone: 'Waiting for the microphone',
  connecting: 'Connecting',
  waiting: 'The agent is still starting',
  warming_up: 'The agent is getting ready',
  listening: 'Listening',
  user_speaking: 'Hearing you',
  thinking: 'Thinking',
  agent_speaking: 'Speaking',
  reconnecting: 'Reconnecting',
  ended: 'Call ended',
};

/** A way on that is not the Talk button. */
export type Remedy = 'play' | 'microphone' | null;

export interface Problem {
  code: string;
  text: string;
  remedy: Remedy;
}

const PROBLEMS: Record<string, string> = {
  insecure_origin:
    'Browsers give the microphone only to secure pages. Open this page over https, or on localhost.',
  no_webrtc: 'This browser has no WebRTC. Use a current Firefox, Chrome, Edge or Safari.',
  no_microphone: 'No microphone was found. Plug one in, then press Talk.',
  permission_refused:
    "The microphone was refused. Allow it for this page in the browser's address bar, then press Talk.",
  microphone_busy: 'The microphone could not be opened. Perhaps another program has it.',
  microphone_lost: 'The microphone was unplugged. Choose another one to go on.',
  autoplay_blocked: 'The browser holds the sound back until you ask for it.',
  no_sink: 'The sound could not be sent to that speaker.',
  busy: 'Everybody is in a call just now. Try again in a little while.',
  not_allowed:
    'This call is not allowed. Open the page with a link that lets you call: each is good for one call, and not for long.',
  wrong_version: 'This page and its server do not fit together. Reload the page.',
  unreachable: 'The server does not answer. Is it running, and are you online?',
  signalling_refused:
    "The server is there but refuses the call's connection. A proxy must pass WebSockets on, and this address must be among its allowed origins.",
  no_media_path: 'No media path: the sound finds no way to the server. Are its UDP ports closed?',
  server_gone: 'The connection to the server was lost, and it did not come back.',
  unknown_call: 'The call ended while the connection was away.',
  agent_lost: "The agent's process went away in the middle of the call.",
  media_lost: "The server's media process went away in the middle of the call.",
  failed: 'The agent cannot go on.',
  timeout: 'The call ended because its connection was away for too long.',
  shutdown: 'The server is being stopped.',
  bad_message: 'The server did not understand this page. Reload it.',
  too_fast: 'The server cut this page off for sending too much.',
  setup_failed: 'The call could not be set up.',
};

const REMEDIES: Record<string, Remedy> = {
  microphone_lost: 'microphone',
  autoplay_blocked: 'play',
};

/** @param detail the server's or the browser's own words, where there are any. */
export function problem(code: string, detail = ''): Problem {
  const text = PROBLEMS[code] ?? `The call failed (${code}).`;
  return { code, text: detail ? `${text} (${detail})` : text, remedy: REMEDIES[code] ?? null };
}

/** Which failure a refusal of getUserMedia is. */
export function microphoneProblem(errorName: string): string {
  switch (errorName) {
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'DevicesNotFoundError':
      return 'no_microphone';
    case 'NotAllowedError':
    case 'SecurityError':
    case 'PermissionDeniedError':
      return 'permission_refused';
    default:
      return 'microphone_busy';
  }
}

export function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}

export function waitingText(seconds: number): string {
  return `${STATES.waiting}: next try in ${seconds} s`;
}
