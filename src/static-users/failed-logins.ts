/** Owns the limit on wrong passwords: by address and user name together, so that no one can lock out someone else. */

import type { LRUCache } from 'lru-cache';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { networkOf } from '../lib/network-of.ts';
import type { Pepper } from '../lib/secret.ts';
import { minute } from '../lib/time.ts';
import { createWriteBehind, type WriteBehind } from '../lib/write-behind.ts';
import type { FailedLoginStore } from '../store/failed-logins.ts';

export type FailedLogins = {
  /**
   * Call it before a password that someone chose is compared.
   * @returns `many` where the limit is reached, `flood` where far more came after that
   */
  guessing(attempt: { readonly address: string; readonly username: string }): 'few' | 'many' | 'flood';
  /**
   * Counts a wrong secret, the same one once. Taken immediately and stored soon; it never fails its caller.
   * @throws {Refusal} `too_many_requests` when this one is beyond the limit
   */
  countOrRefuse(attempt: { readonly address: string; readonly username: string; readonly password: string }): void;
  /** Resolves when all that was recorded is stored. */
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

export type FailedLoginParts = {
  readonly store: FailedLoginStore;
  readonly pepper: Pepper;
  /** Different wrong secrets from one address with one user name, in ten minutes. */
  readonly limit: number;
  /** Gets what couldn't be stored; it then counts only in this process. */
  readonly onError: (error: unknown) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds for which a wrong secret counts. */
const failureWindow = 10 * minute;
/** Longest time that a failure waits for company, in milliseconds. */
const flushDelay = 200;
/** A flood of names must not become a flood of writes: what is beyond counts in this process alone. */
const maximumShared = 100;
const maximumKept = 20_000;

/** Requests beyond the limit, in ten minutes: then a guess is no cheaper than bcrypt makes it (16 a second). */
const floodLimit = 10_000;

type Tally = {
  readonly secrets: Map<string, number>;
  /** What all replicas know, as of a moment. */
  shared: { count: number; first: number };
  /** What came when the limit was reached. */
  beyond: { count: number; first: number };
};

export function createFailedLogins(parts: FailedLoginParts): FailedLogins {
  const { pepper, limit, now } = parts;
  /** By attempt. */
  const tallies = createGrowingCache<string, Tally>(maximumKept);
  const sharing = createSharing(parts, tallies);

  const attemptOf = ({ address, username }: { address: string; username: string }): string =>
    short(pepper.hash(`failed log-in\0${networkOf(address)}\0${username}`));
  const tallyOf = (attempt: string, at: number): Tally => {
    const none = { count: 0, first: at };
    const tally = tallies.get(attempt) ?? { secrets: new Map(), shared: none, beyond: none };
    tallies.set(attempt, tally);
    return tally;
  };

  return {
    guessing(attempt) {
      const tally = tallies.size > 0 ? tallies.get(attemptOf(attempt)) : undefined;
      if (tally === undefined || limitReached(tally, limit, now()) === null) return 'few';
      return isFresh(tally.beyond.first, now()) && tally.beyond.count >= floodLimit ? 'flood' : 'many';
    },
    countOrRefuse(tried) {
      const attempt = attemptOf(tried);
      const secret = short(pepper.hash(`wrong password\0${tried.password}`));
      const at = now();
      const tally = tallyOf(attempt, at);
      // The second try of a client that sends the last one allowed as POST and as GET is not one more.
      if (isFresh(tally.secrets.get(secret), at)) return;
      const ends = limitReached(tally, limit, at);
      if (ends !== null) {
        countBeyond(tally, at);
        throw tooMany(ends - at);
      }
      for (const [old, failedAt] of tally.secrets) if (!isFresh(failedAt, at)) tally.secrets.delete(old);
      tally.secrets.set(secret, at);
      sharing.put(`${attempt}\0${secret}`, { attempt, secret, at });
    },
    flush: sharing.flush,
    close: sharing.close,
  };
}

type Failure = { readonly attempt: string; readonly secret: string; readonly at: number };

/** Reports to the other replicas through the database, and `tallies` what they reported. */
function createSharing(
  { store, now, onError }: FailedLoginParts,
  tallies: Pick<LRUCache<string, Tally>, 'peek'>,
): WriteBehind<Failure> {
  let cleanedAt = Number.NEGATIVE_INFINITY;
  const write = async (failures: readonly Failure[]): Promise<void> => {
    await store.add(failures, now() - failureWindow);
    for (const attempt of new Set(failures.map((failure) => failure.attempt))) {
      const at = now();
      const { count, first } = await store.count(attempt, at - failureWindow);
      const tally = tallies.peek(attempt);
      if (tally !== undefined) tally.shared = { count, first: first ?? at };
    }
    if (now() - cleanedAt < failureWindow) return;
    cleanedAt = now();
    await store.removeBefore(cleanedAt - failureWindow);
  };
  return createWriteBehind<Failure>({
    write,
    merge: (earlier) => earlier,
    delay: flushDelay,
    maximum: maximumShared,
    onError({ error, fate }) {
      // What is beyond the maximum is a flood, which counts in each process.
      if (fate !== 'overflowed') onError(error);
    },
  });
}

function countBeyond(tally: Tally, at: number): void {
  const { count, first } = isFresh(tally.beyond.first, at) ? tally.beyond : { count: 0, first: at };
  tally.beyond = { count: count + 1, first };
}

/** When the first of those that reached the limit is forgotten; `null` where it is not reached. */
function limitReached(tally: Tally, limit: number, now: number): number | null {
  const own = [...tally.secrets.values()].filter((at) => isFresh(at, now));
  const shared = isFresh(tally.shared.first, now) ? tally.shared.count : 0;
  if (Math.max(own.length, shared) < limit) return null;
  return Math.min(...own, ...(shared > 0 ? [tally.shared.first] : [])) + failureWindow;
}

/** @param time milliseconds until the limit is not reached any more */
function tooMany(time: number): Refusal {
  const retryAfter = Math.max(1, Math.ceil(time / 1000));
  const minutes = countOf(Math.ceil(retryAfter / 60), 'minute');
  return new Refusal(
    'too_many_requests',
    `too many wrong passwords for this user name from this address; wait ${minutes}. One that was right here within a day still works`,
    { retryAfter },
  );
}

function isFresh(at: number | undefined, now: number): boolean {
  return at !== undefined && now - at < failureWindow;
}

/** 96 bits: enough to distinguish what is kept for ten minutes. */
function short(hash: string): string {
  return hash.slice(0, 16);
}
