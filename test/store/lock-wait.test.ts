/** That a program which holds SQLite's lock makes nobody wait for longer than clients do. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { Refusal } from '../../src/lib/errors.ts';
import { openStore } from '../../src/store/open.ts';
import { createInstallation } from '../support/installation.ts';

/** Milliseconds that `action` takes. */
async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await action();
  return performance.now() - begun;
}

/** A store, and the lock of its file in the hand of somebody else. */
async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-lock-'));
  const file = join(folder, 'dockpass.db');
  const store = await openStore(`sqlite:${file}`, () => {});
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const other = new Database(file);
  t.after(() => other.close());
  return { file, store, other };
}

const isUnavailable = (error: unknown) => error instanceof Refusal && error.code === 'unavailable';

test('who comes after one that waited in vain waits shortly, until a write succeeds', async (t) => {
  const { store, other, file } = await open(t);
  other.exec('begin immediate');
  const refused = (id: string) => assert.rejects(store.seenTokens.note(id, 1_000), isUnavailable);
  const first = await timeOf(() => refused('first'));
  assert.ok(first > 4_000 && first < 7_000, `the first waited ${first} ms`);
  const next = await timeOf(async () => {
    for (let count = 0; count < 10; count++) await refused(`next ${count}`);
  });
  assert.ok(next < 6_000, `ten more waited ${next} ms`);
  assert.equal(await store.accounts.byLogin('nobody'), undefined);

  other.exec('rollback');
  assert.equal(await store.seenTokens.note('after', 1_000), true);
  await holdLock(file, 1_000);
  assert.equal(await store.seenTokens.note('waited', 1_000), true);
});

test('of thousands of writes that wait, none waits much longer than the first', async (t) => {
  const { store, other } = await open(t);
  other.exec('begin immediate');
  const time = await timeOf(async () => {
    const writes = Array.from({ length: 6_000 }, (_, count) => store.seenTokens.note(`write ${count}`, 1_000));
    for (const result of await Promise.allSettled(writes)) assert.equal(result.status, 'rejected');
  });
  assert.ok(time < 7_000, `the last waited ${time} ms`);
  other.exec('rollback');
});

test('processes that write all the time let each other in', async (t) => {
  const { file, store } = await open(t);
  const source = `
    const { workerData: { store, url, name } } = require('node:worker_threads');
    import(store).then(async ({ openStore }) => {
      const { seenTokens, close } = await openStore(url, () => {});
      const end = Date.now() + 3_000;
      const write = async (writer) => {
        for (let count = 0; Date.now() < end; count++) await seenTokens.note([name, writer, count].join(), 1_000);
      };
      await Promise.all(Array.from({ length: 20 }, (_, writer) => write(writer)));
      await close();
    });`;
  const workerData = { store: import.meta.resolve('../../src/store/open.ts'), url: `sqlite:${file}` };
  const ended = ['a', 'b', 'c'].map(async (name) => {
    const worker = new Worker(source, { eval: true, workerData: { ...workerData, name } });
    const [code] = await once(worker, 'exit');
    assert.equal(code, 0);
  });
  let writing = true;
  const others = Promise.all(ended).finally(() => {
    writing = false;
  });
  for (let count = 0; writing; count++) {
    const time = await timeOf(() => store.seenTokens.note(`own ${count}`, 1_000));
    assert.ok(time < 5_000, `a write took ${time} ms`);
  }
  await others;
});

/** Another thread takes the lock, for so many milliseconds. Settles once it has it. */
async function holdLock(file: string, milliseconds: number): Promise<void> {
  const library = JSON.stringify(import.meta.resolve('better-sqlite3'));
  const source = `
    const { parentPort, workerData: { file, milliseconds } } = require('node:worker_threads');
    import(${library}).then(({ default: Database }) => {
      const database = new Database(file);
      database.exec('begin immediate');
      parentPort.postMessage('held');
      setTimeout(() => { database.exec('rollback'); database.close(); }, milliseconds);
    });`;
  const worker = new Worker(source, { eval: true, workerData: { file, milliseconds } });
  await new Promise((resolve) => worker.once('message', resolve));
}

test('a service whose database is locked gives tokens, and answers within 15 seconds that nothing can be stored; a command says what is wrong', async (t) => {
  const installation = createInstallation();
  const server = await installation.serve();
  t.after(async () => {
    await server.stop();
    installation.remove();
  });
  await installation.addPerson('ana@example.com');
  const made = await installation.run(['password', 'create', 'ana@example.com', '--name', 'ci']);
  const secret = made.stdout.trim();
  const logIn = () =>
    fetch(`${server.url}/auth?service=registry.example.com&scope=repository:other/app:pull`, {
      headers: { authorization: `Basic ${btoa(`ana@example.com:${secret}`)}` },
    });
  const report = () =>
    fetch(`${server.url}/api/v1/leaked`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret }),
    });
  const other = new Database(join(installation.folder, 'data', 'dockpass.db'));
  t.after(() => other.close());
  other.exec('begin immediate');
  const command = installation.run(['password', 'list']);
  const longest = await timeOf(async () => {
    const reports = Array.from({ length: 5 }, report);
    // What is written behind the answers of these (uses, denials, audit) waits for the lock as well.
    for (let count = 0; count < 5; count++) {
      const time = await timeOf(async () => assert.equal((await logIn()).status, 200));
      assert.ok(time < 3_000, `a token took ${time} ms`);
    }
    for (const { status, headers } of await Promise.all(reports)) {
      assert.deepEqual([status, headers.get('retry-after')], [503, '5']);
    }
  });
  assert.ok(longest < 12_000, `all took ${longest} ms`);
  const { code, output } = await command;
  assert.equal(code, 1);
  assert.match(output, /dockpass\.db cannot be used: another program has held its lock for 10 seconds/);
  other.exec('rollback');
  assert.equal((await report()).status, 200);
  assert.equal((await logIn()).status, 401);
});
