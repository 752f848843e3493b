/** Owns `dockpass copy`: a running installation moves to another database. */
import { existsSync } from 'node:fs';
import { isDatabaseUrl, sqliteFileOf } from '../lib/database-url.ts';
import { copyDatabase } from '../store/transfer.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
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
      const source = databaseUrl(values['from'], 'from');
      warnOfPassword(terminal, source);
      const file = sqliteFileOf(source);
      if (file !== null && !existsSync(file)) throw new UsageError(`There is no file ${file}.`); // SQLite would make it
      const target = databaseUrl(values['to'], 'to');
      warnOfPassword(terminal, target);
      if (file === null) terminal.err(stopReplicas);
      const done = await copyDatabase(source, target, (table, rows) => terminal.progress(`${table}: ${rows} rows`));
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
  if (typeof value === 'string' && isDatabaseUrl(value)) return value;
  throw new UsageError(`--${option} takes a database: sqlite:PATH or postgres://...`);
}
