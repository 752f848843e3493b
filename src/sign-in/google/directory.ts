/** Owns Google's directory as the source that says whether somebody is still there, and in which groups. */

import { foldCase } from '../../identity/identity.ts';
import { type Account, importedIssuer } from '../../store/accounts.ts';
import { domainOf } from '../admission.ts';
import { maximumGroups, prefixed } from '../group-claim.ts';
import { type Fetch, limitFetch } from '../provider-fetch.ts';
import type { PersonSource, ProviderStatus } from '../provider-status.ts';
import { createGoogleToken, type GoogleCredentials } from './credentials.ts';
import { createGoogleApi, type GoogleApi, isNotFound, statusOfGoogleError } from './directory-api.ts';
import { createGroupLookup, type GroupLookup, type GroupLookupSettings } from './group-lookup.ts';
import { scopeNamed } from './scopes.ts';

export type GoogleDirectorySettings = GroupLookupSettings & {
  readonly credentials: GoogleCredentials;
  /** The Workspace domains that this directory has; of the first, a group may be named without its domain. */
  readonly domains: readonly string[];
};

export type GoogleDirectoryParts = {
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
  /** The groups of Google that the policy in force names, without their prefix. */
  readonly named: () => readonly string[];
  /** Milliseconds for one call; where left out, the default of provider-fetch. */
  readonly timeout?: number;
};

const prefix = 'google';

export function createGoogleDirectory(settings: GoogleDirectorySettings, parts: GoogleDirectoryParts): PersonSource {
  const call = limitFetch(parts.fetch, parts.timeout);
  const token = createGoogleToken(settings.credentials, scopesOf(settings), { call, now: parts.now });
  const api = createGoogleApi({ call, token, wait: parts.wait, random: parts.random });
  const [primary = ''] = settings.domains;
  const named = () => parts.named().map((name) => (name.includes('@') ? name : `${name}@${primary}`));
  const lookup = createGroupLookup(settings, api, named, parts.now);
  return {
    async ask(account) {
      const imported = account.issuer === importedIssuer;
      // Of another domain's account this directory knows nothing, and its "not found" would mean nothing.
      const domain = imported ? domainOf(account.login) : account.domain;
      if (domain === null || !settings.domains.includes(domain)) return { kind: 'unasked' };
      const found = await askUser(api, settings.directoryUrl, account);
      if ('kind' in found) return found;
      // Until the first sign-in the subject is the e-mail, which may be somebody else's by now: good to shut out, no more.
      if (imported) return { kind: 'there', groups: null };
      return readGroups(lookup, { ...account, email: found.email ?? account.email }, primary);
    },
  };
}

/** As little as the strategy needs. */
function scopesOf({ strategy }: GroupLookupSettings): string[] {
  const groups = {
    direct: ['admin.directory.group.readonly'],
    recursive: ['admin.directory.group.readonly'],
    configured: ['admin.directory.group.readonly', 'admin.directory.group.member.readonly'],
    transitive: ['cloud-identity.groups.readonly'],
  }[strategy];
  return [...groups, 'admin.directory.user.readonly'].map(scopeNamed);
}

type User = {
  readonly primaryEmail?: string;
  readonly suspended?: boolean;
  readonly archived?: boolean;
  readonly suspensionReason?: string;
};

/** @returns the e-mail of somebody who is there: the one of the last sign-in may be somebody else's by now */
async function askUser(
  api: GoogleApi,
  base: string,
  { subject }: Account,
): Promise<ProviderStatus | { readonly email: string | undefined }> {
  // The subject of Google's ID tokens is the id of the user in the directory.
  const url = `${base}/admin/directory/v1/users/${encodeURIComponent(subject)}?fields=id,primaryEmail,suspended,archived,suspensionReason`;
  try {
    const user = await api.get<User>(url);
    if (user.suspended === true) return gone(`suspended${user.suspensionReason ? ` (${user.suspensionReason})` : ''}`);
    return user.archived === true ? gone('archived') : { email: user.primaryEmail };
  } catch (error) {
    return isNotFound(error) ? gone('deleted') : statusOfGoogleError(error);
  }
}

function gone(how: string): ProviderStatus {
  return { kind: 'gone', reason: `${how} in the Google directory` };
}

async function readGroups(lookup: GroupLookup, { subject, email }: Account, primary: string): Promise<ProviderStatus> {
  try {
    const groups = prefixed((await lookup({ subject, email: email ?? '' })).map(foldCase), prefix);
    if (groups === null)
      return unknownGroups(`there are more than ${maximumGroups}, or one has a name that none can have`);
    const own = groups.filter((name) => name.endsWith(`@${primary}`));
    return { kind: 'there', groups: [...groups, ...own.map((name) => name.slice(0, -primary.length - 1))] };
  } catch (error) {
    return unknownGroups(statusOfGoogleError(error).reason);
  }
}

function unknownGroups(reason: string): ProviderStatus {
  return { kind: 'there', groups: null, problem: `the groups are not known better: ${reason}` };
}
