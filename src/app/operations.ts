/** Owns what the overview says about the installation itself: keys, account checks, sign-in, messages, the last backup. */
import type { Config } from '../config/config.ts';
import type { Keys } from '../keys/keys.ts';
import type { OperationsReading } from '../web/admin/operations-view.ts';
import type { StoredReadings } from './metric-readings.ts';
import type { People } from './off-boarding.ts';

type Parts = {
  readonly readings: StoredReadings;
  readonly keys: Pick<Keys, 'rings'>;
  readonly people: Pick<People, 'connectors' | 'health'>;
};

/** @returns what reads it; what the database can't say in time is `null` */
export function openOperations(
  { notifications }: Pick<Config, 'notifications'>,
  { readings, keys, people }: Parts,
): () => Promise<OperationsReading> {
  const sends = notifications.mail !== null || notifications.webhooks.length > 0;
  return async () => {
    const [oldest, messages, lastBackup] = await Promise.all([
      readings.oldest(),
      sends ? readings.notifications() : null,
      readings.lastBackup(),
    ]);
    const failing = people.health.problems();
    const age = oldest?.confirmation ?? null;
    return {
      keys: keys.rings.flatMap((ring) =>
        ring
          .list()
          .flatMap(({ state, algorithm, signsFrom }) =>
            state === 'signing' ? [{ service: ring.name, algorithm, since: signsFrom }] : [],
          ),
      ),
      providers: people.connectors.map(({ name, label }) => ({
        label,
        failsSince: failing.find(({ provider }) => provider === name)?.since ?? null,
      })),
      oldestCheck: age === null ? null : Date.now() - age * 1000,
      lastBackup: lastBackup === null ? null : lastBackup * 1000,
      messages: messages && {
        waiting: sumOf(messages, 'waiting'),
        failed: sumOf(messages, 'failed'),
      },
    };
  };
}

function sumOf(counts: readonly { readonly state: string; readonly messages: number }[], wanted: string): number {
  return counts.reduce((sum, { state, messages }) => sum + (state === wanted ? messages : 0), 0);
}
