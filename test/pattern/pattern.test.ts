/** The pattern language: Go's path.Match corner by corner, `**`, RE2 between slashes, and time that grows in a line. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PatternError } from '../../src/pattern/compiled.ts';
import { quoteMeta } from '../../src/pattern/expression.ts';
import { compileGlob, globProblem } from '../../src/pattern/glob.ts';
import { compilePattern } from '../../src/pattern/pattern.ts';

const dockerAuth = { doubleStar: false };
const ours = { doubleStar: true };

describe("globs are those of Go's path.Match", () => {
  // [glob, text, whether Go matches]: from the rules and the source of Go's path package.
  const table: readonly [string, string, boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['abc', 'abc', true],
    ['*', '', true],
    ['*', 'abc', true],
    ['*', 'a/b', false],
    ['**', 'a/b', false],
    ['**', '', true],
    ['*c', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['[^a]', '[', true],
    ['[^a]', '^', true],
    ['ab[^e-g]', 'abc', true],
    ['ab[!c]', 'ab!', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['a[^a][^a][^a]b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['[x\\-]', 'z', false],
    ['[^a]', '/', true],
    ['*[^q]a*b', 'xa/ab', false],
    ['*??', '€', true],
    ['team/*', 'team/', true],
    ['Team/*', 'team/x', false],
    ['[z-a]', 'm', false],
    ['[^z-a]', 'm', true],
    ['{a,b}', 'a', false],
    ['//', '//', true],
    ['//', 'a', false],
    ['?', 'ab', false],
    ['a[b]', 'abc', false],
    ['a?', 'a', false],
    ['a[^b]', 'a', false],
    ['?*', '', false],
    ['*[b]', 'bb', true],
    ['*[b]', 'bx', false],
    ['*[b]*', 'a', false],
    ['*[b]*', 'ab', true],
    ['*[b]*', 'a/b', false],
    ['[a]*', 'a/', false],
    ['[a]*[b]*', 'axbx', true],
    ['?*', 'a', true],
    ['*?', 'a/', false],
    ['a?b', 'a😀b', true],
    ['a?b', 'aࠀb', true],
    ['[é]', 'é', true],
    ['[é]', 'è', false],
    ['[ࠀ]b', 'ࠀb', true],
    ['[ࠀ]', 'ࠁ', false],
    ['x[😀]b', 'x😀b', true],
    ['[😀]', '😁', false],
    ['[😀]', '😀', true],
    ['[à-ü]?', 'éa', true],
    ['[¢]', '¢', true],
    ['*[\u0080]', '\u0800', false],
    ['*[\ufffd]', '\u0800', true],
    ['ab/', 'ab/', true],
    ['ab/', 'xb', false],
    ['/', '/', true],
  ];
  for (const [glob, text, expected] of table) {
    test(`${glob || '(empty)'} ${expected ? 'matches' : 'does not match'} ${text || '(empty)'}`, () => {
      assert.equal(compilePattern(glob, dockerAuth)(text), expected);
    });
  }

  for (const glob of [
    '[]a]',
    '[-]',
    '[x-]',
    '[-x]',
    '\\',
    '[a-b-c]',
    '[',
    '[^',
    '[^bc',
    'a[',
    'a[a',
    '[\\',
    'x*[',
    '[a-\\',
  ]) {
    test(`${glob} is malformed`, () => {
      assert.throws(() => compilePattern(glob, dockerAuth), { name: 'PatternError' });
      // What was refused is remembered, and refused again.
      assert.throws(() => compilePattern(glob, dockerAuth), PatternError);
      assert.match(globProblem(glob) ?? '', /bracket|backslash|\[/);
    });
  }
});

describe('our globs', () => {
  const table: readonly [string, string, boolean][] = [
    ['**', '', true],
    ['**', 'a/b/c', true],
    ['team/**', 'team/a/b', true],
    ['team/**', 'team', false],
    ['team/**', 'teamwork/a', false],
    ['**/app', 'a/b/app', true],
    ['**/app', 'app', false],
    ['**/a*b', 'x/y/ab', true],
    ['**a*b', 'a/ab', true],
    ['team/**/prod-*', 'team/a/b/prod-1', true],
    ['team/**/prod-*', 'team/a/b/prod-1/x', false],
    ['[^a]**', '😀/x', true],
    ['**[α-ω]', 'a/β', true],
    ['[z-a]**', 'm', false],
    ['[^z-a]**', 'm', true],
    ['\\**', '*/', false],
    ['\\**', '*x', true],
    ['[**]', '*', true],
    ['a.b/**', 'axb/c', false],
    ['a?/**', 'ab/c', true],
    ['?**', '/a', false],
    ['[a]**', 'a/x', true],
    ['[ab]**', 'b/x', true],
    ['[ab]**', 'cb', false],
    ['[ab]**', 'team', false],
    ['[^ab]**', 'cb', true],
    ['[^ab]**', 'bc', false],
    ['[^z-a]**', '', false],
    ['[😀]**', '😀/x', true],
    ['[😀]**', '😁/x', false],
    ['[😀-😂]**', '😁/x', true],
    ['[😀-😂]**', '！/x', false],
    ['**a**', 'x/y', false],
    ['a**b', 'a\n/b', true],
    ['*[^q]a*b', 'xa/ab', false],
    ['a**', 'b', false],
    ['*', 'a/b', false],
  ];
  for (const [glob, text, expected] of table) {
    test(`${glob} ${expected ? 'matches' : 'does not match'} ${text || '(empty)'}`, () => {
      assert.equal(compilePattern(glob, ours)(text), expected);
    });
  }

  test('without "**" they are the same as docker_auth reads them', () => {
    const alphabet = fc.constantFrom('a', 'b', '/', '*', '?', '[', ']', '^', '-', '\\', 'é');
    const glob = fc.string({ unit: alphabet, maxLength: 8 }).filter((text) => !text.includes('**'));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '-'), maxLength: 8 });
    fc.assert(
      fc.property(glob, text, (pattern, name) => {
        if (globProblem(pattern) !== null) return;
        assert.equal(compileGlob(pattern, ours)(name), compileGlob(pattern, dockerAuth)(name));
      }),
    );
  });
});

