/** Makes access requests from the core and the policy in force. */
import type { Config } from '../config/config.ts';
import { identityOfAccount } from '../identity/account-identity.ts';
import { createInTurn, type InTurn } from '../lib/in-turn.ts';
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

/** Closes access requests that are granted, one run after another. */
export type Settling = Pick<InTurn, 'ended'> & {
  /** Resolves once those are closed that were granted when it was called. */
  run(): Promise<void>;
};

export function createSettling(settle: () => Promise<void>): Settling {
  const inTurn = createInTurn();
  return { run: () => inTurn.run(settle), ended: inTurn.ended };
}
