import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../src/config.js';
import { UserError } from '../src/errors.js';
import { iceServers } from '../src/ice_servers.js';
import { makeLogger } from '../src/logger.js';
import { TokenBucket } from '../src/rate_limit.js';
import { parsePageMessage } from '../src/schemas.js';

test('a bucket lets a burst through, then its rate', () => {
  const bucket = new TokenBucket({ rate: 50, burst: 100 }, 0);
  for (let i = 0; i < 100; i++) assert.ok(bucket.take(0));
  assert.ok(!bucket.take(0));
  assert.ok(!bucket.take(19));
  assert.ok(bucket.take(20.1));
  assert.ok(!bucket.take(20.2));
  for (let i = 0; i < 100; i++) assert.ok(bucket.take(60_000));
  assert.ok(!bucket.take(60_000));
});

test('TURN credentials expire and are signed as the draft says', () => {
  const turn = { urls: ['turn:turn.example.org:3478?transport=udp'], secret: 'north', ttl_s: 3600 };
  const stun = { urls: 'stun:stun.example.org' };
  // Computed with RFC 2104's two hashes by hand, and with Python's hmac.digest(b'north', b'1700003600:call-7', 'sha1').
  assert.deepEqual(iceServers({ ice_servers: [stun], turn }, 'call-7', 1_700_000_000.9), [
    stun,
    { urls: turn.urls, username: '1700003600:call-7', credential: '5zGXmS6IgdIA6S5t18gV/JcwK6s=' },
  ]);
  assert.deepEqual(iceServers({ ice_servers: [stun], turn: null }, 'call-7', 0), [stun]);
});

test('a config needs its socket only; a wrong one names the key', () => {
  const config = parseConfig('{"socket": "/run/x"}', 'c.json');
  assert.equal(config.port, 8080);
  assert.deepEqual(config.rtc, {
    listen_ip: '127.0.0.1',
    announced_address: null,
    port: 40_000,
    port_range: null,
    media_workers: null,
  });
  assert.deepEqual(config.opus, { fec: true, dtx: true });
  for (const [changes, pattern] of /** @type {[object, RegExp][]} */ ([
    [{ socket: undefined }, /missing key `socket`/],
    [{ portt: 1 }, /unknown key `portt`/],
    [{ port: '8080' }, /`port` must be integer/],
    [{ rtc: { prot: 1 } }, /unknown key `rtc.prot`/],
    [{ rtc: { port: 1, port_range: [2, 3] } }, /exclude each other/],
    [{ rtc: { port_range: [3, 2] } }, /lowest, highest/],
    [{ rtc: { port: 65_535, media_workers: 2 } }, /too high/],
    [{ turn: { urls: ['turn:x'] } }, /missing key `turn.secret`/],
    [{ ice_servers: [{ urls: 'http://x' }] }, /`ice_servers.0.urls`/],
    [{ log_level: 'loud' }, /`log_level` must be one of debug, info/],
  ])) {
    assert.throws(
      () => parseConfig(JSON.stringify({ socket: '/run/x', ...changes }), 'c.json'),
      (error) =>
        error instanceof UserError && error.message.startsWith('c.json') && pattern.test(error.message),
    );
  }
  assert.throws(
    () => parseConfig('{"turn": {"secret": hunter2hunter2}}', 'c.json'),
    (error) => error instanceof UserError && !error.message.includes('hunter2'),
  );
  for (const text of ['', '{', '[]', 'null', '7'])
    assert.throws(() => parseConfig(text, 'c.json'), UserError);
});

test('whatever a page says is a message of the protocol or a reason', () => {
  const near = fc.record(
    {
      type: fc.constantFrom('join', 'request', 'heard', 'leave', 'x'),
      version: fc.jsonValue(),
      resume: fc.jsonValue(),
      id: fc.jsonValue(),
      method: fc.oneof(
        fc.constantFrom('produce', 'consume', 'create_transport', 'constructor'),
        fc.jsonValue(),
      ),
      data: fc.jsonValue(),
    },
    { requiredKeys: ['type'] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        near.map((value) => JSON.stringify(value)),
      ),
      (text) => {
        const parsed = parsePageMessage(text);
        assert.ok(
          'wrong' in parsed ? typeof parsed.wrong === 'string' : typeof parsed.message.type === 'string',
        );
      },
    ),
  );
  assert.ok('wrong' in parsePageMessage('['.repeat(60_000)));
  assert.ok('message' in parsePageMessage('{"type": "join", "version": 2}'));
});

test('a flood of one fact does not fill the log; what was left out is counted', () => {
  /** @type {string[]} */
  const lines = [];
  let now = 0;
  const log = makeLogger(
    'info',
    (line) => lines.push(line),
    () => now,
  );
  for (let i = 0; i < 1000; i++) log.warning('refused', { origin: 'x'.repeat(16_000) });
  assert.equal(lines.length, 100);
  assert.ok(lines.every((line) => line.length < 600));
  log.info('call_started');
  assert.equal(lines.length, 101, 'other facts are told');
  now = 100;
  log.warning('refused');
  log.warning('refused');
  assert.equal(lines.length, 102);
  assert.match(lines[101], / refused left_out=900\n$/);
  now = 60_000;
  log.warning('refused');
  assert.match(lines[102], / refused left_out=1\n$/);
});

test('a log line is one line, whatever is in it', () => {
  /** @type {string[]} */
  const lines = [];
  const log = makeLogger('info', (line) => lines.push(line));
  log.debug('below');
  log.info('joined', { call: 'a-b', why: 'x\ny "z"', none: undefined });
  assert.equal(lines.length, 1);
  assert.match(lines[0], /^\S+Z info joined call=a-b why="x\\ny \\"z\\""\n$/);
});
