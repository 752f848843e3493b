/** Owns what a page shows of how an account's passwords are used: no one learns names of repositories that they can't pull. */
import type { Request } from 'express';
import type { Administrators } from '../accounts/administrators.ts';
import type { Config } from '../config/config.ts';
import type { RequesterReader } from '../http/requester.ts';
import { rights } from '../policy/repository-rights.ts';
import { viewerOf } from '../repositories/viewer.ts';
import { personOf } from '../web/session.ts';
import { activityOf } from './accounts.ts';
import type { Core } from './core.ts';
import type { PageContext } from './page-context.ts';
import type { RepositoryLists } from './repository-lists.ts';

/** Someone who manages a robot isn't shown what only the robot can pull. */
export function createVisibleUses(
  config: Config,
  core: Core,
  parts: {
    readonly lists: RepositoryLists;
    readonly requesterOf: RequesterReader;
    readonly administrators: Pick<Administrators, 'includes'>;
  },
): Pick<PageContext, 'activityOf' | 'usesOf'> {
  const ofAccounts = activityOf(config, core);
  const canPullOf = (request: Request) => {
    const person = personOf(request);
    const { address } = parts.requesterOf(request);
    return (service: string, repository: string): boolean => {
      const viewer = viewerOf(person, config.gracePeriods, Date.now(), { service, address });
      return (parts.lists.visibility.at(viewer, repository) & rights.pull) !== 0;
    };
  };
  return {
    async activityOf(request, { id }) {
      const found = await ofAccounts([id]);
      const canPull = canPullOf(request);
      return found?.filter(({ service, repository }) => canPull(service, repository)) ?? null;
    },
    async usesOf(request, { id }) {
      const found = await core.uses.ofAccount(id);
      const person = personOf(request);
      if (person.id === id || parts.administrators.includes(person)) return found;
      const canPull = canPullOf(request);
      // A use doesn't say at which registry it was.
      const canPullSomewhere = (name: string) => config.services.some((service) => canPull(service.name, name));
      const visible = [...found].map(
        ([password, uses]) =>
          [password, uses.filter(({ kind, value }) => kind !== 'repository' || canPullSomewhere(value))] as const,
      );
      return new Map(visible);
    },
  };
}
