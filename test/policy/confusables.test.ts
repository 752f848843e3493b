/** Signs that look like those of the keyboard: where they are told, and whose letters are left alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem, parsePolicy } from '../../src/policy/acl.ts';
import { warningsOf } from '../../src/policy/check.ts';
import { findConfusable } from '../../src/policy/confusables.ts';

describe('a character that looks like another', () => {
  const table: readonly [text: string, oddity: string | null][] = [
    ['\u201cteam/*\u201d', '\u201c (U+201C) looks like " and is not the same'],
    ['team/\u00ab', '\u00ab (U+00AB) looks like " and is not the same'],
    ['a\u2013b', '\u2013 (U+2013) looks like - and is not the same'],
    ['a\u2212b', '\u2212 (U+2212) looks like - and is not the same'],
    ['team\u2044app', '\u2044 (U+2044) looks like / and is not the same'],
    ['team\u2215app', '\u2215 (U+2215) looks like / and is not the same'],
    ['team/\u2217', '\u2217 (U+2217) looks like * and is not the same'],
    ['team/\uff0a', '\uff0a (U+FF0A) looks like * and is not the same'],
    ['team/\u2026', '\u2026 (U+2026) looks like ... and is not the same'],
    ['team \u00a0', 'U+00A0 looks like a space and is not the same'],
    ['te\u200bam', 'U+200B cannot be seen'],
    ['t\u0435am', "\u0435 (U+0435) isn't a Latin letter, though it's in a Latin word"],
    ['\u0430pp', "\u0430 (U+0430) isn't a Latin letter, though it's in a Latin word"],
    ['te\u03b1', "\u03b1 (U+03B1) isn't a Latin letter, though it's in a Latin word"],
    ['', null],
    [' !"\'-/*~', null],
    ['\u00e9quipe-\u00df', null],
    ['\u041e\u0442\u0434\u0435\u043b-IT', null],
    ['\u958b\u767a', null],
    ['rockets \u{1f680}', null],
  ];
  for (const [text, oddity] of table) {
    test(`${JSON.stringify(text)}: ${oddity ?? 'nothing'}`, () => assert.equal(findConfusable(text), oddity));
  }
});

describe('a name that others must repeat', () => {
  const hash = '$2y$05$abcdefghijklmnopqrstuuJ3WzV8uYw5o0l0r1X0a2b3c4d5e6f7g';
  const table: readonly [what: string, text: string, warnings: readonly string[]][] = [
    [
      'of a user',
      `users: {"ci\u2013bot": {password: ${hash}}, r\u043eot: {password: ${hash}}, \u043e\u043b\u044f: {password: ${hash}}}`,
      ['1:9: warning: users.ci\u2013bot: \u2013 (U+2013)', '1:93: warning: users.r\u043eot: \u043e (U+043E)'],
    ],
    [
      'of a label of a user, and its value',
      `users: {ci: {password: ${hash}, labels: {te\u0430m: [web, w\u200beb]}}}`,
      [
        '1:95: warning: users.ci.labels.te\u0430m: \u0430 (U+0430)',
        '1:107: warning: users.ci.labels.te\u0430m[2]: U+200B',
      ],
    ],
    [
      'of a group',
      'groups: {dev\u2011ops: [ana@example.com], d\u00e9v: [bo@example.com]}',
      ['1:10: warning: groups.dev\u2011ops: \u2011 (U+2011)'],
    ],
    [
      'of a label that a rule wants',
      'acl: [{match: {labels: {te\uff41m: web}}, actions: []}]',
      ['1:25: warning: acl[1].match.labels.te\uff41m: \uff41 (U+FF41)'],
    ],
  ];
  for (const [what, text, warnings] of table) {
    test(what, () => {
      const policy = parsePolicy(text.startsWith('acl') ? text : `${text}\nacl: []`, 'p.yml');
      const told = warningsOf(policy).map((warning) =>
        formatProblem('p.yml', warning).replace(/ (looks|is|isn't|cannot) .*/, ''),
      );
      assert.deepEqual(
        told,
        warnings.map((warning) => `p.yml:${warning}`),
      );
    });
  }
});

test('is reported with its place wherever it keeps a rule from matching, and not in a comment', () => {
  const text = `groups:
  devs: [\u201cana@example.com\u201d, bo@example.com]
acl:
  - match: {name: \u201cteam/*\u201d, group: [devs, o:ops\u2013x]}
    actions: [\u201cpull\u201d, push]
    comment: \u201cfine\u201d
  - match: {labels: {team: \u201ca\u201d}, domain: \u201ca.b\u201d}
    actions: [push]`;
  assert.deepEqual(
    warningsOf(parsePolicy(text, 'p.yml')).map((warning) => formatProblem('p.yml', warning).replace(/ looks .*/, '')),
    [
      'p.yml:2:10: warning: groups.devs[1]: \u201c (U+201C)',
      'p.yml:4:19: warning: acl[1].match.name: \u201c (U+201C)',
      'p.yml:4:43: warning: acl[1].match.group: \u2013 (U+2013)',
      'p.yml:5:15: warning: acl[1].actions[1]: \u201c (U+201C)',
      'p.yml:7:28: warning: acl[2].match.labels.team: \u201c (U+201C)',
      'p.yml:7:42: warning: acl[2].match.domain: \u201c (U+201C)',
    ],
  );
});
