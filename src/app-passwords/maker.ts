/** Owns who made a robot's password, and what that means for it now: the password does no more than its maker can. */
import { identityOfAccount } from '../identity/account-identity.ts';
import { type GracePeriods, uncheckedUntil } from '../identity/account-status.ts';
import type { Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { minuteOf } from '../lib/time.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { ListedPassword, PasswordRow } from '../store/passwords.ts';

/** The person who receives a robot's password, by creating, rotating or adopting it. */
export type Maker = {
  /** `null` for the command line. */
  readonly accountId: string | null;
  /** An administrator's password is bounded by the robot's own rules alone. */
  readonly as: 'person' | 'administrator';
};

export const commandLine: Maker = { accountId: null, as: 'administrator' };

export type MakerRules = {
  /** Whether the bound denies; otherwise it only warns. */
  readonly enforced: boolean;
  /** Milliseconds that a password works after its maker's account stopped; `null`: for as long as it lives. */
  readonly grace: number | null;
};

/** The maker as lists show it; `null` where it isn't known. Times are epoch milliseconds. */
export type MakerStatus = {
  /** `null`: the command line, or an account that was removed. */
  readonly login: string | null;
  readonly accountId: string | null;
  readonly as: Maker['as'];
  /** When the maker's account stopped working, or what they hold where their provider can't be asked about them; `null` while it works. */
  readonly leftAt: number | null;
  /** Where it's for the latter: the last sign-in. Another one helps. */
  readonly uncheckedSince: number | null;
  /** Stopped for a security reason: there's no grace period. */
  readonly isSecurity: boolean;
};

type MakerFacts = Pick<
  Account,
  'login' | 'state' | 'state_at' | 'stopped_for_security' | 'confirmed_at' | 'signed_in_at'
>;
type MadeRow = Pick<PasswordRow, 'maker_id' | 'maker_kind'>;

/** Now in epoch milliseconds, and `unchecked` as in `GracePeriods`. */
export type MakerTimes = { readonly now: number; readonly unchecked: number | null };

/** @param maker its account; `undefined` for one that was removed */
function makerStatusOf(row: MadeRow, maker: MakerFacts | undefined, times: MakerTimes): MakerStatus | null {
  const { maker_id: accountId, maker_kind: as } = row;
  if (as === null) return null;
  const isSecurity = maker?.stopped_for_security === 1;
  const known = { login: maker?.login ?? null, accountId, as, isSecurity, uncheckedSince: null };
  if (accountId === null) return { ...known, leftAt: null };
  if (maker === undefined) return { ...known, leftAt: 0 };
  const leftAt = leftAtOf(maker, times);
  const isUnchecked = maker.state === 'active' && leftAt !== null;
  return { ...known, leftAt, uncheckedSince: isUnchecked ? maker.signed_in_at : null };
}

/** A provider's silence is no leaving: the groups grow old by it, and what depends on them ends. */
function leftAtOf(maker: MakerFacts, { now, unchecked }: MakerTimes): number | null {
  if (maker.state !== 'active') return maker.state_at ?? 0;
  const until = uncheckedUntil(maker, unchecked);
  return until !== null && until < now ? until : null;
}

/** The same for a row of a list, which has the maker's columns beside its own. */
export function listedMakerOf(row: Omit<ListedPassword, 'login' | 'kind'>, times: MakerTimes): MakerStatus | null {
  const { maker_login: login, maker_state: state } = row;
  if (login === null || state === null) return makerStatusOf(row, undefined, times);
  const { maker_state_at: state_at, maker_stopped_for_security: stopped_for_security } = row;
  const { maker_confirmed_at: confirmed_at, maker_signed_in_at: signed_in_at } = row;
  return makerStatusOf(row, { login, state, state_at, stopped_for_security, confirmed_at, signed_in_at }, times);
}

/** When a password stops because its maker left, unless another owner adopts it; `null`: it doesn't. Epoch milliseconds. */
export function endAfterMaker({ login, leftAt, isSecurity }: MakerStatus, rules: MakerRules): number | null {
  if (leftAt === null) return null;
  if (isSecurity || login === null) return leftAt;
  return rules.enforced && rules.grace !== null ? leftAt + rules.grace : null;
}

/** Why no password is made for this maker; `null`: the account works. */
export async function objectionTo(maker: Maker | null, accountById: AccountStore['byId']): Promise<Refusal | null> {
  if (maker === null || maker.accountId === null) return null;
  if ((await accountById(maker.accountId))?.state === 'active') return null;
  return new Refusal('conflict', 'Your account stopped working just now, so no password was made. Sign in again.');
}

/**
 * What bounds a password's decisions.
 * @param maker its account; `undefined` for one that was removed
 * @returns `null` where the robot's own rules decide alone
 * @throws {Refusal} `unauthenticated` where the maker left too long ago
 */
export function boundOf(
  row: MadeRow & Pick<PasswordRow, 'name'>,
  maker: Account | undefined,
  rules: MakerRules,
  gracePeriods: GracePeriods,
  now: number,
): Identity['maker'] {
  const status = makerStatusOf(row, maker, { now, unchecked: gracePeriods.unchecked });
  if (status === null) return null;
  const end = endAfterMaker(status, rules);
  if (end !== null && end <= now) throw left(row.name, status);
  if (status.as === 'administrator' || maker === undefined) return null;
  // A leaver is known as of the moment of leaving: the groups neither grow old nor change. Of anyone else they still do.
  const knownAt = maker.state === 'active' ? now : (status.leftAt ?? now);
  const identity = identityOfAccount(maker, gracePeriods, knownAt);
  return { login: maker.login, identity, enforced: rules.enforced };
}

function left(name: string, { login, leftAt, uncheckedSince }: MakerStatus): Refusal {
  const made = `password "${name}" was made by`;
  const adopt = 'another owner of the robot can adopt it';
  const message =
    login === null
      ? `${made} someone whose account was removed; ${adopt}`
      : uncheckedSince === null
        ? `${made} ${login}, whose account stopped working at ${minuteOf(leftAt ?? 0)} UTC; ${adopt}`
        : `${made} ${login}, who hasn't signed in since ${minuteOf(uncheckedSince)} UTC; it works again once they do, and ${adopt}`;
  return new Refusal('unauthenticated', message);
}
