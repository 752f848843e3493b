/** The literal ends of an expression: found where they are sure, and never wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { literalEnds } from '../../src/pattern/expression-ends.ts';

describe('found', () => {
  const table: readonly [source: string, prefix: string, suffix: string][] = [
    ['', '', ''],
    ['team', '', ''],
    ['^team', 'team', ''],
    ['team$', '', 'team'],
    ['^team$', 'team', 'team'],
    ['^team-[a-z]+\\/', 'team-', ''],
    ['^(.+)@d1\\.com$', '', '@d1.com'],
    ['^ab*', 'a', ''],
    ['^ab?c$', 'a', 'c'],
    ['ab{2}$', '', ''],
    ['^a(bc)d$', 'a', 'd'],
    ['^(?:ab)$', '', ''],
    ['^a[$]b$', 'a', 'b'],
    ['^a[]]b$', 'a', 'b'],
    ['^a\\$', 'a$', ''],
    ['^a|b$', '', ''],
    ['(?i)^a$', '', ''],
    ['^\\x41$', '', ''],
    ['^a\\pL$', '', ''],
    ['^\\Qa*\\E$', '', ''],
    ['^a\\db$', 'a', 'b'],
    ['^é😀$', 'é😀', 'é😀'],
    ['{a', '', ''],
    ['^a(b)c(d)e$', 'a', 'e'],
    ['(^a)b$', '', 'b'],
    ['^a[b^$]', 'a', ''],
    ['^a[[:alpha:]]b$', 'a', 'b'],
    ['^a[\\]]b$', 'a', 'b'],
    ['^a\\*b$', 'a*b', 'a*b'],
    ['^a.b$', 'a', 'b'],
    ['^(?<n>a)b$', '', 'b'],
    [`^${'a'.repeat(499)}`, 'a'.repeat(499), ''],
    [`^${'a'.repeat(500)}`, '', ''],
  ];
  for (const [source, prefix, suffix] of table) {
    test(source || '(empty)', () => assert.deepEqual(literalEnds(source), { prefix, suffix }));
  }
});

test('whatever matches has both ends', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '*',
    '+',
    '?',
    '^',
    '$',
    '(',
    ')',
    '[ab]',
    '[^a]',
    '[$]',
    '[]a]',
    '[\\]b]',
    '[[:alpha:]^]',
    '\\.',
    '\\b',
    '\\w',
    '{2}',
    '|',
    '(?:',
    'é',
    '\\x61',
    '/',
  );
  const expression = fc.array(atom, { maxLength: 7 }).map((atoms) => atoms.join(''));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'é', '/'), maxLength: 5 });
  fc.assert(
    fc.property(expression, fc.array(text, { minLength: 5, maxLength: 10 }), (source, texts) => {
      let compiled: RE2JS;
      try {
        compiled = RE2JS.compile(source);
      } catch {
        return;
      }
      const { prefix, suffix } = literalEnds(source);
      for (const candidate of texts.filter((one) => compiled.test(one))) {
        assert.ok(candidate.startsWith(prefix) && candidate.endsWith(suffix), `${source} ${candidate}`);
      }
    }),
    { numRuns: 1_000 },
  );
});
