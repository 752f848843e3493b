/** A policy that is loaded closes the access requests that it grants, without anyone who looks at them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startApp } from '../../src/app/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { openStore } from '../../src/store/open.ts';
import { unaudited } from '../support/audit.ts';
import { signedIn } from '../support/rows.ts';

const policy = (actions: string) =>
  `acl:\n  - match: {domain: example.com, name: "team/*"}\n    actions: [${actions}]\n`;

test('a policy that is loaded closes what it grants, and nothing else', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-granted-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'policy.yml');
  await writeFile(file, policy('pull'));
  const config = readConfig({
    ...{ PUBLIC_URL: 'http://localhost:5001', PORT: '0', SERVICES: 'registry.example.com', LOG_LEVEL: 'silent' },
    ...{ DATA_DIR: join(folder, 'data'), POLICY_FILE: file },
  });
  const app = await startApp(config);
  stack.defer(() => app.stop());
  const store = await openStore(config.databaseUrl, () => {});
  stack.defer(() => store.close());
  await store.accounts.signIn(signedIn({ id: 'ana' }));
  const limits = { open: 5, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 };
  const wish = { account_id: 'ana', service: 'registry.example.com', note: '', address: '192.0.2.1', created_at: 1 };
  for (const [name, actions] of [
    ['team/app', 'push'],
    ['team/other', 'delete push'],
  ] as const) {
    await store.accessRequests.add({ ...wish, id: name, name, actions }, limits, unaudited);
  }
  const closedAt = async (id: string) => (await store.accessRequests.byId(id))?.closed_at;
  await app.reload();
  assert.deepEqual([await closedAt('team/app'), await closedAt('team/other')], [null, null]);
  await writeFile(file, policy('pull, push'));
  await app.reload();
  assert.notEqual(await closedAt('team/app'), null);
  assert.equal(await closedAt('team/other'), null);
});
