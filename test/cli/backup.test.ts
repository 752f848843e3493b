/** `dockpass backup` of a service that is in use, and the service that starts from it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';

const ana = 'ana@example.com';

let installation: Installation;
let server: Server;
beforeEach(async () => {
  installation = createInstallation();
  server = await installation.serve();
  await installation.addPerson(ana);
});
afterEach(async () => {
  await server.stop();
  installation.remove();
});

const newPassword = async (name: string): Promise<string> => {
  const { stdout, output } = await installation.run(['password', 'create', ana, '--name', name]);
  assert.match(stdout, /^dkp_/, output);
  return stdout.trim();
};
const login = async ({ url }: Server, secret: string): Promise<number> => {
  const headers = { authorization: `Basic ${btoa(`${ana}:${secret}`)}` };
  return (await fetch(`${url}/auth?service=registry.example.com`, { headers })).status;
};
const unfinishedIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes('unfinished'));
const keysOf = async ({ url }: Server): Promise<string> => (await fetch(`${url}/.well-known/jwks.json`)).text();

test('a backup of a service in use starts as the same service: keys, passwords, secrets', async () => {
  const before = await newPassword('before');
  const folder = join(installation.folder, 'backups', 'monday');
  const writing = new AbortController();
  const writes = keepWriting(join(installation.folder, 'data', 'dockpass.db'), writing.signal);
  const taken = await installation.run(['backup', folder]);
  writing.abort();
  assert.ok((await writes) > 0, 'somebody wrote meanwhile');
  assert.deepEqual([taken.code, taken.stdout], [0, `${folder}\n`], taken.output);
  const after = await newPassword('after');

  const restored = await installation.serve({ DATA_DIR: folder }, ['--restore']);
  try {
    assert.equal(await keysOf(restored), await keysOf(server));
    assert.deepEqual([await login(restored, before), await login(restored, after)], [200, 401]);
    assert.deepEqual([await login(server, before), await login(server, after)], [200, 200]);
  } finally {
    await restored.stop();
  }
});

/** Writes as a second process would, until told to stop. @returns how often */
async function keepWriting(file: string, signal: AbortSignal): Promise<number> {
  const store = await openStore(`sqlite:${file}`, () => {});
  let count = 0;
  while (!signal.aborted) {
    const session = { data: '{}', accountId: null, expiresAt: Date.now() + 60_000 };
    await store.sessions.write(`session-${++count}`, session);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await store.close();
  return count;
}

test('it is for its user alone, and has nothing that only the running service needs', async () => {
  const folder = join(installation.folder, 'backup');
  assert.equal((await installation.run(['backup', folder])).code, 0);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  assert.ok(files.includes('password-pepper'), `${files}`);
  assert.deepEqual(
    files.filter((file) => /-wal|-shm|unfinished/.test(file)),
    [],
  );
  for (const file of files.filter((name) => /dockpass\.db|pepper|secret/.test(name))) {
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  }
  assert.deepEqual(unfinishedIn(installation.folder), []);
});

test('without secrets it proves nothing by itself, and works again once they are put back', async () => {
  const secret = await newPassword('laptop');
  const folder = join(installation.folder, 'backup');
  assert.equal((await installation.run(['backup', folder, '--without-secrets'])).code, 0);
  const kept = readdirSync(join(installation.folder, 'data'));
  const left = ['encryption-key', 'password-pepper', 'session-secret'];
  assert.deepEqual(
    left.filter((name) => readdirSync(folder).includes(name)),
    [],
  );
  for (const name of left.filter((each) => kept.includes(each))) {
    copyFileSync(join(installation.folder, 'data', name), join(folder, name));
  }
  await server.stop();
  server = await installation.serve({ DATA_DIR: folder }, ['--restore']);
  assert.equal(await login(server, secret), 200);
});

test('nothing is overwritten, and nothing half done is left', async () => {
  const taken = join(installation.folder, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'precious'), 'x');
  const refused = await installation.run(['backup', taken]);
  assert.equal(refused.code, 1);
  assert.match(refused.output, /taken is there already: name a new folder/);
  assert.deepEqual(readdirSync(taken), ['precious']);
  assert.deepEqual(unfinishedIn(installation.folder), []);

  const inside = await installation.run(['backup', join(installation.folder, 'data', 'copy')]);
  assert.match(inside.output, /lies in the data folder/);
  const nowhere = await installation.run(['backup', join(installation.folder, 'x')], {
    DATABASE_URL: 'sqlite:/nowhere/a.db',
  });
  assert.equal(nowhere.code, 1);
  const unmakeable = await installation.run(['backup', '/proc/nowhere/backup']);
  assert.deepEqual([unmakeable.code, /\/proc\/nowhere/.test(unmakeable.output)], [1, true], unmakeable.output);
  assert.equal(existsSync(join(installation.folder, 'x')), false);
});