describe('expressions', () => {
  const table: readonly [string, string, boolean][] = [
    ['/trainee|dev/', 'devops', true],
    ['/^dev$/', 'devops', false],
    ['/(?i)^ANA@/', 'ana@example.com', true],
    ['/(?P<team>a+)/', 'xaax', true],
    ['/[[:digit:]]+\\z/', 'v12', true],
    ['/^.$/', '\n', false],
    ['/./', '', false],
    ['///', 'a/b', true],
    ['/a', '/a', true],
    ['/^team-/', 'team-web', true],
    ['/^team-/', 'my-team-web', false],
    ['/^(team|ops)-$/', 'ops-', true],
    ['/^(?:team-|ops-)/', 'ops-web', true],
    ['/(web|ops)/', 'my-ops-1', true],
    ['/@example\\.com$/', 'ana@example.com', true],
    ['/@example\\.com$/', 'ana@example.com.evil', false],
    ['/(?:web|ops)$/', 'my-ops', true],
    ['/^team/([a-z]+/)*app$/', 'team/a/b/app', true],
    ['/^team/([a-z]+/)*app$/', 'team/a/b', false],
    ['/^team/([a-z]+/)*app$/', 'a/b/app', false],
    ['/(?P<n>a)(?P<n>b)/', 'ab', true],
    ['/(?<n>a)(?P<n>b)\\d/', 'ab1', true],
    ['/\\.(?P<n>a)(?P<n>b)/', '.ab', true],
    ['/^(?P<n>a)(?P<n>b)[(?P<n>]+$/', 'ab(?P<n>', true],
    ['/^(?P<n>a)(?P<n>b)[(?P<n>]+$/', 'ab(m', false],
    ['/^(?P<n>a)(?P<n>b)[^](?P<n>]$/', 'abP', false],
    ['/^(?P<n>a)(?P<n>b)[](?P<n>]$/', 'abP', true],
    ['/^(?P<n>a)(?P<n>b)[[:digit:](?P<n>]$/', 'abP', true],
    ['/^(?P<n>a)(?P<n>b)[[:^alpha:](?P<n>]$/', 'abP', true],
    ['/^(?P<n>a)(?P<n>b)[\\](?P<n>]$/', 'abP', true],
    ['/^(?P<n>a)(?P<n>b)\\Q (?P<n>\\E(c)$/', 'ab (?P<n>c', true],
    ['/^(?P<n>a)(?P<n>b)\\Q(?P<n>/', 'ab(?P<n>', true],
    ['/^(?P<n>a)(?P<n>b)\\Q(?P<n>/', 'ab(', false],
    ['/^(?P<n>a)(?P<n>b)\\(?P<n>$/', 'abP<n>', true],
  ];
  for (const [pattern, text, expected] of table) {
    test(`${pattern} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
      assert.equal(compilePattern(pattern, dockerAuth)(text), expected);
    });
  }

  for (const pattern of ['/foo?*/', '/(?=a)/', '/(a)\\1/', '/a{1001}/', '/[a/', '/\\C/']) {
    test(`${pattern} is not RE2`, () => assert.throws(() => compilePattern(pattern, ours), PatternError));
  }
});

test('a malformed expression is reported as it was written, its names too', () => {
  assert.throws(() => compilePattern('/(?P<n>a)(/', ours), { message: /`\(\?P<n>a\)\(`/ });
});

describe('what is malformed is refused when it is compiled, before any text comes', () => {
  for (const pattern of ['team/[a', 'a\\', '/(a/', '/a**/', '/[b-a]/', `/${'a'.repeat(600)}(/`]) {
    test(`${pattern.slice(0, 20)} is malformed`, () => {
      assert.throws(() => compilePattern(pattern, ours), PatternError);
    });
  }

  for (const pattern of ['', 'team/**', 'team/[a-z]', '/^team/', '//', '/a', '(a', '/(?i)a/', '/[]a]/']) {
    test(`${pattern || '(empty)'} is well-formed`, () => {
      assert.equal(typeof compilePattern(pattern, ours), 'function');
    });
  }
});

test('more patterns than are remembered decide as the first did', () => {
  for (let number = 0; number < 5_000; number += 1) {
    const matches = compilePattern(`n${number}/?`, ours);
    assert.ok(matches(`n${number}/a`) && !matches(`n${number}/`));
  }
  assert.ok(compilePattern('n0/?', ours)('n0/x'));
});

test('a pattern of a hundred thousand characters is a pattern like any other', () => {
  const long = 'a'.repeat(100_000);
  assert.equal(compilePattern(`${long}*`, ours)(`${long}b`), true);
  assert.equal(compilePattern(`${'a*'.repeat(50_000)}`, ours)(long), true);
  assert.equal(compilePattern(`[${long}]`, ours)('b'), false);
});

test('a quoted text matches itself alone, as glob and as expression', () => {
  const unit = fc.constantFrom('a', '.', '*', '/', '\\', '[', '^', '$', '{', '|', '+', 'é');
  const text = fc.string({ unit, maxLength: 6 }).filter((value) => !/^\/.+\/$/.test(value));
  fc.assert(
    fc.property(text, text, (value, other) => {
      assert.equal(compilePattern(quoteMeta(value), ours)(other), value === other);
      assert.equal(compilePattern(`/^${quoteMeta(value)}$/`, ours)(other), value === other);
    }),
  );
});

test('no pattern makes the time explode: each of these takes minutes or more where a matcher backtracks', () => {
  const long = 'a'.repeat(100_000);
  for (const pattern of [
    '/^(a+)+$/',
    '/(a|aa)+$/',
    `${'a*'.repeat(30)}b`,
    `${'a**'.repeat(30)}b`,
    `**${'*a'.repeat(30)}b`,
  ]) {
    assert.equal(compilePattern(pattern, ours)(`${long}!`), false);
  }
});
