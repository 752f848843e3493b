/** Owns a chart of counts by day: its bars, and the same as a table for those who don't see it. */
import { wordFor } from '../lib/count.ts';
import type { Day } from '../repositories/days.ts';

export type ChartView = {
  readonly title: string;
  /** "1,204 pulls in 30 days, most on 14 Nov 2026" */
  readonly summary: string;
  readonly bars: readonly {
    readonly x: number;
    readonly y: number;
    readonly height: number;
    readonly isGap: boolean;
  }[];
  /** `count`: "12", or "unknown" for a day without events. */
  readonly rows: readonly { readonly day: string; readonly count: string }[];
  readonly hasGaps: boolean;
  readonly first: string;
  readonly last: string;
};

declare module './views.ts' {
  interface ViewData {
    /** `id`: of the title, for what it labels. */
    'activity-chart': { chart: ChartView; id: string };
    sparkline: { chart: Pick<ChartView, 'summary' | 'bars'> };
  }
}

/** Of the drawing, which is stretched to the width that there is. */
const height = 48;
const step = 10;
/** What a day with one event has, so that it's seen beside one with thousands. */
const least = 2;

let formats: { day: Intl.DateTimeFormat; number: Intl.NumberFormat } | undefined;

/** @param noun what is counted: one, and several of them */
export function chartOf(title: string, noun: readonly [one: string, many: string], days: readonly Day[]): ChartView {
  formats ??= {
    day: new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }),
    number: new Intl.NumberFormat('en'),
  };
  const { day, number } = formats;
  const counts = days.map(({ count }) => count ?? 0);
  const most = Math.max(1, ...counts);
  const total = counts.reduce((left, right) => left + right, 0);
  const peak = days.find(({ count }) => count === most);
  const what = `${number.format(total)} ${wordFor(total, ...noun)} in ${days.length} days`;
  return {
    title,
    summary: total === 0 || peak === undefined ? what : `${what}, most on ${day.format(peak.at)}`,
    bars: counts.map((count, index) => {
      const tall = count === 0 ? 0 : Math.max(least, Math.round((count / most) * height));
      return { x: index * step, y: height - tall, height: tall, isGap: days[index]?.count === null };
    }),
    rows: days.map(({ at, count }) => ({
      day: day.format(at),
      count: count === null ? 'unknown' : number.format(count),
    })),
    hasGaps: days.some(({ count }) => count === null),
    first: day.format(days[0]?.at ?? 0),
    last: day.format(days.at(-1)?.at ?? 0),
  };
}
