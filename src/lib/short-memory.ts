/** Owns the memory of what was just worked out, so that the same request within a few seconds is not worked out again. */

/**
 * For what follows from its key alone, or is checked before it is used: nobody is told when something changes. All of it is
 * forgotten together, so no secret stays longer than `life`.
 */
export type ShortMemory<Key, Value> = {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
};

/** Milliseconds. */
const life = 5_000;
/** A few MB at most; beyond it, all is worked out anew. */
const maximumEntries = 1_000;

export function createShortMemory<Key, Value>(): ShortMemory<Key, Value> {
  const values = new Map<Key, Value>();
  return {
    get: (key) => values.get(key),
    set(key, value) {
      if (values.size >= maximumEntries) values.clear();
      if (values.size === 0) setTimeout(() => values.clear(), life).unref();
      values.set(key, value);
    },
  };
}
