/** Owns the databases that a suite runs on: the same tests on SQLite and on PostgreSQL. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { sqliteFileOf } from '../../src/lib/database-url.ts';
import { migrateDatabase } from '../../src/store/open.ts';
import { skipped } from './parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from './postgres.ts';

export type Databases = {
  /** The URL of a new database whose schema is up to date. */
  create(): Promise<string>;
  /** The URL of a new database without a schema. */
  createEmpty(): Promise<string>;
};

const folder = mkdtempSync(join(tmpdir(), 'dockpass-sqlite-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const createEmptySqlite = async () => `sqlite:${join(folder, `${++files}.db`)}`;
const sqlite: Databases = {
  createEmpty: createEmptySqlite,
  create: migratedBy(createEmptySqlite, async (url) => {
    const created = await createEmptySqlite();
    copyFileSync(sqliteFileOf(url) ?? '', sqliteFileOf(created) ?? '');
    return created;
  }),
};

/** One server for all suites of a process, started by the first that needs it. */
let server: Promise<PostgresServer> | null = null;
const theServer = (): Promise<PostgresServer> => {
  server ??= startPostgres();
  return server;
};
after(async () => (await server)?.stop());
const createEmptyPostgres = async () => (await theServer()).createDatabase();
const postgres: Databases = {
  createEmpty: createEmptyPostgres,
  create: migratedBy(createEmptyPostgres, async (url) => (await theServer()).copyDatabase(url)),
};

/** Runs the suite once an engine; PostgreSQL is named as skipped where it isn't installed, and left out by TEST_ENGINES=sqlite. */
export function describeEngines(name: string, suite: (databases: Databases) => void): void {
  describe(`${name} on SQLite`, () => suite(sqlite));
  if (process.env['TEST_ENGINES'] === 'sqlite') return;
  const skip = findPostgres() === null && skipped('not installed: PostgreSQL');
  describe(`${name} on PostgreSQL`, { skip }, () => suite(postgres));
}

/** Migrates one database and copies it: applying all migrations takes ten times as long. */
function migratedBy(createEmpty: () => Promise<string>, copy: (url: string) => Promise<string>): () => Promise<string> {
  const migrate = async () => {
    const url = await createEmpty();
    await migrateDatabase(url);
    return url;
  };
  let template: Promise<string> | null = null;
  return async () => {
    template ??= migrate();
    return copy(await template);
  };
}
