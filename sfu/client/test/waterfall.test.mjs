import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { load } from '../load.mjs';

const { waterfall } = await load('waterfall.ts');

const REPORT = {
  voice_to_voice_ms: 742.3,
  hops_ms: {
    end_of_turn: 402.1,
    stt_final: 120.4,
    llm_ttft: 151,
    first_clause: 88.2,
    tts_ttfa: 171.3,
    orchestration: 11.1,
  },
  timeline_ms: {
    speech_ended: 5000,
    committed: 5402.1,
    stt_requested: 5200.3,
    stt_final: 5320.7,
    llm_requested: 5325,
    llm_first_token: 5476,
    first_clause: 5564.2,
    tts_requested: 5569.2,
    tts_first_audio: 5740.5,
    first_audible: 5742.3,
  },
  budget: { within: false, guilty: 'llm_ttft', over_ms: { llm_ttft: 51, voice_to_voice: 42.3 } },
};

const rowOf = (layout, name) => layout.rows.find((row) => row.name === name);
const near = (a, b) => assert.ok(Math.abs(a - b) < 0.05, `${a} is not ${b}`);

test('hops lie where their stamps are, and overlap', () => {
  const layout = waterfall(REPORT, 944);
  near(rowOf(layout, 'stt_final').segments[0].start, 200.3);
  near(rowOf(layout, 'llm_ttft').segments[0].start, 325);
  near(rowOf(layout, 'tts_ttfa').segments[0].start, 569.2);
  assert.deepEqual(
    layout.rows.map((row) => row.name),
    [...Object.keys(REPORT.hops_ms), 'voice_to_voice', 'heard'],
  );
  assert.equal(layout.from, 0);
  assert.equal(layout.to, 944);
});

test('the rest is the gaps between the hops', () => {
  const { segments } = rowOf(waterfall(REPORT, null), 'orchestration');
  near(segments[0].start, 564.2);
  near(segments[0].ms, 5);
  near(segments[1].start, 740.5);
  near(segments[1].ms, 1.8);
});

test('what comes after the first sound leaves no gap there', () => {
  const { segments } = rowOf(waterfall({ ...REPORT, voice_to_voice_ms: 450 }, null), 'orchestration') ?? {
    segments: [],
  };
  assert.deepEqual(segments, []);
  const late = { ...REPORT.timeline_ms, tts_requested: 6000 };
  const rest = rowOf(waterfall({ ...REPORT, timeline_ms: late }, null), 'orchestration').segments;
  near(rest.at(-1).start + rest.at(-1).ms, 742.3);
});

test('what is over its budget is marked, and who is to blame', () => {
  const layout = waterfall(REPORT, null);
  assert.equal(layout.withinBudget, false);
  assert.deepEqual(
    layout.rows.filter((row) => row.overMs !== null).map((row) => [row.name, row.overMs, row.guilty]),
    [
      ['llm_ttft', 51, true],
      ['voice_to_voice', 42.3, false],
    ],
  );
});

test('without stamps the hops follow one another', () => {
  const { timeline_ms: _, ...report } = REPORT;
  const layout = waterfall(report, null);
  near(rowOf(layout, 'llm_ttft').segments[0].start, 522.5);
});

test('work ahead of the last sample is to the left of it', () => {
  const layout = waterfall({ ...REPORT, timeline_ms: { ...REPORT.timeline_ms, stt_requested: 4950 } }, null);
  assert.equal(layout.from, -50);
});

test('a turn that answers nobody has none', () => {
  assert.equal(waterfall({ ...REPORT, voice_to_voice_ms: null }, null), null);
  assert.equal(waterfall(null, 800), null);
});

test('any report at all gives a drawing inside its scale, or none', () => {
  const numbers = fc.dictionary(
    fc.constantFrom(...Object.keys(REPORT.hops_ms), ...Object.keys(REPORT.timeline_ms)),
    fc.anything(),
  );
  const report = fc.oneof(
    fc.anything(),
    fc.record(
      { voice_to_voice_ms: fc.double(), hops_ms: numbers, timeline_ms: numbers, budget: fc.anything() },
      { requiredKeys: [] },
    ),
    fc.record({
      voice_to_voice_ms: fc.double({ min: 0, max: 5000, noNaN: true }),
      hops_ms: fc.dictionary(
        fc.constantFrom(...Object.keys(REPORT.hops_ms)),
        fc.double({ min: 0, max: 5000, noNaN: true }),
      ),
      timeline_ms: fc.dictionary(
        fc.constantFrom(...Object.keys(REPORT.timeline_ms)),
        fc.double({ min: 0, max: 9000, noNaN: true }),
      ),
    }),
  );
  fc.assert(
    fc.property(report, fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })), (given, heardMs) => {
      const layout = waterfall(given, heardMs);
      if (!layout) return;
      for (const { start, ms } of layout.rows.flatMap((row) => row.segments)) {
        assert.ok(start >= layout.from && start + ms <= layout.to);
      }
    }),
  );
});
