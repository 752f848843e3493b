/** What `dockpass migrate` and a start say where a database cannot be used: the reason, and what to do. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { copySqlite } from '../../src/store/copy.ts';
import { openSql, openStore, readMigrations } from '../../src/store/open.ts';
import type { OpenDatabase } from '../../src/store/sql.ts';
import { describeEngines } from '../support/engines.ts';
import { createInstallation } from '../support/installation.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

const noIdleErrors = () => {};

async function withSql<Result>(url: string, action: (sql: OpenDatabase) => Promise<Result>): Promise<Result> {
  const sql = await openSql(url, noIdleErrors);
  try {
    return await action(sql);
  } finally {
    await sql.close();
  }
}

const refusalOf = (url: string): Promise<string> =>
  openStore(url, noIdleErrors).then(
    () => assert.fail('it opened'),
    (error) => {
      assert.ok(error instanceof Refusal);
      return error.message;
    },
  );

describeEngines('a schema', (databases) => {
  test('is brought up to date once, by eight processes that start together', async () => {
    const url = await databases.createEmpty();
    const installation = createInstallation();
    const runs = Array.from({ length: 8 }, () => installation.run(['migrate'], { DATABASE_URL: url }));
    const applied = (await Promise.all(runs)).map(({ code, stdout }) => {
      assert.equal(code, 0);
      return stdout;
    });
    installation.remove();
    const names = (await readMigrations()).map(({ name }) => `applied ${name}\n`);
    assert.equal(applied.join(''), names.join(''));
    assert.deepEqual(await withSql(url, async (sql) => sql.migrate(await readMigrations())), []);
  });

  test('that a newer version added to is used as it is', async () => {
    const url = await databases.createEmpty();
    const newer = [...(await readMigrations()), { name: '9999_later', text: 'create table later (id text)' }];
    await withSql(url, (sql) => sql.migrate(newer));
    await (await openStore(url, noIdleErrors)).close();
    assert.deepEqual(await withSql(url, (sql) => sql.all('select id from later')), []);
  });

  test('that a newer version changed incompatibly is refused and left alone', async () => {
    const url = await databases.createEmpty();
    const name = '9999_drop_login_incompatible';
    const newer = [...(await readMigrations()), { name, text: 'create table later (id text)' }];
    await withSql(url, (sql) => sql.migrate(newer));
    assert.match(await refusalOf(url), /can't work with \(9999_drop_login_incompatible\)\. Start that version/);
    assert.deepEqual(await withSql(url, (sql) => sql.all('select id from later')), []);
  });
});

test('a SQLite file that is damaged, or is none, is named, with what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-damaged-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'dockpass.db');
  writeFileSync(file, 'no database at all'.repeat(1_000));
  assert.match(
    await refusalOf(`sqlite:${file}`),
    /dockpass\.db is not a SQLite database: .*Name another file.*restore the last backup/,
  );

  rmSync(file);
  await (await openStore(`sqlite:${file}`, noIdleErrors)).close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill('x', 4_096));
  assert.match(await refusalOf(`sqlite:${file}`), /dockpass\.db is damaged: .*malformed.*restore the last backup/);
  const target = join(folder, 'copy.db');
  await assert.rejects(copySqlite(file, target, 1), /dockpass\.db is damaged: .*restore the last backup/);
});

describe('a PostgreSQL that cannot be used', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let server: PostgresServer;
  let url: string;
  before(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    await withSql(url, (sql) => sql.run('create role reader login'));
  });
  after(() => server.stop());

  const cases: Readonly<Record<string, [change: (url: string) => string, reason: RegExp]>> = {
    'by a user that may only read': [(own) => own.replace('dockpass@', 'reader@'), /must be allowed to make tables/],
    'because it is not there': [(own) => own.replace('test_1', 'nothing'), /database nothing .*Create the database/],
    'by a user that is not there': [(own) => own.replace('dockpass@', 'nobody@'), /"nobody" does not exist/],
    'because nobody listens': [() => 'postgres://localhost:1/x', /ECONNREFUSED.* DATABASE_URL names it/],
    'because it speaks no TLS': [(own) => `${own}&sslmode=verify-full`, /does not support SSL/],
  };
  for (const [what, [change, reason]] of Object.entries(cases)) {
    test(`${what} is told so, without the password`, async () => {
      const message = await refusalOf(change(url).replace('@', ':secret@'));
      assert.match(message, reason);
      assert.ok(!message.includes('secret'));
    });
  }

  for (const encoding of ['LATIN1', 'SQL_ASCII']) {
    test(`because its encoding is ${encoding}`, async () => {
      const name = `old_${encoding.toLowerCase()}`;
      await withSql(url, (sql) =>
        sql.run(`create database ${name} encoding '${encoding}' template template0 locale_provider libc locale 'C'`),
      );
      assert.match(
        await refusalOf(url.replace('test_1', name)),
        /encoding (LATIN1|SQL_ASCII),.*encoding 'UTF8' template/,
      );
    });
  }

  test('holds two installations, each in a schema of its own', async () => {
    await withSql(url, (sql) =>
      sql.batch(['one', 'two'].map((name) => ({ text: `create schema ${name}`, values: [] }))),
    );
    const [one = '', two = ''] = ['one', 'two'].map((name) => `${url}&options=-c%20search_path%3D${name}`);
    for (const own of [one, two]) await (await openStore(own, noIdleErrors)).close();
    await withSql(one, (sql) => sql.run("insert into seen_token values ('a', 1)"));
    assert.deepEqual(await withSql(two, (sql) => sql.all('select id from seen_token')), []);
  });
});
