/** Makes the preview of a password from what its form says, whom it's for, and who reads it. */
import type { Request } from 'express';
import type { Config } from '../config/config.ts';
import type { RequesterReader } from '../http/requester.ts';
import { type Identity, type Limits, narrower } from '../identity/identity.ts';
import { previewPassword, unreachablePatterns } from '../repositories/password-preview.ts';
import { viewerOf } from '../repositories/viewer.ts';
import type { Holder, PasswordActionParts } from '../web/password-actions.ts';
import { personOf } from '../web/session.ts';
import type { Core } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
import type { NamedIdentity } from './identity-by-name.ts';
import type { Policies } from './policy-file.ts';
import type { RepositoryLists } from './repository-lists.ts';

export function createPasswordPreview(
  config: Pick<Config, 'services' | 'gracePeriods'>,
  { passwords }: Pick<Core, 'passwords'>,
  parts: {
    readonly policies: Pick<Policies, 'current'>;
    readonly lists: Pick<RepositoryLists, 'visibility' | 'turns'>;
    readonly requesterOf: RequesterReader;
    readonly identityNamed: (name: string) => Promise<NamedIdentity>;
  },
): Pick<PasswordActionParts, 'previewOf' | 'unreachableOf'> {
  const services = config.services.map((service) => ({ name: service.name, hasList: hasRepositories(service) }));
  const { visibility, turns } = parts.lists;
  const previewParts = { policy: parts.policies.current, visibility, turns, services };
  const readerOf = (request: Request): Identity => {
    const context = { service: '', address: parts.requesterOf(request).address };
    return viewerOf(personOf(request), config.gracePeriods, Date.now(), context).identity;
  };
  const identityFor = async (reader: Identity, { owner, maker }: Holder, limits: Limits): Promise<Identity> => {
    if (owner.kind !== 'robot') return { ...reader, limits: narrower(reader.limits, limits) };
    const { identity } = await parts.identityNamed(owner.login);
    return { ...identity, maker: await passwords.boundOf({ name: '', maker: maker ?? null }), limits };
  };
  return {
    async previewOf(request, holder, limits) {
      const reader = readerOf(request);
      const identity = await identityFor(reader, holder, limits);
      return previewPassword(previewParts, { identity, reader, address: parts.requesterOf(request).address });
    },
    async unreachableOf(request, holder, limits) {
      const identity = await identityFor(readerOf(request), holder, limits);
      return unreachablePatterns(previewParts, { identity, address: parts.requesterOf(request).address });
    },
  };
}
