/** Owns how the account status is shown to a person: whether their passwords work, why not, and when the provider last confirmed them. */
import { accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import type { Account } from '../store/accounts.ts';
import { type FormattedTime, formatTime } from './time-view.ts';

export type AccountStatusView = {
  /** A whole sentence; `null` where everything works. */
  readonly problem: string | null;
  /** No password works. */
  readonly isSuspended: boolean;
  /** Where signing in again helps; else `null`. */
  readonly signInHref: string | null;
  /** `null`: nothing can be asked after the sign-in. */
  readonly confirmed: FormattedTime | null;
};

declare module './views.ts' {
  interface ViewData {
    'account-status': { status: AccountStatusView };
  }
}

/** @param now epoch milliseconds */
export function accountStatusViewOf(
  account: Account,
  gracePeriods: GracePeriods,
  prefix: string,
  now: number,
): AccountStatusView {
  const { use, reason, signInHelps } = accountStatusOf(account, gracePeriods, now);
  const { confirmed_at: confirmedAt, provider } = account;
  const effect = use === 'pull' ? 'Your passwords are limited' : 'Your passwords are suspended';
  return {
    problem: reason === null ? null : `${effect}: ${reason}.`,
    isSuspended: use === 'none',
    signInHref: signInHelps ? `${prefix}/sign-in/${encodeURIComponent(provider)}` : null,
    confirmed: confirmedAt === null ? null : formatTime(confirmedAt, now),
  };
}
