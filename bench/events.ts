/**
 * The bench of what registries report: events as a registry sends them, next to logins, whether each acknowledged one is
 * stored; and the store's lists over 100,000 repositories with 1,000,000 tags.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../src/store/open.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { createInstallation, service } from './installation.ts';
import { runLoad } from './load.ts';
import { measureLists } from './repositories.ts';
import { type Service, serveArguments, startService } from './service.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' }, lists: { type: 'boolean' } } });
const seconds = Number(values.seconds);
const token = 'an-events-token-of-the-bench-for-nobody';
const repositories = 2_000;
/** Requests of logins that wait 10 ms each: a load that leaves room. */
const loginConnections = 2;

type Sent = { readonly acknowledged: number; readonly refused: readonly number[] };
type Shape = { readonly what: string; readonly perRequest: number; readonly rate: number; readonly keepAlive: boolean };

const shapes: readonly Shape[] = [
  { what: '10,000 events a second in requests of 100', perRequest: 100, rate: 100, keepAlive: true },
  { what: '1,000 single events a second, each on a new connection', perRequest: 1, rate: 1_000, keepAlive: false },
];

const hex = (text: string) => Buffer.from(text).toString('hex').padEnd(64, '0');

/** Made once: what sends the events shares the processors with what takes them. */
const layersFrom = Array.from({ length: 3_000 }, (_, first) =>
  JSON.stringify(
    Array.from({ length: 10 }, (_, layer) => ({
      ...{ mediaType: 'application/vnd.oci.image.layer.v1.tar', size: 1_000_000 + layer },
      digest: `sha256:${hex(`l${(first + layer) % 3_000}`)}`,
    })),
  ),
);
const digests = Array.from({ length: 5_000 }, (_, at) => `sha256:${hex(`m${at}`)}`);

/** One in a hundred is a push with ten layers; the rest are pulls by five hundred accounts. */
function eventOf(count: number, timestamp: string): string {
  const [action, method] = count % 100 === 0 ? ['push', 'PUT'] : ['pull', 'GET'];
  const repository = `team-${count % 50}/app-${count % repositories}`;
  return `{"id":"${randomUUID()}","timestamp":"${timestamp}","action":"${action}",
    "target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${digests[count % 5_000]}","size":800,
      "repository":"${repository}","tag":"latest","references":${layersFrom[count % 3_000]}},
    "request":{"id":"r","addr":"10.0.0.7:1","host":"${service}","method":"${method}","useragent":"docker/28.2.2"},
    "actor":{"name":"ci:github:acme/app-${count % 500}"}}`;
}

let count = 0;
function bodyOf(events: number): string {
  const timestamp = new Date().toISOString();
  return `{"events":[${Array.from({ length: events }, () => eventOf(++count, timestamp)).join(',')}]}`;
}

function post(url: string, body: string, agent: http.Agent | false): Promise<number> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/vnd.docker.distribution.events.v1+json',
  };
  return new Promise((resolve) => {
    const request = http.request(
      `${url}/registry-events/${service}`,
      { method: 'POST', headers, agent },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    request.once('error', () => resolve(0));
    request.end(body);
  });
}

/** At the rate, whatever the answers take; what isn't acknowledged is sent once more by a registry, and not here. */
async function send(url: string, { perRequest, rate, keepAlive }: Shape): Promise<Sent> {
  const agent = keepAlive ? new http.Agent({ keepAlive: true, maxSockets: 8 }) : false;
  const answers: Promise<number>[] = [];
  const begun = performance.now();
  while (performance.now() - begun < seconds * 1000) {
    const due = Math.floor(((performance.now() - begun) / 1000) * rate);
    while (answers.length < due) answers.push(post(url, bodyOf(perRequest), agent));
    await sleep(2);
  }
  const statuses = await Promise.all(answers);
  const refused = statuses.filter((status) => status !== 200);
  return { acknowledged: (statuses.length - refused.length) * perRequest, refused };
}

/** Seconds that the event loop was late at most, since the last look. */
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

async function measure(what: string, folder: string, databaseUrl: string | undefined): Promise<void> {
  const installation = await createInstallation({ folder, databaseUrl, crowd: undefined, rules: undefined });
  const authorization = `Basic ${installation.basic}`;
  const pathOf = (url: string) => `${url}/auth?service=${service}&scope=repository%3Ateam%2Fapp%3Apull`;
  const metricsPort = 19_464;
  const running: Service = await startService({
    args: serveArguments,
    env: {
      ...installation.environment,
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: token,
      METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
    },
    logFile: join(folder, 'log.jsonl'),
    ask: async (url) => void (await fetch(pathOf(url), { headers: { authorization } })),
  });
  const metrics = `http://127.0.0.1:${metricsPort}/metrics`;
  const logins = () =>
    runLoad({
      ...{ url: pathOf(running.url), headers: [`Authorization: ${authorization}`] },
      ...{ seconds, connections: loginConnections, delay: 10 },
    });
  const place = databaseUrl ?? `sqlite:${join(folder, 'dockpass.db')}`;
  await logins();
  const alone = await logins();
  console.log(`| ${what}, logins alone | | | ${alone.p50.toFixed(1)} | ${alone.p99.toFixed(1)} | | |`);
  for (const shape of shapes) {
    const before = await storedIn(place);
    await lag(metrics);
    const used = running.processorTime();
    const [beside, sent] = await Promise.all([logins(), send(running.url, shape)]);
    const late = await lag(metrics);
    const processor = ((running.processorTime() - used) / seconds) * 100;
    await sleep(3_000);
    const lost = sent.acknowledged - ((await storedIn(place)) - before);
    const rate = (sent.acknowledged / seconds).toFixed(0);
    console.log(
      `| ${what}, ${shape.what} | ${rate} | ${lost} | ${beside.p50.toFixed(1)} | ${beside.p99.toFixed(1)} | ${(late * 1000).toFixed(0)} | ${processor.toFixed(0)} |`,
    );
    if (sent.refused.length > 0) {
      const kinds = [...new Set(sent.refused)].join(', ');
      console.error(`${sent.refused.length} requests weren't acknowledged: ${kinds} (0: no answer)`);
    }
  }
  await running.stop();
}

console.log(
  `${cpus()[0]?.model.trim()}, ${cpus().length} processors, Node ${process.versions.node}; ${seconds} s each\n`,
);
await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-events-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
if (values.lists !== true) {
  console.log(
    '| what | acknowledged/s | lost of these | logins p50 ms | p99 ms | event loop late at most, ms | processor, % of one |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  );
  await measure('SQLite', await mkdtemp(join(folder, 'sqlite-')), undefined);
  if (findPostgres() !== null) {
    const postgres = await startPostgres();
    stack.defer(() => postgres.stop());
    await measure('PostgreSQL', await mkdtemp(join(folder, 'postgres-')), await postgres.createDatabase());
  }
}
if (values.lists === true) await measureLists(`sqlite:${join(folder, 'lists.db')}`);
