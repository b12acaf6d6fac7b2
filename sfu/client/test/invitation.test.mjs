import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../load.mjs';

const { tokenOf } = await load('invitation.ts');

test('the token is what the fragment says', () => {
  assert.equal(tokenOf('#token=a.b-c_d.e'), 'a.b-c_d.e');
  assert.equal(tokenOf('#theme=dark&token=a.b.c'), 'a.b.c');
  for (const hash of ['', '#', '#token', '#token=', '#Token=a', '#a.b.c', '#%'])
    assert.equal(tokenOf(hash), '');
});
