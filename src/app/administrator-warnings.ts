/** Owns the warning that no one is an administrator: then no one sees the pages that have all others. */
import type { Config } from '../config/config.ts';
import type { Policy } from '../policy/acl.ts';
import { membersOf } from '../policy/groups.ts';

type Settings = Pick<Config, 'administrators' | 'google' | 'oidc'>;

/** Who is in a group of a provider can't be known here, so such a group counts as having members. */
export function administratorWarnings(
  { administrators, google, oidc }: Settings,
  { groups }: Pick<Policy, 'groups'>,
): string[] {
  if (administrators.emails.length > 0) return [];
  if (administrators.groups.length === 0)
    return ['no one is an administrator, so no one can open /admin: set ADMIN_EMAILS or ADMIN_GROUPS'];
  const prefixes = [...(google === null ? [] : ['google']), ...oidc.map(({ groupsPrefix }) => groupsPrefix)];
  const hasMembers = (group: string): boolean =>
    prefixes.some((prefix) => group.startsWith(`${prefix}:`)) || membersOf(groups, group).length > 0;
  if (administrators.groups.some(hasMembers)) return [];
  const named = administrators.groups.map((group) => `"${group}"`).join(', ');
  return [
    `no one is an administrator: no provider and no list in the policy file gives ADMIN_GROUPS (${named}) a member. Name another group, or set ADMIN_EMAILS`,
  ];
}
