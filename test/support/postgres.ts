/** Owns a real PostgreSQL server for tests: its own cluster in a temporary folder, reached over a Unix socket. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import pg from 'pg';

const installations = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs, or `null` where it is not installed. */
export function findPostgres(): string | null {
  if (!existsSync(installations)) return null;
  const versions = readdirSync(installations).sort((a, b) => Number(b) - Number(a));
  return (
    versions.map((version) => join(installations, version, 'bin')).find((bin) => existsSync(`${bin}/initdb`)) ?? null
  );
}

export type Standby = {
  /** Of the database that `url` names on the primary. */
  urlOf(url: string): string;
  /** It still answers, with what it knew until now. */
  pause(): Promise<void>;
  /** Makes it a primary, which no longer follows. */
  promote(): Promise<void>;
  stop(): Promise<void>;
};

export type PostgresServer = {
  /**
   * The URL of a new, empty database.
   * @param folder where its tables and indexes lie: a file system of their own; empty
   */
  createDatabase(folder?: string): Promise<string>;
  /** The URL of a new database with everything that `url` has, to which no one can be connected meanwhile. */
  copyDatabase(url: string): Promise<string>;
  /** Ends the server and its connections, as a restart begins. */
  goAway(): Promise<void>;
  /** A hot standby that follows it, with the same databases. */
  startStandby(): Promise<Standby>;
  /** Starts it again, with all that it held. */
  comeBack(): Promise<void>;
  /** From now on new connections to this database are rejected; `null` lets everyone in again. */
  reject(database: string | null): Promise<void>;
  stop(): Promise<void>;
};

/** Starts a server; several may run at once, because none listens on a port. */
export async function startPostgres(): Promise<PostgresServer> {
  const place = createCluster();
  const { bin, folder, user } = place;
  const data = join(folder, 'data');
  const begin = () => startServer(place, 'data', folder);
  const urlOf = (database: string) => urlIn(folder, database);
  let server = await begin();
  const end = () => endServer(server);
  let databases = 0;
  // Since 15 PostgreSQL writes a copy to its log, page by page, unless it's asked to copy the files.
  const copyFiles = Number(basename(dirname(bin))) >= 15 ? 'strategy file_copy' : '';
  return {
    async createDatabase(tables) {
      const name = `test_${++databases}`;
      if (tables !== undefined) {
        if (user !== null) chownSync(tables, user.uid, user.gid);
        await statement(urlOf('postgres'), `create tablespace place_${name} location '${tables}'`);
      }
      const own = tables === undefined ? '' : `tablespace place_${name}`;
      await statement(urlOf('postgres'), `create database ${name} ${own}`);
      return urlOf(name);
    },
    async copyDatabase(url) {
      const name = `test_${++databases}`;
      await statement(urlOf('postgres'), `create database ${name} template ${nameIn(url)} ${copyFiles}`);
      return urlOf(name);
    },
    goAway: end,
    async comeBack() {
      server = await begin();
    },
    startStandby: () => startStandby(place),
    async reject(database) {
      const rejected = database === null ? '' : `local ${database} all reject\n`;
      writeFileSync(join(data, 'pg_hba.conf'), `${rejected}local all all trust\nlocal replication all trust\n`);
      await statement(urlOf('postgres'), 'select pg_reload_conf()');
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Place = { readonly bin: string; readonly folder: string; readonly user: { uid: number; gid: number } | null };

/**
 * Makes the files of a server in a new folder. With those of another one, which `TEST_CLUSTER` names, that takes a
 * fifth of the time: test/run.ts makes them once for all suites.
 */
export function createCluster(): Place {
  const bin = findPostgres();
  if (bin === null) throw new Error('PostgreSQL is not installed');
  const folder = mkdtempSync(join(placeForFiles(), 'dockpass-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? unprivilegedUser() : null;
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const run = { ...user, cwd: folder, stdio: 'pipe' } as const;
  const data = join(folder, 'data');
  const { TEST_CLUSTER: another } = process.env;
  // An order of names that isn't that of their bytes, as most servers have it.
  const locale = ['--locale-provider=icu', '--icu-locale=en-US'];
  const options = ['-U', 'dockpass', '--auth=trust', '--no-sync', '-E', 'UTF8', ...locale];
  if (another === undefined) execFileSync(`${bin}/initdb`, ['-D', data, ...options], run);
  else execFileSync('cp', ['-a', join(another, 'data'), data], run);
  return { bin, folder, user };
}

/** Memory where there's enough of it, else a disk: a cluster is a thousand small files, and each database 300 more. */
function placeForFiles(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2e9 ? memory : tmpdir(); // Docker gives a container 64 MB
}

/** The database that a URL of this server names. */
const nameIn = (url: string): string => new URL(url).pathname.slice(1);

const urlIn = (socket: string, database: string): string =>
  `postgres://dockpass@localhost/${database}?host=${encodeURIComponent(socket)}`;

/** @param socket the folder of its socket */
async function startServer({ bin, folder, user }: Place, data: string, socket: string): Promise<ChildProcess> {
  const options = ['-D', join(folder, data), '-k', socket, '-c', 'listen_addresses=', '-c', 'fsync=off'];
  const started = spawn(`${bin}/postgres`, options, { ...user, cwd: folder, stdio: 'ignore' });
  await connected(urlIn(socket, 'postgres'));
  return started;
}

async function endServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  await ended;
}

async function startStandby(place: Place): Promise<Standby> {
  const { bin, folder, user } = place;
  const run = { ...user, cwd: folder, stdio: 'pipe' } as const;
  const socket = mkdtempSync(join(folder, 's'));
  const data = `standby-${basename(socket)}`;
  const from = ['-h', folder, '-U', 'dockpass', '-D', join(folder, data)];
  execFileSync(`${bin}/pg_basebackup`, [...from, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'], run);
  if (user !== null) chownSync(socket, user.uid, user.gid);
  const server = await startServer(place, data, socket);
  return {
    urlOf: (url) => urlIn(socket, nameIn(url)),
    pause: () => statement(urlIn(socket, 'postgres'), 'select pg_wal_replay_pause()'),
    promote: () => statement(urlIn(socket, 'postgres'), 'select pg_promote()'),
    stop: () => endServer(server),
  };
}

function unprivilegedUser(): { uid: number; gid: number } {
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Asks until the server answers; each try waits for the socket, so this is no busy loop. */
async function connected(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await statement(url, 'select 1');
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
