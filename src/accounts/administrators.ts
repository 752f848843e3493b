/** Owns who is an administrator: e-mails and groups of the configuration, looked up at each request. */
import { identityOfAccount } from '../identity/account-identity.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import type { Authority } from '../identity/authority.ts';
import { foldEmail, formsOf } from '../identity/email.ts';
import type { Policy } from '../policy/acl.ts';
import { type Member, type Membership, membersOf as policyMembersOf } from '../policy/groups.ts';
import { membershipsOf } from '../policy/memberships.ts';
import type { Account } from '../store/accounts.ts';
import type { GroupMembers } from '../store/people.ts';

export type Administrators = {
  /** Only for people who have signed in with a provider: never for a robot or for someone with just a password. */
  includes(account: Account): boolean;
  /** Every group that the account is in now, those of the provider and those of the policy file. */
  groupsOf(account: Account): Membership[];
  /** With the groups that the provider reported last, however long ago: for taking away, where not knowing must not spare anyone. */
  lastGroupsOf(account: Account): Membership[];
  /** What an account of the group has: as `groupsOf`, the other way round. @param group of a provider or of the policy file */
  membersOf(group: string): GroupMembers;
};

/** @param parts.now epoch milliseconds */
export function createAdministrators(parts: {
  readonly emails: readonly string[];
  readonly groups: readonly string[];
  readonly policy: () => Policy;
  readonly gracePeriods: GracePeriods;
  readonly authority: Pick<Authority, 'objectionTo'>;
  readonly now: () => number;
}): Administrators {
  const { groups, policy, gracePeriods, now } = parts;
  const emails = parts.emails.map(foldEmail);
  const membershipsWithin = (limits: GracePeriods) => (account: Account) =>
    membershipsOf(policy().groups, identityOfAccount(account, limits, now()));
  const groupsOf = membershipsWithin(gracePeriods);
  return {
    groupsOf,
    lastGroupsOf: membershipsWithin({ ...gracePeriods, groups: Number.POSITIVE_INFINITY }),
    membersOf(group) {
      const members = policyMembersOf(policy().groups, group);
      const valuesOf = (...kinds: readonly Member['kind'][]) =>
        members.filter(({ kind }) => kinds.includes(kind)).map(({ value }) => value);
      return {
        groups: [group, ...valuesOf('group')],
        toldSince: now() - gracePeriods.groups,
        // The user name of a person is their e-mail.
        logins: valuesOf('email', 'account').flatMap(formsOf),
        domains: valuesOf('domain'),
      };
    },
    includes(account) {
      if (account.kind !== 'person' || account.state !== 'active') return false;
      if (parts.authority.objectionTo(account) !== null) return false;
      if (account.email !== null && emails.includes(foldEmail(account.email))) return true;
      return groups.length > 0 && groupsOf(account).some(({ name }) => groups.includes(name));
    },
  };
}
