/** What shows that a service uses a database, also where two do. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPresence, isServed } from '../../src/app/installation.ts';
import { openStore } from '../../src/store/open.ts';
import { copyDatabase } from '../../src/store/transfer.ts';
import { describeEngines } from '../support/engines.ts';

test('a second service on the database takes the mark of the first neither while it runs nor when it ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-presence-'));
  const url = `sqlite:${join(folder, 'dockpass.db')}`;
  const store = await openStore(url, () => {});
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  // Two processes that run.
  const [first, second] = [process.pid, process.ppid].map((pid) =>
    createPresence({ store, log: { warn() {} }, pid, now: Date.now }),
  );
  assert.ok(first !== undefined && second !== undefined);
  let copies = 0;
  const copy = () => copyDatabase(url, `sqlite:${join(folder, `${++copies}.db`)}`, () => {});

  await first.look();
  await second.look();
  await first.look();
  assert.match(second.warnings().join(), new RegExp(`process ${process.pid} on`));
  assert.match(first.warnings().join(), new RegExp(`process ${process.ppid} on`));
  await second.leave();
  await assert.rejects(copy(), new RegExp(`Process ${process.pid} on .* serves this database`));
  await second.look();
  await first.leave();
  await assert.rejects(copy(), new RegExp(`Process ${process.ppid} on .* serves this database`));
  await second.leave();
  await copy();
});

describeEngines('a database', (databases) => {
  test('shows commands whether a service uses it', async (t) => {
    const store = await openStore(await databases.create(), () => {});
    t.after(() => store.close());
    const presence = createPresence({ store, log: { warn() {} }, pid: process.pid, now: Date.now });
    assert.equal(await isServed(store, Date.now()), false);
    await presence.look();
    assert.equal(await isServed(store, Date.now()), true);
    await presence.leave();
    assert.equal(await isServed(store, Date.now()), false);
  });
});
