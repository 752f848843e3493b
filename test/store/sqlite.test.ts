/** What SQLite's errors mean to the store's callers. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { isRejected, Refusal } from '../../src/lib/errors.ts';
import { createWriteBehind, type Unstored } from '../../src/lib/write-behind.ts';
import type { OpenDatabase } from '../../src/store/sql.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

function fileIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-sqlite-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'dockpass.db');
}

async function openTable(t: TestContext): Promise<OpenDatabase> {
  const sql = await openSqlite(fileIn(t));
  t.after(() => sql.close());
  await sql.run('create table t (n integer)');
  return sql;
}

test('a start waits for another program’s lock without holding up anything else', async (t) => {
  const file = fileIn(t);
  const other = new Database(file);
  t.after(() => other.close());
  other.exec('begin exclusive');
  // Something else that this process does.
  setImmediate(() => other.exec('commit'));
  await (await openSqlite(file)).close();
});

const openFiles = '/proc/self/fd';

test('a file that cannot be used is closed again', { skip: !existsSync(openFiles) }, async (t) => {
  const file = fileIn(t);
  writeFileSync(file, 'This is no database. '.repeat(100));
  await assert.rejects(openSqlite(file), /is not a SQLite database/);
  const open = readdirSync(openFiles).map((name) => {
    try {
      return readlinkSync(join(openFiles, name));
    } catch {
      return ''; // that of the folder itself
    }
  });
  assert.ok(!open.includes(file));
});

test('a database that is closed is unavailable, which is no fault of what was sent', async (t) => {
  const sql = await openTable(t);
  const [add, read] = ['insert into t values ($1)', 'select n from t'];
  await Promise.all([sql.run(add, [1]), sql.get(read), sql.all(read)]);
  await sql.close();
  const statements: (() => Promise<unknown>)[] = [
    () => sql.run(add, [2]),
    () => sql.get(read),
    () => sql.all(read),
    () => sql.get('select n from t where n = $1', [1]), // not prepared yet
    () => sql.batch([{ text: add, values: [2] }]),
    () => sql.transaction((run) => run(add, [2])),
    () => sql.check(),
  ];
  for (const statement of statements) {
    await assert.rejects(statement(), (error) => {
      assert.ok(error instanceof Refusal);
      assert.equal(error.code, 'unavailable', `${statement}`);
      assert.ok(!isRejected(error));
      return true;
    });
  }

  const unstored: Unstored[] = [];
  const waiting = createWriteBehind<number>({
    write: async ([n = 0]) => void (await sql.run(add, [n])),
    merge: (_, later) => later,
    delay: 1_000,
    maximum: 10,
    onError: (one) => unstored.push(one),
  });
  waiting.put('a', 3);
  await waiting.flush();
  assert.deepEqual(
    unstored.map(({ fate }) => fate),
    ['kept'],
  );
});

test('what is written wrong here is no fault of what was sent either', async (t) => {
  const sql = await openTable(t);
  await assert.rejects(sql.run('insert into t values ($1)', []), (error) => !(error instanceof Refusal));
});

test('a number that isn’t finite is refused, as PostgreSQL refuses it', async (t) => {
  const sql = await openTable(t);
  for (const n of [Number.POSITIVE_INFINITY, Number.NaN]) {
    for (const text of ['insert into t values ($1)', 'insert into t select $1 where $1 is not null']) {
      await assert.rejects(sql.run(text, [n]), (error: Refusal) => error.code === 'bad_request' && isRejected(error));
    }
  }
  assert.deepEqual(await sql.all('select n from t'), []);
});
