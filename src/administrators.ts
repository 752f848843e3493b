/** Owns the question who is an administrator: e-mails and groups of the configuration, asked anew at each request. */
import type { Membership } from './policy/groups.ts';
import type { Account } from './store/accounts.ts';

export type Administrators = {
  /** Never a robot, never whoever shows a password: only people who have signed in with a provider are asked about. */
  includes(account: Account): boolean;
  /** Every group that the account is in now, those of the provider and those of the policy file. */
  groupsOf(account: Account): Membership[];
};
