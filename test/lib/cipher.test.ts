/** Secrets at rest: what opens them, what does not, and how a key is replaced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCipher } from '../../src/lib/cipher.ts';

const [oldKey, newKey] = ['o'.repeat(32), 'n'.repeat(32)];
const context = 'refresh token of account 7';

test('a secret opens with its key and its context alone', () => {
  const cipher = createCipher([newKey]);
  const sealed = cipher.seal('1//schlüssel', context);
  assert.equal(cipher.open(sealed, context), '1//schlüssel');
  assert.throws(() => cipher.open(sealed, 'refresh token of account 8'));
  assert.throws(() => createCipher([oldKey]).open(sealed, context), /a key that is not there/);
});

test('a changed bit anywhere is noticed', () => {
  const cipher = createCipher([newKey]);
  const sealed = cipher.seal('secret', context);
  const end = sealed.lastIndexOf('.') + 1;
  for (let place = 0; place < sealed.length - 1; place++) {
    if (sealed[place] === '.') continue;
    const other = sealed[place] === 'A' ? 'B' : 'A';
    const changed = sealed.slice(0, place) + other + sealed.slice(place + 1);
    assert.throws(() => cipher.open(changed, context), `at ${place}`);
  }
  assert.throws(() => cipher.open(sealed.slice(0, end), context), 'without text and tag');
  assert.throws(() => cipher.open(sealed.slice(0, end + 8), context), 'with a short tag');
});

test('the same secret never looks the same, and shows nothing of itself', () => {
  const cipher = createCipher([newKey]);
  assert.notEqual(cipher.seal('secret', context), cipher.seal('secret', context));
  assert.ok(!Buffer.from(cipher.seal('secret', context).split('.')[3] ?? '', 'base64url').includes('secret'));
});

test('a new key seals while the old one still opens', () => {
  const before = createCipher([oldKey]);
  const sealed = before.seal('secret', context);
  const after = createCipher([newKey, oldKey]);
  assert.equal(after.open(sealed, context), 'secret');
  assert.equal(after.isCurrent(sealed), false);
  assert.equal(after.isCurrent(after.seal('secret', context)), true);
  assert.throws(() => createCipher([newKey]).open(sealed, context), /a key that is not there/);
});
