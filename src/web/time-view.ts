/** Owns how a time is written on a page: in UTC by the server, for a script to put in the reader's own zone. */
import { day, hour, minute } from '../lib/time.ts';

export type FormattedTime = {
  /** For `<time datetime>`. */
  readonly iso: string;
  /** "14 Feb 2027" */
  readonly day: string;
  /** "14 Feb 2027, 09:28 UTC" */
  readonly minute: string;
  /** "in 83 days", "3 hours ago", "just now" */
  readonly relative: string;
};

declare module './views.ts' {
  interface ViewData {
    time: { moment: FormattedTime; format: 'day' | 'minute' | 'relative' };
  }
}

/** The coarsest unit of which at least `least` fit is used, so that "in 89 days" doesn't become "in 2 months". */
const units = [
  ['year', 365 * day, 2],
  ['month', 30.4375 * day, 4],
  ['day', day, 2],
  ['hour', hour, 2],
  ['minute', minute, 1],
] as const;

function createFormats() {
  return {
    day: new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }),
    minute: new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }),
    relative: new Intl.RelativeTimeFormat('en', { numeric: 'always' }),
  };
}

/** Made with the first page that shows a time: Intl takes 14 ms for them, and a start should not wait for that. */
let formats: ReturnType<typeof createFormats> | undefined;

/** @param at and `now` in epoch milliseconds */
export function formatTime(at: number, now: number): FormattedTime {
  formats ??= createFormats();
  return {
    iso: new Date(at).toISOString(),
    day: formats.day.format(at),
    minute: `${formats.minute.format(at)} UTC`,
    relative: relativeTo(now, at, formats.relative),
  };
}

/** Rounded, so that 90 days are still 90 a minute later; the exact time is always beside it. */
function relativeTo(now: number, at: number, format: Intl.RelativeTimeFormat): string {
  const distance = at - now;
  for (const [unit, length, least] of units) {
    if (Math.abs(distance) >= least * length) return format.format(Math.round(distance / length), unit);
  }
  return distance > 0 ? 'in less than a minute' : 'just now';
}
