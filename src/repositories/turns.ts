/** Owns the turns of long work: one slice of one job at a time, so that logins are never held up for longer than a slice. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** Milliseconds of a slice. A request that comes meanwhile waits for it, on a machine that is three times as slow too. */
const slice = 10;

export type Turns = {
  /** Resolves when it's the turn of the caller, which then works without a pause until `isOver`. */
  next(): Promise<Turn>;
};

export type Turn = { isOver(): boolean };

/** Jobs that run at the same time share it: each has one slice, and then waits for those of the others. */
export function createTurns(now: () => number = () => performance.now()): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    async next() {
      // A turn begins in an iteration of the event loop of its own, after whatever came in has been answered.
      const turn = last.then(() => yieldToOthers());
      last = turn;
      await turn;
      const begun = now();
      return { isOver: () => now() - begun >= slice };
    },
  };
}
