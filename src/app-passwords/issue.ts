/** Makes a new app password. */
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import type { Pepper } from '../lib/secret.ts';
import type { PasswordStore } from '../store/passwords.ts';
import { type AppPassword, asNew, type Owner } from './app-password.ts';
import { stateOf } from './check.ts';
import { checkInput, type InputRules, type PasswordInput } from './input.ts';
import type { Maker } from './maker.ts';
import { createNewPassword } from './new-password.ts';

export type IssueParts = InputRules & {
  readonly store: PasswordStore;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly maximumPerAccount: number;
};

/** The one time that a secret is seen. */
export type Issued = { readonly secret: string; readonly password: AppPassword };

/** @throws {Refusal} `bad_request` for input that can't be met, `conflict` at the limit or for a name in use */
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
    throw await explainConflict(store, owner.id, name, maximumPerAccount, now());
  }
  return { secret, password: asNew(row, owner, now()) };
}

/** Which of its two conditions the insert did not meet. */
async function explainConflict(store: PasswordStore, accountId: string, name: string, limit: number, now: number) {
  const rows = await store.ofAccount(accountId);
  // Logins from a terminal and machines have names of their own.
  const isTaken = rows.some((row) => row.origin === null && row.name === name && stateOf(row, now) === 'active');
  return isTaken
    ? new Refusal(
        'conflict',
        `There is already an active password named “${name}”. Choose another name, or revoke that one.`,
        { field: 'name' },
      )
    : new Refusal('conflict', `There are ${limit} active passwords, which is the limit. Revoke one to create another.`);
}
