/** Puts a new secret in the place of an old one. */
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import type { Pepper } from '../lib/secret.ts';
import { hour } from '../lib/time.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { PasswordStore } from '../store/passwords.ts';
import { type AppPassword, asNew } from './app-password.ts';
import { checkDays } from './input.ts';
import type { Issued } from './issue.ts';
import type { PasswordLookup } from './lookup.ts';
import { endAfterMaker, type Maker, type MakerRules, objectionTo } from './maker.ts';
import { createNewPassword } from './new-password.ts';

/** A password that replaces another. `overlapHours` is how long the old one stays active: 0 ends it immediately. */
export type RotationInput = { readonly days: number; readonly overlapHours: number };

export type RotateParts = {
  readonly store: PasswordStore;
  readonly audit: Audit;
  readonly pepper: Pepper;
  readonly lists: PasswordLookup;
  readonly accountById: AccountStore['byId'];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly maximumDays: number;
  readonly makerRules: MakerRules;
};

/** Hours: a month. */
const maximumOverlap = 720;

/**
 * @param accountId only a password of this account, or any where `null`
 * @throws {Refusal} `bad_request`, `not_found`, or `conflict` for one that is not live or has two active secrets already, or
 *   where the maker's account stopped at this moment
 */
export async function rotate(
  parts: RotateParts,
  id: string,
  accountId: string | null,
  input: RotationInput,
  by: Actor,
  maker: Maker | null,
): Promise<Issued & { readonly previous: AppPassword }> {
  const { store, audit, lists, now } = parts;
  const old = await lists.byIdOf(id, accountId);
  if (old.origin !== null) {
    throw new Refusal('conflict', `"${old.name}" belongs to a terminal: sign in there again for a new one.`);
  }
  checkDays(input.days, parts.maximumDays);
  checkOverlap(input.overlapHours);
  const owner = { id: old.accountId, login: old.login, kind: old.ownerKind };
  const { name, limits } = old;
  const { secret, row } = createNewPassword(parts, owner, { name, limits, days: input.days }, maker);
  const makerEnd = old.maker && endAfterMaker(old.maker, parts.makerRules);
  // A leaver knows the old secret: it ends with the grace period, no matter who adopts the password.
  const oldUntil = Math.min(now() + input.overlapHours * hour, makerEnd ?? Number.POSITIVE_INFINITY);
  const detail = { id: row.id, name: row.name, replaces: id, oldExpiresAt: Math.min(old.expiresAt, oldUntil) };
  const isAdoption = old.ownerKind === 'robot' && old.maker?.accountId !== maker?.accountId;
  const action = isAdoption ? 'password.adopt' : 'password.rotate';
  const adoption = isAdoption ? { adoptedFrom: old.maker?.login ?? null } : {};
  const event = { action, ...by, subject: old.login, detail: { ...detail, ...adoption } } as const;
  if (!(await audit.commit(event, (entry) => store.rotate(id, row, oldUntil, entry)))) {
    throw (await objectionTo(maker, parts.accountById)) ?? explainConflict(await lists.byId(id));
  }
  return { secret, password: asNew(row, owner, now()), previous: await lists.byId(id) };
}

function checkOverlap(hours: number): void {
  if (Number.isInteger(hours) && hours >= 0 && hours <= maximumOverlap) return;
  const message = `Keep the old password working for 0 to ${maximumOverlap} hours.`;
  throw new Refusal('bad_request', message, { field: 'overlapHours' });
}

/** Why the store took no successor of it. */
function explainConflict({ name, state, replacedBy }: AppPassword): Refusal {
  const why =
    state !== 'active'
      ? `"${name}" is ${state}: create a new password`
      : replacedBy !== null
        ? `"${name}" has a new secret already: rotate that one, ${replacedBy}`
        : `The previous password of “${name}” still works: wait until it expires, or revoke it`;
  return new Refusal('conflict', `${why}.`);
}
