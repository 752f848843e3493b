/** Owns a few repositories in memory and everything that shows them, for tests of who sees what. */
import type { Policy } from '../../src/policy/acl.ts';
import { createDeletion, type Deletion } from '../../src/repositories/deletion.ts';
import { createKnownRepositories } from '../../src/repositories/known.ts';
import { createListing, type Listing } from '../../src/repositories/listing.ts';
import { createOwnRepositories, type OwnRepositories } from '../../src/repositories/own.ts';
import type { Registry } from '../../src/repositories/registry.ts';
import type { ActivityNames } from '../../src/repositories/shown-names.ts';
import { createTurns, type Turns } from '../../src/repositories/turns.ts';
import { createVisibility, type Visibility } from '../../src/repositories/visibility.ts';
import type { RepositoryRow, TagRow, Who } from '../../src/store/repository-rows.ts';

export type Viewing = {
  readonly visibility: Visibility;
  readonly listing: Listing;
  readonly own: OwnRepositories;
  readonly deletion: Deletion;
  /** Reads the names again. */
  refresh(): void;
};

export const nobodyKnown: Who = { actor_kind: 'unknown', actor_login: null, actor_account_id: null };
export const digest = `sha256:${'a'.repeat(64)}`;

export type KnownRepository = Partial<RepositoryRow> & { readonly name: string };

export function repositoryRow(row: KnownRepository): RepositoryRow {
  return {
    ...{ service: 'registry', pushed_at: 1_000, pulled_at: 2_000, size: 10, tags: 1, recent_pulls: 3 },
    ...{ first_seen_at: 500, synced_at: null, ...nobodyKnown },
    ...row,
  };
}

/**
 * @param parts.registry what deletions ask; one that knows nothing where not said
 * @param parts.turns how long work is cut; as in the service where not said
 */
export function createViewing(parts: {
  readonly policy: () => Policy;
  readonly repositories: () => readonly KnownRepository[];
  readonly names?: ActivityNames;
  readonly registry?: Registry;
  readonly turns?: Turns;
}): Viewing {
  const rows = () => parts.repositories().map(repositoryRow);
  const turns = parts.turns ?? createTurns();
  const known = createKnownRepositories({
    store: {
      after: async (_service, name, limit) =>
        rows()
          .filter((row) => row.name > name)
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .slice(0, limit),
    },
    turns,
    now: () => 0,
  });
  const visibility = createVisibility({ policy: parts.policy, known, turns });
  const listing = createListing(visibility);
  const tag: TagRow = { tag: '1', digest, pushed_at: 1, size: 2, media_type: null, ...nobodyKnown };
  const store = {
    repositories: {
      byNames: async (_service: string, names: readonly string[]) => rows().filter(({ name }) => names.includes(name)),
      byName: async (_service: string, name: string) => rows().find((row) => row.name === name),
    },
    repositoryTags: { latest: async () => [tag], byName: async () => tag },
    repositoryActivity: { ofRepository: async () => [], ofService: async () => [], actorsOf: async () => [] },
  };
  const own = createOwnRepositories({
    store,
    listing,
    visibility,
    names: parts.names ?? 'pushes',
    now: () => 86_400_000,
  });
  const deletion = createDeletion({
    registryOf: () => parts.registry ?? null,
    visibility,
    tags: { parents: async () => [] },
    audit: { write: async () => {} },
    onDeleted: async () => {},
  });
  return { visibility, listing, own, deletion, refresh: () => known.forget('registry') };
}
