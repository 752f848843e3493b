import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdentityByName } from '../../src/app/identity-by-name.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { openStore } from '../../src/store/open.ts';
import { signedIn } from '../support/rows.ts';

const day = 24 * 60 * 60 * 1000;
const gracePeriods = { groups: day, full: day, pull: day, unchecked: null };
const policy = parsePolicy(
  `users:
  "Ci": { labels: { team: [web] } }
  "ana@example.com": {}
  "Bo@example.com": {}
acl:
  - match: { account: "/.+/" }
    actions: [pull]
`,
  'policy.yml',
);

// [what an administrator writes, the kind, the user name and whether anybody is known by it]
const table = [
  ['Ci', 'static', 'Ci', true],
  ['ci', 'static', 'ci', false],
  ['ana@example.com', 'person', 'ana@example.com', true],
  ['Ana@Example.com', 'person', 'ana@example.com', true],
  ['bo@example.com', 'person', 'bo@example.com', true],
  ['carl@example.com', 'person', 'carl@example.com', false],
  ['', 'anonymous', '', true],
] as const;

for (const [name, kind, account, isKnown] of table) {
  test(`"${name}" is ${kind} "${account}", ${isKnown ? 'known' : 'not known'}`, async () => {
    const store = await openStore('sqlite::memory:', () => {});
    await store.accounts.signIn(signedIn({ at: Date.now() }));
    await store.accounts.signIn(
      signedIn({ id: 'account-2', subject: '1002', login: 'bo@example.com', email: 'bo@example.com', at: Date.now() }),
    );
    const named = await createIdentityByName({ gracePeriods }, store.accounts, () => policy)(name);
    await store.close();
    assert.deepEqual([named.identity.kind, named.identity.account, named.isKnown], [kind, account, isKnown]);
  });
}

test('a user of the policy file keeps the labels that a rule can ask for', async () => {
  const store = await openStore('sqlite::memory:', () => {});
  const { identity } = await createIdentityByName({ gracePeriods }, store.accounts, () => policy)('Ci');
  await store.close();
  assert.deepEqual(identity.labels, { team: ['web'] });
});
