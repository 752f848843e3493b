/** `dockpass copy` as an operator runs it: beside a service, and with databases that can't be copied. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { createInstallation, type Installation } from '../support/installation.ts';

let installation: Installation;
let source: string;
let target: string;
beforeEach(() => {
  installation = createInstallation();
  source = join(installation.folder, 'data', 'dockpass.db');
  target = join(installation.folder, 'target.db');
});
afterEach(() => installation.remove());

const copy = (from = `sqlite:${source}`, to = `sqlite:${target}`) =>
  installation.command(['copy', '--from', from, '--to', to]);

function readAll(file: string, text: string): unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare(text).pluck().all();
  } finally {
    database.close();
  }
}

test('a database that a service serves is not copied until the service has stopped', async () => {
  const server = await installation.serve();
  try {
    await installation.addPerson('ana@example.com');
    const [holder] = readAll(source, "select holder from lease where name like 'serve %'");
    const { code, output } = await copy();
    assert.equal(code, 1, output);
    assert.match(output, /Process \d+ on \S+ serves this database: stop it first, then copy\./);
    assert.ok(output.includes(`Process ${holder} serves`), output);
    assert.equal(existsSync(target), false);
  } finally {
    await server.stop();
  }
  const { code, output } = await copy();
  assert.equal(code, 0, output);
  assert.deepEqual(readAll(target, 'select login from account'), ['ana@example.com']);
});

test('a service that was killed does not keep its database from being copied', async () => {
  assert.equal((await installation.command(['migrate'])).code, 0);
  const { pid } = spawnSync('true');
  const database = new Database(source);
  const put = database.prepare("insert into lease (name, holder, until) values ('serve', ?, ?)");
  put.run(`${pid} on ${hostname()}`, Date.now() + 60_000);
  database.close();
  const { code, output } = await copy();
  assert.equal(code, 0, output);
  assert.deepEqual(readAll(target, 'select name from lease'), []);
});

test('with PostgreSQL as the source it says that the service has to be stopped', async () => {
  const { output } = await copy('postgres://127.0.0.1:1/x');
  assert.match(output, /Stop every replica/);
  assert.doesNotMatch((await copy()).output, /replica/);
});

test('a target that nothing keeps, and a file that is no database, are refused', async () => {
  assert.equal((await installation.command(['migrate'])).code, 0);
  for (const place of [':memory:', ' :memory: ', ' ']) {
    const { code, output } = await copy(undefined, `sqlite:${place}`);
    assert.deepEqual([code, /--to takes a database that is kept/.test(output)], [2, true], output);
  }
  const policy = join(installation.folder, 'policy.yml');
  const content = readFileSync(policy, 'utf8');
  for (const [from, to] of [
    [source, policy],
    [policy, target],
  ]) {
    const { code, output } = await copy(`sqlite:${from}`, `sqlite:${to}`);
    assert.deepEqual([code, /policy\.yml is not a SQLite database: name another file/.test(output)], [2, true], output);
  }
  assert.equal(readFileSync(policy, 'utf8'), content);
  assert.equal(existsSync(target), false);
  writeFileSync(target, '');
  const { code, output } = await copy();
  assert.equal(code, 0, `a file without content is an empty database: ${output}`);
});
