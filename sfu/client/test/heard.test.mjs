import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { HeardMatcher } = await load('heard.ts');
const RATE = 48_000;
const at = (ms) => (ms * RATE) / 1000;
const onset = (ms, lastSpeechMs, talking = false) => ({
  at: at(ms),
  lastSpeech: lastSpeechMs === null ? null : at(lastSpeechMs),
  talking,
});

test('a turn is measured from the last speech sample to the first audible one, to the ear', () => {
  const matcher = new HeardMatcher(RATE);
  assert.equal(matcher.turnStarted(3, at(1400), 0), null);
  assert.deepEqual(matcher.onset(onset(1812.4, 1000), 20), { turn: 3, ms: 832.4 });
});

test('once a turn: its later sentences are no answers', () => {
  const matcher = new HeardMatcher(RATE);
  matcher.turnStarted(1, at(1400), 0);
  assert.ok(matcher.onset(onset(1800, 1000), 0));
  // Not even after a cough in between.
  assert.equal(matcher.onset(onset(3000, 2500), 0), null);
  matcher.turnEnded(1, at(5000), false);
  assert.equal(matcher.onset(onset(5050, 1000), 0), null);
});

test('a long thought between the word of the turn and its sound', () => {
  const matcher = new HeardMatcher(RATE);
  matcher.turnStarted(1, at(1400), 0);
  assert.deepEqual(matcher.onset(onset(9000, 1000), 0), { turn: 1, ms: 8000 });
});

test('the word of the turn may come a little after its sound, not long after', () => {
  const matcher = new HeardMatcher(RATE);
  assert.equal(matcher.onset(onset(1800, 1000), 20), null);
  assert.deepEqual(matcher.turnStarted(1, at(1900), 20), { turn: 1, ms: 820 });
  matcher.turnEnded(1, at(2500), false);
  assert.equal(matcher.onset(onset(4000, 3000), 0), null);
  assert.equal(matcher.turnStarted(2, at(4600), 0), null);
  assert.ok(matcher.onset(onset(4800, 3000), 0));
});

test('a greeting answers nobody', () => {
  const matcher = new HeardMatcher(RATE);
  matcher.turnStarted(0, at(100), 0);
  assert.equal(matcher.onset(onset(200, 50), 0), null);
});

test('speech before the last answer was answered by that one', () => {
  const matcher = new HeardMatcher(RATE);
  matcher.turnStarted(1, at(1400), 0);
  matcher.onset(onset(1800, 1000), 0);
  matcher.turnEnded(1, at(3000), false);
  matcher.turnStarted(2, at(6000), 0);
  assert.equal(matcher.onset(onset(6500, 1000), 0), null);
});

test('nothing to measure where both spoke, nobody was heard, or it took over a minute', () => {
  for (const strange of [onset(1800, 1790, true), onset(1800, null), onset(62_000, 1000), onset(900, 1000)]) {
    const matcher = new HeardMatcher(RATE);
    matcher.turnStarted(1, at(800), 0);
    assert.equal(matcher.onset(strange, 0), null);
  }
});

test('a short answer may be over for the server before it is heard; an interrupted one is over', () => {
  const matcher = new HeardMatcher(RATE);
  matcher.turnStarted(1, at(1400), 0);
  matcher.turnEnded(1, at(1600), false);
  assert.ok(matcher.onset(onset(1700, 1000), 0));
  matcher.turnEnded(1, at(1600), false);
  matcher.turnStarted(2, at(3000), 0);
  matcher.turnEnded(2, at(3100), true);
  assert.equal(matcher.onset(onset(3200, 2500), 0), null);
});

test('in whatever order things come: at most once a turn, 0 to 60 s, never of a greeting', () => {
  const step = fc.tuple(
    fc.constantFrom('onset', 'started', 'ended'),
    fc.nat(9000),
    fc.option(fc.nat(9000)),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const matcher = new HeardMatcher(RATE);
      const measured = new Set();
      let now = 0;
      let turn = -1;
      for (const [what, ms, lastMs, flag] of steps) {
        now += ms;
        let heard = null;
        if (what === 'onset')
          heard = matcher.onset(onset(now, lastMs === null ? null : now - lastMs, flag), 30);
        else if (what === 'started') heard = matcher.turnStarted(++turn, at(now), 30);
        else matcher.turnEnded(turn, at(now), flag);
        if (!heard) continue;
        assert.ok(heard.turn === turn && turn >= 1 && !measured.has(turn));
        assert.ok(heard.ms >= 0 && heard.ms <= 60_000);
        measured.add(turn);
      }
    }),
  );
});
