/** Owns the check of passwords that people chose: bcrypt, which is slow by intent, must slow down nobody else. */
import { createHmac, randomBytes } from 'node:crypto';
import { networkOf } from '../network-of.ts';
import { createFairQueue } from './fair-queue.ts';
import type { HashThread } from './hash-thread.ts';

/** Who tries. */
export type Attempt = { readonly address: string; readonly username: string };

export type HashCheck = {
  /**
   * @throws {Refusal} `too_many_requests` or `unavailable` where it is not compared
   * @throws {Error} where it could not be compared
   */
  matches(password: string, hash: string, attempt: Attempt): Promise<boolean>;
};

/** Milliseconds. Long enough that a CI that pulls all day is compared once; what is remembered is no password. */
const rememberRight = 15 * 60_000;
/** Clients send a wrong one twice, as POST and as GET. */
const rememberWrong = 60_000;
const maximumRemembered = 1_000;
/** At 60 ms each (cost 10), the last of the queue waits 6 seconds; clients give up after 15. */
const limits = { running: 1, waitingEach: 10, waiting: 100 };

/**
 * @param parts.refuseGuessing throws where so many wrong ones came that no other is to be compared
 * @param parts.now epoch milliseconds
 */
export function createHashCheck(parts: {
  readonly thread: Pick<HashThread, 'compare'>;
  readonly refuseGuessing: (attempt: Attempt) => void;
  readonly now: () => number;
}): HashCheck {
  const { thread, now } = parts;
  const inTurn = createFairQueue(limits);
  const right = createMemory(now);
  const wrong = createMemory(now);
  const underWay = new Map<string, Promise<boolean>>();
  const secret = randomBytes(32);

  const compare = async (id: string, password: string, hash: string, address: string): Promise<boolean> => {
    const matches = await inTurn(networkOf(address), () => thread.compare(password, hash));
    if (matches) right.add(id, rememberRight);
    else wrong.add(id, rememberWrong);
    return matches;
  };

  return {
    async matches(password, hash, attempt) {
      // With the hash in it, a changed password is another one at once.
      const id = createHmac('sha256', secret).update(`${attempt.username}\0${hash}\0${password}`).digest('base64');
      if (right.has(id)) return true;
      if (wrong.has(id)) return false;
      parts.refuseGuessing(attempt);
      // Of two at the same moment one is compared; not across addresses, whose places in the queue differ.
      const place = `${attempt.address}\0${id}`;
      const known = underWay.get(place);
      if (known !== undefined) return known;
      const comparison = compare(id, password, hash, attempt.address).finally(() => underWay.delete(place));
      underWay.set(place, comparison);
      return comparison;
    },
  };
}

/** What was seen lately; beyond its size the oldest go. */
function createMemory(now: () => number): { has(id: string): boolean; add(id: string, time: number): void } {
  const ends = new Map<string, number>();
  return {
    has: (id) => (ends.get(id) ?? 0) > now(),
    add(id, time) {
      ends.delete(id);
      ends.set(id, now() + time);
      const [oldest] = ends.size > maximumRemembered ? ends.keys() : [];
      if (oldest !== undefined) ends.delete(oldest);
    },
  };
}
