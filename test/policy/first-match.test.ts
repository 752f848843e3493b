/** The first rule that matches, found by what rules name: always the same as trying them one after another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { failingCondition } from '../../src/policy/rule.ts';
import { subjectOf } from '../../src/policy/subject.ts';
import { somebody } from './asking.ts';

const account = fc.constantFrom('ana@a.org', '*@a.org', '/^ana/', '${name}', '*', 'a\\na@a.org', '');
const name = fc.constantFrom(
  'web',
  'web/*',
  'web/**',
  'w*/x',
  'data/${user}/*',
  '${group}/*',
  '/^web\\/x$/',
  '/web',
  '**',
  '[wd]*/x',
);
const group = fc.constantFrom('web', 'data', 'g:*', '/web/');
const match = fc.record(
  {
    account,
    name,
    group: fc.oneof(group, fc.array(group, { minLength: 1, maxLength: 3 })),
    domain: fc.oneof(fc.constantFrom('a.org', 'B.org', '*.org'), fc.constant(['a.org', 'b.org'])),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const who = fc.record({
  account: fc.constantFrom('ana@a.org', 'bo@b.org', 'ci', ''),
  groups: fc.subarray(['web', 'data', 'g:x']),
});
const asked = fc.constantFrom('web', 'web/x', 'web/x/y', 'data/ana/x', 'data', 'wx/x', '/web', '');

test('for any rules and anybody', () => {
  fc.assert(
    fc.property(fc.array(match, { maxLength: 12 }), who, asked, (matches, { account: login, groups }, wish) => {
      const acl = matches.map((written) => ({ match: written, actions: [] }));
      const policy = parsePolicy(JSON.stringify({ groups: { web: ['bo@b.org'] }, acl }), 'policy.json');
      const access = { type: 'repository', name: wish, actions: ['pull'] };
      const subject = subjectOf(policy.groups, somebody(login, { groups }), access, { service: '', address: '' });
      const slowly = policy.rules.find((rule) => failingCondition(rule, subject) === undefined) ?? null;
      assert.equal(policy.firstMatch(subject)?.number, slowly?.number);
    }),
    { numRuns: 500 },
  );
});
