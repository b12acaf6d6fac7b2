import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { load } from '../load.mjs';

const { DuckingPolicy, DUCKED, UNDUCK_AFTER_MS, playedAt } = await load('ducking.ts');

let ducking;
beforeEach(() => {
  ducking = new DuckingPolicy();
  ducking.agentTurnStarted();
  ducking.stateChanged(true);
});

test('makes way at once, and comes back when the user was not taking the turn', () => {
  ducking.localSpeechStarted();
  assert.equal(ducking.gain, DUCKED);
  assert.equal(ducking.dueAt, null, 'not while the user speaks');
  ducking.localSpeechStopped(1000);
  assert.equal(ducking.dueAt, 1000 + UNDUCK_AFTER_MS);
  ducking.tick(1000 + UNDUCK_AFTER_MS - 1);
  assert.equal(ducking.gain, DUCKED);
  ducking.tick(1000 + UNDUCK_AFTER_MS);
  assert.equal(ducking.gain, 1);
  assert.equal(ducking.dueAt, null);
});

test('speech that goes on keeps it ducked', () => {
  ducking.localSpeechStarted();
  ducking.localSpeechStopped(0);
  ducking.localSpeechStarted();
  ducking.tick(10_000);
  assert.equal(ducking.gain, DUCKED);
});

test('what the server dismissed is over at once, and the next sound is a new one', () => {
  ducking.localSpeechStarted();
  ducking.dismissed();
  assert.equal(ducking.gain, 1);
  assert.equal(ducking.dueAt, null);
  ducking.localSpeechStopped(1000);
  ducking.localSpeechStarted();
  assert.equal(ducking.gain, DUCKED);
});

test('speech while the agent is silent ducks nothing', () => {
  ducking.stateChanged(false);
  ducking.localSpeechStarted();
  assert.equal(ducking.gain, 1);
});

test('what an interrupted turn left is silent until the next turn', () => {
  ducking.localSpeechStarted();
  ducking.agentTurnEnded(true);
  assert.equal(ducking.gain, 0);
  ducking.localSpeechStopped(0);
  ducking.tick(60_000);
  assert.equal(ducking.gain, 0);
  ducking.agentTurnStarted();
  assert.equal(ducking.gain, 1);
});

test('the next turn is heard in full, and a finished one to its end', () => {
  ducking.localSpeechStarted();
  ducking.agentTurnStarted();
  assert.equal(ducking.gain, 1);
  ducking.agentTurnEnded(false);
  assert.equal(ducking.gain, 1);
});

test('where volume does nothing it is heard or not', () => {
  assert.deepEqual(playedAt(DUCKED, true), { volume: DUCKED, muted: false });
  assert.deepEqual(playedAt(0, true), { volume: 0, muted: true });
  assert.deepEqual(playedAt(DUCKED, false), { volume: 1, muted: true });
  assert.deepEqual(playedAt(1, false), { volume: 1, muted: false });
});

test('never stuck, whatever the order: the next turn is heard in full, and so is this one when the user is quiet', () => {
  const acts = {
    starts: (policy) => policy.agentTurnStarted(),
    finishes: (policy) => policy.agentTurnEnded(false),
    isInterrupted: (policy) => policy.agentTurnEnded(true),
    speaks: (policy) => policy.stateChanged(true),
    listens: (policy) => policy.stateChanged(false),
    userStarts: (policy) => policy.localSpeechStarted(),
    userStops: (policy, now) => policy.localSpeechStopped(now),
    isDismissed: (policy) => policy.dismissed(),
  };
  const names = Object.keys(acts);
  const length = 6;
  for (let order = 0; order < names.length ** length; order++) {
    const policy = new DuckingPolicy();
    let silenced = false;
    for (let step = 0, rest = order; step < length; step++, rest = Math.floor(rest / names.length)) {
      const name = names[rest % names.length];
      acts[name](policy, step);
      if (name === 'starts') silenced = false;
      if (name === 'isInterrupted') silenced = true;
      if (name === 'starts' && policy.gain !== 1) assert.fail(`order ${order}: ducked as it starts`);
      if (silenced !== (policy.gain === 0)) assert.fail(`order ${order}: ${policy.gain}`);
    }
    policy.localSpeechStopped(length);
    policy.tick(policy.dueAt ?? length);
    if (policy.gain !== (silenced ? 0 : 1) || policy.dueAt !== null) assert.fail(`order ${order}: stuck`);
  }
});
