/**
 * Owns what becomes of the events of a registry. What was accepted is stored: pushes and deletions before the answer, pulls
 * within two seconds; while that can't be, nothing is accepted, because the registry's queue is the only one there is.
 */

import { isRejected, Refusal } from '../lib/errors.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { minute } from '../lib/time.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import { type Named, unknownActor } from '../store/registry-actors.ts';
import { type Change, inShortPieces } from '../store/registry-changes.ts';
import type { PullCount } from '../store/registry-counters.ts';
import { keyOf, type RegistryEventStore } from '../store/registry-events.ts';
import { storable } from '../store/sql.ts';
import type { DeleteEvent, EventAction, PullEvent, PushEvent, ReadEvent, RegistryEvent } from './events.ts';

/** What became of an event, as the metrics count it. */
export type EventOutcome = 'stored' | 'duplicate' | 'ignored' | 'invalid' | 'refused' | 'unavailable';

export type EventRecorder = {
  /**
   * Resolves once the events are stored, as far as they ever can be.
   * @throws {Refusal} `unavailable` where the database can't be used now: the registry is to try again
   */
  record(service: string, events: readonly ReadEvent[]): Promise<void>;
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

export type RecorderParts = {
  readonly store: RegistryEventStore;
  /** Whether the policy file has this user. */
  readonly isStaticUser: (login: string) => boolean;
  /** Called for each event. */
  readonly onEvent: (service: string, action: EventAction, outcome: EventOutcome) => void;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds that pulls wait for company. */
const flushDelay = 1_000;
/** Milliseconds between two transactions of them, in which others get SQLite's lock. */
const rest = 6;
/** Counters that wait; with more, events are refused for the time being. */
const maximumWaiting = 50_000;
/** Of both, the latest are known: a registry sends again what it got no answer for. */
const maximumSeen = 50_000;

/** A pull that waits: `digest` is null where it came by tag, and counts whatever it is part of. */
type Waiting = Omit<PullCount, 'actor'> & { readonly login: string; readonly digest: string | null };

export function createEventRecorder(parts: RecorderParts): EventRecorder {
  const seen = createSeen();
  const pulls = createPulls(parts);
  const arrivals = new Map<string, number>();
  return {
    async record(service, events) {
      const report = (of: readonly RegistryEvent[], outcome: EventOutcome): void => {
        for (const { action } of of) parts.onEvent(service, action, outcome);
      };
      for (const { action, read } of events) if (typeof read === 'string') parts.onEvent(service, action, read);
      const kept = events.flatMap(({ read }) => (typeof read === 'string' ? [] : [read]));
      const fresh = seen.freshOf(service, kept);
      const isFresh = new Set(fresh);
      report(
        kept.filter((one) => !isFresh.has(one)),
        'duplicate',
      );
      if (!pulls.canTakeMore()) {
        report(fresh, 'unavailable');
        throw new Refusal('unavailable', 'The database cannot be used right now. Send the events again.', {
          retryAfter: 5,
        });
      }
      const changes = fresh.filter((one): one is PushEvent | DeleteEvent => one.action !== 'pull');
      const pulled = fresh.filter((one): one is PullEvent => one.action === 'pull');
      // What is stored stays so where a later piece fails: the registry sends all of them again, and these are duplicates then.
      for (const piece of inShortPieces(changes)) {
        await recordChanges(parts, service, piece);
        seen.note(service, piece);
      }
      if (fresh.length === 0) await noteArrival(parts, service, arrivals);
      seen.note(service, pulled);
      for (const one of pulled) pulls.put(...waitingOf(service, one));
      report(pulled, 'stored');
    },
    flush: pulls.flush,
    close: pulls.close,
  };
}

/** The events that were stored lately, which a registry can send again. */
function createSeen() {
  const seen = createGrowingCache<string, true>(maximumSeen);
  const keyIn = (service: string, { id }: RegistryEvent): string => `${service}\0${id}`;
  return {
    note(service: string, stored: readonly RegistryEvent[]): void {
      for (const one of stored) if (one.id !== '') seen.set(keyIn(service, one), true);
    },
    /** Each once, of those that weren't stored before. */
    freshOf(service: string, events: readonly RegistryEvent[]): RegistryEvent[] {
      const named = new Map(events.map((one, at) => [one.id === '' ? String(at) : keyIn(service, one), one]));
      return [...named].flatMap(([key, one]) => (seen.has(key) ? [] : [one]));
    },
  };
}

/** Pulls that wait to be counted. More are taken while the database is there, and not too many wait. */
function createPulls(parts: RecorderParts) {
  let isAway = false;
  const waiting = createWriteBehind<Waiting>({
    async write(entries) {
      try {
        await writePulls(parts, entries);
        isAway = false;
      } catch (error) {
        isAway = !isRejected(error);
        throw error;
      }
    },
    merge: (earlier, later) => ({
      ...later,
      count: earlier.count + later.count,
      at: Math.max(earlier.at, later.at),
    }),
    delay: flushDelay,
    atOnce: parts.store.pullsAtOnce,
    rest,
    maximum: 2 * maximumWaiting,
    onError: parts.onError,
  });
  return { ...waiting, canTakeMore: () => !isAway && waiting.size() <= maximumWaiting };
}

function waitingOf(service: string, { repository, day, at, login, tag, digest }: PullEvent): [string, Waiting] {
  const by = tag === null ? digest : null;
  const key = [service, repository, day, login, by ?? ''].join('\0');
  return [key, { service, repository, day, at, login, digest: by, count: 1 }];
}

/** One event that can't be stored must not hold up the others, nor the registry's queue. */
async function recordChanges(
  parts: RecorderParts,
  service: string,
  events: readonly (PushEvent | DeleteEvent)[],
): Promise<void> {
  try {
    const changed = await parts.store.write(service, await toChanges(parts, events), parts.now());
    for (const [index, { action }] of events.entries()) {
      parts.onEvent(service, action, changed[index] === true ? 'stored' : 'duplicate');
    }
  } catch (error) {
    if (!isRejected(error)) {
      for (const { action } of events) parts.onEvent(service, action, 'unavailable');
      throw error;
    }
    const [first] = events;
    if (events.length === 1 && first !== undefined) parts.onEvent(service, first.action, 'invalid');
    else for (const event of events) await recordChanges(parts, service, [event]);
  }
}

async function toChanges(
  { store, isStaticUser }: RecorderParts,
  events: readonly (PushEvent | DeleteEvent)[],
): Promise<Change[]> {
  const named = events.map(({ login }) => namedBy(login, 'unknown', isStaticUser));
  const actors = await store.actorsOf(named);
  return events.map((event) => {
    const { id: _, login, ...rest } = event;
    return { ...rest, actor: actors.get(storable(login)) ?? unknownActor };
  });
}

/** Who a registry names. A name that no one has any more is no one's: it would say who a deleted account was. */
function namedBy(login: string, whenEmpty: Named['kind'], isStaticUser: RecorderParts['isStaticUser']): Named {
  const kept = storable(login);
  if (kept === '') return { login: '', kind: whenEmpty };
  if (isStaticUser(login)) return { login: kept, kind: 'static' };
  return { login: kept, kind: login.startsWith(workloadPrefix) ? 'workload' : 'unknown' };
}

/** Of every workload's account (workload/identify.ts); no one else's has a colon. */
const workloadPrefix = 'ci:';

async function writePulls({ store, isStaticUser, now }: RecorderParts, entries: readonly Waiting[]): Promise<void> {
  const actors = await store.actorsOf(entries.map(({ login }) => namedBy(login, 'anonymous', isStaticUser)));
  const counted = new Set(entries);
  for (const [service, ofService] of Map.groupBy(entries, (entry) => entry.service)) {
    const byDigest = ofService.flatMap((entry) => (entry.digest === null ? [] : [{ ...entry, digest: entry.digest }]));
    const parts = byDigest.length === 0 ? new Set<string>() : await store.partsOfIndexes(service, byDigest);
    for (const entry of ofService) {
      const { repository, digest } = entry;
      if (digest !== null && parts.has(keyOf({ repository, digest }))) counted.delete(entry);
    }
  }
  const pulls = [...counted].map(({ login, digest: _, ...pull }) => ({
    ...pull,
    actor: actors.get(storable(login)) ?? unknownActor,
  }));
  await store.addPulls(pulls, now());
}

/** Events arrive even where each of them is one that isn't kept; once a minute is enough to know. */
async function noteArrival(
  { store, now }: RecorderParts,
  service: string,
  arrivals: Map<string, number>,
): Promise<void> {
  const at = now();
  if (Math.abs(at - (arrivals.get(service) ?? 0)) < minute) return;
  await store.noteArrival(service, at);
  arrivals.set(service, at);
}
