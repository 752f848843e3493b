/** Owns the pace of what is tried beyond a limit: slowly enough for guesses to lead nowhere, and never not at all. */
import { Refusal } from '../lib/errors.ts';
import { minute } from '../lib/time.ts';

export type ThrottleParts = {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly wait: (time: number) => Promise<void>;
};

/**
 * Resolves when it is the turn of what `id` stands for. One waits at a place: the newest, because whoever guesses does
 * not wait for answers, or one that was turned away before and comes again, because a new guess is another `id`.
 * @throws {Refusal} `too_many_requests` for what does not wait
 */
export type Throttle = (place: string, id: string) => Promise<void>;

type Waiting = { readonly id: string; go(): void; refuse(error: Refusal): void };
/** `tries` counts those that were let go, `next` is when another may. */
type Place = { tries: number; next: number; waiting: Waiting | null };

/**
 * Milliseconds between two tries: each waits a little longer than the one before, so that somebody who tries to remember
 * is not kept waiting and a hundred guesses are the end of quick ones. Clients give up after 15 seconds.
 */
const [step, longest] = [100, 10_000];
/** Milliseconds of quiet after which a place begins anew. */
const forgetPlace = 10 * minute;
const maximumPlaces = 10_000;
/** About 5 MB: who comes again after the ten seconds that they were told is still known in a flood of 5,000 a second. */
const maximumTurnedAway = 50_000;

export function createThrottle({ now, wait }: ThrottleParts): Throttle {
  const places = new Map<string, Place>();
  /** The oldest first. */
  const turnedAway = new Set<string>();

  /** A clock that was set back makes nobody wait longer. */
  const restOf = (place: Place): number => Math.min(longest, place.next - now());
  const refusalOf = (id: string, place: Place): Refusal => {
    turnedAway.delete(id);
    turnedAway.add(id);
    dropOldest(turnedAway, maximumTurnedAway);
    const retryAfter = Math.max(1, Math.ceil(restOf(place) / 1000));
    const message = `too many wrong passwords for this user name from this address; try again in ${retryAfter} seconds`;
    return new Refusal('too_many_requests', message, { retryAfter });
  };
  const count = (place: Place): void => {
    place.tries = now() - place.next > forgetPlace ? 1 : place.tries + 1;
    place.next = now() + Math.min(longest, step * place.tries);
  };
  const serve = async (place: Place): Promise<void> => {
    await wait(restOf(place));
    count(place);
    place.waiting?.go();
    place.waiting = null;
  };

  return async (name, id) => {
    const place = places.get(name) ?? { tries: 0, next: 0, waiting: null };
    // Used last, kept longest.
    places.delete(name);
    places.set(name, place);
    dropOldest(places, maximumPlaces);
    const { waiting } = place;
    if (waiting === null && place.next <= now()) {
      count(place);
      return;
    }
    if (waiting !== null && turnedAway.has(waiting.id)) throw refusalOf(id, place);
    waiting?.refuse(refusalOf(waiting.id, place));
    const turn = Promise.withResolvers<void>();
    place.waiting = { id, go: turn.resolve, refuse: turn.reject };
    if (waiting === null) void serve(place);
    await turn.promise;
    turnedAway.delete(id);
  };
}

function dropOldest(kept: Set<string> | Map<string, unknown>, maximum: number): void {
  const [oldest] = kept.size > maximum ? kept.keys() : [];
  if (oldest !== undefined) kept.delete(oldest);
}
