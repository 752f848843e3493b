/** The faults: a full disk, and a data folder that cannot be written. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createPassword } from '../test/support/person.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { checkTries, createToken, prepareTries, type Try, takeActions } from './admin-tries.ts';
import { ana, askToken, type Fault, Missing, openScene, type Scene, secrets } from './scene.ts';

/** A file system of its own on the folder. @throws Missing where that is not allowed */
function mount(folder: string, options: readonly string[], stack: AsyncDisposableStack): void {
  try {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', [...options, folder], { stdio: 'pipe' });
  } catch {
    throw new Missing('needs root, to mount a file system');
  }
  stack.defer(() => void execFileSync('umount', ['--lazy', folder]));
}

/** Makes the file read-only for everyone. */
function mountFile(file: string, stack: AsyncDisposableStack): void {
  execFileSync('mount', ['--bind', file, file]);
  stack.defer(() => void execFileSync('umount', ['--lazy', file]));
  execFileSync('mount', ['-o', 'remount,bind,ro', file]);
}

/** Fills the file system until nothing can be made any more, and looks what still works, and what works after. */
async function fill(scene: Scene, folder: string): Promise<void> {
  const { visitor, secret } = await scene.signInForPassword();
  const ballast = join(folder, 'ballast');
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(64 * 1024 * 1024)), { code: 'ENOSPC' });
  let refused = 0;
  for (let count = 0; refused === 0; count++) {
    // A database may still have room in what it has written to before.
    const { page, secret: made } = await createPassword(visitor, scene.url, { name: `while full ${count}` });
    if (made === null) refused = page.status;
    else assert.equal(await askToken(scene.url, made), 200, 'what was answered is stored');
  }
  assert.equal(refused, 503);
  assert.equal(await askToken(scene.url, secret), 200, 'a token needs no room');

  rmSync(ballast);
  const after = await createPassword(visitor, scene.url, { name: 'after' });
  assert.ok(after.secret);
  assert.equal(await askToken(scene.url, after.secret), 200);
}

const outcome = 'writes get 503; tokens are still issued; with room again it continues without a restart';

export const fullDisk: Fault = {
  name: 'disk',
  what: 'the disk is full',
  async run(_scale, stack) {
    const scene = await openScene(stack);
    const data = join(scene.installation.folder, 'data');
    mount(data, ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs'], stack);
    await scene.serve();
    await fill(scene, data);
    return outcome;
  },
};

/** Bytes: with so much in its log SQLite begins to move it into the database file (wal_autocheckpoint, 1,000 pages). */
const checkpointAt = 1_000 * 4_096;

export const fullCheckpoint: Fault = {
  name: 'disk-checkpoint',
  what: 'the disk is full while SQLite moves its log into the database file',
  async run(_scale, stack) {
    const scene = await openScene(stack);
    const data = join(scene.installation.folder, 'data');
    mount(data, ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs'], stack);
    const file = join(data, 'dockpass.db');
    const [url, log] = [`sqlite:${file}`, `${file}-wal`];
    const token = await createToken(scene);
    await scene.serve({ ADMIN_EMAILS: ana });
    const visitor = await scene.signIn();
    const all: Try[] = [];
    const act = async (): Promise<readonly Try[]> => {
      const tries = await prepareTries(url, `d${all.length}`, 2);
      await takeActions(tries, scene, { token, visitor });
      all.push(...tries);
      return tries;
    };
    await act();
    const tries = await prepareTries(url, 'full', 20);
    fillLog(file, checkpointAt * 0.9);
    // Room for the rest of the log, and not for the pages that the database file lacks.
    const { bavail, bsize } = statfsSync(data);
    const room = checkpointAt - statSync(log).size + 100 * 1_024;
    const ballast = join(data, 'ballast');
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - room)));
    await takeActions(tries, scene, { token, visitor });
    all.push(...tries);
    assert.ok(statSync(log).size > checkpointAt * 0.95, 'the log has grown to where it is moved');
    assert.ok(
      tries.some(({ outcome }) => outcome === 'refused'),
      'what has no room is refused',
    );
    rmSync(ballast);
    const after = await act();
    assert.ok(after.every(({ outcome }) => outcome === 'answered'));
    return `${await checkTries(url, all)}; with room again it goes on without a restart`;
  },
};

/** Leaves a log of this many bytes, none of which is in the database file. */
function fillLog(file: string, bytes: number): void {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(file), (open) => open.close());
  database.pragma('wal_checkpoint(truncate)');
  const insert = database.prepare('insert into web_session (id, data, expires_at) values (?, ?, ?)');
  insert.run('filler', 'x'.repeat(bytes), Date.now());
}

export const fullPostgres: Fault = {
  name: 'disk-postgres',
  what: 'the disk of PostgreSQL’s tables is full',
  async run(_scale, stack) {
    if (findPostgres() === null) throw new Missing('needs PostgreSQL');
    const scene = await openScene(stack);
    const tables = mkdtempSync(join(tmpdir(), 'dockpass-tables-'));
    stack.defer(() => rmSync(tables, { recursive: true }));
    mount(tables, ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs'], stack);
    const postgres = await startPostgres();
    stack.defer(() => postgres.stop());
    await scene.serve({
      DATABASE_URL: await postgres.createDatabase(tables),
      PASSWORDS_PER_PERSON: '1000',
      ...secrets,
    });
    await fill(scene, tables);
    return outcome;
  },
};

export const readOnly: Fault = {
  name: 'readonly',
  what: 'the data folder cannot be written',
  async run(_scale, stack) {
    const scene = await openScene(stack);
    const data = join(scene.installation.folder, 'data');
    await (await scene.serve()).stop();
    mount(data, ['--bind', data], stack);
    execFileSync('mount', ['-o', 'remount,bind,ro', data]);
    const { code, output } = await scene.installation.run(['serve']);
    assert.equal(code, 1);
    assert.ok(output.includes(data), `it names the folder:\n${output}`);
    const seen = `Dockpass exits with 1 and says: ${output.trim().split('\n').at(-1)?.replaceAll(data, 'DATA_DIR')}`;
    execFileSync('mount', ['-o', 'remount,bind,rw', data]);
    const file = join(data, 'dockpass.db');
    mountFile(file, stack);
    const readOnlyFile = await scene.installation.run(['serve']);
    assert.equal(readOnlyFile.code, 1);
    assert.match(readOnlyFile.output, /dockpass\.db cannot be written: .*Let the user/);
    return `${seen}; the same where the database file alone cannot be written`;
  },
};
