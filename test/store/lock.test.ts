/** What happens while another program holds SQLite's lock: what can't be stored is refused, and everything else works. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { Refusal } from '../../src/lib/errors.ts';
import { openStore } from '../../src/store/open.ts';

test('writes are refused as "unavailable", reads work, and the next write after it is stored', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-lock-'));
  const file = join(folder, 'dockpass.db');
  const store = await openStore(`sqlite:${file}`, () => {});
  const other = new Database(file);
  t.after(async () => {
    other.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });
  other.exec('begin immediate');

  // More than one commit takes: those behind the first group don't wait for the lock again.
  const writes = Array.from({ length: 1_000 }, (_, count) => store.seenTokens.note(`write ${count}`, 1_000));
  for (const result of await Promise.allSettled(writes)) {
    assert.ok(result.status === 'rejected' && result.reason instanceof Refusal);
    assert.equal(result.reason.code, 'unavailable');
  }
  assert.equal(await store.accounts.byLogin('nobody'), undefined);

  other.exec('rollback');
  assert.equal(await store.seenTokens.note('write 0', 1_000), true);
});
