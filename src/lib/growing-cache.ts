/** Owns caches of many entries that take memory only as they fill: with `max`, lru-cache takes that of all entries immediately. */
import { LRUCache } from 'lru-cache';

/** Keeps the `entries` that were used last. */
export function createGrowingCache<Key extends {}, Value extends {}>(entries: number): LRUCache<Key, Value> {
  return new LRUCache({ maxSize: entries, sizeCalculation: () => 1 });
}
