/** Owns a sync that a page begins: it runs on behind the answer, and ends when the service stops. */
import type { Actor } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import { syncRepositories } from '../repositories/sync.ts';
import type { Core } from './core.ts';
import type { Registries } from './registries.ts';

/**
 * Resolves once it has begun and the audit says so. How it goes, the page shows.
 * @returns a function that throws {Refusal} where it can't begin: another one runs, or there is no address
 */
export function createStartSync(
  { store, audit, log }: Pick<Core, 'store' | 'audit' | 'log'>,
  registries: Registries,
  stopping: AbortSignal,
): (service: string, by: Actor) => Promise<void> {
  return async (service, by) => {
    const registry = registries.get(service);
    if (registry === undefined) {
      throw new Refusal(
        'conflict',
        'Dockpass has no address for this registry. Set SERVICE_<NAME>_URL, then try again.',
      );
    }
    const begun = Promise.withResolvers<void>();
    const noted: typeof audit.write = async (event) => {
      await audit.write(event);
      begun.resolve();
    };
    const parts = { store, registry, service, by, signal: stopping, now: Date.now };
    syncRepositories({ ...parts, audit: { ...audit, write: noted } }).then(
      () => begun.resolve(),
      (error: unknown) => {
        log.warn({ err: error, service }, 'a registry could not be read to the end');
        begun.reject(error);
      },
    );
    await begun.promise;
  };
}
