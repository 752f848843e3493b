/** Owns the warnings that no one is an administrator, who then sees the pages that have all others, or that one can't sign in. */
import type { Config } from '../config/config.ts';
import { splitEmail } from '../identity/email.ts';
import { normalizeDomain } from '../lib/domain.ts';
import type { Policy } from '../policy/acl.ts';
import { type Member, membersOf } from '../policy/groups.ts';

type Settings = Pick<Config, 'administrators' | 'google' | 'oidc'>;

/** Who is in a group of a provider can't be known here, so such a group counts as having members. */
export function administratorWarnings(settings: Settings, { groups }: Pick<Policy, 'groups'>): string[] {
  const { administrators, google, oidc } = settings;
  if (administrators.emails.length === 0 && administrators.groups.length === 0)
    return ['no one is an administrator, so no one can open /admin: set ADMIN_EMAILS or ADMIN_GROUPS'];
  const isAdmitted = admissionBy(settings);
  const counts = ({ kind, value }: Member): boolean =>
    kind === 'email' ? isAdmitted(splitEmail(value).domain) : kind !== 'domain' || isAdmitted(value);
  const prefixes = [...(google === null ? [] : ['google']), ...oidc.map(({ groupsPrefix }) => groupsPrefix)];
  const hasMembers = (group: string): boolean =>
    prefixes.some((prefix) => group.startsWith(`${prefix}:`)) || membersOf(groups, group).some(counts);
  const strangers = administrators.emails.filter((email) => !isAdmitted(splitEmail(email).domain));
  const reason = `${strangers.join(', ')} in ADMIN_EMAILS can't sign in with any provider`;
  if (strangers.length < administrators.emails.length || administrators.groups.some(hasMembers)) {
    return strangers.length === 0 ? [] : [`${reason}: check the address, and the domains of the providers`];
  }
  const named = administrators.groups.map((group) => `"${group}"`).join(', ');
  const reasons = [
    ...(strangers.length === 0 ? [] : [reason]),
    ...(named === '' ? [] : [`no provider and no list in the policy file gives ADMIN_GROUPS (${named}) a member`]),
  ];
  return [
    `no one is an administrator: ${reasons.join(', and ')}. Name another group, or set ADMIN_EMAILS to an address that can sign in`,
  ];
}

/** Whether someone with an address of a domain can sign in; where that isn't known, they can. Without a provider, another warning says so. */
function admissionBy({ google, oidc }: Settings): (domain: string) => boolean {
  const lists = [...(google === null ? [] : [google.domains]), ...oidc.map(({ domains }) => domains)];
  if (lists.length === 0 || lists.some((domains) => domains.length === 0)) return () => true;
  const admitted = new Set(lists.flat().map(normalizeDomain));
  return (domain) => admitted.has(normalizeDomain(domain));
}
