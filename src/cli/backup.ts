/** Owns the commands that look after a running Dockpass: `dockpass backup`, `dockpass health`. */

import { type Config, readConfig, readStorageConfig } from '../config/config.ts';
import { createProbe } from '../doctor/probe.ts';
import { backUp } from './backup-folder.ts';
import type { Command } from './command.ts';

export const backupCommands: readonly Command[] = [
  {
    words: 'backup',
    usage: 'FOLDER',
    summary: 'Copy database, keys and secrets into a new folder while the service runs',
    details: [
      'The folder is a DATA_DIR: to restore, stop the service, put it in the place of the old one, start the service.',
      'It holds what signs tokens and what passwords are compared with: keep it as you keep DATA_DIR.',
      'With PostgreSQL it holds the files alone; the database is copied with pg_dump.',
    ],
    operands: [1, 1],
    async run([folder = ''], _values, terminal) {
      const { hasDatabase } = await backUp(readStorageConfig(terminal.environment), folder);
      terminal.out(folder);
      if (!hasDatabase) terminal.note('The database is not in it: copy PostgreSQL with pg_dump.');
      return 0;
    },
  },
  {
    words: 'health',
    usage: '',
    summary: 'Ask the Dockpass on this machine whether it can do its work; exits 1 when not',
    details: ['For health checks of containers, which have no curl.'],
    operands: [0, 0],
    async run(_operands, _values, terminal) {
      const url = readinessUrl(readConfig(terminal.environment));
      // The certificate is for the public name, and this is a question to oneself.
      const { status, body } = await createProbe([])(url, { overlookTls: true });
      (status === 200 ? terminal.out : terminal.note)(body);
      return status === 200 ? 0 : 1;
    },
  },
];

function readinessUrl({ tls, host, port, prefix }: Config): URL {
  const address = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return new URL(`${tls === null ? 'http' : 'https'}://${address}:${port}${prefix}/readyz`);
}
