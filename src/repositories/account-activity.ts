/** Owns what accounts really pushed and pulled in the last 30 days, as registries reported it: a token that was never used isn't in it. */
import { day } from '../lib/time.ts';
import { inPieces } from '../store/conditions.ts';
import type { RepositoryActivityStore } from '../store/repository-activity.ts';
import { firstDayOf } from './days.ts';

export type RepositoryUse = {
  readonly service: string;
  readonly repository: string;
  readonly pulls: number;
  readonly pushes: number;
  /** Epoch milliseconds of the last day on which something happened, UTC. */
  readonly lastAt: number;
};

/** By what was done there, the most first; `null` where no registry reports events. */
export type ActivityOfAccounts = (accountIds: readonly string[]) => Promise<RepositoryUse[] | null>;

/** Repositories that are shown. */
const maximumShown = 100;

/** Events name the account, never the password: two passwords of one account can't be told apart here. */
export function createAccountActivity(parts: {
  readonly store: Pick<RepositoryActivityStore, 'ofAccounts'>;
  /** Whether any registry reports events. */
  readonly isReported: boolean;
  readonly now: () => number;
}): ActivityOfAccounts {
  return async (accountIds) => {
    if (!parts.isReported) return null;
    const found = new Map<string, RepositoryUse>();
    for (const ids of inPieces(accountIds)) {
      const rows = await parts.store.ofAccounts(ids, firstDayOf(parts.now()));
      for (const { service, repository, action, count, last_day: last } of rows) {
        const key = `${service}\0${repository}`;
        const before = found.get(key) ?? { service, repository, pulls: 0, pushes: 0, lastAt: 0 };
        found.set(key, {
          ...before,
          pulls: before.pulls + (action === 'pull' ? count : 0),
          pushes: before.pushes + (action === 'push' ? count : 0),
          lastAt: Math.max(before.lastAt, last * day),
        });
      }
    }
    const most = (use: RepositoryUse) => use.pulls + use.pushes;
    return [...found.values()].sort((a, b) => most(b) - most(a)).slice(0, maximumShown);
  };
}
