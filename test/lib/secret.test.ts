import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import {
  createPepper,
  createSecret,
  deriveSecret,
  equalHashes,
  hasValidChecksum,
  hintOf,
  looksLikeSecret,
  secretKinds,
} from '../../src/lib/secret.ts';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test('a secret is dkp_, 30 random base62 characters and the CRC32 of what stands before it', () => {
  const secret = createSecret('dkp');
  assert.match(secret, /^dkp_[0-9A-Za-z]{36}$/);
  const value = [...secret.slice(-6)].reduce((sum, digit) => sum * 62 + base62.indexOf(digit), 0);
  assert.equal(value, crc32(secret.slice(0, -6)));
  assert.ok(looksLikeSecret(secret) && hasValidChecksum(secret));
});

test('the pattern of docs/administration.md finds every kind of secret', () => {
  const text = readFileSync(new URL('../../docs/administration.md', import.meta.url), 'utf8');
  const [, pattern = ''] = /matched by\n\n```\n(.+)\n```/.exec(text) ?? [];
  for (const kind of secretKinds) {
    const secret = createSecret(kind);
    assert.equal(new RegExp(pattern).exec(`password=${secret};`)?.[0], secret);
  }
});

test('a derived secret is the same in every version, or what docker keeps would end with an upgrade', () => {
  const derived = deriveSecret(
    'dki',
    createPepper('k'.repeat(32)),
    (round) => `identity token ${round}\0registry.example.com\0dkp_x`,
  );
  assert.equal(derived, 'dki_kawSRsY2f2FKGh5ty2LaNgmywXGQc73lveMD', 'as 0.2.0 derived it');
});

test('every character is equally likely: bytes that would favour some are thrown away', () => {
  const draws = [Uint8Array.from({ length: 16 }, (_, index) => 240 + index)];
  const secret = createSecret('dkp', (size) => draws.shift() ?? new Uint8Array(size).fill(61));
  assert.equal(secret.slice(4, 12), 'stuvwxyz', 'of the bytes 240 to 255 only 240 to 247 count');
  assert.equal(secret.slice(12, 34), 'z'.repeat(22));
});

test('one changed character is noticed before the store is asked', () => {
  const position = fc.integer({ min: 4, max: 39 });
  const letter = fc.constantFrom(...base62);
  fc.assert(
    fc.property(position, letter, (index, character) => {
      const secret = createSecret('dkp');
      const changed = secret.slice(0, index) + character + secret.slice(index + 1);
      assert.equal(hasValidChecksum(changed), changed === secret);
    }),
  );
});

test('what has not the exact form is not taken for a secret', () => {
  const secret = createSecret('dkp');
  for (const text of [
    '',
    'dkp_',
    `${secret}a`,
    `x${secret}`,
    secret.slice(1),
    `${secret}\n`,
    secret.replace('_', '-'),
  ]) {
    assert.equal(looksLikeSecret(text), false, JSON.stringify(text));
  }
});

test('the hash depends on the pepper, whose id does not give it away', () => {
  const [one, other] = [createPepper('a'.repeat(32)), createPepper('b'.repeat(32))];
  assert.notEqual(one.hash('secret'), other.hash('secret'));
  assert.notEqual(one.id, other.id);
  assert.equal(one.hash('secret'), createPepper('a'.repeat(32)).hash('secret'));
  assert.ok(equalHashes(one.hash('secret'), one.hash('secret')));
  assert.ok(!equalHashes(one.hash('secret'), one.hash('other')));
  assert.ok(!equalHashes('short', one.hash('secret')));
});

test('the hint shows the kind and the last four characters', () => {
  const secret = createSecret('dkp');
  assert.equal(hintOf(secret), `dkp_…${secret.slice(-4)}`);
});
