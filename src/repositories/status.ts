/** Owns what an operator can know of a registry's reports: since when they arrive, which days have none, how the last sync went. */
import { day, dayNumber } from '../lib/time.ts';
import type { RegistryEventStore } from '../store/registry-events.ts';
import type { RepositoryActivityStore } from '../store/repository-activity.ts';
import type { RepositorySyncStore, SyncRow } from '../store/repository-syncs.ts';
import { formatNotifications } from './notifications-block.ts';

/** Times are epoch milliseconds. */
export type RegistryStatus = {
  readonly service: string;
  /** Whether its events are taken: SERVICE_<NAME>_EVENTS_TOKEN is set. */
  readonly takesEvents: boolean;
  /** Whether Dockpass can read it, for a sync and for deletions: SERVICE_<NAME>_URL is set. */
  readonly isReadable: boolean;
  /** When events first arrived; `null`: never. What came before is unknown. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  /** Whether events have arrived for so long that a repository without pulls can be called unused. */
  readonly canTellUnused: boolean;
  /** Days since 1970-01-01, UTC, of the last 90 on which no push, pull or deletion was reported: nothing happened, or it got lost. */
  readonly gaps: readonly number[];
  /** The last sync, or the one that runs; `null`: there was none. */
  readonly sync: SyncRow | null;
  /** The `notifications:` block for the registry's configuration, without the token. */
  readonly notifications: string;
};

export type StatusParts = {
  readonly store: {
    readonly registryEvents: Pick<RegistryEventStore, 'arrival'>;
    readonly repositoryActivity: Pick<RepositoryActivityStore, 'ofService'>;
    readonly repositorySyncs: Pick<RepositorySyncStore, 'ofService'>;
  };
  readonly services: readonly {
    readonly name: string;
    readonly prefix: string;
    readonly url: URL | null;
    readonly eventsTokens: readonly string[];
  }[];
  readonly publicUrl: URL;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Days after which a repository that no one pulled is called unused. */
export const daysUntilUnused = 90;

/** One for each service, in the order of SERVICES. */
export async function registryStatuses(parts: StatusParts): Promise<RegistryStatus[]> {
  return Promise.all(parts.services.map((service) => statusOf(parts, service)));
}

async function statusOf(parts: StatusParts, service: StatusParts['services'][number]): Promise<RegistryStatus> {
  const { store, now, publicUrl } = parts;
  const { name, prefix, url, eventsTokens } = service;
  const arrival = await store.registryEvents.arrival(name);
  const firstAt = arrival?.first_at ?? null;
  return {
    ...{ service: name, takesEvents: eventsTokens.length > 0, isReadable: url !== null },
    ...{ firstAt, lastAt: arrival?.last_at ?? null },
    canTellUnused: firstAt !== null && now() - firstAt >= daysUntilUnused * day,
    gaps: firstAt === null ? [] : await gapsSince(parts, name, firstAt),
    sync: (await store.repositorySyncs.ofService(name)) ?? null,
    notifications: formatNotifications(publicUrl, name, `${prefix}EVENTS_TOKEN`),
  };
}

/** Today isn't over. */
async function gapsSince({ store, now }: StatusParts, service: string, firstAt: number): Promise<number[]> {
  const today = dayNumber(now());
  const from = Math.max(dayNumber(firstAt), today - daysUntilUnused);
  const active = new Set((await store.repositoryActivity.ofService(service, from)).map((row) => row.day));
  return Array.from({ length: Math.max(0, today - from) }, (_, index) => from + index).filter((at) => !active.has(at));
}
