/** Owns `dockpass serve` and `dockpass migrate`. */
import { startApp } from '../app.ts';
import { readConfig, readStorageConfig } from '../config/config.ts';
import { createDataFolder } from '../data-folder.ts';
import { openSql, readMigrations } from '../store/open.ts';
import type { Command } from './command.ts';

export const serveCommands: readonly Command[] = [
  {
    words: 'serve',
    usage: '',
    summary: 'Run the service until SIGTERM or SIGINT; requests in flight are finished first',
    details: ['SIGHUP takes the policy files over at once; without it a change is seen within a second.'],
    operands: [0, 0],
    async run(_operands, _values, terminal) {
      const app = await startApp(readConfig(terminal.environment));
      const reload = () => void app.reload();
      process.on('SIGHUP', reload);
      await nextSignal();
      process.off('SIGHUP', reload);
      await app.stop();
      return 0;
    },
  },
  {
    words: 'migrate',
    usage: '',
    summary: 'Bring the database schema up to date; serve does it too',
    operands: [0, 0],
    async run(_operands, _values, terminal) {
      const { databaseUrl, dataFolder } = readStorageConfig(terminal.environment);
      if (databaseUrl.startsWith('sqlite:')) await createDataFolder(dataFolder);
      const sql = await openSql(databaseUrl, () => {});
      try {
        const applied = await sql.migrate(await readMigrations());
        for (const name of applied) terminal.out(`applied ${name}`);
        if (applied.length === 0) terminal.note('The schema is up to date.');
        return 0;
      } finally {
        await sql.close();
      }
    },
  },
];

/** A second signal ends the process at once, as nobody listens any more. */
function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
