/** Owns writing what no request waits for: kept in memory, one entry a key, written together. */

export type WriteBehind<Entry> = {
  /** Takes the entry at once, and stores it soon; it never fails its caller. */
  put(key: string, entry: Entry): void;
  /** Resolves when all that was taken is stored, or its failure was told. */
  flush(): Promise<void>;
  /** Stores for the last time: what cannot be stored now is lost. */
  close(): Promise<void>;
};

/** `kept`: it is tried again; `lost`: the service stops. */
export type Unstored = { readonly error: unknown; readonly entries: number; readonly fate: 'kept' | 'lost' };

/** Longest wait before another try, in milliseconds: a database that is away must not fill the log. */
const longestPause = 10_000;

export function createWriteBehind<Entry>(parts: {
  write(entries: readonly Entry[]): Promise<void>;
  /** What two entries of one key become. */
  merge(earlier: Entry, later: Entry): Entry;
  /** Longest time that an entry waits for company, in milliseconds. */
  readonly delay: number;
  /** Entries kept while the database is away; beyond it the oldest are lost. */
  readonly maximum: number;
  onError(unstored: Unstored): void;
}): WriteBehind<Entry> {
  let waiting = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let failures = 0;
  let closed = false;

  const keep = (key: string, entry: Entry): void => {
    const earlier = waiting.get(key);
    waiting.set(key, earlier === undefined ? entry : parts.merge(earlier, entry));
    const [oldest] = waiting.size > parts.maximum ? waiting.keys() : [];
    if (oldest !== undefined) waiting.delete(oldest);
  };
  /** Not what keeps the process: whoever stops it closes this first. */
  const schedule = (): void => {
    timer ??= setTimeout(flush, Math.min(longestPause, parts.delay * 2 ** failures)).unref();
  };
  const takeBack = (taken: ReadonlyMap<string, Entry>): void => {
    const since = waiting;
    waiting = new Map();
    for (const [key, entry] of [...taken, ...since]) keep(key, entry);
    failures += 1;
    schedule();
  };
  const write = async (): Promise<void> => {
    const taken = waiting;
    waiting = new Map();
    if (taken.size === 0) return;
    // Replicas that write the same rows lock them in the same order, so none waits for the other in a circle.
    const keys = [...taken.keys()].sort();
    try {
      await parts.write(keys.map((key) => taken.get(key) as Entry));
      failures = 0;
    } catch (error) {
      parts.onError({ error, entries: taken.size, fate: closed ? 'lost' : 'kept' });
      if (!closed) takeBack(taken);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  };
  return {
    put(key, entry) {
      keep(key, entry);
      schedule();
    },
    flush,
    close() {
      closed = true;
      return flush();
    },
  };
}
