/** Owns `dockpass serve` and `dockpass migrate`. */
import cluster from 'node:cluster';
import type { ServeMode } from '../app/installation.ts';
import { type Config, readConfig, readStorageConfig } from '../config/config.ts';
import { createWorkerStarts } from '../keys/worker-starts.ts';
import { createDataFolder } from '../lib/data-folder.ts';
import { sqliteFileOf } from '../lib/database-url.ts';
import { createLog, type Log, readsText } from '../lib/log.ts';
import { migrateDatabase } from '../store/open.ts';
import { type Command, UsageError, type Values } from './command.ts';
import { note, reply } from './output.ts';
import { describeStart } from './serve-summary.ts';
import { keepWorkers, sayStarted, signalWorkers } from './workers.ts';

/** Milliseconds that open handles can keep the process alive once everything is stored. */
const lastWait = 2_000;

const flag = { type: 'boolean' } as const;

export const serveCommands: readonly Command[] = [
  {
    name: 'serve',
    usage: '[--trial | --restore]',
    summary: 'Run the service until SIGTERM or SIGINT; requests in flight are finished first',
    options: {
      trial: { ...flag, help: 'try a copy: ask no provider, send nothing, sign tokens that no registry accepts' },
      restore: { ...flag, help: 'serve a backup for real; without this, a backup runs as a trial' },
    },
    details: ['SIGHUP loads the policy files immediately; otherwise, a change is noticed within a second.'],
    operands: [0, 0],
    isConversation: true,
    async run(_operands, values, terminal) {
      const mode = modeOf(values);
      const config = readConfig(terminal.environment);
      if (config.workers > 1 && cluster.isPrimary) return superviseWorkers(config);
      const say = terminal.screen !== undefined && readsText(config.logFormat) ? terminal.out : null;
      return serve(config, mode, say);
    },
  },
  {
    name: 'migrate',
    usage: '[--json]',
    summary: 'Bring the database schema up to date; serve does it too',
    json: { fields: { applied: 'names of the migrations that were applied' } },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const { databaseUrl, dataFolder } = readStorageConfig(terminal.environment);
      if (sqliteFileOf(databaseUrl) !== null) await createDataFolder(dataFolder);
      const applied = await migrateDatabase(databaseUrl);
      reply(
        terminal,
        values,
        { applied },
        applied.map((name) => `applied ${name}`),
      );
      if (applied.length === 0) note(terminal, values, 'The schema is up to date.');
      return 0;
    },
  },
];

function modeOf({ trial, restore }: Values): ServeMode {
  if (trial === true && restore === true) throw new UsageError("--trial and --restore can't be combined.");
  return trial === true ? 'trial' : restore === true ? 'restore' : 'usual';
}

/** @param say tells the person at the terminal what runs where, if there is one */
async function serve(config: Config, mode: ServeMode, say: ((line: string) => void) | null): Promise<number> {
  // Until it serves there's nothing to reload, but a signal that no one expects would end the start.
  let reload = () => {};
  const onHangUp = () => reload();
  process.on('SIGHUP', onHangUp);
  try {
    // The primary that only supervises workers needs none of it.
    const { startApp } = await import('../app/app.ts');
    const app = await startApp(config, mode);
    if (say !== null && !cluster.isWorker) for (const line of describeStart(config, app.url)) say(line);
    reload = () => void app.reload();
    // Ctrl-C reaches a worker twice: from the terminal, and as the SIGTERM of the primary.
    if (cluster.isWorker) process.on('SIGINT', () => {});
    const signal = nextSignal(cluster.isWorker ? ['SIGTERM'] : ['SIGTERM', 'SIGINT']);
    try {
      await Promise.race([signal, app.loaded.then(sayStarted)]);
      await signal;
    } finally {
      // The signal is still listened to: it would end what isn't stored yet.
      reload = () => {};
      await app.stop();
      // A database that hangs does not even close its connections; they are not worth a process that never ends.
      setTimeout(() => process.exit(), lastWait).unref();
    }
    return 0;
  } finally {
    // The IPC channel would keep the worker alive.
    process.channel?.unref();
  }
}

async function superviseWorkers({ workers, keyRings, logLevel, logFormat, metricsListener }: Config): Promise<number> {
  const log = createLog(logLevel, logFormat);
  const stopMetrics = metricsListener && (await showWorkersMetrics(metricsListener, log));
  let reload = () => signalWorkers('SIGHUP');
  process.on('SIGHUP', () => reload());
  const stop = nextSignal(['SIGTERM', 'SIGINT']).then(() => {
    reload = () => {};
  });
  const code = await keepWorkers(workers, stop, createWorkerStarts(keyRings, Date.now), log);
  await stopMetrics?.();
  return code;
}

async function showWorkersMetrics(place: NonNullable<Config['metricsListener']>, log: Log) {
  const { startWorkersMetrics } = await import('../app/metrics-listener.ts');
  return startWorkersMetrics(place, log);
}

/** A second signal ends the process immediately, as nothing listens any more. */
function nextSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}
