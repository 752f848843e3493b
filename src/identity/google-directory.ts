/** Owns Google's directory as the source that says whether somebody is still there, and in which groups. */
import type { Account } from '../store/accounts.ts';
import { createGoogleApi, type GoogleApi, GoogleApiError, verdictOfGoogleError } from './google-api.ts';
import { createGoogleToken, type GoogleCredentials } from './google-credentials.ts';
import { createGroupLookup, type GroupLookup, type GroupLookupSettings } from './google-groups.ts';
import { prefixed } from './groups.ts';
import { foldCase } from './identity.ts';
import { type Fetch, limitFetch } from './provider-fetch.ts';
import type { PersonSource, Verdict } from './verdict.ts';

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
const scopeRoot = 'https://www.googleapis.com/auth';

export function createGoogleDirectory(settings: GoogleDirectorySettings, parts: GoogleDirectoryParts): PersonSource {
  const call = limitFetch(parts.fetch, parts.timeout);
  const token = createGoogleToken(settings.credentials, scopesOf(settings), { call, now: parts.now });
  const api = createGoogleApi({ call, token, wait: parts.wait, random: parts.random });
  const [primary = ''] = settings.domains;
  const named = () => parts.named().map((name) => (name.includes('@') ? name : `${name}@${primary}`));
  const lookup = createGroupLookup(settings, api, named);
  return {
    async ask(account) {
      // Of another domain's account this directory knows nothing, and its "not found" would mean nothing.
      if (account.domain === null || !settings.domains.includes(account.domain)) return { kind: 'unasked' };
      const leaver = await askUser(api, settings.directoryUrl, account);
      return leaver ?? tellGroups(lookup, account, primary);
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
  return [...groups, 'admin.directory.user.readonly'].map((scope) => `${scopeRoot}/${scope}`);
}

type User = { readonly suspended?: boolean; readonly archived?: boolean; readonly suspensionReason?: string };

/** @returns `null` for somebody who is there */
async function askUser(api: GoogleApi, base: string, { subject }: Account): Promise<Verdict | null> {
  // The subject of Google's ID tokens is the id of the user in the directory; an e-mail may be somebody else's by now.
  const url = `${base}/admin/directory/v1/users/${encodeURIComponent(subject)}?fields=id,primaryEmail,suspended,archived,suspensionReason`;
  try {
    const user = await api.get<User>(url);
    if (user.suspended === true) return gone(`suspended${user.suspensionReason ? ` (${user.suspensionReason})` : ''}`);
    return user.archived === true ? gone('archived') : null;
  } catch (error) {
    if (error instanceof GoogleApiError && error.status === 404 && error.reason !== null) return gone('deleted');
    return verdictOfGoogleError(error);
  }
}

function gone(how: string): Verdict {
  return { kind: 'gone', reason: `${how} in the Google directory` };
}

async function tellGroups(lookup: GroupLookup, { subject, email }: Account, primary: string): Promise<Verdict> {
  try {
    const emails = (await lookup({ subject, email: email ?? '' })).map(foldCase);
    const short = emails.filter((address) => address.endsWith(`@${primary}`)).map((address) => address.split('@')[0]);
    const names = [...emails, ...short].filter((name) => name !== undefined);
    return { kind: 'there', groups: prefixed(names, prefix) };
  } catch (error) {
    const { reason } = verdictOfGoogleError(error) as { reason: string };
    return { kind: 'there', groups: null, problem: `the groups are not known better: ${reason}` };
  }
}
