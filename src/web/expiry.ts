/** Owns the choice of when a password or an API token expires: one of a few lifetimes, or a date. */
import { countOf } from '../lib/count.ts';
import { dateOf, day, dayNumber } from '../lib/time.ts';
import { dayOf, type Fields, numberIn } from './fields.ts';
import { type FormattedTime, formatTime } from './time-view.ts';

/** What was chosen, as the form sends it. */
export type SentExpiry = { readonly days: number; readonly until: string; readonly isCustom: boolean };

/** `earliest` and `latest`: the dates that can be chosen, as "2027-02-28". `ends`: when each lifetime would. */
export type ExpiryChoice = SentExpiry & {
  readonly lifetimes: readonly { readonly days: number; readonly label: string; readonly ends: FormattedTime }[];
  readonly earliest: string;
  readonly latest: string;
};

declare module './views.ts' {
  interface ViewData {
    'expiry-field': { legend: string; expiry: ExpiryChoice; error: string | null };
  }
}

const offeredDays = [7, 30, 90, 365];
const defaultDays = 90;

/** @param now epoch milliseconds. @param sent what a form that is shown again had */
export function expiryChoice(maximumDays: number, now: number, sent?: SentExpiry): ExpiryChoice {
  const days = offeredDays.filter((offered) => offered <= maximumDays);
  if (maximumDays < Math.max(...offeredDays) && !days.includes(maximumDays)) days.push(maximumDays);
  const chosen = { days: days.includes(defaultDays) ? defaultDays : Math.max(...days), until: '', isCustom: false };
  return {
    ...(sent ?? chosen),
    lifetimes: days.map((count) => ({
      days: count,
      label: count === 365 ? '1 year' : countOf(count, 'day'),
      ends: formatTime(now + count * day, now),
    })),
    earliest: dateOf(now + day),
    latest: dateOf(now + maximumDays * day),
  };
}

/**
 * A date counts in whole days from today, in UTC: what is chosen expires on it, at the hour of now.
 * @returns `days` is `NaN` for what isn't a lifetime, which the issue of a password refuses
 */
export function readExpiry(field: Fields, now: number): SentExpiry {
  const until = field('until');
  if (field('days') !== 'custom') return { days: numberIn(field('days')), until, isCustom: false };
  const date = dayOf(until);
  const days = date === null ? Number.NaN : dayNumber(date) - dayNumber(now);
  return { days, until, isCustom: true };
}
