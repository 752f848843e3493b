/** That what is made at the same moment never passes a limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

const numbers = Array.from({ length: 10 }, (_, index) => index);

describeEngines('limits at the same moment', (databases) => {
  const withStore = (action: (store: Store) => Promise<void>) => async () => {
    const store = await openStore(await databases.create(), () => {});
    try {
      await action(store);
    } finally {
      await store.close();
    }
  };

  test(
    'robots of a person',
    withStore(async ({ accounts, robots }) => {
      const ana = await accounts.signIn(signedIn({}));
      const facts = { display_name: '', description: '', owner_group: 'etl', groups_json: '[]', labels_json: '{}' };
      const made = { created_by: ana.login, created_by_id: ana.id, created_at: 1 };
      const insert = (n: number) =>
        robots.insert({ id: `r${n}`, login: `robot-${n}`, ...facts, ...made }, 2, unaudited);
      const inserted = await Promise.all(numbers.map(insert));
      assert.equal(inserted.filter(Boolean).length, 2);
      assert.equal((await robots.createdBy(ana.id, 1)).length, 2);
    }),
  );

  test(
    'active passwords of a rule for workloads',
    withStore(async ({ workloadCredentials }) => {
      const row = {
        ...{ kind: 'password' as const, pepper_id: 'p', issuer: 'ci', account: 'ci:ci/app', run: null, service: null },
        ...{ sealed_claims: '', created_at: 1, ends_at: 100, removable_at: 100 },
      };
      const insert = (rule: string) => (n: number) =>
        workloadCredentials.insert({ ...row, id: `${rule}${n}`, hash: `${rule}${n}`, rule }, 2, unaudited);
      const inserted = await Promise.all(['one', 'other'].flatMap((rule) => numbers.map(insert(rule))));
      assert.equal(inserted.filter((result) => result === 'added').length, 4);
      const active = (await workloadCredentials.countActive(1)).toSorted((a, b) => (a.rule < b.rule ? -1 : 1));
      assert.deepEqual(active, [
        { rule: 'one', active: 2 },
        { rule: 'other', active: 2 },
      ]);
    }),
  );
});
