/** Owns who looks at repositories on a page: a stored account as it is now, with what its status leaves of its permissions. */
import { identityOfAccount } from '../identity/account-identity.ts';
import { accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import type { DecisionContext } from '../policy/decide.ts';
import type { Account } from '../store/accounts.ts';
import type { Viewer } from './visibility.ts';

/** Their passwords can do no more than this, so that a list shows no more either. @param now epoch milliseconds */
export function viewerOf(account: Account, gracePeriods: GracePeriods, now: number, context: DecisionContext): Viewer {
  const identity = identityOfAccount(account, gracePeriods, now);
  const { use } = accountStatusOf(account, gracePeriods, now);
  const actions = use === 'pull' ? ['pull'] : [];
  return { identity: use === 'full' ? identity : { ...identity, limits: { actions, repositories: null } }, context };
}
