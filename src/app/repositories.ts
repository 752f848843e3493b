/** Opens what takes the events of registries, and says how they are. */
import type { Config } from '../config/config.ts';
import { createEventEndpoint, type EventEndpoint } from '../repositories/event-endpoint.ts';
import { createEventRecorder, type RecorderParts } from '../repositories/recorder.ts';
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
  { services }: Pick<Config, 'services'>,
  { store, log, unstored }: Core,
  parts: Pick<RecorderParts, 'isStaticUser' | 'onEvent'>,
): OpenEvents {
  const recorder = createEventRecorder({
    ...parts,
    store: store.registryEvents,
    onError: unstored.of('pulls that registries reported'),
    now: Date.now,
  });
  const endpoint = createEventEndpoint({ ...parts, services, recorder, log, now: Date.now });
  return { ...endpoint, close: recorder.close };
}
