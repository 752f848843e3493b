/** Owns `dockpass copy`: a running installation moves to another database. */

import { existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { countOf } from '../lib/count.ts';
import { isDatabaseUrl, sqliteFileOf } from '../lib/database-url.ts';
import { copyDatabase } from '../store/transfer.ts';
import { type Command, missingOptions, type Terminal, UsageError } from './command.ts';
import { reply } from './output.ts';

export const copyCommands: readonly Command[] = [
  {
    name: 'copy',
    usage: '--from URL --to URL [--json]',
    summary: 'Copy all data into another, empty database: all or nothing',
    details: [
      'Stop the service first (a SQLite database that is served is refused), and start it with the new DATABASE_URL afterwards.',
      'With PostgreSQL, the secrets are settings. Pass on those that this machine made for itself in DATA_DIR:',
      '  PASSWORD_PEPPER_FILE=DATA_DIR/password-pepper SESSION_SECRET_FILE=DATA_DIR/session-secret',
      '  ENCRYPTION_KEYS_FILE=DATA_DIR/encryption-key',
    ],
    options: {
      from: { type: 'string', value: 'URL', help: 'sqlite:PATH or postgres://...' },
      to: {
        type: 'string',
        value: 'URL',
        help: 'an empty database; leave its password to PGPASSWORD or ~/.pgpass',
      },
    },
    json: { list: true, fields: { table: 'name of the table', rows: 'how many rows were copied' } },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const missing = ['from', 'to'].filter((option) => values[option] === undefined);
      if (missing.length > 0) throw missingOptions(missing);
      const source = databaseUrl(values['from'], 'from');
      warnOfPassword(terminal, source);
      const file = sqliteFileOf(source);
      if (file !== null && !existsSync(file)) throw new UsageError(`There is no file ${file}.`); // SQLite would make it
      const target = databaseUrl(values['to'], 'to');
      warnOfPassword(terminal, target);
      for (const url of [source, target]) await refuseOtherFile(url);
      if (file === null) terminal.err(stopReplicas);
      const done = await copyDatabase(source, target, (table, rows) =>
        terminal.progress(`${table}: ${countOf(rows, 'row')}`),
      );
      reply(
        terminal,
        values,
        done,
        done.map(({ table, rows }) => `${table}: ${rows}`),
      );
      return 0;
    },
  },
];

/** Only a SQLite database shows who serves it. */
const stopReplicas =
  "Stop every replica before you copy: Dockpass can't see who uses a PostgreSQL database, and what is revoked after the copy would work again in the new database.";

/** Everyone on the machine can read what a process was started with. */
function warnOfPassword(terminal: Terminal, url: string): void {
  if (!URL.parse(url)?.password) return;
  terminal.err(
    'Others on this machine can see the password in that URL: leave it out, and set PGPASSWORD or ~/.pgpass.',
  );
}

function databaseUrl(value: unknown, option: string): string {
  if (typeof value !== 'string' || !isDatabaseUrl(value))
    throw new UsageError(`--${option} takes a database: sqlite:PATH or postgres://...`);
  // As better-sqlite3 reads a path: both are gone when the command ends.
  if (['', ':memory:'].includes(sqliteFileOf(value)?.trim() ?? value))
    throw new UsageError(`--${option} takes a database that is kept: sqlite:PATH or postgres://...`);
  return value;
}

const sqliteHeader = Buffer.from('SQLite format 3\0');

/** SQLite calls such a file damaged, which is no help where another one was meant. A file without content is an empty database. */
async function refuseOtherFile(url: string): Promise<void> {
  const file = sqliteFileOf(url);
  // What can't be looked at, opening it says why.
  const found = file === null ? null : await stat(file).catch(() => null);
  if (file === null || !found?.isFile() || found.size === 0) return;
  const start = await readStart(file, sqliteHeader.length).catch(() => null);
  if (start !== null && !start.equals(sqliteHeader))
    throw new UsageError(`${file} is not a SQLite database: name another file.`);
}

async function readStart(file: string, length: number): Promise<Buffer> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
