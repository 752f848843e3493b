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

type Slots = { readonly generation: object; readonly byName: Map<string, number> };
type Entry = { readonly known: Known; readonly readAt: number; readonly took: number };

/** @param parts.now milliseconds of a clock that never goes back */
export function createKnownRepositories(parts: {
  readonly store: Pick<RepositoryStore, 'after'>;
  readonly turns: Turns;
  readonly now: () => number;
}): KnownRepositories {
  const { store, turns, now } = parts;
  const slots = new Map<string, Slots>();
  const entries = new Map<string, Entry>();
  const reading = new Map<string, Promise<Entry>>();

  const read = async (service: string): Promise<Entry> => {
    const begun = now();
    const rows: RepositoryNameRow[] = [];
    const places: number[] = [];
    const { generation, byName } = slotsOf(slots.get(service), entries.get(service)?.known.rows.length ?? 0);
    slots.set(service, { generation, byName });
    for (let last = ''; ; ) {
      await turns.next();
      const more = await store.after(service, last, rowsAtOnce, true);
      for (const row of more) {
        const slot = byName.get(row.name) ?? byName.size;
        byName.set(row.name, slot);
        places.push(slot);
        rows.push(row);
      }
      const end = more.at(-1);
      if (end === undefined || more.length < rowsAtOnce) break;
      last = end.name;
    }
    const known = { rows, slots: new Uint32Array(places), generation, slotCount: byName.size };
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

/** The slots that were given out before. Names that are gone leave theirs, until they are the most. */
function slotsOf(before: Slots | undefined, known: number): Slots {
  const isMostlyGone = before === undefined || before.byName.size > 2 * known + rowsAtOnce;
  return isMostlyGone ? { generation: {}, byName: new Map() } : before;
}
