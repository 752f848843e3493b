/** Owns how callbacks reach the provider: one redemption of a code, in turns by network, and none of a network that keeps failing. */
import { createHash } from 'node:crypto';
import { Refusal } from '../lib/errors.ts';
import { createFairQueue } from '../lib/fair-queue.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { networkOf } from '../lib/network-of.ts';
import { minute } from '../lib/time.ts';
import type { SeenTokenStore } from '../store/seen-tokens.ts';
import { attemptLifetime, type PendingSignIn } from './sign-in-attempts.ts';

export type Redemptions = {
  /**
   * Runs `redeem` for the first copy of a callback. The state's hash is in the store before the code goes to the provider, so
   * no copy, on any replica, sends the code again: RFC 6749, section 4.1.2 has the provider end what came from a code used twice.
   * @returns `null` for a later copy
   * @throws {Refusal} `too_many_requests` or `unavailable`, or what `redeem` throws
   */
  redeem<Result>(address: string, pending: PendingSignIn, redeem: () => Promise<Result>): Promise<Result | null>;
};

export type RedemptionParts = {
  readonly seenTokens: Pick<SeenTokenStore, 'note'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/**
 * A flood from one network leaves a quarter of the calls to everyone else, however slow the provider is; one from many networks
 * leaves as much to those that haven't failed.
 */
const limits = {
  running: 32,
  runningEach: 24,
  runningRanked: 24,
  waitingEach: 4_000,
  waiting: 8_000,
  what: 'sign-ins are waiting',
};
/** Milliseconds; a browser waits about as long. */
const longestWait = 20_000;

/** Codes of one network that the provider refused within `failureWindow` milliseconds. An office is one network. */
const maximumFailures = 50;
const failureWindow = 10 * minute;
const maximumNetworks = 10_000;

export function createRedemptions({ seenTokens, now }: RedemptionParts): Redemptions {
  const failures = createFailures(now);
  const inTurn = createFairQueue(limits, failures.of);
  return {
    redeem(address, pending, redeem) {
      const network = networkOf(address);
      const askedAt = now();
      return inTurn({ network, name: '' }, async () => {
        if (failures.of(network) >= maximumFailures) throw tooManyFailures();
        if (now() - askedAt > longestWait) throw waitedTooLong();
        if (!(await seenTokens.note(idOf(pending), pending.begunAt + 2 * attemptLifetime))) return null;
        try {
          return await redeem();
        } catch (error) {
          if (error instanceof Refusal && error.code === 'bad_request') failures.add(network);
          throw error;
        }
      });
    },
  };
}

function idOf({ attempt }: PendingSignIn): string {
  return createHash('sha256').update(`state ${attempt.state}`).digest('base64url');
}

/** How often each network failed. Each process counts for itself. */
function createFailures(now: () => number) {
  const counts = createGrowingCache<string, { readonly count: number; readonly since: number }>(maximumNetworks);
  const current = (network: string) => {
    const entry = counts.get(network);
    return entry === undefined || Math.abs(now() - entry.since) > failureWindow ? undefined : entry;
  };
  return {
    of: (network: string): number => current(network)?.count ?? 0,
    add(network: string): void {
      const { count, since } = current(network) ?? { count: 0, since: now() };
      counts.set(network, { count: count + 1, since });
    },
  };
}

function tooManyFailures(): Refusal {
  const minutes = failureWindow / minute;
  const message = `Too many sign-ins from your network failed. Try again in ${minutes} minutes.`;
  return new Refusal('too_many_requests', message, { retryAfter: failureWindow / 1000 });
}

function waitedTooLong(): Refusal {
  const message = 'Too many people are signing in right now. Try again in a minute.';
  return new Refusal('unavailable', message, { retryAfter: 60 });
}
