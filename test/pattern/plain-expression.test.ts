/** What is taken for well-formed without being compiled is so, and words mean what the engine says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { isPlainExpression, wordsOf } from '../../src/pattern/plain-expression.ts';

const pieces = [
  'a',
  'Bo',
  '-',
  ' ',
  '@',
  '/',
  '.',
  '\\.',
  '\\/',
  '\\d',
  '\\w',
  '^',
  '$',
  '|',
  '(',
  '(?:',
  ')',
  '[',
  ']',
  '[a-z]',
  '[^0-9_]',
];
const more = [
  '*',
  '+',
  '?',
  '*?',
  '??',
  '{2}',
  '{3,2}',
  '{0,7}?',
  '{02}',
  '{1000}',
  '{',
  '}',
  '\\b',
  '\\Q',
  '\\E',
  '\\p{L}',
  '(?i)',
  '(?P<n>',
  '[a-',
  '\\',
  'é',
  '😀',
  '\n',
  '-]',
];
const source = fc.array(fc.constantFrom(...pieces, ...more), { maxLength: 12 }).map((parts) => parts.join(''));

test('whatever is called plain compiles', () => {
  fc.assert(
    fc.property(source, (text) => !isPlainExpression(text) || RE2JS.compile(text) !== null),
    { numRuns: 20_000 },
  );
});

test('the usual expressions of policies are plain', () => {
  for (const text of [
    '^(.+)@example\\.com$',
    '.+',
    'a|b',
    '^team/(web|ops)(/.*)?$',
    '[a-z0-9_.-]+',
    '^(?:a|(b|c))$',
    '^(?i)v\\d{1,3}$',
    'a{2}b{10,}c{7,7}?',
    '(?i)a',
    '\\bweb\\b',
  ]) {
    assert.ok(isPlainExpression(text), text);
  }
});

test('an expression of more than 500 characters is compiled at once, and not during a request', () => {
  assert.equal(isPlainExpression('a'.repeat(500)), true);
  assert.equal(isPlainExpression('a'.repeat(501)), false);
});

describe('lists of words need no engine', () => {
  const people = Array.from({ length: 1_000 }, (_, index) => `user-${index}@example.com`);
  const table: readonly [source: string, words: readonly string[], start: boolean, end: boolean][] = [
    ['^(ana|bo)$', ['ana', 'bo'], true, true],
    ['^(?:ana|bo)$', ['ana', 'bo'], true, true],
    ['^team/', ['team/'], true, false],
    [String.raw`@example\.com$`, ['@example.com'], false, true],
    ['(web|ops|)', ['web', 'ops', ''], false, false],
    ['^$', [''], true, true],
    ['', [''], false, false],
    [`^(${people.join('|').replaceAll('.', String.raw`\.`)})$`, people, true, true],
  ];
  for (const [source, words, start, end] of table) {
    test(source.slice(0, 30) || '(empty)', () => assert.deepEqual(wordsOf(source), { words, start, end }));
  }

  for (const source of ['^ana|bo$', 'a.b', 'ana*', '[ab]', String.raw`\d`, '(ana)bo', '(?i)ana', '(?:ana', '((ana))']) {
    test(`not so ${source}`, () => assert.equal(wordsOf(source), null));
  }
});

test('words match as the engine does', () => {
  const words = fc
    .array(fc.constantFrom('a', 'bo', '\\.', '/', '-', '|', 'x y', ''), { maxLength: 6 })
    .map((parts) => parts.join(''));
  const whole = fc.tuple(
    fc.constantFrom('', '^'),
    fc.constantFrom(...['', '('], '(?:'),
    words,
    fc.constantFrom('', '$'),
  );
  const text = fc
    .array(fc.constantFrom('a', 'bo', '.', '/', '-', '|', 'x y'), { maxLength: 5 })
    .map((parts) => parts.join(''));
  const agrees = ([start, open, inner, end]: readonly string[], given: string): boolean => {
    const expression = `${start}${open}${inner}${open === '' ? '' : ')'}${end}`;
    const found = wordsOf(expression);
    if (found === null) return true;
    const fits = (word: string): boolean =>
      (found.start ? given.startsWith(word) : given.includes(word)) &&
      (found.end ? given.endsWith(word) : given.includes(word)) &&
      (!(found.start && found.end) || given === word);
    return found.words.some(fits) === RE2JS.compile(expression).test(given);
  };
  fc.assert(fc.property(whole, text, agrees), { numRuns: 20_000 });
});

test('neither takes long for what only looks plain', () => {
  const begun = performance.now();
  for (const text of [
    'a?'.repeat(249),
    '(a|'.repeat(160),
    '[a-z'.repeat(120),
    '\\.'.repeat(240),
    '((a*)*)*'.repeat(60),
  ]) {
    isPlainExpression(`${text}\\`);
    wordsOf(`${text}\\`);
  }
  assert.ok(performance.now() - begun < 2_000);
});
