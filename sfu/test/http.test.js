import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { findPageFile } from '../src/page_files.js';
import { startFront, temporaryFolder, withMediasoup } from './helpers/front.js';

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
