/** Owns writing what no request waits for: kept in memory, one entry a key, written together. */

export type WriteBehind<Entry> = {
  /** Takes the entry at once, and stores it soon; it never fails its caller. */
  put(key: string, entry: Entry): void;
  /** Resolves when all that was taken is stored, or its failure was told. */
  flush(): Promise<void>;
};

/** Longest time that an entry waits for company, in milliseconds. */
const flushDelay = 500;

export function createWriteBehind<Entry>(parts: {
  write(entries: readonly Entry[]): Promise<void>;
  /** What two entries of one key become. */
  merge(earlier: Entry, later: Entry): Entry;
  /** Entries kept while the database is away; beyond it the oldest are lost. */
  readonly maximum: number;
  onError(error: unknown): void;
}): WriteBehind<Entry> {
  let waiting = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const put = (key: string, entry: Entry): void => {
    const earlier = waiting.get(key);
    waiting.set(key, earlier === undefined ? entry : parts.merge(earlier, entry));
    const [oldest] = waiting.size > parts.maximum ? waiting.keys() : [];
    if (oldest !== undefined) waiting.delete(oldest);
    timer ??= setTimeout(flush, flushDelay);
  };
  const write = async (): Promise<void> => {
    const taken = waiting;
    waiting = new Map();
    if (taken.size === 0) return;
    // Replicas that write the same rows lock them in the same order, so none waits for the other in a circle.
    const keys = [...taken.keys()].sort();
    try {
      await parts.write(keys.map((key) => taken.get(key) as Entry));
    } catch (error) {
      parts.onError(error);
      const since = waiting;
      waiting = new Map();
      for (const [key, entry] of [...taken, ...since]) put(key, entry);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  };
  return { put, flush };
}
