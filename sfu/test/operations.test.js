import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import fc from 'fast-check';
import { Operations } from '../src/operations.js';
import { configAndLines } from '../src/parent.js';
import { startFront, until, withMediasoup } from './helpers/front.js';

const ENGINE = {
  kind: 'llm',
  plugin: 'groq',
  state: 'broken',
  workers: { ready: 0, warming: 0, broken: 1 },
  breakers: { closed: 0, half_open: 0, open: 1 },
  why: 'api.groq.com cannot be reached.',
  warmup_ms: null,
};
const SAID = {
  type: 'operations',
  obstacle: '',
  busy: '',
  engines: [ENGINE],
  metrics: 'voicebot_turns_total 3.0\n',
};

test('lines come whole, whatever the pieces are; a long one is left out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string()),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      async (texts, sizes) => {
        const lines = texts.map((text) => text.replaceAll('\n', ''));
        const stream = new PassThrough();
        /** @type {string[]} */
        const later = [];
        const first = configAndLines(stream, (line) => later.push(line));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value;
          stream.write(bytes.subarray(at, at + size));
          at += size;
        }
        stream.end();
        const { line, ended } = await first;
        await ended;
        // What UTF-8 cannot hold, half an emoji say, arrives as what decoding makes of it.
        const expected = bytes.toString().split('\n').slice(0, -1);
        assert.deepEqual([line, ...later], expected.length ? expected : [null]);
      },
    ),
    { numRuns: 50 },
  );
  const stream = new PassThrough();
  /** @type {string[]} */
  const later = [];
  const first = configAndLines(stream, (line) => later.push(line));
  stream.write(`config\n${'x'.repeat(3_000_000)}`);
  stream.end('x\nlast\n');
  assert.equal((await first).line, 'config');
  await (await first).ended;
  assert.deepEqual(later, ['last']);
});

test('a line that is none of the protocol changes nothing', () => {
  const operations = new Operations();
  /** @type {string[]} */
  const wrong = [];
  operations.onWrong = (what) => wrong.push(what);
  operations.take(JSON.stringify(SAID));
  const { type, ...rest } = SAID;
  const lines = [
    '',
    '{',
    'null',
    '[]',
    JSON.stringify(rest),
    JSON.stringify({ ...SAID, type: 'other' }),
    JSON.stringify({ ...SAID, obstacle: 1 }),
    JSON.stringify({ ...SAID, engines: [{ ...ENGINE, key: 'secret' }] }),
    JSON.stringify({ ...SAID, engines: [{ ...ENGINE, state: 'well' }] }),
    '['.repeat(100_000),
  ];
  for (const line of lines) operations.take(line);
  assert.equal(wrong.length, lines.length, wrong.join('\n'));
  fc.assert(fc.property(fc.jsonValue(), (value) => void operations.take(JSON.stringify(value))));
  assert.deepEqual(operations.engines, [ENGINE]);
  assert.equal(operations.metrics, SAID.metrics);
});

test('operators are shown the engines, and a kind of which none works', withMediasoup, async (t) => {
  const { url, operations, idleWorker } = await startFront(t);
  /** @param {string} path @param {Record<string, string>} [headers] */
  const get = async (path, headers) => {
    const response = await fetch(url + path, { headers });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get('readyz'), [503, 'No call worker is there.']);
  await idleWorker();
  assert.deepEqual(await get('readyz'), [200, 'ok']);
  operations.take(JSON.stringify(SAID));
  assert.deepEqual(await get('readyz'), [200, 'ok\nllm groq: api.groq.com cannot be reached.']);
  for (const [path, headers] of /** @type {[string, Record<string, string>?][]} */ ([
    ['readyz?verbose'],
    ['readyz', { accept: 'application/json' }],
  ])) {
    const [status, text] = await get(path, headers);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(String(text)), { ready: true, reason: 'ok', engines: [ENGINE] });
  }
  const metrics = String((await get('metrics'))[1]);
  assert.match(metrics, /^voicebot_turns_total 3\.0$/m);
  assert.match(metrics, /^voicebot_sfu_media_workers 1$/m);

  operations.take(JSON.stringify({ ...SAID, obstacle: 'no llm engine works: groq: gone' }));
  assert.equal((await get('readyz'))[0], 503);
  const details = JSON.parse(String((await get('readyz?verbose'))[1]));
  assert.deepEqual([details.ready, details.reason], [false, 'no llm engine works: groq: gone']);
  operations.take(JSON.stringify(SAID));
  await until(async () => (await get('readyz'))[0] === 200);
});

test('where the machine has no room for a further call, its caller hears busy', withMediasoup, async (t) => {
  const { url, operations, idleWorker, call, metric, page } = await startFront(t);
  operations.take(
    JSON.stringify({ ...SAID, engines: [], busy: 'the machine is busy: 3% of its CPU is idle' }),
  );
  // The first call always may begin.
  await call();
  await idleWorker();
  const readyz = await fetch(`${url}readyz`);
  assert.deepEqual([readyz.status, await readyz.text()], [503, 'the machine is busy: 3% of its CPU is idle']);
  const refused = await page();
  refused.send({ type: 'join', version: 1 });
  const { code, message } = await refused.next('refused');
  assert.deepEqual([code, message], ['busy', 'There is no room for a further call.']);
  assert.equal(await metric('signalling_refused_total{code="busy_no_headroom"}'), 1);
  operations.take(JSON.stringify({ ...SAID, engines: [] }));
  await (await page()).join();
});
