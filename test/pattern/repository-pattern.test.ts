/** Which patterns a password may be narrowed to: those that the name of some repository matches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGlob } from '../../src/pattern/glob.ts';
import { createPatternCheck } from '../../src/pattern/repository-pattern.ts';

const check = createPatternCheck(['registry.example.com', 'localhost:5000']);

const usable = [
  ...['*', '**', '?', 'a', 'team/app', 'team-a/*', 'team/**', 'team/**/app', '**/app', 'team*/app?'],
  ...['my.team/app', 'a__b/c---d', 'registry.example.org/app', 'team/v[0-9].[0-9]', '[^x]eam/*', 'team/[a-c]*'],
  ...[String.raw`a[_\-]_b`, String.raw`a[_\-]-b`, 'a[^a-z]b', '[^a-z]', '[^/]'],
  ...[String.raw`a[_.\-]b`, String.raw`a\.b`, 'localhost/app', '0/1', 'registry.example.com'],
];
for (const pattern of usable) test(`usable: ${pattern}`, () => assert.equal(check(pattern), null));

const refused: readonly [pattern: string, problem: RegExp][] = [
  ['localhost:25100/team/*', /leave out the host, and write "team\/\*"/],
  ['localhost:5000/team/*', /leave out the host/],
  ['registry.example.com/team/*', /leave out the host, and write "team\/\*"/],
  ['localhost:5000', /no repository/],
  ['*a:5000/team', /no repository/],
  ['team:1a/app', /no repository/],
  ['Team/*', /lower case/],
  ['[A-Z]*', /lower case/],
  ['/team/*', /remove the leading "\/"/],
  ['team/', /write "team\/\*\*"/],
  ['a/*, b/*', /one pattern a line/],
  ['a/* b/*', /one pattern a line/],
  ['a,b', /one pattern a line/],
  ['<img>', /no repository can have such a name/],
  ['team//app', /no repository/],
  ['team/../app', /no repository/],
  ['./app', /no repository/],
  ['team/-app', /no repository/],
  ['team/app-', /no repository/],
  ['a--', /no repository/],
  ['a..b', /no repository/],
  ['team:app', /no repository/],
  ['team/app:*', /no repository/],
  ['team@sha256', /no repository/],
  [String.raw`a\*`, /no repository/],
  ['[:;]', /one pattern a line/],
  ['a[:]b', /no repository/],
  ['a[_]__b', /no repository/],
  ['[^a-z0-9]a', /no repository/],
  ['é/*', /no repository/],
  ['team/\u202eppa', /no repository/],
  ['team/[a', /"\[" has no "\]"/],
];
for (const [pattern, problem] of refused) {
  test(`refused: ${pattern}`, () => assert.match(check(pattern) ?? 'usable', problem));
}

test('what matches the name of a repository is never refused', () => {
  const part = fc.stringMatching(/^[a-c0-1]+((\.|_|__|-+)[a-c0-1]+)?$/);
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  /** What may stand in place of a piece of a name. */
  const wildFor = (piece: string, choice: number): string => {
    const letter = /^[a-z0-9]$/.test(piece) ? ['?', '[^x]', `[${piece}]`] : [];
    const between = /^[._-]$/.test(piece) ? ['?', String.raw`[._\-]`, '[^a-z0-9]', `\\${piece}`] : [];
    const within = piece.includes('/') ? [] : ['*'];
    const choices = ['**', ...within, ...letter, ...between];
    return choices[choice % choices.length] ?? '**';
  };
  fc.assert(
    fc.property(name, fc.nat(20), fc.nat(6), fc.nat(), (text, from, length, choice) => {
      const wild = wildFor(text.slice(from, from + length), choice);
      const pattern = text.slice(0, from) + wild + text.slice(from + length);
      assert.ok(compileGlob(pattern, { doubleStar: true })(text));
      assert.equal(check(pattern), null, pattern);
    }),
  );
});
