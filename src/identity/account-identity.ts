/** Owns what a stored account is to the policy: its identity as of now, not narrowed by any password. */
import { isTextLists, readJson } from '../lib/json.ts';
import type { Account } from '../store/accounts.ts';
import { type AccountFacts, type GracePeriods, knownGroups } from './account-status.ts';
import { foldCase, type Identity } from './identity.ts';

type IdentityFacts = AccountFacts & Pick<Account, 'id' | 'email' | 'domain' | 'labels_json'>;

/** @param now epoch milliseconds */
export function identityOfAccount(account: IdentityFacts, gracePeriods: GracePeriods, now: number): Identity {
  return {
    kind: account.kind,
    account: account.login,
    email: account.email === null ? null : foldCase(account.email),
    domain: account.domain,
    provider: account.provider,
    ...knownGroups(account, gracePeriods, now),
    labels: account.labels_json === null ? {} : readJson(account.labels_json, isTextLists),
    limits: null,
    credential: null,
    accountId: account.id,
    maker: null,
    workload: null,
  };
}
