/** Expressions that JavaScript's engine matches: the same answer as RE2's, and never for long. */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { nativeExpression } from '../../src/pattern/native-expression.ts';

const letter = fc.constantFrom(...'abBks/-@ _1', ...['.', '-', '$'].map((one) => `\\${one}`));
const set = fc.constantFrom('.', '[a-z]', '[^a]', '[^/]', String.raw`[\w.-]`, String.raw`[^\d]`, '[ab1]');
const shorthand = fc.constantFrom(...['d', 'D', 'w', 'W', 's', 'S'].map((one) => `\\${one}`));
const single = fc.oneof({ weight: 4, arbitrary: letter }, set, shorthand);
const repeat = fc.constantFrom(...['', '', '', '?', '*', '+', '*?', '+?', '??'], ...['{0}', '{2}', '{1,}', '{0,2}?']);
const repeated = fc.tuple(single, repeat).map((parts) => parts.join(''));
const { expression } = fc.letrec<{ expression: string; group: string; part: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: repeated },
    { weight: 1, arbitrary: fc.constantFrom('^', '$', '|', String.raw`\b`, String.raw`\B`) },
    { weight: 1, arbitrary: tie('group') },
  ),
  group: fc
    .tuple(fc.constantFrom('(', '(?:'), tie('expression'), fc.constantFrom(')', ')?'))
    .map((parts) => parts.join('')),
  expression: fc
    .tuple(fc.constantFrom('', '^'), fc.array(tie('part'), { maxLength: 5 }), fc.constantFrom('', '$'))
    .map(([start, parts, end]) => start + parts.join('') + end),
}));
const whole = fc.tuple(fc.constantFrom('', '', '(?i)', '^(?i)'), expression).map((parts) => parts.join(''));
const text = fc.string({
  unit: fc.constantFrom(...'abAKks/-@ ._1$\n\r\v\té\u2028\u212aſ'),
  maxLength: 10,
});

test('answers as RE2 does, wherever it answers', () => {
  let [answered, fitting] = [0, 0];
  fc.assert(
    fc.property(whole, fc.array(text, { minLength: 3, maxLength: 6 }), (source, texts) => {
      const native = nativeExpression(source);
      if (native === null) return;
      const engine = RE2JS.compile(source);
      for (const one of texts) {
        const answer = native(one);
        if (answer === null) continue;
        answered += 1;
        if (answer) fitting += 1;
        assert.equal(answer, engine.test(one), JSON.stringify([source, one]));
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(answered > 5_000 && fitting > 500, `${answered} answers, of which ${fitting} say that it fits`);
});

test('what each of its features means', () => {
  const cases: [source: string, text: string, fits: boolean][] = [
    [String.raw`^team(-[a-z]+)?\/.+$`, 'team-web/x', true],
    [String.raw`^team(-[a-z]+)?\/.+$`, 'team-/x', false],
    ['team1|team2', 'a team2', true],
    ['^a.c$', 'a\rc', true],
    ['^a.c$', 'a\nc', false],
    [String.raw`^\s$`, '\v', false],
    ['a$', 'a\n', false],
    ['[^/]b', '\nb', true],
    ['ba+b', 'baab', true],
    ['^a{2,3}$', 'aaa', true],
    ['^a{2,3}$', 'a', false],
    ['^a{2}b$', 'aab', true],
    ['ab{0}c', 'ac', true],
    ['^(?i)team-[a-z]+$', 'TEAM-Web', true],
    ['(?i)a|B', 'b', true],
    [String.raw`\bweb\b`, 'a/web-1', true],
    [String.raw`\bweb\b`, 'webs', false],
  ];
  for (const [source, given, fits] of cases) assert.equal(nativeExpression(source)?.(given), fits, source);
});

test('leaves the rest to RE2: loops of groups, odd counts, other flags and escapes, texts beyond ASCII, long ones', () => {
  const other = [
    '(a+)+$',
    'a{02}',
    'a{,2}',
    'a{100}',
    '(?s)a',
    'a(?i)b',
    String.raw`\pL`,
    String.raw`\z`,
    'é',
    '(?P<n>a)',
    '[[:alpha:]]',
    'a**',
  ];
  for (const source of [...other, '(a|b)*', 'a'.repeat(201)]) assert.equal(nativeExpression(source), null, source);
  assert.equal(nativeExpression('a'.repeat(200))?.('a'.repeat(200)), true);
  assert.equal(nativeExpression('a.*b')?.('aéb'), null);
});

test('leaves to RE2 what might take more than 100,000 steps', () => {
  const anchored = nativeExpression('^a.*b');
  assert.equal(anchored?.(`a${'x'.repeat(99_998)}b`), true);
  assert.equal(anchored?.(`a${'x'.repeat(99_999)}b`), null);
  for (const source of ['(a|a)', 'a?', '(a)?']) {
    assert.equal(nativeExpression(`${source.repeat(16)}b`)?.(`${'a'.repeat(30)}b`), null, source);
  }
});

test('a text that lacks the letters that an expression cannot do without does not fit, whatever else it holds', () => {
  // `null`: RE2 has to look.
  const table: readonly [source: string, text: string, answer: false | null][] = [
    ['^team.*a', 'a tea for é', false],
    ['^team.*a', 'é team', null],
    [String.raw`^a.+\.com$`, 'é.', false],
    [String.raw`^a.+\.com$`, 'é.com', null],
    ['(ab)?c', 'ab é', false],
    ['(ab)?c', 'c é', null],
    ['(a|b)c', 'ab é', false],
    ['(a|b)c', 'c é', null],
    ['ab|cd', 'cd é', null],
    ['[xy]a+', 'x é', false],
    ['ba+b', 'ba é b', null],
    ['ba*b', 'b é b', null],
    ['ba?b', 'b é b', null],
    ['x[ab]y', 'x é y', null],
    ['ba{0,2}b', 'b é b', null],
    ['ba{2}b', 'baab é', null],
    ['(?i)ab', 'AB é', null],
    [String.raw`ab\b`, 'é', false],
  ];
  for (const [source, given, answer] of table) {
    assert.equal(nativeExpression(source)?.(given), answer, JSON.stringify([source, given]));
  }
});

test('no expression that it answers takes long', () => {
  for (const source of [
    'a*a*b',
    'a*a*a*b',
    'a*a*a*a*$x',
    '.*.*.*b',
    '(a|a)(a|a)(a|a)a*a*b',
    'a?a?a?a?a?a*b',
    '^.*.*b',
    // These begin anywhere: the second only in one of its alternatives.
    'a*c$',
    '^b|a*c$',
    'a{0,99}a{1,99}a{0,99}a{0,}b',
    `${'a{0,1}'.repeat(30)}b`,
  ]) {
    const native = nativeExpression(source);
    for (const length of [10, 30, 100, 300, 1_000, 10_000, 90_000]) {
      const begin = performance.now();
      native?.(`${'a'.repeat(length)}c b`.slice(0, -1));
      const took = performance.now() - begin;
      assert.ok(took < 200, `${source} on ${length} characters: ${took} ms`);
    }
  }
});
