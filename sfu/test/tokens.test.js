import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync, rmdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { ReplayCache, TokenRefused, TokenVerifier } from '../src/tokens.js';
import { UsedTokens } from '../src/used_tokens.js';
import { temporaryFolder } from './helpers/front.js';

// The Python front's tests read the same file.
const { settings, defaults, cases } = JSON.parse(
  readFileSync(new URL('../../tests/core/access/token_cases.json', import.meta.url), 'utf8'),
);
const { current, previous } = settings.secrets;

/** @param {number} [remembered] */
const verifier = (remembered) =>
  new TokenVerifier({ ...settings, secrets: [current, previous] }, undefined, remembered);

/** @param {string | Buffer} data */
const b64 = (data) => Buffer.from(data).toString('base64url');

/** By hand: a library would refuse most of what is wrong here. @param {any} header @param {string} claims @param {string} key */
function signed(header, claims, key) {
  const text = `${b64(JSON.stringify(header))}.${b64(claims)}`;
  return key === 'none'
    ? `${text}.`
    : `${text}.${createHmac('sha256', settings.secrets[key]).update(text).digest('base64url')}`;
}

/** @param {any} changes */
function tokenOf(changes) {
  const { token, header, claims, claims_text: text, key, tampered } = { ...defaults, ...changes };
  if (token !== undefined) return token;
  const made = signed(header, text ?? JSON.stringify(claims), key);
  if (!tampered) return made;
  const [head, , signature] = made.split('.');
  return `${head}.${b64(JSON.stringify(tampered))}.${signature}`;
}

/** @param {TokenVerifier} door @param {string} token @param {number} now @param {string} [origin] @returns {Promise<string>} */
async function outcome(door, token, now, origin) {
  try {
    await door.verify(token, now, origin);
    return 'ok';
  } catch (error) {
    if (error instanceof TokenRefused) return error.reason;
    throw error;
  }
}

for (const one of cases)
  test(`a token: ${one.name}`, async () => {
    const now = one.now_s ?? defaults.now_s;
    assert.equal(await outcome(verifier(), tokenOf(one), now, one.origin), one.expect);
  });

test('a token is good once, and what the library makes is taken', async () => {
  const door = verifier();
  const token = await new SignJWT({ max_call_s: 90 })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('Ann')
    .setAudience('voicebot')
    .setIssuedAt(1000)
    .setExpirationTime(1060)
    .setJti('one')
    .sign(new TextEncoder().encode(current));
  const grant = await door.verify(token, 1001);
  assert.deepEqual(grant, { tokenId: 'one', expiresS: 1065, label: 'Ann', maxCallS: 90 });
  assert.deepEqual(await door.verify(token, 1001), grant);
  door.use(grant, 1001);
  assert.throws(() => door.use(grant, 1002), { reason: 'replayed' });
  assert.equal(await outcome(door, token, 1002), 'replayed');
  assert.equal(await outcome(door, token, 1065), 'expired');
});

test('no more tokens are taken than are remembered, and expired ones make room', () => {
  const door = verifier(2);
  const grant = { label: '', maxCallS: null, expiresS: 1065 };
  for (const tokenId of ['a', 'b']) door.use({ ...grant, tokenId }, 1000);
  assert.throws(() => door.use({ ...grant, tokenId: 'c' }, 1064), { reason: 'too_many' });
  door.use({ ...grant, tokenId: 'c' }, 1065);
  assert.equal(door.used.count, 1);
});

test("no stranger's text is good or breaks it", async () => {
  const part = fc.uint8Array({ maxLength: 100 }).map((data) => b64(Buffer.from(data)));
  const text = fc.oneof(
    fc.string({ maxLength: 300, unit: 'binary' }),
    fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
    fc.integer({ min: 1, max: 700 }).map((depth) => `${b64('['.repeat(depth))}.${b64('{}')}.${b64('x')}`),
  );
  await fc.assert(
    fc.asyncProperty(text, async (token) => {
      const reason = await outcome(verifier(), token, 1001);
      assert.ok(['missing', 'malformed', 'forged'].includes(reason), reason);
    }),
  );
});

test('signed claims of any form are a grant or a refusal', async () => {
  const names = fc.constantFrom('aud', 'iat', 'exp', 'nbf', 'jti', 'sub', 'origin', 'max_call_s');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 })), async (claims) => {
      const token = signed({ alg: 'HS256' }, JSON.stringify({ ...defaults.claims, ...claims }), 'current');
      await outcome(verifier(), token, 1001, 'https://shop.example');
    }),
  );
});

test('no bit of a token can be changed', async () => {
  const token = tokenOf({});
  for (let position = 0; position < token.length; position++) {
    for (let bit = 0; bit < 7; bit++) {
      const changed = String.fromCharCode(token.charCodeAt(position) ^ (1 << bit));
      const reason = await outcome(
        verifier(),
        token.slice(0, position) + changed + token.slice(position + 1),
        1001,
      );
      // The last character of a signature holds two bits that say nothing: such a token is the same one.
      if (position < token.length - 1)
        assert.ok(['malformed', 'forged'].includes(reason), `${position} ${reason}`);
    }
  }
});

test('the replay cache keeps every id for its time, and never too many', () => {
  const step = fc.tuple(fc.nat(9), fc.nat(100), fc.nat(10));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new ReplayCache(5);
      let now = 0;
      for (const [number, lasts, passes] of steps) {
        now += passes;
        cache.add(String(number), now + lasts, now);
        assert.ok(cache.count <= 5);
      }
      cache.add('last', now + 1000, now + 200);
      assert.equal(cache.count, 1, 'all the others have expired');
      assert.equal(cache.add('last', now + 1000, now + 200), false);
    }),
  );
});

test('with a folder a token is good once, whatever is restarted', (t) => {
  const folder = join(temporaryFolder(t), 'used');
  const front = () => new TokenVerifier({ ...settings, secrets: [current], used_tokens: folder });
  const grant = { tokenId: '../x', label: '', maxCallS: null, expiresS: Date.now() / 1000 + 60 };
  const now = Date.now() / 1000;
  const other = front();
  front().use(grant, now);
  assert.throws(() => other.use(grant, now), { reason: 'replayed' });
  assert.deepEqual(readdirSync(folder), [createHash('sha256').update('../x').digest('hex')]);
});

test('of used tokens those are deleted that have expired, and nothing else', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'somebody else'), '');
  utimesSync(join(folder, 'somebody else'), 0, 0);
  const used = new UsedTokens(folder, 100, assert.fail);
  const now = Date.now() / 1000;
  assert.ok(used.add('a', now) && used.add('b', now + 95) && used.has('a'));
  assert.ok(!used.add('a', now + 99));
  used.add('c', now + 110);
  assert.deepEqual(readdirSync(folder), ['somebody else']);
});

test('where used tokens cannot be written memory has to do; where the folder cannot be made, that is said', (t) => {
  const folder = join(temporaryFolder(t), 'used');
  /** @type {string[]} */
  const errors = [];
  const access = { ...settings, secrets: [current], used_tokens: folder };
  const door = new TokenVerifier(access, (error) => errors.push(error));
  rmdirSync(folder);
  const grant = { tokenId: 'a', label: '', maxCallS: null, expiresS: 1065 };
  door.use(grant, 1000);
  assert.throws(() => door.use(grant, 1000), { reason: 'replayed' });
  assert.match(errors[0] ?? '', /ENOENT/);
  writeFileSync(folder, '');
  assert.throws(() => new TokenVerifier({ ...access, used_tokens: join(folder, 'x') }), /used_tokens/);
});
