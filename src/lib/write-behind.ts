/** Owns writing what no request waits for: kept in memory, one entry a key, written together. */
import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises';
import { isRejected } from './errors.ts';

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

export type WriteBehindParts<Entry> = {
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
  /** Milliseconds of rest after each of these writes; none where not said. Together they take half of `delay` at most. */
  readonly rest?: number;
  /** Entries kept while the database is away; beyond it the oldest are lost, which `onError` reports with the next try. */
  readonly maximum: number;
  /** Entries of a group that wait at most, so that none pushes out those of others; what else comes of it isn't taken. */
  readonly quota?: { groupOf(entry: Entry): string; readonly maximum: number };
  onError(unstored: Unstored): void;
};

export function createWriteBehind<Entry>(parts: WriteBehindParts<Entry>): WriteBehind<Entry> {
  const buffer = createBuffer(parts);
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  /** The last of `writing`, until it begins. */
  let next: Promise<void> | undefined;
  let failures = 0;
  let closed = false;

  /** The timer doesn't keep the process alive: it's closed before the process stops. */
  const schedule = (): void => {
    timer ??= setTimeout(flush, Math.min(longestPause, parts.delay * 2 ** failures)).unref();
  };
  const write = async (): Promise<void> => {
    reportOverflow(buffer, parts);
    const taken = buffer.take();
    if (taken.length === 0) return;
    const outcome = await writeAll(parts, taken, () => closed);
    reportOutcome(outcome, parts, closed ? 'lost' : 'kept');
    failures = outcome.away === null ? 0 : failures + 1;
    if (outcome.away !== null && !closed) {
      buffer.putBack(taken.filter((entry) => outcome.left.has(entry)));
      schedule();
    }
    reportOverflow(buffer, parts);
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
      buffer.put(key, entry);
      schedule();
    },
    size: buffer.size,
    flush,
    close() {
      closed = true;
      return flush();
    },
  };
}

type Keyed<Entry> = readonly [key: string, entry: Entry];

/** What waits to be written: one entry a key, and no more than the maximum. */
type Buffer<Entry> = {
  put(key: string, entry: Entry): void;
  size(): number;
  /** Everything, the oldest first. */
  take(): Keyed<Entry>[];
  /** What was taken and couldn't be written, in the same order. */
  putBack(entries: readonly Keyed<Entry>[]): void;
  /** How many were lost to the maximum since the last call. */
  overflowed(): number;
};

function createBuffer<Entry>({
  merge,
  maximum,
  quota,
}: Pick<WriteBehindParts<Entry>, 'merge' | 'maximum' | 'quota'>): Buffer<Entry> {
  let waiting = new Map<string, Entry>();
  /** By group: how many of its entries wait. */
  let counts = new Map<string, number>();
  let lost = 0;
  /** @returns false, and nothing counted, where the group would have too many */
  const count = (entry: Entry, by: 1 | -1): boolean => {
    if (quota === undefined) return true;
    const group = quota.groupOf(entry);
    const sum = (counts.get(group) ?? 0) + by;
    if (sum > quota.maximum) return false;
    if (sum === 0) counts.delete(group);
    else counts.set(group, sum);
    return true;
  };
  const dropOldest = (): void => {
    for (const [key, entry] of waiting) {
      waiting.delete(key);
      count(entry, -1);
      lost += 1;
      return;
    }
  };
  const put = (key: string, entry: Entry): void => {
    const earlier = waiting.get(key);
    if (earlier === undefined && !count(entry, 1)) return;
    waiting.set(key, earlier === undefined ? entry : merge(earlier, entry));
    if (waiting.size > maximum) dropOldest();
  };
  const empty = (): Keyed<Entry>[] => {
    const all = [...waiting];
    waiting = new Map();
    counts = new Map();
    return all;
  };
  return {
    put,
    size: () => waiting.size,
    take: empty,
    putBack(entries) {
      for (const [key, entry] of [...entries, ...empty()]) put(key, entry);
    },
    overflowed() {
      const entries = lost;
      lost = 0;
      return entries;
    },
  };
}

function writeAll<Entry>(
  parts: WriteBehindParts<Entry>,
  taken: readonly Keyed<Entry>[],
  isClosed: () => boolean,
): Promise<Outcome<Keyed<Entry>>> {
  // Replicas that write the same rows lock them in the same order, so none waits for the other in a circle.
  const inOrder = taken.toSorted(([one], [other]) => (one < other ? -1 : 1));
  const pieces = inPieces(inOrder, parts.atOnce);
  const rest = Math.min(parts.rest ?? 0, parts.delay / 2 / pieces.length);
  return writeApart(
    pieces,
    (some) => parts.write(some.map(([, entry]) => entry)),
    () => (isClosed() || rest < 1 ? yieldToOthers() : sleep(rest)),
  );
}

function reportOverflow<Entry>(
  { overflowed }: Buffer<Entry>,
  { maximum, onError }: Pick<WriteBehindParts<Entry>, 'maximum' | 'onError'>,
): void {
  const entries = overflowed();
  const error = new Error(`more than ${maximum} waited`);
  if (entries > 0) onError({ error, entries, fate: 'overflowed' });
}

function reportOutcome<Entry>(
  { refused, away, left }: Outcome<Keyed<Entry>>,
  { onError }: Pick<WriteBehindParts<Entry>, 'onError'>,
  fate: 'lost' | 'kept',
): void {
  const [refusal] = refused;
  if (refusal !== undefined) onError({ error: refusal, entries: refused.length, fate: 'dropped' });
  if (away !== null) onError({ error: away, entries: left.size, fate });
}

type Outcome<Item> = {
  /** Why each of those that failed alone did. */
  readonly refused: readonly unknown[];
  /** Why what is `left` could not be tried to its end; `null` where nothing is. */
  readonly away: unknown;
  readonly left: ReadonlySet<Item>;
};

/** The last piece first. */
function inPieces<Item>(items: readonly Item[], size = items.length): (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size)).reverse();
}

/**
 * Writes piece by piece, and in halves what fails together, down to the one that can't be stored: it would hold up all others.
 * @param pieces the last of them is written first; they are used up
 */
async function writeApart<Item>(
  pieces: (readonly Item[])[],
  write: (items: readonly Item[]) => Promise<void>,
  pause: () => Promise<unknown>,
): Promise<Outcome<Item>> {
  const refused: unknown[] = [];
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    try {
      await write(piece);
    } catch (error) {
      // Only what is provably the fault of an entry is given up.
      if (!isRejected(error)) return { refused, away: error, left: new Set([...piece, ...pieces.flat()]) };
      const half = Math.ceil(piece.length / 2);
      if (piece.length === 1) refused.push(error);
      else pieces.push(piece.slice(half), piece.slice(0, half));
    }
    if (pieces.length > 0) await pause();
  }
  return { refused, away: null, left: new Set() };
}
