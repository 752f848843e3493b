/** Makes a new app password. */
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import type { Pepper } from '../lib/secret.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { PasswordStore } from '../store/passwords.ts';
import { type AppPassword, asNew, type Owner } from './app-password.ts';
import { stateOf } from './check.ts';
import { checkInput, type InputRules, type PasswordInput } from './input.ts';
import { type Maker, objectionTo } from './maker.ts';
import { createNewPassword } from './new-password.ts';

export type IssueParts = InputRules & {
  readonly store: PasswordStore;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly maximumPerAccount: number;
  readonly accountById: AccountStore['byId'];
};

/** The one time that a secret is seen. */
export type Issued = { readonly secret: string; readonly password: AppPassword };

/**
 * @throws {Refusal} `bad_request` for input that can't be met, `conflict` at the limit, for a name in use, or where the maker's
 *   account stopped at this moment, `not_found` where the account was removed
 */
export async function issue(
  parts: IssueParts,
  owner: Owner,
  input: PasswordInput,
  by: Actor,
  maker: Maker | null,
): Promise<Issued> {
  const { store, audit, now, maximumPerAccount } = parts;
  const { name, limits } = checkInput(input, parts);
  const { secret, row } = createNewPassword(parts, owner, { name, limits, days: input.days, id: input.id }, maker);
  const { id, expires_at: expiresAt } = row;
  const detail = { id, name, expiresAt, limits };
  const event = { action: 'password.create', ...by, subject: owner.login, detail } as const;
  if (!(await audit.commit(event, (entry) => store.insert(row, maximumPerAccount, entry)))) {
    throw (await objectionTo(maker, parts.accountById)) ?? (await explainConflict(parts, owner, name));
  }
  return { secret, password: asNew(row, owner, now()) };
}

/** Which of its conditions the insert did not meet. */
async function explainConflict(parts: IssueParts, { id, login }: Owner, name: string): Promise<Refusal> {
  const { store, now, maximumPerAccount: limit } = parts;
  if ((await parts.accountById(id)) === undefined) {
    return new Refusal('not_found', `There is no account ${login} any more, so no password was made.`);
  }
  const rows = await store.ofAccount(id);
  // Logins from a terminal and machines have names of their own.
  const isTaken = rows.some((row) => row.origin === null && row.name === name && stateOf(row, now()) === 'active');
  return isTaken
    ? new Refusal(
        'conflict',
        `There is already an active password named “${name}”. Choose another name, or revoke that one.`,
        { field: 'name' },
      )
    : new Refusal('conflict', `There are ${limit} active passwords, which is the limit. Revoke one to create another.`);
}