test('a data folder behind a link is copied whole, and a backup within it is refused', async () => {
  const link = join(installation.folder, 'link');
  symlinkSync('data', link);
  const folder = join(installation.folder, 'backup');
  // The database by its own path, as DATABASE_URL can name it: a plain copy beside the snapshot would take its place.
  const database = `sqlite:${join(installation.folder, 'data', 'dockpass.db')}`;
  const taken = await installation.run(['backup', folder], { DATA_DIR: link, DATABASE_URL: database });
  assert.equal(taken.code, 0, taken.output);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /dockpass\.db|pepper/.test(name)),
    ['dockpass.db', 'password-pepper'],
  );
  assert.match((await installation.run(['person', 'list'], { DATA_DIR: folder })).stdout, /ana@example\.com/);
  assert.notEqual(copiedAt(folder), null);
  const inside = await installation.run(['backup', join(installation.folder, 'data', 'copy')], { DATA_DIR: link });
  assert.match(inside.output, /lies in the data folder/);
});

test('a secret that is a link is in the backup itself', async () => {
  const [pepper, elsewhere] = [
    join(installation.folder, 'data', 'password-pepper'),
    join(installation.folder, 'pepper'),
  ];
  renameSync(pepper, elsewhere);
  symlinkSync('../pepper', pepper);
  const folder = join(installation.folder, 'backup');
  assert.equal((await installation.run(['backup', folder])).code, 0);
  const copy = lstatSync(join(folder, 'password-pepper'));
  assert.deepEqual([copy.isFile(), copy.mode & 0o777], [true, 0o600]);
  assert.equal(readFileSync(join(folder, 'password-pepper'), 'utf8'), readFileSync(elsewhere, 'utf8'));
});

test('what is neither file, folder nor link is left out of a backup, which says so', async () => {
  const data = join(installation.folder, 'data');
  mkdirSync(join(data, 'run'));
  assert.equal(spawnSync('mkfifo', [join(data, 'run', 'pipe')]).status, 0);
  const socket = createServer().listen(join(data, 'control.sock'));
  await once(socket, 'listening');
  const folder = join(installation.folder, 'backup');
  const { code, stdout, output } = await installation.command(['backup', folder]);
  socket.close();
  assert.deepEqual([code, stdout], [0, `${folder}\n`], output);
  for (const name of ['run/pipe', 'control.sock']) {
    assert.ok(output.includes(`${join(data, name)} is not in it`), output);
    assert.equal(existsSync(join(folder, name)), false);
  }
  assert.ok(existsSync(join(folder, 'run')) && existsSync(join(folder, 'password-pepper')));
});

test('a folder that cannot be made is named as it was given', async () => {
  for (const folder of ['/proc/x', join(installation.folder, 'policy.yml', 'x')]) {
    const { code, output } = await installation.command(['backup', folder]);
    assert.equal(code, 1, output);
    assert.ok(output.includes(`${folder} can't be made (`), output);
    assert.doesNotMatch(output, /unfinished/);
  }
});

test('an older database in the data folder does not take the place of the one that is served', async () => {
  const elsewhere = { DATABASE_URL: `sqlite:${join(installation.folder, 'fast.db')}` };
  assert.equal((await installation.run(['migrate'], elsewhere)).code, 0);
  const folder = join(installation.folder, 'backup');
  assert.equal((await installation.run(['backup', folder], elsewhere)).code, 0);
  assert.doesNotMatch((await installation.run(['person', 'list'], { DATA_DIR: folder })).stdout, /ana@example\.com/);
  assert.notEqual(copiedAt(folder), null);
});

/** `null`: nothing marks it as a copy, and a start would serve it. */
function copiedAt(folder: string): unknown {
  const database = new Database(join(folder, 'dockpass.db'));
  const time = database.prepare('select copied_at from installation').pluck().get();
  database.close();
  return time;
}

test('with PostgreSQL it says what is not in it', async () => {
  const environment = { DATABASE_URL: 'postgres://nowhere/x' };
  const { code, output } = await installation.run(['backup', join(installation.folder, 'files')], environment);
  assert.equal(code, 0, output);
  assert.match(output, /copy PostgreSQL with pg_dump/);
  const files = readdirSync(join(installation.folder, 'files'));
  assert.ok(files.includes('password-pepper') && !files.includes('dockpass.db'), `${files}`);
});

