/** Owns the data of released versions, in test/fixtures: written by that version's own code, restored here as if it had run today. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSql, readMigrations } from '../../src/store/open.ts';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;

/** Every version that has been released; each has a folder of its own in test/fixtures. */
export const releases = ['0.1.0', '0.2.0'] as const;

type Login = { readonly user: string; readonly secret: string };

/** facts.json: what only the people of that installation know, and what is to be found in its rows. */
export type Release = {
  /** Epoch milliseconds. */
  readonly madeAt: number;
  /** The settings and secrets that it ran with, without addresses and folders. */
  readonly environment: Readonly<Record<string, string>>;
  readonly passwords: Readonly<Record<string, Login>>;
  readonly identityToken: Login;
  readonly apiToken: string;
  /** Ana's, as the browser sends it. */
  readonly sessionCookie: string;
  /** The id of a revocation whose undo window is open. */
  readonly revocation: string;
  readonly keyIds: readonly string[];
  readonly policyFile: string;
};

/**
 * Fills an empty database with the rows of a version, under that version's schema. Its times are moved, so that it looks
 * as if it was in use a minute ago.
 */
export async function restoreRelease(version: (typeof releases)[number], databaseUrl: string): Promise<Release> {
  const folder = join(fixtures, version);
  const facts = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as Omit<Release, 'policyFile'>;
  const rows = moved(readFileSync(join(folder, 'rows.sql'), 'utf8'), Date.now() - 60_000 - facts.madeAt);
  const statements = rows.split(/;\n/).filter((text) => text !== '' && !text.includes('into schema_migration'));
  const sql = await openSql(databaseUrl, () => {});
  try {
    const known = (await readMigrations()).filter(({ name }) => rows.includes(`'${name}'`));
    await sql.migrate(known);
    await sql.batch(statements.map((text) => ({ text, values: [] })));
  } finally {
    await sql.close();
  }
  return { ...facts, policyFile: join(folder, 'policy.yml') };
}

/** Every number of 13 digits is a time in milliseconds. */
function moved(rows: string, by: number): string {
  return rows.replaceAll(/(?<=[\s(:])1[78]\d{11}\b/g, (time) => String(Number(time) + by));
}
