/** What a rule grants, in the words of the pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { effectivePermissionsOf } from '../../src/policy/effective-permissions.ts';
import { identityOf } from '../../src/policy/named-account.ts';
import { candidateRulesOf } from '../../src/web/access-view.ts';

test('only a single "*" is everything, as in decisions', () => {
  const table: readonly [actions: string, tone: string, text: string][] = [
    ['["*"]', 'all', 'Everything'],
    ['[pull, "*"]', 'some', 'List repositories and pull'],
    ['[push, pull]', 'some', 'Pull and push'],
    ['[]', 'none', 'Nothing'],
  ];
  for (const [written, tone, text] of table) {
    const policy = parsePolicy(`acl: [{match: {}, actions: ${written}}]`, 'policy.yml');
    const permissions = effectivePermissionsOf(policy, identityOf(policy.users, { account: 'bo@example.com' }));
    const [candidate] = candidateRulesOf(permissions);
    assert.deepEqual([candidate?.tone, candidate?.actions], [tone, text], written);
  }
});
