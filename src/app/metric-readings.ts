/** Owns what the metrics and the overview ask the database for: bounded in time, and remembered, so that no scrape slows the service down. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { lastBackupName } from '../lib/data-folder.ts';
import { remembered } from '../lib/remembered.ts';
import { day } from '../lib/time.ts';
import type { Store } from '../store/store.ts';

/** What is asked for at each look; `null`: it could not be found out just now, and is left out. */
export type Readings = {
  isDatabaseUp(): Promise<boolean>;
  /** Passwords by state. */
  passwords(): Promise<Readonly<Record<'active' | 'expired' | 'revoked', number>> | null>;
  /** Active passwords without a successor that end within so many days. */
  expiring(): Promise<readonly { readonly days: number; readonly passwords: number }[] | null>;
  /**
   * Of people who hold active passwords: how long ago, in seconds, the longest ago that a provider spoke of one and told one's
   * groups; `null` where there are none.
   */
  oldest(): Promise<{ confirmation: number | null; groups: number | null } | null>;
  /** People who hold something that works, and whose provider can't be asked. */
  unchecked(): Promise<readonly { readonly provider: string; readonly people: number }[] | null>;
  /**
   * Of each key that signs: the ring, '' for the common one; how old it is, in seconds, `null` where Dockpass did not make it;
   * and when the first of its certificates ends, in seconds since 1970.
   */
  signingKeys(): readonly { readonly ring: string; readonly age: number | null; readonly expiresAt: number }[];
  /** Messages that wait or could not be delivered, by channel. */
  notifications(): Promise<
    readonly { readonly channel: string; readonly state: string; readonly messages: number }[] | null
  >;
  /** When `dockpass backup` last succeeded here, in seconds since 1970; `null`: never. */
  lastBackup(): Promise<number | null>;
  /** When events of a registry last arrived, in seconds since 1970. */
  registryEvents(): Promise<readonly { readonly service: string; readonly lastAt: number }[] | null>;
  /** Records that this process has lost for good, by kind. */
  lostRecords(): readonly { readonly what: string; readonly records: number }[];
  /** What an operator should look at: policy files, keys, sweeps. */
  warnings(): readonly string[];
  /** Providers whose last sign-in in this process failed for their own reason. */
  failing(): readonly string[];
};

/** Milliseconds that a scrape waits for a reading. */
const longestWait = 2_000;
/** Milliseconds for which a reading counts. */
const keptFor = 30_000;
/** Days ahead; the last is when people's pages begin to warn. */
const horizons = [1, 7, 14] as const;

type Parts = {
  readonly store: Pick<Store, 'check' | 'passwords' | 'accounts' | 'registryEvents' | 'notificationMessages'>;
  readonly dataFolder: string;
  readonly now: () => number;
};

/** Those that the database and the data folder answer. */
export type StoredReadings = Pick<
  Readings,
  'isDatabaseUp' | 'passwords' | 'expiring' | 'oldest' | 'unchecked' | 'registryEvents' | 'notifications' | 'lastBackup'
>;

/** @param parts.now epoch milliseconds */
export function createReadings(parts: Parts): StoredReadings {
  const { store, now } = parts;
  const kept = <Value>(read: () => Promise<Value>): (() => Promise<Value | null>) => {
    const reading = remembered(read, keptFor, now);
    return () => within(reading());
  };
  return {
    isDatabaseUp: async () => (await within(store.check().then(() => true))) ?? false,
    passwords: kept(() => store.passwords.counts(now())),
    expiring: kept(() => countExpiring(parts)),
    oldest: kept(() => oldestAges(parts)),
    unchecked: kept(() => store.accounts.countUnchecked(now())),
    registryEvents: kept(async () => {
      const arrivals = await store.registryEvents.arrivals();
      return arrivals.map(({ service, last_at: at }) => ({ service, lastAt: at / 1000 }));
    }),
    notifications: kept(() => store.notificationMessages.counts()),
    lastBackup: () =>
      stat(join(parts.dataFolder, lastBackupName)).then(
        ({ mtimeMs }) => mtimeMs / 1000,
        () => null,
      ),
  };
}

/** `null` where it fails or takes too long: a database that is away is a number too, and no reason to show none at all. */
async function within<Value>(action: Promise<Value>): Promise<Value | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, longestWait, null);
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
