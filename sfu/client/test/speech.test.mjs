import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { SpeechDetector, FRAMES_PER_SECOND, amplitude } = await load('speech.ts');

const RATE = 48_000;

/** Pieces of [seconds, dBFS]: a 200 Hz tone of that level. */
function sound(pieces, rate = RATE) {
  const lengths = pieces.map(([seconds]) => Math.round(seconds * rate));
  const samples = new Float32Array(lengths.reduce((a, b) => a + b, 0));
  let at = 0;
  pieces.forEach(([, db], i) => {
    const peak = amplitude(db) * Math.SQRT2;
    for (let n = 0; n < lengths[i]; n++) samples[at + n] = peak * Math.sin((2 * Math.PI * 200 * n) / rate);
    at += lengths[i];
  });
  return samples;
}

function listen(samples, { rate = RATE, farEnd = false } = {}) {
  const detector = new SpeechDetector(rate);
  const size = rate / FRAMES_PER_SECOND;
  const changes = [];
  for (let start = 0; start + size <= samples.length; start += size) {
    const change = detector.push(samples.subarray(start, start + size), start, farEnd);
    if (change) changes.push({ change, at: start + size, lastSpeech: detector.lastSpeech });
  }
  return { detector, changes };
}

test('the last speech sample is where speech ends, not where the hangover does', () => {
  const { changes } = listen(
    sound([
      [1, -120],
      [0.8, -25],
      [1, -120],
    ]),
  );
  assert.deepEqual(
    changes.map((c) => c.change),
    ['started', 'stopped'],
  );
  const end = 1.8 * RATE;
  assert.ok(
    changes[1].lastSpeech < end && changes[1].lastSpeech > end - RATE / 400,
    `${changes[1].lastSpeech}`,
  );
  assert.ok(changes[1].at >= end + 0.3 * RATE);
  assert.ok(changes[0].at <= 1.04 * RATE, 'speech is noticed within 40 ms');
});

test('a pause shorter than the hangover is inside the speech', () => {
  const { changes } = listen(
    sound([
      [0.5, -120],
      [0.3, -25],
      [0.25, -120],
      [0.3, -25],
      [1, -120],
    ]),
  );
  assert.equal(changes.length, 2);
  assert.ok(changes[1].lastSpeech > 1.34 * RATE);
});

test('a click is no speech, and does not prolong it', () => {
  assert.deepEqual(
    listen(
      sound([
        [1, -120],
        [0.01, -10],
        [1, -120],
      ]),
    ).changes,
    [],
  );
  const { changes } = listen(
    sound([
      [1, -120],
      [0.5, -25],
      [0.1, -120],
      [0.01, -10],
      [1, -120],
    ]),
  );
  assert.ok(changes[1].lastSpeech < 1.5 * RATE);
});

test('speech is found over the noise of a room, and ends over it', () => {
  const samples = sound([
    [3, -48],
    [0.6, -24],
    [1.5, -48],
  ]);
  const { changes } = listen(samples);
  const spoken = changes.filter((c) => c.at > 3 * RATE);
  assert.equal(spoken.at(-1).change, 'stopped');
  assert.ok(Math.abs(spoken.at(-1).lastSpeech - 3.6 * RATE) < 0.011 * RATE);
});

test('a noise that stays becomes the floor', () => {
  const { detector } = listen(sound([[25, -42]]));
  assert.equal(detector.speaking, false);
});

test('an echo of the agent is not the user', () => {
  const echo = sound([
    [0.5, -120],
    [0.5, -44],
    [0.5, -120],
  ]);
  assert.equal(listen(echo, { farEnd: true }).changes.length, 0);
  assert.equal(listen(echo).changes.length, 2);
  assert.equal(
    listen(
      sound([
        [0.5, -120],
        [0.5, -30],
        [0.5, -120],
      ]),
      { farEnd: true },
    ).changes.length,
    2,
  );
});

test('a recorded question: its end is found', async () => {
  const { samples, rate } = await wav(
    new URL('../../../core/voicebot/samples/question.wav', import.meta.url),
  );
  const padded = new Float32Array(samples.length + 2 * rate);
  padded.set(samples, rate);
  const last = padded.findLastIndex((sample) => Math.abs(sample) > 0.01);
  const { changes } = listen(padded, { rate });
  assert.equal(changes.at(-1).change, 'stopped');
  assert.ok(
    Math.abs(changes.at(-1).lastSpeech - last) < 0.06 * rate,
    `${changes.at(-1).lastSpeech} and ${last}`,
  );
});

test('whatever comes, the last speech is in the past and never goes back', () => {
  const level = fc.oneof(fc.double({ min: -110, max: 0, noNaN: true }), fc.constant(-120));
  fc.assert(
    fc.property(fc.array(level, { maxLength: 200 }), fc.boolean(), (levels, farEnd) => {
      const detector = new SpeechDetector(8000);
      let before = -1;
      levels.forEach((db, i) => {
        const frame = sound([[0.01, db]], 8000);
        const was = detector.speaking;
        const change = detector.push(frame, i * frame.length, farEnd);
        assert.equal(change !== null, was !== detector.speaking);
        const last = detector.lastSpeech ?? -1;
        assert.ok(last >= before && last < (i + 1) * frame.length);
        before = last;
      });
    }),
  );
});

/** 16-bit mono PCM. */
async function wav(url) {
  const bytes = await readFile(url);
  const data = bytes.indexOf('data') + 8;
  const samples = Float32Array.from(
    { length: (bytes.length - data) >> 1 },
    (_, i) => bytes.readInt16LE(data + 2 * i) / 32768,
  );
  return { samples, rate: bytes.readUInt32LE(24) };
}
