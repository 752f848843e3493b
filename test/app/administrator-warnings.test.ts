/** When no one is an administrator, and when someone may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { administratorWarnings } from '../../src/app/administrator-warnings.ts';
import { parsePolicy } from '../../src/policy/acl.ts';

const policy = parsePolicy('groups:\n  ops: [ana@example.com]\n  empty: []\n  above: [ops]\nacl: []\n', 'policy.yml');
/** @param domains of the only provider; none: it lets everyone in */
const warningsOf = (emails: readonly string[], groups: readonly string[], domains: readonly string[] = []) =>
  administratorWarnings(
    {
      administrators: { emails, groups, freshness: 900 },
      google: null,
      oidc: [{ groupsPrefix: 'sso', domains }] as never,
    },
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

test('an address that no provider lets in, beside others or as the only one', () => {
  const other = ['example.org'];
  assert.match(
    warningsOf(['ana@example.com'], [], other),
    /^no one is an administrator: ana@example\.com in ADMIN_EMAILS can't sign in/,
  );
  assert.match(warningsOf([], ['above'], other), /^no one is an administrator: .*ADMIN_GROUPS \("above"\)/);
  const beside = warningsOf(['ana@example.com', 'bo@example.org'], [], other);
  assert.match(beside, /^ana@example\.com in ADMIN_EMAILS can't sign in with any provider: check/);
  assert.equal(warningsOf(['ana@EXAMPLE.com'], ['ops'], ['example.org', 'example.com']), '');
});

test('of Google, the domains are known, but not who has an account anywhere', () => {
  const administrators = { emails: ['root@other.org'], groups: [], freshness: 900 };
  const told = (google: object) => administratorWarnings({ administrators, google: google as never, oidc: [] }, policy);
  assert.match(
    told({ domains: ['example.com'], anyAccount: false }).join(),
    /root@other\.org in ADMIN_EMAILS can't sign in/,
  );
  assert.deepEqual(told({ domains: [], anyAccount: true }), []);
  assert.deepEqual(administratorWarnings({ administrators, google: null, oidc: [] }, policy), []);
});
