import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { OnsetDetector } = await load('onset.ts');
const RATE = 1000;

test('the first audible sample after a silence, to the sample', () => {
  const detector = new OnsetDetector(RATE);
  const block = new Float32Array(128);
  block[77] = 0.02;
  block[100] = -0.5;
  assert.equal(detector.push(block, 5000), 5077);
  assert.equal(detector.audibleAt(5299), true);
  assert.equal(detector.audibleAt(5300), false);
});

test('a pause of a word is no onset', () => {
  const detector = new OnsetDetector(RATE);
  assert.equal(detector.push(Float32Array.of(0.5), 0), 0);
  assert.equal(detector.push(Float32Array.of(0.5), 199), null);
  assert.equal(detector.push(Float32Array.of(0.5), 399), 399);
  assert.equal(detector.push(Float32Array.of(0.009), 900), null);
});

test('however the samples are cut into blocks, the same onsets', () => {
  const signal = fc.array(fc.constantFrom(0, 0, 0, 0.005, 0.3, -0.3), { maxLength: 1500 });
  fc.assert(
    fc.property(signal, fc.integer({ min: 1, max: 300 }), (samples, size) => {
      const detector = new OnsetDetector(100);
      const found = [];
      for (let start = 0; start < samples.length; start += size) {
        const onset = detector.push(Float32Array.from(samples.slice(start, start + size)), start);
        if (onset !== null) found.push(onset);
      }
      // 200 ms are 20 samples here; a block as long as that can hold more than one onset, and tells the first.
      const loud = samples.flatMap((sample, i) => (Math.abs(sample) >= 0.01 ? [i] : []));
      const expected = loud.filter((at, i) => i === 0 || at - loud[i - 1] >= 20);
      const firsts = expected.filter(
        (at, i) => i === 0 || Math.floor(at / size) !== Math.floor(expected[i - 1] / size),
      );
      assert.deepEqual(found, firsts);
    }),
  );
});
