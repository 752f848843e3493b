/** Makes access requests from the core and the policy in force. */
import type { Config } from '../config/config.ts';
import { identityOfAccount } from '../identity/account-identity.ts';
import type { Policy } from '../policy/acl.ts';
import { type AccessRequests, createAccessRequests } from '../requests/access-requests.ts';
import type { Account } from '../store/accounts.ts';
import type { Core } from './core.ts';

/** People and repositories for which suggested lines are tried. */
const tried = 200;
const everyone = { search: '', state: null, provider: null, domain: null, group: null };

/** @param policy returns the policy in force */
export function openAccessRequests(
  { gracePeriods }: Pick<Config, 'gracePeriods'>,
  { store, denials, audit }: Pick<Core, 'store' | 'denials' | 'audit'>,
  policy: () => Policy,
): AccessRequests {
  const identityOf = (account: Account) => identityOfAccount(account, gracePeriods, Date.now());
  return createAccessRequests({
    ...{ store: store.accessRequests, accounts: store.accounts, denials, audit, policy, identityOf, now: Date.now },
    async others(service) {
      const range = { limit: tried, offset: 0, now: Date.now() };
      const people = await store.people.list(everyone, { by: 'login', descending: false }, range);
      const repositories = await store.repositories.after(service, '', tried, false);
      return { people: people.map(identityOf), repositories: repositories.map(({ name }) => name) };
    },
  });
}

/** Closes access requests that are granted, in turns. */
export type Settling = {
  /** Resolves once those are closed that were granted when it was called. */
  run(): Promise<void>;
  /** Resolves when no run is left, whatever came of it. */
  ended(): Promise<void>;
};

export function createSettling(settle: () => Promise<void>): Settling {
  let last = Promise.resolve();
  return {
    run() {
      const next = last.then(settle);
      last = next.catch(() => {});
      return next;
    },
    ended: () => last,
  };
}
