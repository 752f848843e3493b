/** Owns doing one thing after another. */

export type InTurn = {
  /** Begins once what was asked for before has ended, whatever came of it. */
  run(action: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is left, whatever came of it. */
  ended(): Promise<void>;
};

export function createInTurn(): InTurn {
  let last = Promise.resolve();
  return {
    run(action) {
      const next = last.then(action);
      last = next.catch(() => {});
      return next;
    },
    ended: () => last,
  };
}
