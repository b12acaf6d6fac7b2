import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { CallWorker } from './helpers/call_worker.js';
import { temporaryFolder, testConfig, until, withMediasoup } from './helpers/front.js';
import { Page } from './helpers/page.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** @param {import('node:test').TestContext} t @param {string[]} args @param {object} [env] */
function run(t, args, env = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'pipe', env: { ...process.env, ...env } });
  t.after(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = once(child, 'exit').then(([code]) => code);
  const lines = createInterface(child.stdout);
  /** @type {Promise<{url: string, pid: number}>} */
  const ready = once(lines, 'line').then(([line]) => JSON.parse(line));
  return { child, exited, ready, lines, errors: () => errors };
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** @param {number} pid @returns {number[]} */
function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

test(
  'the end of its input stops it: both sides are told, no socket, no process',
  withMediasoup,
  async (t) => {
    const config = testConfig(t);
    const { child, exited, ready, lines, errors } = run(t, ['--config', '-']);
    child.stdin.write(`${JSON.stringify(config)}\n`);
    const { url, pid } = await ready;
    const alive = once(lines, 'line');
    assert.equal(pid, child.pid);
    const worker = await CallWorker.greeted(config.socket);
    worker.send({ type: 'idle' });
    await until(async () => (await fetch(`${url}readyz`)).ok);
    const obstacle = 'no llm engine works: groq: gone';
    const said = {
      type: 'operations',
      obstacle,
      busy: '',
      engines: [],
      metrics: 'voicebot_turns_total 3.0\n',
    };
    child.stdin.write(`what is this?\n${JSON.stringify(said)}\n`);
    await until(async () => (await (await fetch(`${url}readyz`)).text()) === obstacle);
    assert.match(await (await fetch(`${url}metrics`)).text(), /^voicebot_turns_total 3\.0$/m);
    assert.match(errors(), /warning parent_line wrong=/);
    const page = await Page.connect(url);
    await page.join();
    const processes = childrenOf(pid);
    assert.equal(processes.length, 1);
    assert.deepEqual(JSON.parse(String(await alive)), { alive: true });
    child.stdin.end();
    assert.equal((await page.next('ended')).reason, 'shutdown');
    assert.equal((await worker.next('end')).reason, 'shutdown');
    assert.equal(await exited, 0, errors());
    assert.ok(!existsSync(config.socket));
    await until(() => processes.every((one) => !isAlive(one)));
  },
);

test('SIGTERM stops it, though a page and a worker do not listen', withMediasoup, async (t) => {
  const config = testConfig(t);
  const file = join(temporaryFolder(t), 'c.json');
  writeFileSync(file, JSON.stringify(config));
  const { child, exited, ready } = run(t, ['--config', file]);
  const { url } = await ready;
  const worker = await CallWorker.greeted(config.socket);
  const page = await Page.connect(url);
  page.ws.pause();
  worker.socket.pause();
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
  assert.ok(!existsSync(config.socket));
  page.vanish();
  worker.close();
});

test('killed, it leaves no media worker behind', withMediasoup, async (t) => {
  const { child, exited, ready } = run(t, ['--config', '-']);
  child.stdin.write(`${JSON.stringify(testConfig(t))}\n`);
  const { pid } = await ready;
  const processes = childrenOf(pid);
  child.kill('SIGKILL');
  await exited;
  await until(() => processes.every((one) => !isAlive(one)));
});

test('mistakes of the user: one line, with a hint, status 2', withMediasoup, async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (taken.address());
  /** @type {[object | null, RegExp, object?][]} */
  const cases = [
    [null, /ended before a line/],
    [{ ...testConfig(t), port }, /EADDRINUSE/],
    [{ ...testConfig(t), rtc: { port, media_workers: 1 } }, /media worker did not start.*in use/],
    [testConfig(t), /mediasoup worker is missing/, { MEDIASOUP_WORKER_BIN: '/nowhere' }],
  ];
  for (const [config, pattern, env] of cases) {
    const { child, exited, errors } = run(t, ['--config', '-'], env);
    if (config) child.stdin.write(`${JSON.stringify(config)}\n`);
    else child.stdin.end();
    assert.equal(await exited, 2, `${pattern}: ${errors()}`);
    const lines = errors()
      .split('\n')
      .filter((line) => line.startsWith('error: '));
    assert.equal(lines.length, 1, errors());
    assert.match(lines[0], pattern);
  }
});

test('--help helps', () => {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /--config FILE/);
});
