/**
 * Owns caches of what repeats. Most of what is asked for never comes again, and keeping it until others take its place costs
 * V8 more than it saves: it's copied with each collection of the young generation, and ends in the old one.
 */
import { LRUCache } from 'lru-cache';
import { createRecentMarks } from './recent-marks.ts';

export type RepeatCache<Value> = {
  get(key: string): Value | undefined;
  /** Keeps the value if there was one for this key in the last seconds. @param at milliseconds of any clock */
  set(key: string, value: Value, at: number): void;
  clear(): void;
};

/** Milliseconds within which a value has to come again. */
const repeatTime = 5_000;
/** Of what came once, by its marks: 96 KB. */
const places = 2 ** 13;

/** Keeps the `entries` that were used last. */
export function createRepeatCache<Value extends {}>(entries: number): RepeatCache<Value> {
  const kept = new LRUCache<string, Value>({ max: entries });
  const seen = createRecentMarks(places, repeatTime);
  return {
    get: (key) => kept.get(key),
    set(key, value, at) {
      if (seen.has(key, at)) kept.set(key, value);
    },
    clear: () => kept.clear(),
  };
}
