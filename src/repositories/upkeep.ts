/** Owns what is done to the records of registries every hour: too old ones go, and pulls of the last days are counted again. */
import { randomBytes } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { hour } from '../lib/time.ts';
import type { Store } from '../store/store.ts';
import { firstDayOf } from './days.ts';

/** Repositories that are counted in one statement: a few milliseconds, in which nothing else happens. */
const countedAtOnce = 100;
const leaseName = 'repositories.recount';

/**
 * The day that falls out of the last thirty takes its pulls with it. One process does it, and again only in the next hour.
 * @param now epoch milliseconds
 * @param stopping once it's aborted, the rest is left to the next time
 */
export async function recountPulls(
  store: Pick<Store, 'leases' | 'repositories' | 'registryEvents'>,
  now: number,
  stopping: AbortSignal = new AbortController().signal,
): Promise<void> {
  const holder = randomBytes(8).toString('hex');
  if (!(await store.leases.take(leaseName, holder, now, now + hour / 2))) return;
  const fromDay = firstDayOf(now);
  for (const { service } of await store.registryEvents.arrivals()) {
    let last: string | undefined = '';
    while (last !== undefined && !stopping.aborted) {
      last = await store.repositories.recount(service, last, fromDay, countedAtOnce);
      await yieldToOthers();
    }
  }
}
