/** Owns whom an administrator means by a name, on a page, by the API or on the command line: what the policy sees of them now. */
import type { Config } from '../config/config.ts';
import { identityOfAccount } from '../identity/account-identity.ts';
import { foldCase, type Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { identityOf } from '../policy/named-account.ts';
import type { AccountStore } from '../store/accounts.ts';

/** `isKnown`: someone of that name has signed in or is in the policy file. */
export type NamedIdentity = { readonly identity: Identity; readonly isKnown: boolean };

/**
 * An account in any case; a user of the policy file as written there, because docker_auth distinguishes `Ci` and `ci`; else
 * someone who never signed in, or, for '', anonymous.
 * @param policy the policy in force
 */
export function createIdentityByName(
  { gracePeriods }: Pick<Config, 'gracePeriods'>,
  accounts: Pick<AccountStore, 'byLogin'>,
  policy: () => Policy,
): (name: string) => Promise<NamedIdentity> {
  return async (name) => {
    const { users } = policy();
    const account = await accounts.byLogin(foldCase(name));
    const isStatic = users.has(name) && account?.login !== name;
    if (account === undefined || isStatic) {
      // No provider has said anything of someone who never signed in.
      const groups = !isStatic && name.includes('@') ? 'unknown' : [];
      return { identity: identityOf(users, { account: name, groups }), isKnown: isStatic || name === '' };
    }
    return { identity: identityOfAccount(account, gracePeriods, Date.now()), isKnown: true };
  };
}
