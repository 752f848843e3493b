/** Owns what someone sees of repositories: a list, one of them with its tags, and nothing of those that they can't pull. */
import { Refusal } from '../lib/errors.ts';
import { rights } from '../policy/repository-rights.ts';
import type { RepositoryStore } from '../store/repositories.ts';
import type { RepositoryActivityStore } from '../store/repository-activity.ts';
import type { RepositoryRow, TagRow, Who } from '../store/repository-rows.ts';
import type { RepositoryTagStore } from '../store/repository-tags.ts';
import { type Day, daysOf, firstDayOf } from './days.ts';
import type { ListedName, Listing, ListPage, ListQuery } from './listing.ts';
import { type ActivityNames, nameOf, type Reader } from './shown-names.ts';
import type { Viewer, Visibility } from './visibility.ts';

/** Times are epoch milliseconds, sizes bytes; `null`: unknown. */
export type Repository = {
  readonly tags: number;
  readonly size: number | null;
  readonly pushedAt: number | null;
  /** `null`: unknown, or not for the reader. */
  readonly pushedBy: string | null;
  readonly pulledAt: number | null;
  /** Of the last 30 days. */
  readonly recentPulls: number;
  readonly firstSeenAt: number;
  /** Whether all its tags were read once: else there can be older ones. */
  readonly isWhole: boolean;
};

/** `facts`: `null` where the reader can push and not pull. */
export type ListedRepository = ListedName & { readonly facts: Repository | null };

export type Tag = {
  readonly tag: string;
  readonly digest: string;
  readonly size: number | null;
  readonly pushedAt: number | null;
  readonly pushedBy: string | null;
};

export type RepositoryDetail = ListedRepository & {
  readonly pulls: readonly Day[];
  /** Who pulled most in 30 days, where the reader sees that; else `null`. */
  readonly pullers: readonly { readonly name: string; readonly count: number }[] | null;
};

export type OwnRepositories = {
  list(viewer: Viewer, reader: Reader, query: ListQuery): Promise<ListPage & { rows: readonly ListedRepository[] }>;
  /** @throws {Refusal} `not_found`, in the same words whether it isn't there or isn't for them */
  open(viewer: Viewer, reader: Reader, name: string): Promise<RepositoryDetail>;
  /** The latest first. For someone who can pull. @throws {Refusal} `not_found` */
  tags(viewer: Viewer, reader: Reader, name: string, page: number): Promise<readonly Tag[]>;
  /** @returns `null` where no tag of this name is known. @throws {Refusal} `not_found` */
  tag(viewer: Viewer, reader: Reader, name: string, tag: string): Promise<Tag | null>;
};

export type OwnRepositoryParts = {
  readonly store: {
    readonly repositories: Pick<RepositoryStore, 'byNames' | 'byName'>;
    readonly repositoryTags: Pick<RepositoryTagStore, 'latest' | 'byName'>;
    readonly repositoryActivity: Pick<RepositoryActivityStore, 'ofRepository' | 'ofService' | 'actorsOf'>;
  };
  readonly listing: Listing;
  readonly visibility: Pick<Visibility, 'at'>;
  readonly names: ActivityNames;
  readonly now: () => number;
};

export const tagsOfPage = 50;
const maximumPullers = 10;

export function createOwnRepositories(parts: OwnRepositoryParts): OwnRepositories {
  const { store, listing } = parts;
  return {
    async list(viewer, reader, query) {
      const found = await listing.page(viewer, query);
      const pullable = found.names.filter(({ canPull }) => canPull).map(({ name }) => name);
      const rows = await store.repositories.byNames(viewer.context.service, pullable);
      const factsOf = new Map(rows.map((row) => [row.name, repositoryOf(row, reader, parts.names)]));
      return { ...found, rows: found.names.map((one) => ({ ...one, facts: factsOf.get(one.name) ?? null })) };
    },
    async open(viewer, reader, name) {
      const can = requireVisible(parts, viewer, name);
      const row = await store.repositories.byName(viewer.context.service, name);
      if (row === undefined) throw notFound(name);
      if (!can.canPull) return { ...can, facts: null, pulls: [], pullers: null };
      return {
        ...can,
        facts: repositoryOf(row, reader, parts.names),
        ...(await activityOf(parts, viewer, reader, name)),
      };
    },
    async tags(viewer, reader, name, page) {
      requirePull(parts, viewer, name);
      const range = { limit: tagsOfPage, offset: (page - 1) * tagsOfPage };
      const rows = await store.repositoryTags.latest(viewer.context.service, name, range);
      return rows.map((row) => tagOf(row, reader, parts.names));
    },
    async tag(viewer, reader, name, tag) {
      requirePull(parts, viewer, name);
      const row = await store.repositoryTags.byName(viewer.context.service, name, tag);
      return row === undefined ? null : tagOf(row, reader, parts.names);
    },
  };
}

async function activityOf(
  { store, names, now }: OwnRepositoryParts,
  { context: { service } }: Viewer,
  reader: Reader,
  name: string,
): Promise<Pick<RepositoryDetail, 'pulls' | 'pullers'>> {
  const first = firstDayOf(now());
  const isForReader = reader === null || names === 'all';
  const [own, all, actors] = await Promise.all([
    store.repositoryActivity.ofRepository(service, name, first),
    store.repositoryActivity.ofService(service, first),
    isForReader ? store.repositoryActivity.actorsOf(service, name, first, maximumPullers * 3) : [],
  ]);
  const pulled = actors.filter(({ action }) => action === 'pull').slice(0, maximumPullers);
  const nameOfActor = (who: Who) => nameOf(who, reader, names, 'pull') ?? 'someone unknown';
  const pullers = pulled.map((row) => ({ name: nameOfActor(row), count: row.count }));
  return { pulls: daysOf(own, all, 'pull', now()), pullers: isForReader ? pullers : null };
}

/** @throws {Refusal} */
function requireVisible({ visibility }: OwnRepositoryParts, viewer: Viewer, name: string): ListedName {
  const bits = visibility.at(viewer, name);
  if ((bits & (rights.pull | rights.push)) === 0) throw notFound(name);
  return {
    name,
    canPull: (bits & rights.pull) !== 0,
    canPush: (bits & rights.push) !== 0,
    canDelete: (bits & rights.delete) !== 0,
  };
}

/** @throws {Refusal} */
function requirePull(parts: OwnRepositoryParts, viewer: Viewer, name: string): void {
  if (!requireVisible(parts, viewer, name).canPull) throw notFound(name);
}

function notFound(name: string): Refusal {
  return new Refusal(
    'not_found',
    `There is no repository ${name.slice(0, 255)} that you can pull or push. The list has those that you can.`,
  );
}

function repositoryOf(row: RepositoryRow, reader: Reader, names: ActivityNames): Repository {
  return {
    tags: row.tags,
    size: row.size,
    pushedAt: row.pushed_at,
    pushedBy: nameOf(row, reader, names, 'push'),
    pulledAt: row.pulled_at,
    recentPulls: row.recent_pulls,
    firstSeenAt: row.first_seen_at,
    isWhole: row.synced_at !== null,
  };
}

function tagOf(row: TagRow, reader: Reader, names: ActivityNames): Tag {
  const { tag, digest, size } = row;
  return { tag, digest, size, pushedAt: row.pushed_at, pushedBy: nameOf(row, reader, names, 'push') };
}
