/** Owns what happens to the account of somebody who has left, or whom the provider wants to see again. */
import type { Actor, Audit } from '../audit/audit.ts';
import type { AccountStore } from '../store/accounts.ts';
import { type Account, byProvider } from '../store/accounts.ts';
import type { PasswordStore } from '../store/passwords.ts';
import type { SessionStore } from '../store/sessions.ts';

/** Who found out: 'sweep', 'google' or whoever signs in. */
export type OffBoardingActor = Actor;

export type Leavers = {
  /**
   * Passwords are revoked and sessions ended; a later sign-in makes the account work again, with new passwords.
   * @param at when the provider said so; whoever has signed in after it is let alone
   * @returns false when nothing changed
   */
  shutOut(account: Account, reason: string, at: number, actor: OffBoardingActor): Promise<boolean>;
  /** Passwords rest, and work again after a sign-in. */
  requireSignIn(account: Account, reason: string, at: number, actor: OffBoardingActor): Promise<boolean>;
  /** @returns how many sessions in browsers ended */
  endSessions(account: Account, reason: string, actor: OffBoardingActor): Promise<number>;
};

export type LeaverParts = {
  readonly accounts: Pick<AccountStore, 'setState'>;
  readonly passwords: Pick<PasswordStore, 'revokeOfAccount'>;
  readonly sessions: Pick<SessionStore, 'removeOfAccount'>;
  /** Forgets the person's refresh token. */
  readonly forgetToken: (account: Account) => Promise<void>;
  readonly audit: Audit;
};

export function createLeavers({ accounts, passwords, sessions, forgetToken, audit }: LeaverParts): Leavers {
  return {
    async shutOut(account, reason, at, actor) {
      const { id, login: subject, provider } = account;
      const change = { state: 'disabled', reason, by: byProvider, at, unlessSignedInAfter: at } as const;
      if (!(await accounts.setState(id, change))) return false;
      const detail = {
        reason,
        // Its owner reads by whom: no sweep of ours, but what the provider says.
        passwords: await passwords.revokeOfAccount(id, provider, at),
        sessions: await sessions.removeOfAccount(id),
      };
      await forgetToken(account);
      audit.record({ action: 'person.disable', ...actor, subject, detail });
      return true;
    },
    async requireSignIn({ id, login: subject, state }, reason, at, actor) {
      // What somebody disabled stays so: signing in again would be no way back.
      if (state !== 'active') return false;
      const change = { state: 'reauth_required', reason, by: byProvider, at, unlessSignedInAfter: at } as const;
      if (!(await accounts.setState(id, change))) return false;
      audit.record({ action: 'person.require-sign-in', ...actor, subject, detail: { reason } });
      return true;
    },
    async endSessions({ id, login: subject }, reason, actor) {
      const ended = await sessions.removeOfAccount(id);
      if (ended > 0) audit.record({ action: 'person.end-sessions', ...actor, subject, detail: { reason, ended } });
      return ended;
    },
  };
}
