import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { Calls } from '../src/calls.js';
import { Refused } from '../src/errors.js';
import { LinkServer } from '../src/link/server.js';
import { makeLogger } from '../src/logger.js';
import { Metrics } from '../src/metrics.js';
import { CallWorker } from './helpers/call_worker.js';
import { temporaryFolder, until } from './helpers/front.js';

/**
 * Admission over a real socket with one idle worker, with media that a test makes succeed or fail by hand.
 *
 * @param {import('node:test').TestContext} t
 */
async function start(t) {
  const path = join(temporaryFolder(t), 's');
  const around = { log: makeLogger('error'), metrics: new Metrics(), operations: { busy: '' } };
  const links = new LinkServer(path, around);
  await links.listen();
  t.after(() => links.close());
  const worker = await CallWorker.greeted(path);
  worker.send({ type: 'idle' });
  await until(() => links.idle === 1);
  const opened = withResolvers();
  const media = { pids: [1], open: () => opened.promise };
  const calls = new Calls({ grace_s: 10, media_timeout_s: 20 }, { links, media, ...around });
  return { calls, links, worker, media, opened };
}

/** Promise.withResolvers, which Node.js 20 has not. @returns {{promise: Promise<any>, resolve: (value: any) => void, reject: (error: Error) => void}} */
function withResolvers() {
  let resolve, reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return /** @type {any} */ ({ promise, resolve, reject });
}

/** @param {string} code */
const refusal = (code) => (/** @type {any} */ error) => error instanceof Refused && error.code === code;

test('media that cannot be made gives the worker back', async (t) => {
  const { calls, links, opened } = await start(t);
  const opening = calls.open();
  assert.equal(links.idle, 0);
  await assert.rejects(calls.open(), refusal('busy'));
  opened.reject(new Refused('not_ready', 'no'));
  await assert.rejects(opening, refusal('not_ready'));
  assert.equal(links.idle, 1);
});

test('a worker that goes while media is made leaves no media behind', async (t) => {
  const { calls, links, worker, opened } = await start(t);
  const opening = calls.open();
  worker.send({ type: 'bye' });
  await until(() => links.greeted === 0);
  let closed = 0;
  opened.resolve({ close: () => closed++ });
  await assert.rejects(opening, refusal('not_ready'));
  assert.equal(closed, 1);
});

test('a server that stops while media is made takes no call', async (t) => {
  const { calls, worker, opened } = await start(t);
  const opening = calls.open();
  calls.close();
  let closed = 0;
  opened.resolve({ close: () => closed++ });
  await assert.rejects(opening, refusal('not_ready'));
  assert.equal(closed, 1);
  assert.deepEqual(worker.messages.all, []);
});

test('without media workers there are no calls', async (t) => {
  const { calls, media } = await start(t);
  media.pids = [];
  assert.equal(calls.obstacle?.code, 'not_ready');
});
