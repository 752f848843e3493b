/** Owns writing what no request waits for: kept in memory, one entry a key, written together. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { RejectedData } from './errors.ts';

export type WriteBehind<Entry> = {
  /** Takes the entry immediately and stores it soon; it never fails its caller. */
  put(key: string, entry: Entry): void;
  /** Entries that wait, for a caller that can refuse more. */
  size(): number;
  /** Resolves when everything that was taken is stored, or its failure is reported. */
  flush(): Promise<void>;
  /** Stores for the last time: what cannot be stored now is lost. */
  close(): Promise<void>;
};

/**
 * `kept`: they're tried again; `lost`: the service stops; `dropped`: the database is there and refuses them; `overflowed`:
 * more came than are kept, and these were the oldest.
 */
export type Unstored = {
  readonly error: unknown;
  readonly entries: number;
  readonly fate: 'kept' | 'lost' | 'dropped' | 'overflowed';
};

/** Longest wait before another try, in milliseconds: a database that is away must not fill the log. */
const longestPause = 10_000;

export function createWriteBehind<Entry>(parts: {
  /**
   * All or nothing, or so that entries can be written twice.
   * @throws {RejectedData} or a refusal because of one, where an entry is at fault; anything else is the database's
   */
  write(entries: readonly Entry[]): Promise<void>;
  /** What two entries of one key become. */
  merge(earlier: Entry, later: Entry): Entry;
  /** Longest time that an entry waits for company, in milliseconds. */
  readonly delay: number;
  /** Entries in one write, where many would hold up requests: others get their turn in between. All of them where not said. */
  readonly atOnce?: number;
  /** Entries kept while the database is away; beyond it the oldest are lost, which `onError` reports with the next try. */
  readonly maximum: number;
  onError(unstored: Unstored): void;
}): WriteBehind<Entry> {
  let waiting = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  /** The last of `writing`, until it begins. */
  let next: Promise<void> | undefined;
  let failures = 0;
  /** How many were lost to the maximum since the last try. */
  let overflowed = 0;
  let closed = false;

  const keep = (key: string, entry: Entry): void => {
    const earlier = waiting.get(key);
    waiting.set(key, earlier === undefined ? entry : parts.merge(earlier, entry));
    const [oldest] = waiting.size > parts.maximum ? waiting.keys() : [];
    if (oldest !== undefined && waiting.delete(oldest)) overflowed += 1;
  };
  /** The timer doesn't keep the process alive: it's closed before the process stops. */
  const schedule = (): void => {
    timer ??= setTimeout(flush, Math.min(longestPause, parts.delay * 2 ** failures)).unref();
  };
  const takeBack = (taken: ReadonlyMap<string, Entry>, left: ReadonlySet<string>): void => {
    const since = waiting;
    waiting = new Map();
    for (const [key, entry] of taken) if (left.has(key)) keep(key, entry);
    for (const [key, entry] of since) keep(key, entry);
    failures += 1;
    schedule();
  };
  const reportOverflow = (): void => {
    const entries = overflowed;
    overflowed = 0;
    const error = new Error(`more than ${parts.maximum} waited`);
    if (entries > 0) parts.onError({ error, entries, fate: 'overflowed' });
  };
  const write = async (): Promise<void> => {
    reportOverflow();
    const taken = waiting;
    waiting = new Map();
    if (taken.size === 0) return;
    // Replicas that write the same rows lock them in the same order, so none waits for the other in a circle.
    const keys = [...taken.keys()].sort();
    const { refused, away, left } = await writeApart(
      inPieces(keys, parts.atOnce),
      (some) => parts.write(some.map((key) => taken.get(key) as Entry)), // these keys are taken's own
    );
    const [refusal] = refused;
    if (refusal !== undefined) parts.onError({ error: refusal, entries: refused.length, fate: 'dropped' });
    if (away === null) failures = 0;
    else parts.onError({ error: away, entries: left.size, fate: closed ? 'lost' : 'kept' });
    if (away !== null && !closed) takeBack(taken, left);
    reportOverflow();
  };
  /** Calls before the next try share it: while the database is away, each try takes its time. */
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    next ??= writing.then(() => {
      next = undefined;
      return write();
    });
    writing = next;
    return next;
  };
  return {
    put(key, entry) {
      keep(key, entry);
      schedule();
    },
    size: () => waiting.size,
    flush,
    close() {
      closed = true;
      return flush();
    },
  };
}

type Outcome = {
  /** Why each of those that failed alone did. */
  readonly refused: readonly unknown[];
  /** Why what is `left` could not be tried to its end; `null` where nothing is. */
  readonly away: unknown;
  readonly left: ReadonlySet<string>;
};

/** The last piece first. */
function inPieces(keys: readonly string[], size = keys.length): (readonly string[])[] {
  const count = Math.ceil(keys.length / size);
  return Array.from({ length: count }, (_, index) => keys.slice(index * size, (index + 1) * size)).reverse();
}

/**
 * Writes piece by piece, and in halves what fails together, down to the one that can't be stored: it would hold up all others.
 * @param pieces the last of them is written first; they are used up
 */
async function writeApart(
  pieces: (readonly string[])[],
  write: (keys: readonly string[]) => Promise<void>,
): Promise<Outcome> {
  const refused: unknown[] = [];
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    try {
      await write(piece);
    } catch (error) {
      if (!isRejected(error)) return { refused, away: error, left: new Set([...piece, ...pieces.flat()]) };
      const half = Math.ceil(piece.length / 2);
      if (piece.length === 1) refused.push(error);
      else pieces.push(piece.slice(half), piece.slice(0, half));
    }
    if (pieces.length > 0) await yieldToOthers();
  }
  return { refused, away: null, left: new Set() };
}

/** Only what is provably the fault of an entry is given up. */
function isRejected(error: unknown): boolean {
  return error instanceof RejectedData || (error instanceof Error && error.cause instanceof RejectedData);
}
