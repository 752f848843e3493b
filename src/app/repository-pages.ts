/** Mounts the pages about repositories: everyone's own, with their tags, and deleting one. */
import type { Router } from 'express';
import type { Config } from '../config/config.ts';
import { createDeletion } from '../repositories/deletion.ts';
import { createOwnRepositories } from '../repositories/own.ts';
import { readTag } from '../repositories/reading.ts';
import { viewerOf } from '../repositories/viewer.ts';
import { createRepositoryList } from '../web/repositories.ts';
import { createRepositoryPage } from '../web/repository.ts';
import { createRepositoryDeletion } from '../web/repository-deletion.ts';
import type { Core } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
import type { PageContext } from './page-context.ts';
import type { Registries } from './registries.ts';
import type { RepositoryLists } from './repository-lists.ts';

export function mountRepositories(
  router: Router,
  context: PageContext,
  config: Config,
  { store }: Core,
  { known, listing, visibility }: RepositoryLists,
  registries: Registries,
): void {
  const { common, requirePerson } = context;
  const now = common.now;
  const registryOf = (service: string) => registries.get(service) ?? null;
  const parts = {
    ...common,
    services: config.services.filter(hasRepositories),
    repositories: createOwnRepositories({ store, listing, visibility, names: config.activity.names, now }),
    viewerOf: (account: Parameters<typeof viewerOf>[0], where: Parameters<typeof viewerOf>[3]) =>
      viewerOf(account, config.gracePeriods, now(), where),
  };
  const page = createRepositoryPage({
    ...parts,
    readTag: (service, name, tag) => readTag(registryOf(service), name, tag),
  });
  router.get('/repositories', requirePerson, createRepositoryList(parts));
  const deletion = createDeletion({
    registryOf,
    visibility,
    tags: store.repositoryTags,
    audit: context.audit,
    onDeleted: async ({ service }) => known.forget(service),
  });
  const deletions = createRepositoryDeletion({ ...parts, deletion });
  const fresh = context.fresh();
  router.get('/repositories/:service/-/delete/*name', requirePerson, fresh, deletions.ask);
  router.post('/repositories/:service/-/delete/*name', requirePerson, fresh, deletions.act);
  router.get('/repositories/:service/*name', requirePerson, page);
}
