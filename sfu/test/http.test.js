import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { findPageFile } from '../src/page_files.js';
import { startFront, temporaryFolder, until, withMediasoup } from './helpers/front.js';
import { Page } from './helpers/page.js';

test('only page files of the page folder are found', async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, 'page');
  mkdirSync(join(root, 'sub'), { recursive: true });
  for (const name of ['secret.html', 'page/index.html', 'page/.hidden.html', 'page/sub/a.js', 'page/key.pem'])
    writeFileSync(join(folder, name), name);
  symlinkSync(join(folder, 'secret.html'), join(root, 'link.html'));
  assert.equal((await findPageFile(root, '/'))?.type, 'text/html; charset=utf-8');
  assert.equal((await findPageFile(root, '/sub/a.js'))?.type, 'text/javascript; charset=utf-8');
  for (const path of [
    '/none.html',
    '/../secret.html',
    '/%2e%2e/secret.html',
    '/sub/..%2f..%2fsecret.html',
    '/..%5csecret.html',
    '/link.html',
    '/.hidden.html',
    '/key.pem',
    '/sub',
    '/sub/',
    '/index.html%00.js',
    '/%',
    '//',
  ])
    assert.equal(
      (await findPageFile(root, path))?.path ?? null,
      path === '//' ? join(root, 'index.html') : null,
      path,
    );
});

test('the port: the page and its headers, health, metrics, and nothing else', withMediasoup, async (t) => {
  const { url } = await startFront(t);
  const page = await fetch(url);
  assert.match(await page.text(), /voicebot/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'self'/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const again = await fetch(url, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } });
  assert.equal(again.status, 304);
  assert.equal(await (await fetch(`${url}healthz`)).text(), 'ok');
  const metrics = await (await fetch(`${url}metrics`)).text();
  for (const name of [
    'voicebot_sfu_media_workers 1',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
  ])
    assert.ok(metrics.includes(name), name);
  assert.equal((await fetch(`${url}none`)).status, 404);
  assert.equal((await fetch(`${url}signal`)).status, 426);
  assert.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 405);
  // fetch would tidy the path.
  const status = await new Promise((resolve) =>
    request(url, { path: '/../../etc/passwd' }, (response) => resolve(response.resume().statusCode)).end(),
  );
  assert.equal(status, 404);
});

/** A raw connection that has sent this; it keeps its side open. @param {string} url @param {string} lines */
async function say(url, lines) {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`${lines}\r\nHost: x\r\n\r\n`);
  return socket;
}

test('a download that is broken off leaves no open file', withMediasoup, async (t) => {
  const { url, config } = await startFront(t);
  const name = join(config.page_dir, 'large.js');
  writeFileSync(name, 'x'.repeat(20_000_000));
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === name;
      } catch {
        return false;
      }
    });
  const socket = await say(url, 'GET /large.js HTTP/1.1');
  await once(socket, 'data');
  assert.ok(isOpen());
  socket.destroy();
  await until(() => !isOpen());
});

test('a refused upgrade closes the connection, though the client does not', withMediasoup, async (t) => {
  const { url } = await startFront(t);
  const socket = await say(url, 'GET /none HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket');
  t.after(() => socket.destroy());
  socket.resume();
  await once(socket, 'end');
  // Only a connection that is closed on both sides refuses what comes.
  await until(() => {
    if (!socket.destroyed) socket.write('x');
    return socket.destroyed;
  });
});

test('so many may wait to join; calls go on, and there is room again', withMediasoup, async (t) => {
  const { url, call, page: connectPage, metric } = await startFront(t);
  const { page } = await call();
  const waiting = await Promise.all(Array.from({ length: 100 }, () => connectPage()));
  await assert.rejects(Page.connect(url), /503/);
  assert.equal(await metric('signalling_refused_total{code="too_many"}'), 1);
  assert.ok((await page.request('create_transport', { direction: 'send' })).ok);
  waiting[0].vanish();
  await until(() => connectPage().then(Boolean, () => false));
});
