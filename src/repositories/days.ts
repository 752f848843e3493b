/** Owns counts by day for charts: a day without pulls is a zero, a day on which nothing arrived is a gap. */
import { day, dayNumber } from '../lib/time.ts';
import type { DayRow, RegistryAction } from '../store/repository-rows.ts';

export type Day = {
  /** Epoch milliseconds of its beginning, UTC. */
  readonly at: number;
  /** `null`: it's unknown, because no event of the registry arrived that day. */
  readonly count: number | null;
};

/** Days of a chart. */
export const chartDays = 30;

/** Days since 1970-01-01, UTC, of the first day of a chart that ends today. */
export function firstDayOf(now: number): number {
  return dayNumber(now) - chartDays + 1;
}

/**
 * @param rows counts of what the chart is about
 * @param arrivals counts of everything at the same service: a day that has any has no gap
 */
export function daysOf(
  rows: readonly DayRow[],
  arrivals: readonly DayRow[],
  action: RegistryAction,
  now: number,
): Day[] {
  const first = firstDayOf(now);
  const known = new Set(arrivals.map((row) => row.day));
  const counts = new Map<number, number>();
  for (const row of rows) if (row.action === action) counts.set(row.day, (counts.get(row.day) ?? 0) + row.count);
  return Array.from({ length: chartDays }, (_, index) => {
    const number = first + index;
    return { at: number * day, count: counts.get(number) ?? (known.has(number) ? 0 : null) };
  });
}
