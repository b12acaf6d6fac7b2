/** Events of the call as the page uses them; what else the server tells is none of its business. */

import { isRecord, type Json, numberOr, textOr } from './values';

export type CallState =
  | 'warming_up'
  | 'listening'
  | 'user_speaking'
  | 'thinking'
  | 'agent_speaking'
  | 'ended';
export type TurnEnding = 'finished' | 'interrupted' | 'failed';

export type CallEvent =
  | { name: 'state_changed'; state: CallState }
  | { name: 'user_transcript'; turn: number; text: string; final: boolean }
  | { name: 'agent_turn_started'; turn: number }
  | { name: 'agent_clause'; turn: number; text: string }
  | { name: 'agent_turn_ended'; turn: number; text: string; heardText: string; reason: TurnEnding }
  | { name: 'interruption_judged'; turn: number; interrupted: boolean }
  | { name: 'turn_heard'; turn: number; ms: number }
  | { name: 'turn_measured'; turn: number; report: Json }
  | { name: 'provider_failed'; turn: number | null; kind: string; plugin: string; message: string };

const STATES: readonly string[] = [
  'warming_up',
  'listening',
  'user_speaking',
  'thinking',
  'agent_speaking',
  'ended',
];
const ENDINGS: readonly string[] = ['finished', 'interrupted', 'failed'];

/** An event in the server's form, or null for one that the page does not use or cannot read. */
export function asCallEvent(event: unknown): CallEvent | null {
  if (!isRecord(event)) return null;
  const turn = numberOr(event.turn_id, null);
  const text = textOr(event.text, '');
  switch (event.name) {
    case 'state_changed': {
      const state = textOr(event.state, '');
      return STATES.includes(state) ? { name: 'state_changed', state: state as CallState } : null;
    }
    case 'provider_failed':
      return {
        name: 'provider_failed',
        turn,
        kind: textOr(event.kind, 'an'),
        plugin: textOr(event.plugin, '?'),
        message: textOr(event.message, ''),
      };
  }
  if (turn === null) return null;
  switch (event.name) {
    case 'user_transcript':
      return { name: 'user_transcript', turn, text, final: event.final === true };
    case 'agent_turn_started':
      return { name: 'agent_turn_started', turn };
    case 'agent_clause':
      return { name: 'agent_clause', turn, text };
    case 'agent_turn_ended': {
      const reason = textOr(event.reason, '');
      if (!ENDINGS.includes(reason)) return null;
      const heardText = textOr(event.heard_text, '');
      return { name: 'agent_turn_ended', turn, text, heardText, reason: reason as TurnEnding };
    }
    case 'interruption_judged':
      return { name: 'interruption_judged', turn, interrupted: event.interrupted === true };
    case 'turn_heard': {
      const ms = numberOr(event.voice_to_voice_ms, null);
      return ms === null ? null : { name: 'turn_heard', turn, ms };
    }
    case 'turn_measured':
      return isRecord(event.report) ? { name: 'turn_measured', turn, report: event.report } : null;
    default:
      return null;
  }
}
