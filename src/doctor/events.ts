/** Owns what the doctor concludes from the arrival of a registry's events. */
import { day, minuteOf } from '../lib/time.ts';
import { type Finding, note, right, wrong } from './finding.ts';

/** Times are epoch milliseconds; `null`: none arrived. */
export type Arrival = {
  readonly takesEvents: boolean;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
};

/** A registry that is used reports more often. */
const quiet = 7 * day;

/** @param now epoch milliseconds */
export function judgeEvents({ firstAt, lastAt }: Arrival, now: number): Finding {
  if (firstAt === null || lastAt === null) {
    return wrong(
      'events',
      'None has arrived. The registry needs the notifications: block below, with a restart; its log says "error writing event" where it can\'t reach Dockpass.',
    );
  }
  const last = `the last at ${minuteOf(lastAt)} UTC`;
  if (now - lastAt > quiet) {
    return note(
      'events',
      `${last}: nothing was pushed or pulled since, or the notifications: of the registry are gone`,
    );
  }
  return right('events', `have arrived since ${minuteOf(firstAt)} UTC, ${last}`);
}
