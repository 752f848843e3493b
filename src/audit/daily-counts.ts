/** Owns how often people, robots and workloads logged in and were denied, by day, for charts. */
import type { Identity } from '../identity/identity.ts';
import { day, dayNumber, minute } from '../lib/time.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import type { DailyCount, DailyCountStore } from '../store/daily-counts.ts';

/** `at`: epoch milliseconds of the day's beginning, UTC. `count`: `null` where Dockpass didn't run that day. */
export type DayCount = { readonly at: number; readonly count: number | null };

export type DailyCounts = {
  /** Someone got a token. Never waited for, and written at most once a minute. */
  login(identity: Identity): void;
  /** Something that a request asked for was denied. */
  denied(): void;
  /** Says that Dockpass runs today: without it a day without logins would be unknown. */
  running(): void;
  /** The last days, today included. */
  totals(days: number): Promise<{ readonly logins: readonly DayCount[]; readonly denials: readonly DayCount[] }>;
  /** Of each, by its id. */
  ofPasswords(passwordIds: readonly string[], days: number): Promise<ReadonlyMap<string, readonly DayCount[]>>;
  close(): Promise<void>;
};

/** Waiting for the database: a few MB. A password has one entry a day. */
const maximumWaiting = 50_000;

export type DailyCountParts = {
  readonly store: DailyCountStore;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createDailyCounts(parts: DailyCountParts): DailyCounts {
  const { store, now } = parts;
  const waiting = createWriteBehind<DailyCount>({
    write: (counts) => store.add(counts),
    merge: (earlier, later) => ({
      ...later,
      logins: earlier.logins + later.logins,
      denials: earlier.denials + later.denials,
    }),
    delay: minute,
    atOnce: 500,
    maximum: maximumWaiting,
    onError: parts.onError,
  });
  const add = (logins: number, denials: number, passwordId: string | null = null): void => {
    const count = { day: dayNumber(now()), logins, denials, passwordId };
    waiting.put(`${count.day} ${passwordId ?? ''}`, count);
  };
  const rowsSince = async (days: number) => {
    await waiting.flush();
    const first = dayNumber(now()) - days + 1;
    return { first, totals: await store.totalsSince(first) };
  };
  return {
    login({ account, credential, workload }) {
      if (account === '') return;
      add(1, 0);
      if (credential !== null && workload === null) add(1, 0, credential.id);
    },
    denied: () => add(0, 1),
    running: () => add(0, 0),
    async totals(days) {
      const { first, totals } = await rowsSince(days);
      const byDay = new Map(totals.map((row) => [row.day, row]));
      const counts = (of: 'logins' | 'denials') => countDays(first, days, (number) => byDay.get(number)?.[of] ?? null);
      return { logins: counts('logins'), denials: counts('denials') };
    },
    async ofPasswords(passwordIds, days) {
      const { first, totals } = await rowsSince(days);
      const known = new Set(totals.map((row) => row.day));
      const rows = await store.ofPasswordsSince(passwordIds, first);
      const logins = new Map(rows.map((row) => [`${row.password_id} ${row.day}`, row.logins]));
      const countOf = (id: string) => (number: number) =>
        logins.get(`${id} ${number}`) ?? (known.has(number) ? 0 : null);
      return new Map(passwordIds.map((id) => [id, countDays(first, days, countOf(id))]));
    },
    close: waiting.close,
  };
}

function countDays(first: number, days: number, countOf: (number: number) => number | null): DayCount[] {
  return Array.from({ length: days }, (_, index) => ({ at: (first + index) * day, count: countOf(first + index) }));
}
