import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workerBin } from 'mediasoup';
import { parseConfig } from '../../src/config.js';
import { Front } from '../../src/front.js';
import { makeLogger } from '../../src/logger.js';
import { Operations } from '../../src/operations.js';
import { CallWorker } from './call_worker.js';
import { Page } from './page.js';

/** Options of a test that needs the mediasoup worker. */
export const withMediasoup = {
  skip: isThere(workerBin) ? false : 'no mediasoup worker: build it, or set MEDIASOUP_WORKER_BIN',
};

/** @param {string} path */
function isThere(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A folder that goes with the test. @param {import('node:test').TestContext} t */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'sfu-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** @param {import('node:test').TestContext} t @param {object} changes */
export function testConfig(t, changes = {}) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'index.html'), '<title>voicebot</title>');
  return {
    port: 0,
    socket: join(folder, 's'),
    page_dir: folder,
    rtc: { port: 0, media_workers: 1 },
    ...changes,
  };
}

/**
 * A front of its own, with real media workers, closed after the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {object} [changes] of the config
 */
export async function startFront(t, changes = {}) {
  const config = parseConfig(JSON.stringify(testConfig(t, changes)), 'test');
  /** @type {string[]} */
  const lines = [];
  const operations = new Operations();
  const front = new Front(
    config,
    makeLogger('info', (line) => lines.push(line)),
    operations,
  );
  const url = await front.start();
  /** @type {(() => void)[]} */
  const closers = [];
  t.after(async () => {
    for (const close of closers) close();
    await front.close();
  });
  /** @param {import('ws').ClientOptions} [options] */
  const page = async (options) => {
    const connected = await Page.connect(url, options);
    closers.push(() => connected.vanish());
    return connected;
  };
  /** A call worker that waits for a call. */
  const idleWorker = async () => {
    const worker = await CallWorker.greeted(config.socket);
    closers.push(() => worker.close());
    const before = front.links.idle;
    worker.send({ type: 'idle' });
    await until(() => front.links.idle > before);
    return worker;
  };
  /** A call that is on. */
  const call = async () => {
    const worker = await idleWorker();
    const connected = await page();
    const joined = await connected.join();
    const begun = await worker.next('call');
    return { worker, page: connected, joined, begun };
  };
  return { front, url, config, lines, operations, page, idleWorker, call, metric: metricOf(url) };
}

/** @param {string} url */
function metricOf(url) {
  /** A sample's value. @param {string} sample its name with its labels */
  return async (sample) => {
    const text = await (await fetch(`${url}metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`voicebot_sfu_${sample} `));
    return line === undefined ? 0 : Number(line.split(' ').at(-1));
  };
}

/**
 * Waits for what cannot be awaited otherwise; the timeout is a safety net only.
 *
 * @param {() => boolean | Promise<boolean>} holds
 */
export async function until(holds) {
  for (let tries = 0; tries < 2000; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`It never held: ${holds}`);
}
