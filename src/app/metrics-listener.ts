/** Shows the metrics on their own listener, so the public one never has to distinguish them. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { pathOf } from '../http/path.ts';
import { boundTo } from '../http/server.ts';
import type { Keys } from '../keys/keys.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { http } from '../lib/node-http.ts';
import type { Core } from './core.ts';
import type { StoredReadings } from './metric-readings.ts';
import type { Metrics } from './metrics.ts';

export type RunningMetrics = Pick<
  Metrics,
  'tokenAnswered' | 'decided' | 'signInEnded' | 'swept' | 'workloadJudged' | 'registryEvents' | 'notificationEnded'
> & {
  stop(): Promise<void>;
};

type MetricsParts = {
  readonly core: Pick<Core, 'unstored' | 'log'>;
  readonly readings: StoredReadings;
  readonly keys: Keys;
  readonly warnings: () => readonly string[];
  /** Providers whose last sign-in failed for their own reason. */
  readonly failing: () => readonly string[];
};

type Place = { readonly host: string; readonly port: number };

/** The library is loaded only if metrics are on. A worker shows none itself: each scrape would reach another worker. */
export async function startMetrics(
  place: Place,
  { core, readings, keys, warnings, failing }: MetricsParts,
): Promise<RunningMetrics> {
  const { createMetrics } = await import('./metrics.ts');
  const metrics = createMetrics({
    ...readings,
    signingKeys: () => keys.rings.flatMap((ring) => signingKeyOf(ring)),
    lostRecords: core.unstored.lost,
    warnings,
    failing,
  });
  if (cluster.isPrimary) return { ...metrics, stop: await listen(place, metrics, core.log) };
  metrics.share();
  return { ...metrics, stop: async () => {} };
}

/** For the process that looks after the workers. @returns what stops it */
export async function startWorkersMetrics(place: Place, log: Log): Promise<() => Promise<void>> {
  const { createWorkersMetrics } = await import('./metrics.ts');
  return listen(place, createWorkersMetrics(), log);
}

async function listen({ host, port }: Place, metrics: Pick<Metrics, 'read'>, log: Log): Promise<() => Promise<void>> {
  const server = http.createServer(async (request, response) => {
    if (pathOf(request) !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    try {
      const { type, text } = await metrics.read();
      response.writeHead(200, { 'Content-Type': type }).end(text);
    } catch (error) {
      log.error({ err: error }, 'no metrics');
      response.writeHead(503).end();
    }
  });
  server.listen(port, host);
  await once(server, 'listening').catch((cause: unknown) => {
    const message = `The metrics can't be shown at ${host}:${port} (${errorCode(cause)}). METRICS_LISTEN names a free port and an address of this machine.`;
    throw new Refusal('misconfigured', message, { cause });
  });
  const { address, port: chosen } = boundTo(server);
  log.info({ address, port: chosen }, 'metrics');
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
}

/** The one whose turn it is. */
function signingKeyOf(ring: Keys['rings'][number]): { ring: string; age: number | null; expiresAt: number }[] {
  return ring
    .list()
    .filter(({ state }) => state === 'signing')
    .map(({ createdAt, expiresAt }) => ({
      ring: ring.name,
      age: createdAt === null ? null : (Date.now() - createdAt) / 1000,
      expiresAt: expiresAt / 1000,
    }));
}
