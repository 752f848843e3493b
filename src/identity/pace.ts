/** Owns the pace of what is tried beyond a limit: slowly enough for guesses to lead nowhere, and never not at all. */
import { Refusal } from '../errors.ts';

export type PaceParts = {
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
export type Pace = (place: string, id: string) => Promise<void>;

type Waiting = { readonly id: string; go(): void; refuse(error: Refusal): void };
type Place = { next: number; waiting: Waiting | null };

/** Milliseconds between two tries. Who waits for the next one is answered before clients give up (15 seconds). */
const interval = 10_000;
const maximumPlaces = 10_000;
/** About 5 MB: who comes again after the ten seconds that they were told is still known in a flood of 5,000 a second. */
const maximumTurnedAway = 50_000;

export function createPace({ now, wait }: PaceParts): Pace {
  const places = new Map<string, Place>();
  /** The oldest first. */
  const turnedAway = new Set<string>();

  const refusalOf = (id: string, place: Place): Refusal => {
    turnedAway.delete(id);
    turnedAway.add(id);
    dropOldest(turnedAway, maximumTurnedAway);
    const retryAfter = Math.max(1, Math.ceil(Math.min(interval, place.next - now()) / 1000));
    const message = `too many wrong passwords for this user name from this address; try again in ${retryAfter} seconds`;
    return new Refusal('too_many_requests', message, { retryAfter });
  };
  const serve = async (place: Place): Promise<void> => {
    // A clock that was set back makes nobody wait longer.
    await wait(Math.min(interval, place.next - now()));
    place.next = now() + interval;
    place.waiting?.go();
    place.waiting = null;
  };

  return async (name, id) => {
    const place = places.get(name) ?? { next: 0, waiting: null };
    // Used last, kept longest.
    places.delete(name);
    places.set(name, place);
    dropOldest(places, maximumPlaces);
    const { waiting } = place;
    if (waiting === null && place.next <= now()) {
      place.next = now() + interval;
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
