/** What has been said so far, as the page shows it: a fold over the events of the call. */

import type { CallEvent, CallState, TurnEnding } from './events';
import type { Json } from './values';

export interface Exchange {
  /** 0 is the greeting. */
  turn: number;
  user: { text: string; final: boolean } | null;
  agent: { text: string; ending: TurnEnding | null } | null;
  heardMs: number | null;
  report: Json | null;
  failures: string[];
}

export interface Conversation {
  state: CallState | null;
  /** In the order of their turns. */
  exchanges: readonly Exchange[];
}

export const EMPTY: Conversation = { state: null, exchanges: [] };

type Change = CallEvent | { name: 'heard_here'; turn: number; ms: number };

/** The conversation after an event; the one given stays as it is, and so do the exchanges that did not change. */
export function advance(before: Conversation, event: Change): Conversation {
  switch (event.name) {
    case 'state_changed': {
      // Nothing is owed any more: interim words that never became final were no words.
      const settled = event.state === 'listening' || event.state === 'ended';
      const exchanges = settled ? before.exchanges.flatMap(withoutInterim) : before.exchanges;
      return { state: event.state, exchanges };
    }
    case 'user_transcript': {
      const { text, final } = event;
      return update(before, event.turn, (e) =>
        e.user?.final && !final ? e : { ...e, user: { text, final } },
      );
    }
    case 'agent_turn_started': {
      // Its end was told while the connection was away.
      const exchanges = before.exchanges.map((e) =>
        e.agent && e.agent.ending === null ? { ...e, agent: { ...e.agent, ending: 'finished' as const } } : e,
      );
      return update({ ...before, exchanges }, event.turn, (e) => ({
        ...e,
        agent: { text: '', ending: null },
      }));
    }
    case 'agent_clause':
      return update(before, event.turn, (e) => {
        const text = [e.agent?.text, event.text].filter(Boolean).join(' ');
        return { ...e, agent: { text, ending: e.agent?.ending ?? null } };
      });
    case 'agent_turn_ended':
      return update(before, event.turn, (e) => ({
        ...e,
        agent: { text: event.heardText, ending: event.reason },
      }));
    case 'turn_heard':
      return update(before, event.turn, (e) => ({ ...e, heardMs: e.heardMs ?? event.ms }));
    case 'heard_here':
      return update(before, event.turn, (e) => ({ ...e, heardMs: event.ms }));
    case 'turn_measured':
      return update(before, event.turn, (e) => ({ ...e, report: event.report }));
    case 'provider_failed': {
      const turn = event.turn ?? before.exchanges.at(-1)?.turn ?? 0;
      const failure = `The ${event.kind} engine (${event.plugin}) failed: ${event.message}`;
      return update(before, turn, (e) => ({ ...e, failures: [...e.failures, failure] }));
    }
    case 'interruption_judged':
      // What it changes is heard, and told by the events that follow.
      return before;
  }
}

function update(before: Conversation, turn: number, change: (exchange: Exchange) => Exchange): Conversation {
  const known = before.exchanges.find((e) => e.turn === turn);
  const fresh: Exchange = { turn, user: null, agent: null, heardMs: null, report: null, failures: [] };
  const changed = change(known ?? fresh);
  const others = before.exchanges.filter((e) => e.turn !== turn);
  return { ...before, exchanges: [...others, changed].sort((a, b) => a.turn - b.turn) };
}

function withoutInterim(exchange: Exchange): Exchange[] {
  if (exchange.user === null || exchange.user.final) return [exchange];
  return exchange.agent || exchange.failures.length ? [{ ...exchange, user: null }] : [];
}
