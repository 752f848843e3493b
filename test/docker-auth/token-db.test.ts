/**
 * Reading docker_auth's token database. `recorded-token-db/` was written by goleveldb itself, with docker_auth's struct:
 * Ana's second password is in the log, Bo's (with labels) in a table that Snappy compressed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { readTokenDb } from '../../src/docker-auth/token-db.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { missing } from '../support/parts.ts';
import { writeTokenDb } from '../support/token-db.ts';

let folder: string;
let copy: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dockpass-test-token-db-'));
  copy = join(folder, 'db');
  cpSync(new URL('recorded-token-db', import.meta.url), copy, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const filesOf = (path: string) => readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'base64')]);
const refusal = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Refusal, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

test('what goleveldb wrote is read, the last of each person, and stays as it is', async () => {
  const before = filesOf(copy);
  const { entries, unusable } = await readTokenDb(copy);
  assert.deepEqual(unusable, []);
  assert.deepEqual(
    entries.map(({ email, validUntil, labels }) => ({ email, validUntil, labels })),
    [
      { email: 'ana@example.com', validUntil: Date.UTC(2026, 10, 1, 8, 30, 0, 123), labels: null },
      { email: 'bo@example.com', validUntil: Date.UTC(2026, 10, 1, 8, 30, 0, 123), labels: { team: ['web', 'ops'] } },
    ],
  );
  const [ana, bo] = entries.map(({ hash }) => hash);
  assert.ok(bcrypt.compareSync('AnaPassword00001', ana ?? ''));
  assert.ok(bcrypt.compareSync('BoPassword000001', bo ?? ''));
  assert.deepEqual(filesOf(copy), before);
});

test('no token of the provider comes along', async () => {
  assert.doesNotMatch(JSON.stringify(await readTokenDb(copy)), /a-refresh-token|an-access-token/);
});

test('an entry without a password is reported by its key', async () => {
  const path = join(folder, 'odd');
  await writeTokenDb(path, {
    'no-json@example.com': 'x',
    'null@example.com': 'null',
    'no-password@example.com': '{"docker_password":""}',
    'plain@example.com': '{"docker_password":"secret"}',
    'list@example.com': '[1]',
    'odd@example.com': JSON.stringify({ docker_password: bcrypt.hashSync('x', 4), valid_until: 7, labels: { a: 'b' } }),
  });
  const { entries, unusable } = await readTokenDb(path);
  assert.deepEqual(
    entries.map(({ email, validUntil, labels }) => [email, validUntil, labels]),
    [['odd@example.com', null, null]],
  );
  assert.deepEqual(
    unusable.map(({ email, reason }) => `${email}: ${reason}`),
    [
      'list@example.com: it has no password',
      'no-json@example.com: the entry is not JSON',
      'no-password@example.com: it has no password',
      'null@example.com: it has no password',
      "plain@example.com: its password isn't a bcrypt hash",
    ],
  );
});

test('something that is not a LevelDB is refused with what to give instead', async () => {
  await assert.rejects(readTokenDb(join(folder, 'missing')), refusal('not_found', /cannot be read: give the folder/));
  await assert.rejects(readTokenDb(join(copy, 'CURRENT')), refusal('bad_request', /is a file: give the folder/));
  await assert.rejects(readTokenDb(folder), refusal('bad_request', /a LevelDB: it has no file CURRENT/));
});

test('a damaged database is refused, and no copy of it is left behind', async () => {
  const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith('dockpass-token-db-'));
  const before = copies();
  rmSync(join(copy, '000004.ldb'));
  await assert.rejects(readTokenDb(copy), refusal('bad_request', /cannot be read as a LevelDB/));
  cpSync(new URL('recorded-token-db', import.meta.url), copy, { recursive: true });
  writeFileSync(join(copy, 'MANIFEST-000000'), 'garbage');
  await assert.rejects(readTokenDb(copy), refusal('bad_request', /cannot be read as a LevelDB/));
  cpSync(new URL('recorded-token-db', import.meta.url), copy, { recursive: true });
  truncateSync(join(copy, '000004.ldb'), statSync(join(copy, '000004.ldb')).size - 20);
  await assert.rejects(readTokenDb(copy), refusal('bad_request', /cannot be read as a LevelDB/));
  assert.deepEqual(copies(), before);
});

test('a copy that a killed import left is removed by the next, and that of a running one is not', async (t) => {
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = folder;
  t.after(() => (TMPDIR === undefined ? delete process.env['TMPDIR'] : Object.assign(process.env, { TMPDIR })));
  const gone = spawn('true');
  await once(gone, 'close');
  const nameOf = (pid: number | undefined) => `dockpass-token-db-${pid}-abcdef`;
  for (const pid of [gone.pid, process.ppid]) cpSync(copy, join(folder, nameOf(pid)), { recursive: true });
  assert.equal((await readTokenDb(copy)).entries.length, 2);
  assert.deepEqual(readdirSync(folder).sort(), ['db', nameOf(process.ppid)].sort());
});

test('a database that docker_auth still has open is refused', { skip: missing('flock') }, async () => {
  writeFileSync(join(copy, 'LOCK'), '');
  const holder = spawn('flock', [join(copy, 'LOCK'), 'sh', '-c', 'echo held; read -r line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await assert.rejects(readTokenDb(copy), refusal('conflict', /docker_auth is running on it/));
  holder.stdin.end('\n');
  await once(holder, 'close');
  assert.equal((await readTokenDb(copy)).entries.length, 2);
});
