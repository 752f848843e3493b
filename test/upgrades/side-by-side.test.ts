/** An upgrade and its rollback while people log in: this version and the next one on one PostgreSQL, each restarting beside the other. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSql, readMigrations } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Release, restoreRelease } from '../support/release.ts';

/** As much as a version may change: a table, an index, and columns of the tables that each login reads. */
const next = {
  name: '9999_next',
  text: `create table next_thing (id text primary key);
    alter table account add column next_word text;
    alter table app_password add column next_number bigint not null default 0;
    create index app_password_by_next on app_password (next_number);`,
};

describe('an upgrade while people log in', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let postgres: PostgresServer;
  let installations: Installation[];
  let servers: Server[];
  let release: Release;
  let environment: Record<string, string>;

  before(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase();
    release = await restoreRelease('0.1.0', url);
    environment = { ...release.environment, DATABASE_URL: url, POLICY_FILE: release.policyFile };
    installations = [createInstallation(), createInstallation()];
    servers = await Promise.all(installations.map((installation) => installation.serve(environment)));
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await postgres.stop();
    for (const installation of installations) installation.remove();
  });

  const login = async ({ url }: Server, name: string): Promise<number> => {
    const { user = '', secret = '' } = release.passwords[name] ?? {};
    const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
    const target = `${url}/auth?service=registry.example.com&scope=repository:team/app:pull`;
    return (await fetch(target, { headers: { authorization } })).status;
  };

  /** Logs in at every server until the change is complete. @returns the statuses that occurred */
  async function whileLoggingIn(change: () => Promise<void>): Promise<number[]> {
    const statuses = new Set<number>();
    let changing = true;
    const done = change().finally(() => {
      changing = false;
    });
    do for (const server of servers) statuses.add(await login(server, 'active'));
    while (changing);
    await done;
    return [...statuses];
  }

  test('the next version migrates, and no login fails', async () => {
    const statuses = await whileLoggingIn(async () => {
      const sql = await openSql(environment['DATABASE_URL'] ?? '', () => {});
      await sql.migrate([...(await readMigrations()), next]);
      await sql.run("update app_password set next_number = 1 where name = 'Laptop'");
      await sql.close();
    });
    assert.deepEqual(statuses, [200]);
  });

  test('an older replica that restarts meanwhile serves, and so does a rollback', async () => {
    for (const [index, installation] of installations.entries()) {
      await servers[index]?.stop();
      const restarted = await installation.serve(environment);
      servers = servers.with(index, restarted);
      assert.equal(await login(restarted, 'active'), 200);
      assert.equal(await login(restarted, 'revoked'), 401);
    }
  });

  test('what is written by the older version has what the newer one needs', async () => {
    const words = ['password', 'create', 'ana@example.com', '--name', 'After the rollback', '--days', '7'];
    const done = await installations[0]?.run(words, environment);
    assert.equal(done?.code, 0, done?.output);
    const sql = await openSql(environment['DATABASE_URL'] ?? '', () => {});
    const row = await sql.get<{ next_number: number }>(
      "select next_number from app_password where name = 'After the rollback'",
    );
    await sql.close();
    assert.equal(row?.next_number, 0);
  });
});
