import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../load.mjs';

globalThis.window = globalThis;
const { Playback } = await load('playback.ts');

function element() {
  return { volume: 1, muted: false, srcObject: null, pause() {} };
}

test('a gain is reached in steps, silence at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const audio = element();
  const playback = new Playback(audio, () => {});
  playback.setGain(0.4);
  assert.equal(audio.volume.toFixed(1), '0.8');
  t.mock.timers.tick(10);
  t.mock.timers.tick(10);
  assert.equal(audio.volume, 0.4);
  playback.setGain(0);
  assert.deepEqual([audio.volume, audio.muted], [0, true]);
});

test('the next call begins at full gain, wherever the ramp of the last one was', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const audio = element();
  const playback = new Playback(audio, () => {});
  playback.setGain(0);
  playback.setGain(1);
  playback.close();
  playback.setGain(1);
  t.mock.timers.tick(1000);
  assert.deepEqual([audio.volume, audio.muted], [1, false]);
});
