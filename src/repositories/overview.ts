/** Owns what administrators see of all repositories of a service: the largest, the busiest, never pulled ones, and by day. */
import { pageOf } from '../lib/paging.ts';
import type { RepositoryStore } from '../store/repositories.ts';
import type { RepositoryActivityStore } from '../store/repository-activity.ts';
import type { RepositoryRow } from '../store/repository-rows.ts';
import { type Day, daysOf, firstDayOf } from './days.ts';

export type Ranked = { readonly name: string; readonly value: number };

export type RepositoryOverview = {
  readonly total: number;
  /** Bytes. */
  readonly largest: readonly Ranked[];
  /** Pulls of 30 days. */
  readonly busiest: readonly Ranked[];
  /** Robots and workloads, by pulls of 30 days. No people: that would be watching them. */
  readonly programs: readonly Ranked[];
  readonly pulls: readonly Day[];
  readonly pushes: readonly Day[];
};

export type NeverPulled = {
  readonly rows: readonly {
    readonly name: string;
    readonly size: number | null;
    readonly pushedAt: number | null;
    readonly firstSeenAt: number;
  }[];
  readonly total: number;
  readonly page: number;
  readonly pages: number;
};

export type OverviewParts = {
  readonly store: {
    readonly repositories: Pick<RepositoryStore, 'list' | 'count'>;
    readonly repositoryActivity: Pick<RepositoryActivityStore, 'ofService' | 'topPrograms'>;
  };
  readonly now: () => number;
};

const ranks = 10;
const pageSize = 50;
const all = { search: '', neverPulled: false, withoutTags: true };

export async function overviewOf({ store, now }: OverviewParts, service: string): Promise<RepositoryOverview> {
  const first = firstDayOf(now());
  const top = (by: 'size' | 'pulls') =>
    store.repositories.list({ ...all, service }, { by, descending: true }, { limit: ranks, offset: 0 });
  const [total, largest, busiest, programs, days] = await Promise.all([
    store.repositories.count({ ...all, service }),
    top('size'),
    top('pulls'),
    store.repositoryActivity.topPrograms(service, 'pull', first, ranks),
    store.repositoryActivity.ofService(service, first),
  ]);
  return {
    total,
    largest: ranked(largest, ({ size }) => size),
    busiest: ranked(busiest, ({ recent_pulls: pulls }) => pulls),
    programs: programs.map(({ actor_login: login, count }) => ({ name: login ?? 'removed', value: count })),
    pulls: daysOf(days, days, 'pull', now()),
    pushes: daysOf(days, days, 'push', now()),
  };
}

function ranked(rows: readonly RepositoryRow[], amountOf: (row: RepositoryRow) => number | null): Ranked[] {
  return rows.flatMap((row) => {
    const value = amountOf(row);
    return value === null || value === 0 ? [] : [{ name: row.name, value }];
  });
}

/** Those of which no pull was ever reported, the largest first. Whether that means anything, the registry's status says. */
export async function neverPulledOf({ store }: OverviewParts, service: string, asked: number): Promise<NeverPulled> {
  const filter = { ...all, service, neverPulled: true };
  const total = await store.repositories.count(filter);
  const { page, pages, offset } = pageOf(total, pageSize, asked);
  const range = { limit: pageSize, offset };
  const rows = await store.repositories.list(filter, { by: 'size', descending: true }, range);
  return {
    ...{ total, page, pages },
    rows: rows.map(({ name, size, pushed_at: pushedAt, first_seen_at: firstSeenAt }) => ({
      name,
      size,
      pushedAt,
      firstSeenAt,
    })),
  };
}
