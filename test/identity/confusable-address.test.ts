/** Addresses that pass for another one, and those of people who write in their own script. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyConfusable } from '../../src/identity/confusable-address.ts';

test('an address that looks like another one is told, with the reason', () => {
  const table: readonly [email: string, why: RegExp][] = [
    ['\u0430na@example.com', /mixes letters/],
    ['an\u0430@example.com', /mixes letters/],
    ['\u0430\u0441\u0435@example.com', /looks like Latin/],
    ['ana@ex\u0430mple.com', /mixes letters/],
    ['ana\uFE0F@example.com', /cannot be seen/],
    ['ana\u034F@example.com', /cannot be seen/],
    ['\u0301ana@example.com', /begins with a mark/],
    ['\u212Aim@example.com', /becomes a plain letter/],
    ['d\u0131na@example.com', /becomes a plain letter/],
    ['\u017Fam@example.com', /becomes a plain letter/],
    ['\u03B1\u03BD\u03B1@example.com', /looks like Latin/],
    ...['հսցօ', 'уѵеѕ', 'үо', 'ϲοϳο', 'γο', 'σ', 'օ', 'ΑΝΝΑ', 'СОРА', 'Օ'].map((user): [string, RegExp] => [
      `${user}@example.com`,
      /looks like Latin/,
    ]),
  ];
  for (const [email, why] of table) assert.match(whyConfusable(email) ?? 'nothing', why, email);
});

test('names in Latin with accents and in one other script are fine, and so is Japanese', () => {
  for (const email of [
    'ana@example.com',
    'j\u00F6rg.m\u00FCller@example.com',
    'jo\u0308rg@example.com',
    'петр.иванов@example.com',
    'петр@пример.рф',
    'γιώργος@example.com',
    'ΓΙΩΡΓΟΣ@example.com',
    'егор@example.com',
    'գոռ@example.com',
    'straße@example.com',
    '山田たろう@example.jp',
    'tanaka山田タ@example.jp',
    '김철수@example.kr',
    'יוסי@example.com',
    'สมชาย1@example.com',
  ])
    assert.equal(whyConfusable(email), null, email);
});
