/** When no one is an administrator, and when someone may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { administratorWarnings } from '../../src/app/administrator-warnings.ts';
import { parsePolicy } from '../../src/policy/acl.ts';

const policy = parsePolicy('groups:\n  ops: [ana@example.com]\n  empty: []\n  above: [ops]\nacl: []\n', 'policy.yml');
const warningsOf = (emails: readonly string[], groups: readonly string[]) =>
  administratorWarnings(
    { administrators: { emails, groups, freshness: 900 }, google: null, oidc: [{ groupsPrefix: 'sso' }] as never },
    policy,
  ).join();

test('neither an address nor a group that gives anyone the role', () => {
  assert.match(warningsOf([], []), /set ADMIN_EMAILS or ADMIN_GROUPS/);
  assert.match(warningsOf([], ['empty', 'misspelt', 'google:ops']), /"empty", "misspelt", "google:ops"/);
});

test('an address, a group of the file with members, or one of a provider, whose members aren’t known here', () => {
  assert.equal(warningsOf(['ana@example.com'], []), '');
  for (const group of ['ops', 'above', 'sso:ops']) assert.equal(warningsOf([], ['empty', group]), '', group);
});
