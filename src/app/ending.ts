/** Owns the order in which the service ends, also when its start fails. */

export type Ending = {
  /** Aborted first: from then on nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Adds what is waited for next: all of it together, so that a stop takes as long as the longest of them. */
  waitFor(end: () => Promise<void>): void;
  /** Adds what is closed after that, one after another, the last one first. */
  defer(close: () => Promise<void>): void;
};

/** @returns with `end`, which does all of it; what fails keeps nothing else open, and `end` rejects with the reason */
export function createEnding(): Ending & { end(): Promise<void> } {
  const controller = new AbortController();
  const waits: (() => Promise<void>)[] = [];
  const steps = new AsyncDisposableStack();
  const closing = steps.use(new AsyncDisposableStack());
  steps.defer(async () => {
    await Promise.all(waits.map((end) => end()));
  });
  steps.defer(() => controller.abort());
  return {
    stopping: controller.signal,
    waitFor: (end) => void waits.push(end),
    defer: (close) => closing.defer(close),
    end: () => steps.disposeAsync(),
  };
}
