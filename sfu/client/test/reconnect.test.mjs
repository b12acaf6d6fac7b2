import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../load.mjs';

const { ReconnectPolicy, NOTICE_MS } = await load('reconnect.ts');

test('tries after 0.5, 1, 2, 4 s and then every 4 s', () => {
  const policy = new ReconnectPolicy(10_000);
  assert.equal(policy.next(0), null, 'nothing is lost');
  policy.lost(100);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => policy.next(100)),
    [500, 1000, 2000, 4000, 4000],
  );
});

test('gives up when the call cannot be there any more, with a last try at that moment', () => {
  const policy = new ReconnectPolicy(10_000);
  const end = 10_000 + NOTICE_MS;
  policy.lost(0);
  policy.lost(20_000);
  assert.equal(policy.next(end - 300), 300);
  assert.equal(policy.next(end), null);
});

test('a restored connection begins again', () => {
  const policy = new ReconnectPolicy(10_000);
  policy.lost(0);
  policy.next(0);
  policy.restored();
  assert.equal(policy.active, false);
  policy.lost(100_000);
  assert.equal(policy.next(100_000), 500);
});
