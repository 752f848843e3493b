/** Opens what lists of repositories are made of: what is known of each registry, and who sees what of it. */
import type { Config } from '../config/config.ts';
import { createKnownRepositories, type KnownRepositories } from '../repositories/known.ts';
import { createListing, type Listing } from '../repositories/listing.ts';
import { createTurns, type Turns } from '../repositories/turns.ts';
import { createVisibility, type Visibility } from '../repositories/visibility.ts';
import type { Core } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
import type { Policies } from './policy-file.ts';

export type RepositoryLists = {
  readonly turns: Turns;
  readonly known: KnownRepositories;
  readonly visibility: Visibility;
  readonly listing: Listing;
};

export function openRepositoryLists(
  { services }: Pick<Config, 'services'>,
  { store }: Core,
  policies: Pick<Policies, 'current'>,
): RepositoryLists {
  const turns = createTurns();
  const known = createKnownRepositories({ store: store.repositories, turns, now: () => performance.now() });
  known.readAhead(services.filter(hasRepositories).map(({ name }) => name));
  const visibility = createVisibility({ policy: policies.current, known, turns });
  return { turns, known, visibility, listing: createListing(visibility) };
}
