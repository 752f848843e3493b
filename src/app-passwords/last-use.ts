/** Owns the way of a password's last use to the store: kept in memory, written together, never waited for by a request. */
import type { Requester } from '../identity/requester.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { isRecent, minute } from '../lib/time.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import type { PasswordStore } from '../store/passwords.ts';

export type LastUses = {
  /** Notes a use; a later one within `useInterval` is not written, so that a burst of pulls is one write. */
  record(passwordId: string, client: Requester): void;
  /** Resolves when what was noted is stored, or reported to `onError`. */
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Milliseconds: how exact the last use is. */
const useInterval = 5 * minute;
/** Longest time that a use waits for company, in milliseconds. */
const flushDelay = 200;
/** Rows a transaction: a lock on them, and on SQLite the event loop, is held for so many. */
const batchSize = 500;
/** Passwords that are known to be noted, and uses that wait for a database that is away: about 2 MB at most. */
const maximumKept = 10_000;

type Use = { readonly id: string; readonly at: number; readonly address: string; readonly client: string };

/** @param parts.now epoch milliseconds */
export function createLastUses(parts: {
  readonly store: Pick<PasswordStore, 'recordUses'>;
  readonly onError: (unstored: Unstored) => void;
  readonly now: () => number;
}): LastUses {
  /** A password that drops out is written once more, which the statement's condition stops. */
  const noted = createGrowingCache<string, number>(maximumKept);
  const waiting = createWriteBehind<Use>({
    async write(uses) {
      for (let start = 0; start < uses.length; start += batchSize) {
        await parts.store.recordUses(uses.slice(start, start + batchSize), useInterval);
      }
    },
    merge: (_, later) => later,
    delay: flushDelay,
    maximum: maximumKept,
    onError: parts.onError,
  });

  return {
    record(id, client) {
      const at = parts.now();
      const before = noted.get(id);
      if (before !== undefined && isRecent(before, at, useInterval)) return;
      noted.set(id, at);
      waiting.put(id, { id, at, address: client.address, client: client.userAgent });
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}
