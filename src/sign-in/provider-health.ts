/** Owns whether sign-in with each provider works, as far as this process has seen. */
import { minuteOf } from '../lib/time.ts';

export type ProviderHealth = {
  /** How the last call for a sign-in ended. @param problem `null` where the provider answered as it should */
  note(provider: string, problem: string | null): void;
  /** Names of the providers whose last sign-in failed for their own reason. */
  failing(): readonly string[];
  /** The same with the problem of each, and since when, in epoch milliseconds. */
  problems(): readonly { readonly provider: string; readonly problem: string; readonly since: number }[];
  /** One sentence each. */
  warnings(): string[];
};

/** @param now epoch milliseconds */
export function createProviderHealth(now: () => number): ProviderHealth {
  const problems = new Map<string, { readonly problem: string; readonly since: number }>();
  return {
    note(provider, problem) {
      if (problem === null) problems.delete(provider);
      else problems.set(provider, { problem, since: problems.get(provider)?.since ?? now() });
    },
    failing: () => [...problems.keys()],
    problems: () => [...problems].map(([provider, { problem, since }]) => ({ provider, problem, since })),
    warnings: () =>
      [...problems].map(
        ([provider, { problem, since }]) =>
          `sign-in with ${provider} has failed since ${minuteOf(since)} UTC: ${problem}`,
      ),
  };
}
