/** Owns when the service sweeps by itself: often enough for the age that groups can have, at no fixed time, one sweep at a time. */
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Sweep, SweepReport } from './sweep.ts';

export type ScheduleParts = {
  readonly sweep: Sweep;
  /** Milliseconds that groups may be old. */
  readonly groupsTtl: number;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
};

export type SweepSchedule = {
  /** Calls `listener` with the report of each sweep from now on. */
  onReport(listener: (report: SweepReport) => void): void;
  /** Resolves when the sweep that was running has ended. */
  ended(): Promise<void>;
  /** What an operator has to look at: why the last sweep of this process was stopped. */
  warnings(): string[];
};

/** Milliseconds: a service that was down for a day has confirmed no one, and one that is often restarted must sweep too. */
const firstPause = 5_000;

/**
 * Sweeps until the signal. Each sweep asks about those who were asked about half the TTL ago or longer, a third of the
 * TTL passes between two, give or take a tenth of that: no one's groups get older than 0.87 TTL and one sweep.
 */
export function scheduleSweeps(parts: ScheduleParts, signal: AbortSignal): SweepSchedule {
  const { groupsTtl, random } = parts;
  const usualPause = groupsTtl / 3;
  let running = Promise.resolve();
  let timer: NodeJS.Timeout;
  let stopped: string | null = null;
  const listeners: ((report: SweepReport) => void)[] = [];
  const schedule = (pause: number): void => {
    timer = setTimeout(
      () => {
        running = sweepOnce(parts, signal).then((report) => {
          if (report !== null) {
            stopped = report.stopped;
            for (const listener of listeners) listener(report);
          }
          if (!signal.aborted) schedule(usualPause);
        });
      },
      pause * (0.9 + 0.2 * random()),
    ).unref();
  };
  schedule(Math.min(firstPause, usualPause));
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return {
    onReport: (listener) => void listeners.push(listener),
    ended: () => running,
    warnings: () => (stopped === null ? [] : [`off-boarding: ${stopped}`]),
  };
}

/** @returns `null` where another replica swept, or the sweep failed */
async function sweepOnce(parts: ScheduleParts, signal: AbortSignal): Promise<SweepReport | null> {
  const { sweep, groupsTtl, log } = parts;
  try {
    const report = await sweep({ dryRun: false, beyondLimit: false, age: groupsTtl / 2, signal });
    const counts = Object.groupBy(report.people, ({ outcome }) => outcome);
    const outcomes = Object.fromEntries(Object.entries(counts).map(([outcome, people]) => [outcome, people.length]));
    if (report.due > 0) log.info({ due: report.due, ...outcomes }, 'sweep');
    return report;
  } catch (error) {
    const isTaken = error instanceof Refusal && error.code === 'conflict';
    if (!isTaken) log.error({ err: error }, 'sweep failed; the next one is tried in a while');
    return null;
  }
}
