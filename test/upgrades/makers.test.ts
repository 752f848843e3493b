/** Robots' passwords from before their makers were kept: the audit says who made them, and where it doesn't, nobody is guessed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSql, readMigrations } from '../../src/store/open.ts';
import { createRobotStore } from '../../src/store/robots.ts';
import type { Sql } from '../../src/store/sql.ts';
import { describeEngines } from '../support/engines.ts';

const migration = '0011_robot_makers';

async function addAccount(sql: Sql, id: string, kind: string, login: string, createdAt: number, by: string | null) {
  const text = `insert into account (id, kind, provider, issuer, subject, login, groups_json, state, created_at, created_by)
    values ($1, $2, 'p', 'i', $1, $3, '[]', 'active', $4, $5)`;
  await sql.run(text, [id, kind, login, createdAt, by]);
}

async function addPassword(
  sql: Sql,
  id: string,
  account: string,
  made: readonly [at: number, actor: string, action: string],
) {
  const text = `insert into app_password (id, account_id, name, hash, pepper_id, hint, created_at, expires_at)
    values ($1, $2, $1, $1, 'p', '', $3, 9999999999999)`;
  const [at, actor, action] = made;
  await sql.run(text, [id, account, at]);
  const event = `insert into audit_event (id, at, action, actor, subject, detail_json) values ($1, $2, $3, $4, $5, $6)`;
  const detail = JSON.stringify({ id, name: id, replaces: 'another' });
  if (action !== '') await sql.run(event, [`e-${id}`, at, action, actor, `login-of-${account}`, detail]);
}

describeEngines('the upgrade of robots', (databases) => {
  test('fills the makers from the audit, leaves the others unknown, and only warns', async () => {
    const sql = await openSql(await databases.createEmpty(), () => {});
    const all = await readMigrations();
    await sql.migrate(all.filter(({ name }) => name < migration));
    await addAccount(sql, 'ana', 'person', 'ana@example.com', 10, null);
    await addAccount(sql, 'late', 'person', 'late_@example.com', 500, null);
    await addAccount(sql, 'robot', 'robot', 'login-of-robot', 20, 'ana@example.com');
    await addPassword(sql, 'of-ana', 'robot', [100, 'ana@example.com', 'password.create']);
    await addPassword(sql, 'rotated', 'robot', [110, 'ana@example.com', 'password.rotate']);
    await addPassword(sql, 'by-command', 'robot', [120, 'command line', 'password.create']);
    await addPassword(sql, 'by-token', 'robot', [130, 'API token "ci" of ana@example.com', 'password.create']);
    await addPassword(sql, 'of-someone', 'robot', [140, 'gone@example.com', 'password.create']);
    await addPassword(sql, 'before-its-maker', 'robot', [150, 'late_@example.com', 'password.create']);
    await addPassword(sql, 'unrecorded', 'robot', [160, '', '']);
    await addPassword(sql, 'a-persons', 'ana', [170, 'ana@example.com', 'password.create']);
    await sql.migrate(all);
    const rows = await sql.all<{ id: string; maker_id: string | null; maker_kind: string | null }>(
      'select id, maker_id, maker_kind from app_password order by created_at',
    );
    assert.deepEqual(
      rows.map(({ id, maker_id, maker_kind }) => [id, maker_id, maker_kind]),
      [
        ['of-ana', 'ana', 'person'],
        ['rotated', 'ana', 'person'],
        ['by-command', null, 'administrator'],
        ['by-token', 'ana', 'administrator'],
        ['of-someone', null, null],
        ['before-its-maker', null, null],
        ['unrecorded', null, null],
        ['a-persons', null, null],
      ],
    );
    const robot = await sql.get<{ created_by_id: string }>("select created_by_id from account where id = 'robot'");
    assert.equal(robot?.created_by_id, 'ana');
    assert.equal(await createRobotStore(sql).defaultBound(), 'warn');
    await sql.close();
  });

  test('enforces the bound where there were no robots', async () => {
    const sql = await openSql(await databases.createEmpty(), () => {});
    await sql.migrate(await readMigrations());
    assert.equal(await createRobotStore(sql).defaultBound(), 'enforce');
    await sql.close();
  });
});
