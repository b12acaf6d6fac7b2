import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { advance, EMPTY } = await load('conversation.ts');
const { asCallEvent } = await load('events.ts');

const NAMES = [
  'state_changed',
  'user_transcript',
  'agent_turn_started',
  'agent_clause',
  'agent_turn_ended',
  'turn_heard',
  'turn_measured',
  'provider_failed',
];

/** Events in the server's form. */
function told(...events) {
  return events.map(asCallEvent).reduce(advance, EMPTY);
}
const interim = (turn_id, text) => ({ name: 'user_transcript', at_s: 1, turn_id, text, final: false });
const final = (turn_id, text) => ({ ...interim(turn_id, text), final: true });
const started = (turn_id) => ({ name: 'agent_turn_started', at_s: 1, turn_id });
const clause = (turn_id, text) => ({ name: 'agent_clause', at_s: 1, turn_id, text });
const ended = (turn_id, heard_text, reason) => ({
  name: 'agent_turn_ended',
  at_s: 1,
  turn_id,
  text: 'All of it.',
  heard_text,
  reason,
});
const state = (name) => ({ name: 'state_changed', at_s: 1, state: name });

test('interim words are replaced in place, and final ones stay', () => {
  assert.deepEqual(told(interim(1, 'what'), interim(1, 'what is')).exchanges[0].user, {
    text: 'what is',
    final: false,
  });
  const { exchanges } = told(interim(1, 'what is'), final(1, 'What is it?'), interim(1, 'late'));
  assert.deepEqual(exchanges[0].user, { text: 'What is it?', final: true });
});

test('clauses appear as they are heard; what was heard of an interrupted turn stays', () => {
  const before = told(final(1, 'Why?'), started(1), clause(1, 'Because'), clause(1, 'of the rain.'));
  assert.deepEqual(before.exchanges[0].agent, { text: 'Because of the rain.', ending: null });
  const after = advance(before, asCallEvent(ended(1, 'Because of', 'interrupted')));
  assert.deepEqual(after.exchanges[0].agent, { text: 'Because of', ending: 'interrupted' });
});

test('exchanges stand in the order of their turns, the greeting first', () => {
  const { exchanges } = told(interim(2, 'b'), started(1), started(0));
  assert.deepEqual(
    exchanges.map((e) => e.turn),
    [0, 1, 2],
  );
});

test('interim words that never became final go when the call listens again', () => {
  const { exchanges } = told(started(0), interim(1, 'hm'), state('listening'));
  assert.deepEqual(
    exchanges.map((e) => e.turn),
    [0],
  );
  assert.equal(told(interim(1, 'hm'), state('thinking')).exchanges.length, 1);
});

test('a turn whose end was missed is over when the next begins', () => {
  const { exchanges } = told(started(1), clause(1, 'One.'), started(2));
  assert.equal(exchanges[0].agent.ending, 'finished');
  assert.equal(exchanges[1].agent.ending, null);
});

test("the page's own measurement goes before the server's echo of it", () => {
  const here = advance(told(started(1)), { name: 'heard_here', turn: 1, ms: 812.4 });
  const echoed = advance(here, asCallEvent({ name: 'turn_heard', turn_id: 1, voice_to_voice_ms: 1 }));
  assert.equal(echoed.exchanges[0].heardMs, 812.4);
});

test('a failure is told where it happened', () => {
  const failed = {
    name: 'provider_failed',
    kind: 'llm',
    plugin: 'groq',
    distribution: 'x',
    message: 'no key',
    turn_id: 1,
  };
  assert.deepEqual(told(final(1, 'a'), failed).exchanges[0].failures, [
    'The llm engine (groq) failed: no key',
  ]);
});

test('what did not change stays the same object, so that it is not drawn anew', () => {
  const before = told(final(1, 'a'), final(2, 'b'));
  const after = advance(before, asCallEvent(final(2, 'c')));
  assert.equal(after.exchanges[0], before.exchanges[0]);
  assert.notEqual(after.exchanges[1], before.exchanges[1]);
});

test('any JSON is an event or none, and any events make a conversation in order', () => {
  const event = fc.record(
    {
      name: fc.oneof(fc.constantFrom(...NAMES), fc.string()),
      turn_id: fc.oneof(fc.nat(4), fc.jsonValue()),
      text: fc.oneof(fc.string(), fc.jsonValue()),
      final: fc.boolean(),
      heard_text: fc.string(),
      reason: fc.constantFrom('finished', 'interrupted', 'failed', 'other'),
      state: fc.constantFrom('listening', 'thinking', 'ended', 'other'),
      report: fc.jsonValue(),
      voice_to_voice_ms: fc.double(),
      message: fc.string(),
    },
    { requiredKeys: ['name'] },
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(event, fc.jsonValue()), { maxLength: 40 }), (events) => {
      const known = events.map(asCallEvent).filter((e) => e !== null);
      const turns = known.reduce(advance, EMPTY).exchanges.map((e) => e.turn);
      assert.deepEqual(
        turns,
        [...new Set(turns)].sort((a, b) => a - b),
      );
    }),
  );
});
