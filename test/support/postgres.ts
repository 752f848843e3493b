/** Owns a real PostgreSQL server for tests: its own cluster in a temporary folder, reached over a Unix socket. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

export type PostgresServer = {
  /**
   * The URL of a new, empty database.
   * @param folder where its tables and indexes lie: a file system of their own; empty
   */
  createDatabase(folder?: string): Promise<string>;
  /** Ends the server and its connections, as a restart begins. */
  goAway(): Promise<void>;
  /** Starts it again, with all that it held. */
  comeBack(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts a server; several may run at once, because none listens on a port. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = findPostgres();
  if (bin === null) throw new Error('PostgreSQL is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? unprivilegedUser() : null;
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const run = { ...user, cwd: folder, stdio: 'pipe' } as const;
  execFileSync(`${bin}/initdb`, ['-D', data, '-U', 'dockpass', '--auth=trust', '--no-sync', '-E', 'UTF8'], run);
  const options = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'];
  const urlOf = (database: string) => `postgres://dockpass@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const begin = async (): Promise<ChildProcess> => {
    const started = spawn(`${bin}/postgres`, options, { ...user, cwd: folder, stdio: 'ignore' });
    await connected(urlOf('postgres'));
    return started;
  };
  let server = await begin();
  const end = async (): Promise<void> => {
    if (server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGINT');
    await ended;
  };
  let databases = 0;
  return {
    async createDatabase(place) {
      const name = `test_${++databases}`;
      if (place !== undefined) {
        if (user !== null) chownSync(place, user.uid, user.gid);
        await statement(urlOf('postgres'), `create tablespace place_${name} location '${place}'`);
      }
      const own = place === undefined ? '' : `tablespace place_${name}`;
      await statement(urlOf('postgres'), `create database ${name} ${own}`);
      return urlOf(name);
    },
    goAway: end,
    async comeBack() {
      server = await begin();
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
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
