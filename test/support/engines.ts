/** Owns the databases that a suite runs on: the same tests on SQLite and on PostgreSQL. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
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

/** Runs the suite once an engine; PostgreSQL is named as skipped where it isn't installed, and left out by TEST_ENGINES=sqlite. */
export function describeEngines(name: string, suite: (databases: Databases) => void): void {
  describe(`${name} on SQLite`, () => {
    let folder = '';
    let count = 0;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'dockpass-sqlite-'));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));
    const createEmpty = async () => `sqlite:${join(folder, `${++count}.db`)}`;
    const copy = async (url: string) => {
      const created = await createEmpty();
      copyFileSync(sqliteFileOf(url) ?? '', sqliteFileOf(created) ?? '');
      return created;
    };
    suite({ createEmpty, create: migratedBy(createEmpty, copy) });
  });
  if (process.env['TEST_ENGINES'] === 'sqlite') return;
  describe(`${name} on PostgreSQL`, { skip: findPostgres() === null && skipped('not installed: PostgreSQL') }, () => {
    let server: PostgresServer;
    before(async () => {
      server = await startPostgres();
    });
    after(() => server.stop());
    const createEmpty = () => server.createDatabase();
    suite({ createEmpty, create: migratedBy(createEmpty, (url) => server.copyDatabase(url)) });
  });
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
