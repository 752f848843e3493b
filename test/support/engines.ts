/** Owns the databases that a suite runs on: the same tests on SQLite and on PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { skipped } from './parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from './postgres.ts';

export type Databases = {
  /** The URL of a new, empty database. */
  create(): Promise<string>;
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
    suite({ create: async () => `sqlite:${join(folder, `${++count}.db`)}` });
  });
  if (process.env['TEST_ENGINES'] === 'sqlite') return;
  describe(`${name} on PostgreSQL`, { skip: findPostgres() === null && skipped('not installed: PostgreSQL') }, () => {
    let server: PostgresServer;
    before(async () => {
      server = await startPostgres();
    });
    after(() => server.stop());
    suite({ create: () => server.createDatabase() });
  });
}
