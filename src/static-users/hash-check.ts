/** Owns the check of passwords that people chose: bcrypt, which is slow by intent, must slow down no one else. */
import { createHmac, randomBytes } from 'node:crypto';
import { Refusal } from '../lib/errors.ts';
import { createFairQueue } from '../lib/fair-queue.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { networkOf } from '../lib/network-of.ts';
import { day, minute } from '../lib/time.ts';
import type { HashThread } from './hash-thread.ts';

/** Who tries. */
export type Attempt = { readonly address: string; readonly username: string };

/**
 * How many different wrong passwords came with a name from a network recently. `many`: more than someone mistypes. `flood`:
 * so many that what is remembered must not answer them, or it could be guessed at the speed of the network.
 */
export type Guessing = 'few' | 'many' | 'flood';

export type HashCheck = {
  /**
   * @throws {Refusal} `too_many_requests` or `unavailable` where it is not compared
   * @throws {Error} where it could not be compared
   */
  matches(password: string, hash: string, attempt: Attempt): Promise<boolean>;
};

export type HashCheckParts = {
  readonly thread: Pick<HashThread, 'compare'>;
  readonly guessing: (attempt: Attempt) => Guessing;
  /**
   * Counts a password that isn't compared like a wrong one: that it's none of those remembered is an answer, too.
   * @throws {Refusal} `too_many_requests` beyond the limit
   */
  readonly onNotCompared: (attempt: Attempt & { readonly password: string }) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds since its last use. A CI that pulls each day is compared once; what is remembered is no password. */
const rememberRight = day;
const maximumRight = 10_000;
/** Clients send a wrong one twice, as POST and as GET. */
const rememberWrong = minute;
const maximumWrong = 1_000;
/** At 60 ms each (cost 10), the last of the queue waits 6 seconds; clients give up after 15. */
const limits = { running: 1, waitingEach: 10, waiting: 100, what: 'passwords are being checked' };

export function createHashCheck(parts: HashCheckParts): HashCheck {
  const { thread, now } = parts;
  const unproven = createUnproven(now);
  const inTurn = createFairQueue(limits, unproven.rankOf);
  const right = createMemory(now, rememberRight, maximumRight);
  const wrong = createMemory(now, rememberWrong, maximumWrong);
  const underWay = new Map<string, Promise<boolean>>();
  const secret = randomBytes(32);

  const compare = async (password: string, hash: string, attempt: Attempt): Promise<boolean> => {
    const network = networkOf(attempt.address);
    unproven.add(network);
    const matches = await inTurn({ network, name: attempt.username }, () => thread.compare(password, hash));
    if (matches) unproven.remove(network);
    return matches;
  };
  const decide = async (id: string, password: string, hash: string, attempt: Attempt): Promise<boolean> => {
    if (right.has(id)) return true;
    try {
      return await compare(password, hash, attempt);
    } catch (error) {
      if (error instanceof Refusal) parts.onNotCompared({ ...attempt, password });
      throw error;
    }
  };

  return {
    async matches(password, hash, attempt) {
      // With the hash in it, a changed password is another one immediately.
      const id = createHmac('sha256', secret).update(`${attempt.username}\0${hash}\0${password}`).digest('base64');
      const here = `${networkOf(attempt.address)}\0${id}`;
      const guessing = parts.guessing(attempt);
      if (guessing !== 'flood' && right.has(here)) {
        right.add(here);
        return true;
      }
      if (wrong.has(id)) return false;
      if (guessing !== 'few') parts.onNotCompared({ ...attempt, password });
      // Of two at the same moment one is compared; not across networks, whose places in the queue differ.
      const known = underWay.get(here);
      if (known !== undefined) return known;
      const decision = decide(id, password, hash, attempt).finally(() => underWay.delete(here));
      underWay.set(here, decision);
      const matches = await decision;
      if (!matches) wrong.add(id);
      else for (const key of [id, here]) right.add(key);
      return matches;
    },
  };
}

type Memory = { has(id: string): boolean; add(id: string): void };

/** What was added in the last `time` milliseconds. Its key is a hash: no password is kept. */
function createMemory(now: () => number, time: number, maximum: number): Memory {
  const ends = createGrowingCache<string, number>(maximum);
  return {
    has: (id) => (ends.get(id) ?? 0) > now(),
    add: (id) => void ends.set(id, now() + time),
  };
}

/** Milliseconds after its last attempt that a network counts as new again. */
const forgetNetwork = 10 * minute;
const maximumNetworks = 10_000;
/** Ranks are few, so that networks which all guess take turns. */
const worstRank = 3;

/** How many passwords a network had compared that were not right; whose one is under way as its first is of rank 0. */
function createUnproven(now: () => number) {
  const networks = createGrowingCache<string, { readonly count: number; readonly at: number }>(maximumNetworks);
  const countOf = (network: string): number => {
    const known = networks.get(network);
    return known !== undefined && now() - known.at < forgetNetwork ? known.count : 0;
  };
  return {
    rankOf: (network: string): number => Math.min(worstRank, Math.max(0, countOf(network) - 1)),
    add(network: string): void {
      networks.set(network, { count: countOf(network) + 1, at: now() });
    },
    remove(network: string): void {
      const count = countOf(network) - 1;
      if (count > 0) networks.set(network, { count, at: now() });
      else networks.delete(network);
    },
  };
}
