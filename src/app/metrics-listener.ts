/** Shows the metrics on a listener of their own, so that what is public never has to tell them apart. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathOf } from '../http.ts';
import type { SweptReport } from '../metrics.ts';
import type { Keys } from '../token/keys.ts';
import type { Core } from './core.ts';

/** Milliseconds: as on people's pages, two weeks ahead. */
const soon = 14 * 24 * 60 * 60 * 1000;

export type MetricsListener = {
  onAnswer(service: string, outcome: string, seconds: number): void;
  onSweep(report: SweptReport): void;
  stop(): Promise<void>;
};

/** The library is loaded only where somebody wants metrics. */
export async function startMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  { core, keys, warnings }: { core: Core; keys: Keys; warnings: () => readonly string[] },
): Promise<MetricsListener> {
  const { createMetrics } = await import('../metrics.ts');
  const metrics = createMetrics({
    passwords: () => core.store.passwords.counts(Date.now(), Date.now() + soon),
    oldest: () => oldestAges(core),
    signingKeys: () => keys.rings.flatMap((ring) => ageOf(ring)),
    warnings,
  });
  const server = http.createServer(async (request, response) => {
    if (pathOf(request) !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const { type, text } = await metrics.read();
    response.writeHead(200, { 'Content-Type': type }).end(text);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const { address, port: chosen } = server.address() as AddressInfo;
  core.log.info({ address, port: chosen }, 'metrics');
  return {
    onAnswer: metrics.tokenAnswered,
    onSweep: metrics.swept,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function oldestAges({ store }: Core): Promise<{ confirmation: number | null; groups: number | null }> {
  const now = Date.now();
  const { confirmation, groups } = await store.accounts.oldest(now);
  const age = (at: number | null) => (at === null ? null : (now - at) / 1000);
  return { confirmation: age(confirmation), groups: age(groups) };
}

/** Of the key whose turn it is. */
function ageOf(ring: Keys['rings'][number]): { ring: string; age: number }[] {
  return ring
    .list()
    .filter(({ state }) => state === 'signing')
    .flatMap(({ createdAt }) => createdAt ?? [])
    .map((createdAt) => ({ ring: ring.name, age: (Date.now() - createdAt) / 1000 }));
}
