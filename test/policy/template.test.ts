/** Variables in patterns, corner by corner, in both dialects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Subject } from '../../src/policy/subject.ts';
import type { Dialect } from '../../src/policy/template.ts';
import { conditionsOf, type Match } from './asking.ts';

const ours: Dialect = { extended: true, raw: false };
const raw: Dialect = { extended: true, raw: true };
const dockerAuth: Dialect = { extended: false, raw: true };

const nobody: Subject = {
  account: '',
  asciiAccount: '',
  type: 'repository',
  name: '',
  service: 'registry',
  kind: 'person',
  domain: null,
  user: null,
  labels: {},
  groups: [],
  anyGroupOf: null,
  isAnywhere: false,
  address: null,
  clientAddress: '',
};

function fits(dialect: Dialect, match: Match, subject: Partial<Subject>): boolean {
  const conditions = conditionsOf(match, dialect, assert.fail);
  return conditions.every(({ holds }) => holds({ ...nobody, ...subject }));
}

type Row = readonly [
  title: string,
  match: Match,
  subject: Partial<Subject>,
  expected: Readonly<Record<'ours' | 'raw' | 'dockerAuth', boolean>>,
];
const all = { ours: true, raw: true, dockerAuth: true };
const none = { ours: false, raw: false, dockerAuth: false };

const table: readonly Row[] = [
  [
    'an account in slashes is no expression in ours',
    { name: '${account}' },
    { account: '/a/', name: 'xax' },
    { ...all, ours: false },
  ],
  ['and means itself there', { name: '${account}' }, { account: '/a/', name: '/a/' }, { ...all, ours: true }],
  ['an expression that is empty once it is filled in is a glob', { name: '/${account}/' }, { name: 'x' }, none],
  ['a group is quoted, also where the rule is raw', { name: '${group}' }, { name: 'ab', groups: ['a*'] }, none],
  [
    'a group is a variable of ours',
    { name: '${group}' },
    { name: 'ab', groups: ['x', 'ab'] },
    { ...all, dockerAuth: false },
  ],
  [
    'labels are quoted in ours',
    { name: '${labels:l}' },
    { name: 'ab', labels: { l: ['a*'] } },
    { ...all, ours: false },
  ],
  [
    'labels are not filled in where labels are matched',
    { labels: { l: '${labels:m}' } },
    { labels: { l: ['x'], m: ['x'] } },
    none,
  ],
  ['nor are groups', { labels: { l: '${group}' } }, { labels: { l: ['x'] }, groups: ['x'] }, none],
  ['a label that is not there stays as it is written', { name: '${labels:l}' }, { name: '${labels:l}' }, all],
  ['a label without values fits nothing', { name: '${labels:l}*' }, { name: 'x', labels: { l: [] } }, none],
  [
    'every combination of labels',
    { name: '${labels:a}/${labels:b}' },
    { name: '2/y', labels: { a: ['1', '2'], b: ['x', 'y'] } },
    all,
  ],
  [
    'one value a label in all of a pattern',
    { name: '${labels:a}/${labels:a}' },
    { name: '1/2', labels: { a: ['1', '2'] } },
    none,
  ],
  ['the whole match is no capture', { account: '/a(b)/', name: '${account:0}' }, { account: 'ab', name: 'ab' }, none],
  [
    'a group that took no part is empty',
    { account: '/^(a)?b$/', name: '${account:1}x' },
    { account: 'b', name: 'x' },
    all,
  ],
  [
    'captures have more than one digit',
    { account: `/${'(.)'.repeat(12)}/`, name: '${account:12}' },
    { account: 'abcdefghijkl', name: 'l' },
    all,
  ],
  [
    'there are no more captures than parentheses',
    { account: '/^(a)/', name: '${account:2}' },
    { account: 'a', name: '' },
    none,
  ],
  [
    'a name that is no field captures nothing',
    { account: '/^(a)/', name: '${foo:1}' },
    { account: 'a', name: 'a' },
    none,
  ],
  ['nor does one in capitals', { account: '/^(a)/', name: '${ACCOUNT:1}' }, { account: 'a', name: 'a' }, none],
  [
    'a field is captured from by its own expression',
    { account: '/^(a)/', type: '/^(r)/', name: '${type:1}' },
    { account: 'a', name: 'r' },
    all,
  ],
  ['a glob captures nothing', { account: 'a*', name: '${account:1}' }, { account: 'ab', name: 'b' }, none],
  [
    'captures are quoted in ours',
    { account: '/^(.+)@x$/', name: '${account:1}' },
    { account: '*@x', name: 'bo' },
    { ...all, ours: false },
  ],
  [
    'captures are filled in where labels are matched',
    { account: '/^(.+)@x$/', name: '${account:1}', labels: { l: '${account:1}' } },
    { account: 'a@x', name: 'a', labels: { l: ['a'] } },
    all,
  ],
  ['a placeholder that is not closed is text', { name: '${account' }, { account: 'a', name: '${account' }, all],
  [
    'a placeholder in one that is not closed is filled in all the same',
    { name: '${acc${account}' },
    { account: 'a', name: '${acca' },
    all,
  ],
  [
    'and in the name of a label it is of the name',
    { name: '${labels:${account}' },
    { account: 'a', name: 'x', labels: { '${account': ['x'] } },
    all,
  ],
  ['what begins as no placeholder does is text', { name: '$-account}${type}' }, { name: '$-account}repository' }, all],
  ['text stands before, between and after', { name: 'a${type}b${service}c' }, { name: 'arepositorybregistryc' }, all],
  [
    'what is malformed once it is filled in never fits',
    { name: '/^${labels:l}$/' },
    { name: '(', labels: { l: ['('] } },
    { ...none, ours: true },
  ],
  [
    'a user is what stands before the @',
    { name: '${user}/${domain}' },
    { name: 'ana/x', user: 'ana', domain: 'x' },
    { ...all, dockerAuth: false },
  ],
  [
    'what crosses slashes does so after a variable too',
    { name: '${account}/**' },
    { account: 'a', name: 'a/b/c' },
    { ...all, dockerAuth: false },
  ],
  [
    'an empty value leaves two stars, which cross nothing',
    { name: 'public/*${account}*' },
    { name: 'public/a/b' },
    none,
  ],
  ['but everything up to a slash', { name: 'public/*${account}*' }, { name: 'public/a' }, all],
  ['nor with a star beside', { name: '*${account}*${account}?' }, { name: 'a/b' }, none],
  [
    'nor around an empty capture',
    { account: '/^(a)?b$/', name: '*${account:1}*' },
    { account: 'b', name: 'x/y' },
    none,
  ],
  ['nor around a group', { name: '*${group:keycloak}*' }, { name: 'a/b', groups: ['keycloak:'] }, none],
  ['nor around a domain', { name: '*${domain}*' }, { name: 'a/b', domain: '' }, none],
  ['nor in a service', { service: '*${account}*' }, { service: 'a/b' }, none],
  ['nor in a type', { type: '*${account}*' }, { type: 'a/b' }, none],
  [
    'nor in an account',
    { account: '*${labels:l}*' },
    { account: 'a/b', asciiAccount: 'a/b', labels: { l: [''] } },
    none,
  ],
  ['nor in a label', { labels: { l: '*${account}*' } }, { labels: { l: ['a/b'] } }, none],
  ['the stars of a label cross nothing', { name: '${labels:l}' }, { name: 'a/b', labels: { l: ['**', '***'] } }, none],
  ['nor with stars beside them', { name: '*${labels:l}*' }, { name: 'a/b', labels: { l: ['*'] } }, none],
  ['nor those of a capture', { account: '/^(.+)@x$/', name: '${account:1}' }, { account: '**@x', name: 'a/b' }, none],
  [
    'what crosses slashes does so between a star and a value',
    { name: '***${account}***' },
    { name: 'a/b' },
    { ...all, dockerAuth: false },
  ],
  [
    'and beside the stars of a label',
    { name: '${labels:l}/**' },
    { name: 'a/b/c', labels: { l: ['*', '**'] } },
    { ...none, raw: true },
  ],
  ['the backslash of a label takes a star', { name: '${labels:l}**' }, { name: '*/b', labels: { l: ['\\'] } }, none],
  ['stars in a class are one character', { name: '[**]${account}*' }, { name: '*/b' }, none],
  ['a star after an escaped one is single', { name: '\\**${account}' }, { name: '*/b' }, none],
  ['a variable alone between slashes', { name: '/^${account}$/' }, { account: 'a.b', name: 'axb' }, none],
  [
    'a label and a variable in one pattern',
    { name: '${account}-${labels:l}' },
    { account: 'a', name: 'a-y', labels: { l: ['x', 'y'] } },
    all,
  ],
  [
    'a capture by the name of the field in another case',
    { account: '/^(a)/', name: '${Account:1}' },
    { account: 'ab', name: 'a' },
    all,
  ],
  ['without a user it stays as it is written', { name: '*${user}' }, { name: 'x' }, none],
];

for (const [name, dialect] of Object.entries({ ours, raw, dockerAuth })) {
  describe(name, () => {
    for (const [title, match, subject, expected] of table) {
      test(title, () => assert.equal(fits(dialect, match, subject), expected[name as keyof typeof expected]));
    }
  });
}
