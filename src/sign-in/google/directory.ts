/** Owns Google's directory as the source that says whether a person is still there, and in which groups. */

import { isSameEmail } from '../../identity/email.ts';
import { foldCase } from '../../identity/identity.ts';
import type { Log } from '../../lib/log.ts';
import { type Account, importedIssuer } from '../../store/accounts.ts';
import { domainOf } from '../admission.ts';
import { maximumGroups, prefixed } from '../group-claim.ts';
import { type Fetch, limitFetch } from '../provider-fetch.ts';
import type { PersonSource, ProviderStatus } from '../provider-status.ts';
import { createGoogleToken, type GoogleCredentials } from './credentials.ts';
import { isUser, type User, userFields } from './directory-answers.ts';
import { createGoogleApi, type GoogleApi, isNotFound, statusOfGoogleError } from './directory-api.ts';
import { createGroupLookup, type GroupLookup, type GroupLookupSettings, type Member } from './group-lookup.ts';
import { scopeNamed } from './scopes.ts';
import { nameHost } from './token-answer.ts';

export type GoogleDirectorySettings = GroupLookupSettings & {
  readonly credentials: GoogleCredentials;
  /** The Workspace domains of this directory; a group of the first can be named without its domain. */
  readonly domains: readonly string[];
  /** The Workspace's id, C0123abcd; `null`: as `users.get` says. */
  readonly customerId: string | null;
};

export type GoogleDirectoryParts = {
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
  readonly log: Pick<Log, 'warn'>;
  /** The groups of Google that the policy in force names, without their prefix. */
  readonly named: () => readonly string[];
  /** Milliseconds for one call; where left out, the default of provider-fetch. */
  readonly timeout?: number;
};

const prefix = 'google';

export function createGoogleDirectory(settings: GoogleDirectorySettings, parts: GoogleDirectoryParts): PersonSource {
  const { now, log } = parts;
  const call = nameHost(limitFetch(parts.fetch, parts.timeout));
  const token = createGoogleToken(settings.credentials, scopesOf(settings), { call, now });
  const api = createGoogleApi({ call, token, wait: parts.wait, random: parts.random });
  const [primary = ''] = settings.domains;
  const named = () => parts.named().map((name) => (name.includes('@') ? name : `${name}@${primary}`));
  const lookup = createGroupLookup(settings, { api, named, log, now });
  return {
    async ask(account) {
      const imported = account.issuer === importedIssuer;
      // This directory knows nothing about an account of another domain: its "not found" would mean nothing.
      const domain = imported ? domainOf(account.login) : account.domain;
      if (domain === null || !settings.domains.includes(domain)) return { kind: 'unasked' };
      const found = await askUser(api, settings.directoryUrl, account);
      if ('kind' in found) return found;
      // Until the first sign-in the subject is the e-mail address, which can be someone else's by now: good to shut out, no more.
      if (imported) return { kind: 'there', groups: null };
      const { email, customer } = found;
      // Rules, the login and the domain hang on the address of the last sign-in.
      if (account.email !== null && !isSameEmail(email, account.email)) return anotherAddress;
      const member = { subject: account.subject, email, customer: settings.customerId ?? customer };
      return readGroups(lookup, member, primary);
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

/** A person who is there: the address of the last sign-in can be someone else's by now. */
type Found = { readonly email: string; readonly customer: string | null };

async function askUser(api: GoogleApi, base: string, { issuer, subject }: Account): Promise<ProviderStatus | Found> {
  // The subject of Google's ID tokens is the id of the user in the directory.
  const url = `${base}/admin/directory/v1/users/${encodeURIComponent(subject)}?fields=${userFields}`;
  try {
    const user = await api.get(url, isUser);
    // Whom docker_auth left is asked for by e-mail address, whatever the id.
    return user.id === subject || issuer === importedIssuer ? statusOfUser(user) : anotherPerson;
  } catch (error) {
    return isNotFound(error, 'userKey') ? gone('deleted') : statusOfGoogleError(error);
  }
}

function statusOfUser(user: User): ProviderStatus | Found {
  if (user.deletionTime) return gone('deleted');
  if (user.suspended === true) return gone(`suspended${user.suspensionReason ? ` (${user.suspensionReason})` : ''}`);
  if (user.archived === true) return gone('archived');
  return { email: user.primaryEmail, customer: isCustomerId(user.customerId) ? user.customerId : null };
}

/** Nothing else goes into a query. */
function isCustomerId(text: string | undefined): text is string {
  return text !== undefined && /^C[0-9a-z]{1,20}$/i.test(text);
}

const anotherPerson: ProviderStatus = { kind: 'silent', reason: 'the Google directory answered about another person' };
const anotherAddress: ProviderStatus = { kind: 'sign-in', reason: 'the Google directory has another e-mail address' };

function gone(how: string): ProviderStatus {
  return { kind: 'gone', reason: `${how} in the Google directory`, ...(how !== 'deleted' && { suspended: true }) };
}

async function readGroups(lookup: GroupLookup, member: Member, primary: string): Promise<ProviderStatus> {
  try {
    const found = await lookup(member);
    const groups = nameGroups(found.groups, primary);
    const undecided = nameGroups(found.undecided, primary);
    if (groups === null || undecided === null) {
      return unknownGroups(`there are more than ${maximumGroups}, or one has a name that no group can have`);
    }
    if (undecided.length === 0) return { kind: 'there', groups };
    const problem = `Google doesn't say whether ${found.undecided.join(', ')} contains this person`;
    return { kind: 'there', groups, undecided, problem };
  } catch (error) {
    return unknownGroups(statusOfGoogleError(error).reason);
  }
}

/** @returns each with `google:` before it; groups of the first domain also without their domain. `null`: beyond the limits */
function nameGroups(emails: readonly string[], primary: string): readonly string[] | null {
  const groups = prefixed(emails.map(foldCase), prefix);
  if (groups === null) return null;
  const own = groups.filter((name) => name.endsWith(`@${primary}`));
  return [...groups, ...own.map((name) => name.slice(0, -primary.length - 1))];
}

function unknownGroups(reason: string): ProviderStatus {
  return { kind: 'there', groups: null, problem: `the groups are not known: ${reason}` };
}
