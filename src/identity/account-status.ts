/** Owns what an account's state, and how long ago a provider last spoke of the person, mean for groups and passwords. */

import { isTexts, readJson } from '../lib/json.ts';
import { minuteOf } from '../lib/time.ts';
import { withoutInvisible } from '../lib/unicode.ts';
import type { Account } from '../store/accounts.ts';
import type { Identity } from './identity.ts';

/** How long the provider's word counts without a newer one, in milliseconds. */
export type GracePeriods = {
  readonly groups: number;
  /** Passwords, for any action. */
  readonly full: number;
  /** Passwords, for pull only; not shorter than `full`. */
  readonly pull: number;
  /** Passwords of people whose provider can't be asked, from their last sign-in on; `null`: forever. */
  readonly unchecked: number | null;
};

/** What the passwords of an account can do now, and if not everything: why, and what its owner can do about it. */
export type AccountStatus = {
  readonly use: 'full' | 'pull' | 'none';
  /** `null` where `use` is full. */
  readonly reason: string | null;
  /** Whether signing in again helps; a disabled account needs an administrator. */
  readonly signInHelps: boolean;
};

export type AccountFacts = Pick<
  Account,
  | 'kind'
  | 'login'
  | 'provider'
  | 'state'
  | 'state_reason'
  | 'state_at'
  | 'confirmed_at'
  | 'signed_in_at'
  | 'groups_json'
  | 'groups_at'
  | 'undecided_groups_json'
>;

const good: AccountStatus = { use: 'full', reason: null, signInHelps: false };

/** @param now epoch milliseconds */
export function accountStatusOf(account: AccountFacts, gracePeriods: GracePeriods, now: number): AccountStatus {
  if (account.state !== 'active') return { ...stopped(account), use: 'none' };
  const { confirmed_at: confirmedAt, login, provider } = account;
  if (confirmedAt === null) return uncheckedStatus(account, gracePeriods.unchecked, now);
  const silence = now - confirmedAt;
  if (silence <= gracePeriods.full) return good;
  const since = `${provider} could not be asked about ${login} since ${minuteOf(confirmedAt)} UTC`;
  if (silence > gracePeriods.pull) return { use: 'none', reason: since, signInHelps: true };
  return { use: 'pull', reason: `${since}, so that only pulls are allowed`, signInHelps: true };
}

/**
 * When what a person holds stops whose provider can't be asked, since only their own sign-ins show that they are still there.
 * @param unchecked as in `GracePeriods`
 * @returns epoch milliseconds; `null`: it doesn't stop for that
 */
export function uncheckedUntil(
  { confirmed_at: confirmedAt, signed_in_at: at }: Pick<Account, 'confirmed_at' | 'signed_in_at'>,
  unchecked: number | null,
): number | null {
  return confirmedAt !== null || at === null || unchecked === null ? null : at + unchecked;
}

function uncheckedStatus(account: AccountFacts, unchecked: number | null, now: number): AccountStatus {
  const { kind, login, provider, signed_in_at: at } = account;
  const until = uncheckedUntil(account, unchecked);
  if (kind === 'robot' || at === null || until === null || now <= until) return good;
  const reason = `${login} last signed in ${minuteOf(at)} UTC, and ${provider} can't be asked whether they're still there`;
  return { use: 'none', reason, signInHelps: true };
}

function stopped({ login, state, state_reason: why, state_at: at }: AccountFacts): Omit<AccountStatus, 'use'> {
  const since = at === null ? '' : ` since ${minuteOf(at)} UTC`;
  // Docker prints it. Versions before this rule stored what terminals obey (lib/reason.ts).
  const reason = why ? `: ${withoutInvisible(why)}` : '';
  if (state === 'disabled') return { reason: `the account ${login} is disabled${since}${reason}`, signInHelps: false };
  return { reason: `${login} has to sign in again${since}${reason}`, signInHelps: true };
}

type KnownGroups = Pick<Identity, 'groups' | 'undecidedGroups' | 'groupsKnown' | 'groupsAt'>;

/** Groups that were reported too long ago are unknown: someone who left a group must not keep it while the provider is silent. */
export function knownGroups(account: AccountFacts, gracePeriods: GracePeriods, now: number): KnownGroups {
  const groupsKnown = knowsGroups(account, gracePeriods, now);
  const { groups_at: groupsAt } = account;
  if (!groupsKnown) return { groups: [], undecidedGroups: [], groupsKnown, groupsAt };
  const groups = readJson(account.groups_json, isTexts);
  const undecidedGroups = readJson(account.undecided_groups_json ?? '[]', isTexts);
  return { groups, undecidedGroups, groupsKnown, groupsAt };
}

function knowsGroups({ kind, groups_at: at }: AccountFacts, gracePeriods: GracePeriods, now: number): boolean {
  // Robots have no provider: their groups are what someone here gave them.
  return kind === 'robot' || (at !== null && now - at <= gracePeriods.groups);
}
