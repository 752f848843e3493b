/** Owns what the metrics ask the database for: bounded in time, and remembered, so that no scrape slows the service down. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { lastBackupName } from '../lib/data-folder.ts';
import { day } from '../lib/time.ts';
import type { Store } from '../store/store.ts';
import type { Readings } from './metrics.ts';

/** Milliseconds. */
const gracePeriods = 2_000;
const keptFor = 30_000;
/** Days ahead; the last is when people's pages begin to warn. */
const horizons = [1, 7, 14] as const;

type Parts = {
  readonly store: Pick<Store, 'check' | 'passwords' | 'accounts' | 'registryEvents' | 'notificationMessages'>;
  readonly dataFolder: string;
  readonly now: () => number;
};

/** @param parts.now epoch milliseconds */
export function createReadings(
  parts: Parts,
): Pick<
  Readings,
  'isDatabaseUp' | 'passwords' | 'expiring' | 'oldest' | 'unchecked' | 'registryEvents' | 'notifications' | 'lastBackup'
> {
  const { store, now } = parts;
  return {
    isDatabaseUp: async () => (await within(store.check().then(() => true))) ?? false,
    passwords: remembered(() => store.passwords.counts(now()), now),
    expiring: remembered(() => countExpiring(parts), now),
    oldest: remembered(() => oldestAges(parts), now),
    unchecked: remembered(() => store.accounts.countUnchecked(now()), now),
    registryEvents: remembered(async () => {
      const arrivals = await store.registryEvents.arrivals();
      return arrivals.map(({ service, last_at: at }) => ({ service, lastAt: at / 1000 }));
    }, now),
    notifications: remembered(() => store.notificationMessages.counts(), now),
    lastBackup: () =>
      stat(join(parts.dataFolder, lastBackupName)).then(
        ({ mtimeMs }) => mtimeMs / 1000,
        () => null,
      ),
  };
}

/** What is read again only after a while, and by one reader at a time, however many look. */
function remembered<Value>(read: () => Promise<Value>, now: () => number): () => Promise<Value | null> {
  let known: { readonly value: Value; readonly at: number } | null = null;
  let reading: Promise<Value> | null = null;
  const readAgain = async (): Promise<Value> => {
    const value = await read();
    known = { value, at: now() };
    return value;
  };
  return async () => {
    if (known !== null && Math.abs(now() - known.at) < keptFor) return known.value;
    reading ??= readAgain().finally(() => {
      reading = null;
    });
    return within(reading);
  };
}

/** `null` where it fails or takes too long: a database that is away is a number too, and no reason to show none at all. */
async function within<Value>(action: Promise<Value>): Promise<Value | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, gracePeriods, null);
  try {
    return await Promise.race([action, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** Day by day: SQLite answers within the turn, and no token is made meanwhile. */
async function countExpiring({ store, now }: Parts): Promise<{ days: number; passwords: number }[]> {
  const at = now();
  const found: { days: number; passwords: number }[] = [];
  let passwords = 0;
  for (let days = 1; days <= Math.max(...horizons); days++) {
    passwords += await store.passwords.countExpiring(at + (days - 1) * day, at + days * day);
    if (horizons.some((horizon) => horizon === days)) found.push({ days, passwords });
    await yieldToOthers();
  }
  return found;
}

async function oldestAges({ store, now }: Parts): Promise<{ confirmation: number | null; groups: number | null }> {
  const at = now();
  const confirmations: number[] = [];
  const groups: number[] = [];
  let after: string | null = '';
  while (after !== null) {
    const piece = await store.accounts.oldest(at, after);
    if (piece.confirmation !== null) confirmations.push(piece.confirmation);
    if (piece.groups !== null) groups.push(piece.groups);
    after = piece.last;
    await yieldToOthers();
  }
  const age = (times: readonly number[]) => (times.length === 0 ? null : (at - Math.min(...times)) / 1000);
  return { confirmation: age(confirmations), groups: age(groups) };
}
