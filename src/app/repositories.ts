/** Opens what registries report and what Dockpass asks them by itself: one registry for each service that has an address. */
import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { ServiceConfig } from '../config/services.ts';
import type { Keys } from '../keys/keys.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { createEventEndpoint, type EventEndpoint } from '../repositories/event-endpoint.ts';
import { createEventRecorder, type RecorderParts } from '../repositories/recorder.ts';
import { createRegistry, type Registry } from '../repositories/registry.ts';
import { createAskRegistry } from '../repositories/registry-request.ts';
import type { Core } from './core.ts';

/** By the name of the service; without those that have no SERVICE_<NAME>_URL. */
export type Registries = ReadonlyMap<string, Registry>;

/** @throws {Refusal} `misconfigured` where a certificate can't be read */
export async function openRegistries({ services }: Pick<Config, 'services'>, keys: Keys): Promise<Registries> {
  const opened = new Map<string, Registry>();
  for (const service of services) {
    const { url, name, issuer, ring, tokenHeader } = service;
    if (url === null) continue;
    const ask = createAskRegistry(await authorityOf(service));
    const signer = () => keys.ring(ring).signer(tokenHeader);
    opened.set(name, createRegistry({ url, ask, service: name, issuer, signer, now: Date.now }));
  }
  return opened;
}

async function authorityOf({ authorityFile }: ServiceConfig): Promise<string | null> {
  if (authorityFile === null) return null;
  return readFile(authorityFile, 'utf8').catch((cause: unknown) => {
    const message = `SERVICE_<NAME>_CA_FILE: ${authorityFile} cannot be read (${errorMessage(cause)}).`;
    throw new Refusal('misconfigured', message, { cause });
  });
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
