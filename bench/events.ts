/**
 * The bench of what registries report: events as a registry sends them, next to logins, whether each acknowledged one is
 * stored; and the store's lists over 100,000 repositories with 1,000,000 tags.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../src/store/open.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { startFloor } from './cases.ts';
import { type EventLoad, sendEvents } from './event-load.ts';
import { createInstallation, service } from './installation.ts';
import { runLoad } from './load.ts';
import { measureLists } from './repositories.ts';
import { type Service, startDockpass } from './service.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    logins: { type: 'string', default: '2' },
    lists: { type: 'boolean' },
  },
});
const seconds = Number(values.seconds);
const token = 'an-events-token-of-the-bench-for-nobody';
/** Connections whose logins wait 10 ms each: two, about 170 logins a second, leave room. */
const loginConnections = Number(values.logins);
/** Milliseconds: pulls are stored within two seconds. */
const restForStoring = 3_000;

type Shape = Pick<EventLoad, 'perRequest' | 'rate' | 'keepAlive'> & { readonly what: string };

const shapes: readonly Shape[] = [
  { what: '10,000 events a second in requests of 100', perRequest: 100, rate: 100, keepAlive: true },
  { what: '1,000 single events a second, each on a new connection', perRequest: 1, rate: 1_000, keepAlive: false },
];

/** How many events are stored, and for how many seconds the event loop was late at most since the last look. */
type Look = { readonly stored: number; readonly late: number };

/** What takes the events and the logins. */
type Target = {
  readonly what: string;
  readonly running: Service;
  readonly path: string;
  readonly headers: readonly string[];
  /** `null` where nothing is stored. */
  readonly look: (() => Promise<Look>) | null;
};

async function dockpass(what: string, folder: string, databaseUrl: string | undefined): Promise<Target> {
  const installation = await createInstallation({ folder, databaseUrl, crowd: undefined, rules: undefined });
  const authorization = `Basic ${installation.basic}`;
  const path = `/auth?service=${service}&scope=repository%3Ateam%2Fapp%3Apull`;
  const metricsPort = 19_464;
  const running = await startDockpass({
    env: {
      ...installation.environment,
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: token,
      METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
    },
    logFile: join(folder, 'log.jsonl'),
    ask: async (url) => void (await fetch(`${url}${path}`, { headers: { authorization } })),
  });
  const place = databaseUrl ?? `sqlite:${join(folder, 'dockpass.db')}`;
  const look = async () => ({
    late: await lag(`http://127.0.0.1:${metricsPort}/metrics`),
    stored: await storedIn(place),
  });
  return { what, running, path, headers: [`Authorization: ${authorization}`], look };
}

/** Answers everything with the same bytes, and stores nothing: what events cost logins where Node alone takes them. */
async function startBare(folder: string): Promise<Target> {
  const { service: running } = await startFloor('constant', '', folder);
  return { what: 'bare node:http', running, path: '/', headers: [], look: null };
}

async function lag(metrics: string): Promise<number> {
  const text = await fetch(metrics).then((answer) => answer.text());
  return Number(/^nodejs_eventloop_lag_max_seconds ([\d.e-]+)/m.exec(text)?.[1] ?? Number.NaN);
}

async function storedIn(databaseUrl: string): Promise<number> {
  const store = await openStore(databaseUrl, () => {});
  const days = await store.repositoryActivity.ofService(service, 0);
  await store.close();
  return days.reduce((sum, day) => sum + day.count, 0);
}

/** Each shape right after the same logins without events, which it's compared with: a machine's speed changes within minutes. */
async function measure(target: Target): Promise<void> {
  const { what, running, path, headers, look } = target;
  const logins = () =>
    runLoad({ url: `${running.url}${path}`, headers, seconds, connections: loginConnections, delay: 10 });
  const send = (shape: Shape) => sendEvents({ ...shape, url: running.url, service, token, seconds });
  // Until the code of both is compiled.
  for (const shape of shapes) await Promise.all([logins(), send(shape)]);
  for (const shape of shapes) {
    await sleep(restForStoring);
    const alone = await logins();
    const before = await look?.();
    const used = running.processorTime();
    const [beside, sent] = await Promise.all([logins(), send(shape)]);
    const processor = ((running.processorTime() - used) / seconds) * 100;
    await sleep(restForStoring);
    const after = await look?.();
    printRow([
      `${what}, ${shape.what}`,
      (sent.acknowledged / seconds).toFixed(0),
      // What was on its way when wrk stopped is stored without being acknowledged.
      before && after ? Math.max(0, sent.acknowledged - (after.stored - before.stored)) : '',
      `${alone.p50.toFixed(1)}, ${alone.p99.toFixed(1)}`,
      `${beside.p50.toFixed(1)}, ${beside.p99.toFixed(1)}`,
      (beside.p99 / alone.p99).toFixed(1),
      after ? (after.late * 1000).toFixed(0) : '',
      processor.toFixed(0),
    ]);
    if (sent.refused > 0) console.error(`${sent.refused} requests weren't acknowledged`);
  }
  await running.stop();
}

const columns = [
  'what',
  'acknowledged/s',
  'missing of these',
  'logins only, p50 and p99 ms',
  'beside events, p50 and p99 ms',
  'p99, times',
  'event loop late at most, ms',
  'processor, % of one',
];

function printRow(cells: readonly (string | number)[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

console.log(
  `${cpus()[0]?.model.trim()}, ${cpus().length} processors, Node ${process.versions.node}; ${seconds} s each\n`,
);
await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-events-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
if (values.lists === true) await measureLists(`sqlite:${join(folder, 'lists.db')}`);
else {
  printRow(columns);
  printRow(['---', ...columns.slice(1).map(() => '---:')]);
  await measure(await startBare(folder));
  await measure(await dockpass('SQLite', await mkdtemp(join(folder, 'sqlite-')), undefined));
  if (findPostgres() !== null) {
    const postgres = await startPostgres();
    stack.defer(() => postgres.stop());
    const databaseUrl = await postgres.createDatabase();
    await measure(await dockpass('PostgreSQL', await mkdtemp(join(folder, 'postgres-')), databaseUrl));
  }
}
