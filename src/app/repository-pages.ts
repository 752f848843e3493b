/** Mounts the pages about repositories: everyone's own, with their tags, deleting one, and those of administrators. */
import type { Router } from 'express';
import type { Config } from '../config/config.ts';
import { createDeletion, type DeletionParts } from '../repositories/deletion.ts';
import { neverPulledOf, overviewOf } from '../repositories/overview.ts';
import { createOwnRepositories } from '../repositories/own.ts';
import { readTag } from '../repositories/reading.ts';
import { viewerOf } from '../repositories/viewer.ts';
import { whoCan } from '../repositories/who-can.ts';
import { createAdminRepositoryPages } from '../web/admin/repositories.ts';
import { createWhoCanPage } from '../web/admin/who-can.ts';
import { createRepositoryList } from '../web/repositories.ts';
import { createRepositoryPage } from '../web/repository.ts';
import { createRepositoryDeletion } from '../web/repository-deletion.ts';
import type { Core } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
import type { PageContext } from './page-context.ts';
import type { Registries } from './registries.ts';
import { statusesOf } from './repositories.ts';
import type { RepositoryLists } from './repository-lists.ts';
import type { createStartSync } from './start-sync.ts';

export function mountRepositories(
  router: Router,
  context: PageContext,
  config: Config,
  core: Core,
  { known, listing, visibility }: RepositoryLists,
  registries: Registries,
): void {
  const { store } = core;
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
    onDeleted: noteDeletions(core, known),
  });
  const deletions = createRepositoryDeletion({ ...parts, deletion });
  const fresh = context.fresh();
  router.get('/repositories/:service/-/delete/*name', requirePerson, fresh, deletions.ask);
  router.post('/repositories/:service/-/delete/*name', requirePerson, fresh, deletions.act);
  router.get('/repositories/:service/*name', requirePerson, page);
}

/** Without the registry's own event of it: there may be none. */
function noteDeletions(
  { store, log }: Pick<Core, 'store' | 'log'>,
  known: RepositoryLists['known'],
): DeletionParts['onDeleted'] {
  return async ({ service, repository, tag, digest, at }) => {
    try {
      const what = { repository, tag, digest: tag === null ? digest : null };
      await store.registryEvents.write(service, [{ action: 'gone', ...what, at }], Date.now());
    } catch (error) {
      log.error({ err: error }, 'what was deleted stays in the lists until the registry is read again');
    }
    known.forget(service);
  };
}

/** Mount behind the guard of the administrators. */
export function mountAdminRepositories(
  router: Router,
  { common, policies }: PageContext,
  config: Config,
  core: Core,
  { turns }: RepositoryLists,
  startSync: ReturnType<typeof createStartSync>,
): void {
  const { store } = core;
  const { gracePeriods } = config;
  const services = config.services.filter(hasRepositories);
  const parts = { store, now: common.now };
  const pages = createAdminRepositoryPages({
    ...{ ...common, services },
    statuses: () => statusesOf(config, core),
    overviewOf: (service) => overviewOf(parts, service),
    neverPulledOf: (service, page) => neverPulledOf(parts, service, page),
    startSync,
  });
  router.get('/admin/repositories', pages.show);
  router.post('/admin/repositories/sync', pages.sync);
  const ofPolicy = { policy: policies.current, accounts: store.accounts, gracePeriods, turns, now: common.now };
  const ask = createWhoCanPage({ ...common, services, whoCan: (question) => whoCan(ofPolicy, question) });
  router.get('/admin/repositories/who-can', ask);
}
