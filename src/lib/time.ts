/** Owns the lengths of time, what a day is, and how a moment is written where no page is: in UTC, to the day or to the minute. */

/** Milliseconds. */
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/**
 * Epoch milliseconds of a time in a JWT, which can have a fraction (RFC 7519, section 2): PostgreSQL takes only whole ones.
 * @param seconds since 1970
 */
export function fromSeconds(seconds: number): number {
  return Math.floor(seconds * 1000);
}

/**
 * Whether `before` is less than `length` ago at `at`. A clock that was set back makes nothing recent: it would stay so until
 * the clock has caught up. All in milliseconds.
 */
export function isRecent(before: number, at: number, length: number): boolean {
  return at >= before && at - before < length;
}

/** The day that a moment is in: days since 1970-01-01, UTC. @param at epoch milliseconds */
export function dayNumber(at: number): number {
  return Math.floor(at / day);
}

/** "2036-11-20" @param at a date, or epoch milliseconds */
export function dateOf(at: number | Date): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Whether it is written as "2036-11-20" and is in the calendar: JavaScript takes the 30th of February for the 2nd of March. */
export function isDay(text: string): boolean {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && dateOf(at) === text;
}

/** "2036-11-20 09:28", without the zone */
export function minuteOf(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
