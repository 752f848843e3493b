/** Owns the repositories of each service as they are known, in memory: lists for someone are filtered from it. */

import type { RepositoryStore } from '../store/repositories.ts';
import type { RepositoryNameRow } from '../store/repository-rows.ts';
import type { Turns } from './turns.ts';

/** The columns of a list, by which it's sorted; `null` where unknown. Times in epoch milliseconds, sizes in bytes. */
export type Known = {
  /** In byte order. The names of repositories are ASCII, so that is the order of code units, too. */
  readonly rows: readonly RepositoryNameRow[];
  /** Of each row: where its decision is kept. */
  readonly slots: Uint32Array;
  /** Changes when slots are given out anew. */
  readonly generation: object;
  readonly slotCount: number;
};

export type KnownRepositories = {
  /** As they are now, or were a moment ago where there are many of them. */
  of(service: string): Promise<Known>;
  /** Reads long lists in the background, so that the first page needn't wait; what fails is read again for that page. */
  readAhead(services: readonly string[]): void;
  /** Forgets what it knows of a service, after a change that must be seen immediately. */
  forget(service: string): void;
};

/** Rows of one statement: SQLite answers nothing else meanwhile. */
const rowsAtOnce = 2_000;
/** A list is read again when this many times the time that reading takes has passed: never more than 2 % of the time. */
const restFactor = 50;
/** Milliseconds. A list that takes longer to read is read behind the answer, unless the one before it is as old as this. */
const patience = 30;
const longestAge = 60_000;

type Entry = { readonly known: Known; readonly readAt: number; readonly took: number };

export type KnownParts = {
  readonly store: Pick<RepositoryStore, 'after'>;
  readonly turns: Turns;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
};

export function createKnownRepositories(parts: KnownParts): KnownRepositories {
  const { now } = parts;
  /** The last reading of each service, also one that was forgotten: names keep the slots that they had there. */
  const last = new Map<string, Known>();
  const entries = new Map<string, Entry>();
  const reading = new Map<string, Promise<Entry>>();

  const read = async (service: string): Promise<Entry> => {
    const begun = now();
    const rows = await readNames(parts, service);
    const known = withSlots(rows, last.get(service));
    last.set(service, known);
    return { known, readAt: begun, took: now() - begun };
  };
  const readOnce = (service: string): Promise<Entry> => {
    const running = reading.get(service);
    if (running !== undefined) return running;
    const promise = read(service);
    reading.set(service, promise);
    const end = () => {
      if (reading.get(service) === promise) reading.delete(service);
    };
    promise.then((entry) => {
      if (reading.get(service) === promise) entries.set(service, entry);
      end();
    }, end);
    return promise;
  };
  return {
    readAhead(services) {
      for (const service of services) {
        readOnce(service).then(
          ({ known }) => known.rows.length < rowsAtOnce && entries.delete(service),
          () => {},
        );
      }
    },
    async of(service) {
      const entry = entries.get(service);
      if (entry === undefined) return (await readOnce(service)).known;
      const age = now() - entry.readAt;
      if (age <= entry.took * restFactor) return entry.known;
      const next = readOnce(service);
      if (entry.took < patience || age > longestAge) return (await next).known;
      // A long list that is a moment old is better than waiting for it. What fails now is tried again by the next one.
      next.catch(() => {});
      return entry.known;
    },
    forget(service) {
      entries.delete(service);
      reading.delete(service);
    },
  };
}

/** All of a service, each piece in its turn, and so is what comes after the last. */
async function readNames({ store, turns }: KnownParts, service: string): Promise<RepositoryNameRow[]> {
  const rows: RepositoryNameRow[] = [];
  for (let end = ''; ; ) {
    await turns.next();
    const more = await store.after(service, end, rowsAtOnce, true);
    for (const row of more) rows.push(row);
    if (more.length < rowsAtOnce) break;
    end = more.at(-1)?.name ?? '';
  }
  await turns.next();
  return rows;
}

/** Names keep their slots. Those that are gone leave theirs, until these are the most: then all are given out again. */
function withSlots(rows: readonly RepositoryNameRow[], before: Known | undefined): Known {
  const slots = new Uint32Array(rows.length);
  const isAnew = before === undefined || before.slotCount > 2 * rows.length + rowsAtOnce;
  const from = isAnew ? { rows: [], slots, generation: {}, slotCount: 0 } : before;
  let { slotCount } = from;
  let at = 0;
  for (let row = 0; row < rows.length; row += 1) {
    // Both are in the same order.
    const name = rows[row]?.name ?? '';
    while (at < from.rows.length && (from.rows[at]?.name ?? '') < name) at += 1;
    slots[row] = from.rows[at]?.name === name ? (from.slots[at] ?? 0) : slotCount++;
  }
  return { rows, slots, generation: from.generation, slotCount };
}
