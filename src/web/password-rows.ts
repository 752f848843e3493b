/** Owns the lists of passwords: what works apart from what ended, and a rotated password as one with its successor. */
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import type { DayCount } from '../audit/daily-counts.ts';
import { type ChartView, chartOf } from './activity-chart.ts';
import { type PasswordView, viewOf } from './password-view.ts';

export type PasswordRow = PasswordView & {
  /** The password that this one replaced, as long as that works. */
  readonly previous: PasswordView | null;
  /** Logins by day; `null` where there were none. */
  readonly chart: ChartView | null;
};

declare module './views.ts' {
  interface ViewData {
    'password-table': { rows: readonly PasswordRow[]; label: string; ended: boolean; base: string };
  }
}

/** How many days the charts of logins show. */
export const chartDays = 30;

/**
 * @param from.logins by password id and day
 * @param from.now epoch milliseconds
 */
export function rowsOf(
  passwords: readonly AppPassword[],
  from: {
    readonly logins: ReadonlyMap<string, readonly DayCount[]>;
    readonly now: number;
    readonly isSuspended: boolean;
  },
): { readonly live: readonly PasswordRow[]; readonly past: readonly PasswordRow[] } {
  const views = passwords.map((password) => viewOf(password, from.now, from.isSuspended));
  const live = views.filter(({ works }) => works);
  const ids = new Set(live.map(({ id }) => id));
  // With a successor that was revoked, the previous one is a row of its own.
  const isShownBelow = ({ replacedBy }: PasswordView): boolean => replacedBy !== null && ids.has(replacedBy);
  const previousOf = new Map(live.filter(isShownBelow).map((view) => [view.replacedBy, view]));
  const rowOf = (view: PasswordView): PasswordRow => {
    const previous = previousOf.get(view.id) ?? null;
    const searchText = previous === null ? view.searchText : `${view.searchText} ${previous.searchText}`;
    return { ...view, searchText, previous, chart: chartIfUsed(from.logins.get(view.id) ?? []) };
  };
  return {
    live: live.filter((view) => !isShownBelow(view)).map(rowOf),
    past: views.filter(({ works }) => !works).map(rowOf),
  };
}

function chartIfUsed(days: readonly DayCount[]): ChartView | null {
  return days.some(({ count }) => (count ?? 0) > 0) ? chartOf('Logins', ['login', 'logins'], days) : null;
}
