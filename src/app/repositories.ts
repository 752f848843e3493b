/** Opens what takes the events of registries, and says how they are. */
import type { Config } from '../config/config.ts';
import { createEventEndpoint, type EventEndpoint } from '../repositories/event-endpoint.ts';
import { createEventThread, type EventThreadParts } from '../repositories/event-thread.ts';
import { type RegistryStatus, registryStatuses } from '../repositories/status.ts';
import type { Core } from './core.ts';

/** For the pages: whether events arrive, and how the last sync went. One for each service. */
export function statusesOf({ services, publicUrl }: Config, { store }: Pick<Core, 'store'>): Promise<RegistryStatus[]> {
  return registryStatuses({ store, services, publicUrl, now: Date.now });
}

export type OpenEvents = EventEndpoint & {
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** What takes the events of registries. */
export function openEvents(
  { services, databaseUrl }: Pick<Config, 'services' | 'databaseUrl'>,
  { log, unstored }: Core,
  parts: Pick<EventThreadParts, 'staticUsers' | 'onEvents'>,
): OpenEvents {
  const onError = unstored.of('pulls that registries reported');
  const { take, close } = createEventThread({ ...parts, databaseUrl, onError, log });
  const endpoint = createEventEndpoint({ ...parts, services, take, log, now: Date.now });
  return { ...endpoint, close };
}