test('health says what readiness says, with a path prefix too', async () => {
  const { port } = new URL(server.url);
  assert.equal((await installation.run(['health'], { PORT: port })).code, 0);
  assert.equal((await installation.run(['health'], { PORT: port, LISTEN_ADDRESS: '0.0.0.0' })).code, 0);
  const elsewhere = { PORT: port, PUBLIC_URL: 'http://localhost:5001/other' };
  assert.equal((await installation.run(['health'], elsewhere)).code, 1);
  const noScheme = await installation.run(['health', '--url', `localhost:${port}`]);
  assert.deepEqual([noScheme.code, /--url takes an address/.test(noScheme.output)], [2, true], noScheme.output);
  const nobody = await installation.run(['health'], { PORT: '1' });
  assert.deepEqual([nobody.code, /ECONNREFUSED/.test(nobody.output)], [1, true], nobody.output);
});

test('with --keep makes dated backups in the folder, deletes the oldest, and nothing else', async () => {
  const folder = join(installation.folder, 'backups');
  mkdirSync(folder);
  for (const name of ['dockpass-2020-01-01T00-00-00Z', 'dockpass-2020-01-02T00-00-00Z', 'mine']) {
    mkdirSync(join(folder, name));
  }
  // Of two that were killed, here and on another machine, and of one that is at work there.
  const { pid: gone = 0 } = spawnSync('true');
  const here = hostname().replaceAll(/[^\w.]/g, '_');
  const [killed, old, working] = [
    `Z.unfinished-${here}-${gone}`,
    'Z.unfinished-elsewhere-1',
    'Z.unfinished-elsewhere-2',
  ];
  for (const ending of [killed, old, working]) mkdirSync(join(folder, `dockpass-2020-01-03T00-00-00${ending}`));
  utimesSync(join(folder, `dockpass-2020-01-03T00-00-00${old}`), 0, 0);
  const { code, stdout, output } = await installation.run(['backup', folder, '--keep', '2']);
  assert.equal(code, 0, output);
  const made = stdout.trim().slice(folder.length + 1);
  assert.match(made, /^dockpass-20\d\d-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
  assert.deepEqual(readdirSync(folder).sort(), [
    'dockpass-2020-01-02T00-00-00Z',
    `dockpass-2020-01-03T00-00-00${working}`,
    made,
    'mine',
  ]);
  assert.ok(existsSync(join(installation.folder, 'data', 'last-backup')));
  assert.equal((await installation.run(['backup', folder, '--keep', '0'])).code, 2);
  const unnamed = await installation.run(['backup', '', '--keep', '2']);
  assert.deepEqual([unnamed.code, /FOLDER is empty/.test(unnamed.output)], [2, true], unnamed.output);
});

test('with --keep the new backup stays, also beside folders that are dated in the future', async () => {
  const folder = join(installation.folder, 'backups');
  const ahead = ['dockpass-2130-01-01T00-00-00Z', 'dockpass-2130-01-02T00-00-00Z'];
  for (const [keep, kept] of [
    ['1', []],
    ['2', ahead.slice(1)],
    ['4', ahead],
  ] as const) {
    for (const name of ahead) mkdirSync(join(folder, name), { recursive: true });
    const { code, stdout, output } = await installation.command(['backup', folder, '--keep', keep]);
    assert.equal(code, 0, output);
    const made = stdout.trim().slice(folder.length + 1);
    assert.deepEqual(readdirSync(folder).sort(), [made, ...kept], output);
    rmSync(folder, { recursive: true });
  }
});

test('the metrics say when the last backup succeeded, so that a failed one shows', async () => {
  const watched = await installation.serve({ METRICS_LISTEN: '127.0.0.1:0' });
  try {
    await watched.says(/"port":\d+.*"msg":"metrics"/);
    const [, port = ''] = /"port":(\d+)[^\n]*"msg":"metrics"/.exec(watched.output()) ?? [];
    const read = async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return /^dockpass_last_backup_timestamp_seconds (\d+(?:\.\d+)?)$/m.exec(text)?.[1];
    };
    assert.equal(await read(), undefined);
    assert.equal((await installation.run(['backup', join(installation.folder, 'one')])).code, 0);
    const succeeded = await read();
    assert.ok(succeeded !== undefined);
    assert.equal((await installation.run(['backup', join(installation.folder, 'one')])).code, 1);
    assert.equal(await read(), succeeded);
  } finally {
    await watched.stop();
  }
});
