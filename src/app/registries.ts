/** Opens the registries that Dockpass itself can ask: those with an address of their own in the settings. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Keys } from '../keys/keys.ts';
import { createRegistry, type Registry } from '../repositories/registry.ts';
import { createAskRegistry } from '../repositories/registry-request.ts';

/** By the name of the service. */
export type Registries = ReadonlyMap<string, Registry>;

/** @throws {Error} where a file of certificates can't be read */
export function openRegistries({ services }: Pick<Config, 'services'>, keys: Keys): Registries {
  const found = new Map<string, Registry>();
  for (const { name, issuer, url, authorityFile, ring, tokenHeader } of services) {
    if (url === null) continue;
    const ask = createAskRegistry(authorityFile === null ? null : readFileSync(authorityFile, 'utf8'));
    const signer = () => keys.ring(ring).signer(tokenHeader);
    found.set(name, createRegistry({ url, ask, service: name, issuer, signer, now: Date.now }));
  }
  return found;
}
