/** Whatever is remembered of a SQLite database, a lookup finds what is stored at that moment, whoever wrote it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { openSqlite } from '../../src/store/sqlite.ts';

const lookUp = 'select value from thing where name = $1';
const write = 'update thing set value = $2 where name = $1';

async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-rows-'));
  const file = join(folder, 'a.db');
  const sql = openSqlite(file);
  t.after(async () => {
    await sql.close();
    rmSync(folder, { recursive: true });
  });
  await sql.run('create table thing (name text primary key, value integer)');
  await sql.run(`insert into thing values ('a', 1), ('b', 1)`);
  const find = async (name: string) => (await sql.get<{ value: number }>(lookUp, [name]))?.value;
  return { sql, file, find };
}

test('a write of its own is seen by the next lookup', async (t) => {
  const { sql, find } = await open(t);
  for (const value of [2, 3, 4]) {
    await sql.run(write, ['a', value]);
    assert.deepEqual([await find('a'), await find('b'), await find('a')], [value, 1, value]);
  }
  await sql.batch([{ text: write, values: ['a', 5] }]);
  assert.equal(await find('a'), 5);
  await sql.run('delete from thing');
  assert.equal(await find('a'), undefined);
});

test('a write that returns rows is seen by the next lookup, whichever call made it', async (t) => {
  const { sql, find } = await open(t);
  assert.equal(await find('a'), 1);
  await sql.all(`${write} returning *`, ['a', 2]);
  assert.equal(await find('a'), 2);
  await sql.get(`${write} returning *`, ['a', 3]);
  assert.equal(await find('a'), 3);
});

test('what was undone is not remembered', async (t) => {
  const { sql, find } = await open(t);
  const undone = sql.transaction(async (run) => {
    await run(write, ['a', 2]);
    assert.equal(await find('a'), 2);
    throw new Error('undo');
  });
  await assert.rejects(undone, /undo/);
  assert.equal(await find('a'), 1);
  const batch = [
    { text: write, values: ['a', 3] },
    { text: `insert into thing values ('b', 1)`, values: [] },
  ];
  await assert.rejects(sql.batch(batch));
  assert.equal(await find('a'), 1);
});

test('nobody can change the row that others look up', async (t) => {
  const { sql, find } = await open(t);
  const row = await sql.get<{ value: number }>(lookUp, ['a']);
  assert.throws(() => Object.assign(row ?? {}, { value: 9 }), TypeError);
  assert.equal(await find('a'), 1);
});

test('a write of another process is seen by the next lookup', async (t) => {
  const { file, find } = await open(t);
  const other = new Database(file);
  t.after(() => other.close());
  for (const value of [2, 3, 4]) {
    assert.equal(await find('a'), value - 1);
    other.prepare('update thing set value = ? where name = ?').run(value, 'a');
    assert.equal(await find('a'), value);
  }
  other.prepare(`insert into thing values ('c', 9)`).run();
  assert.equal(await find('c'), 9);
});

test('of lookups that come together each finds what was stored before it was asked for, and one that fails is none of the others', async (t) => {
  const { sql, file, find } = await open(t);
  const other = new Database(file);
  t.after(() => other.close());
  assert.deepEqual([await find('a'), await find('b')], [1, 1]);
  const first = find('b');
  other.prepare('update thing set value = 2').run();
  const overflow = sql.get('select abs(cast($1 as integer))', ['-9223372036854775808']);
  const [b, failed, a] = await Promise.allSettled([first, overflow, find('a')]);
  assert.deepEqual(
    [b, a],
    [2, 2].map((value) => ({ status: 'fulfilled', value })),
  );
  assert.match(String(failed.status === 'rejected' && failed.reason), /overflow/);
});

test('what is looked up while the database closes is answered', async (t) => {
  const { sql, find } = await open(t);
  const found = find('a');
  await sql.close();
  assert.equal(await found, 1);
});

test('while another thread writes all the time, no lookup is older than what that thread has answered', async (t) => {
  const { file, find } = await open(t);
  const library = JSON.stringify(import.meta.resolve('better-sqlite3'));
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const source = `
    const { workerData: { file, answered } } = require('node:worker_threads');
    import(${library}).then(({ default: Database }) => {
      const database = new Database(file, { timeout: 10_000 });
      const update = database.prepare("update thing set value = ? where name = 'a'");
      for (let value = 2; value <= 500; value++) { update.run(value); Atomics.store(answered, 0, value); }
      database.close();
    });`;
  const worker = new Worker(source, { eval: true, workerData: { file, answered } });
  const exit = once(worker, 'exit');
  let done = false;
  void exit.then(() => {
    done = true;
  });
  while (!done) {
    const before = Atomics.load(answered, 0);
    const found = (await find('a')) ?? 0;
    assert.ok(found >= before, `${found} was looked up after ${before} was written`);
    await new Promise(setImmediate);
  }
  assert.equal(await find('a'), 500);
});

test('what a transaction wrote and took back was never there', async (t) => {
  const { sql, find } = await open(t);
  await assert.rejects(
    sql.transaction(async (run) => {
      await run(write, ['a', 2]);
      assert.equal(await find('a'), 2);
      throw new Error('no');
    }),
  );
  assert.equal(await find('a'), 1);
});

test('a statement that writes is run each time, though it answers with a row', async (t) => {
  const { sql, find } = await open(t);
  const add = 'update thing set value = value + 1 where name = $1 returning value';
  for (const value of [2, 3, 4]) {
    assert.equal(await find('a'), value - 1);
    assert.deepEqual(await sql.get(add, ['a']), { value });
    assert.equal(await find('a'), value);
  }
});

test('it holds a bounded number of rows', async (t) => {
  const { sql, find } = await open(t);
  await sql.batch(
    Array.from({ length: 3_000 }, (_, n) => ({ text: 'insert into thing values ($1, $2)', values: [`n${n}`, n] })),
  );
  for (const round of [1, 2]) for (let n = 0; n < 3_000; n++) assert.equal(await find(`n${n}`), n, `round ${round}`);
});
