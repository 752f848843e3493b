/** Owns the question who is an administrator: e-mails and groups of the configuration, asked anew at each request. */
import { identityOfAccount } from '../identity/account-identity.ts';
import { foldCase } from '../identity/identity.ts';
import type { Patience } from '../identity/standing.ts';
import type { Policy } from '../policy/acl.ts';
import { type Membership, groupsOf as policyGroupsOf } from '../policy/groups.ts';
import type { Account } from '../store/accounts.ts';

export type Administrators = {
  /** Never a robot, never whoever shows a password: only people who have signed in with a provider are asked about. */
  includes(account: Account): boolean;
  /** Every group that the account is in now, those of the provider and those of the policy file. */
  groupsOf(account: Account): Membership[];
};

/** @param parts.now epoch milliseconds */
export function createAdministrators(parts: {
  readonly emails: readonly string[];
  readonly groups: readonly string[];
  readonly policy: () => Policy;
  readonly patience: Patience;
  readonly now: () => number;
}): Administrators {
  const { groups, policy, patience, now } = parts;
  const emails = parts.emails.map(foldCase);
  const groupsOf = (account: Account): Membership[] =>
    policyGroupsOf(policy().groups, identityOfAccount(account, patience, now()));
  return {
    groupsOf,
    includes(account) {
      if (account.kind !== 'person' || account.state !== 'active') return false;
      if (account.email !== null && emails.includes(foldCase(account.email))) return true;
      return groups.length > 0 && groupsOf(account).some(({ name }) => groups.includes(name));
    },
  };
}
