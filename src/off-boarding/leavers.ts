/** Owns what happens to the account of somebody who has left, or whom the provider wants to see again. */
import type { Actor, Audit } from '../audit/audit.ts';
import type { AccountStore } from '../store/accounts.ts';
import { type Account, byProvider } from '../store/accounts.ts';
import type { PeopleStore, Removed } from '../store/people.ts';
import type { SessionStore } from '../store/sessions.ts';

/** Who found out: 'sweep', 'google' or whoever signs in. */
export type OffBoardingActor = Actor;

export type Leavers = {
  /**
   * Passwords are revoked and sessions ended; a later sign-in makes the account work again, with new passwords.
   * @param how whether it's for a security reason: then robots' passwords that the person made stop immediately
   * @param at when the provider said so; whoever has signed in after it is let alone
   * @returns false when nothing changed
   */
  shutOut(
    account: Account,
    reason: string,
    at: number,
    actor: OffBoardingActor,
    how?: { readonly forSecurity: boolean },
  ): Promise<boolean>;
  /** Passwords rest, and work again after a sign-in. */
  requireSignIn(
    account: Account,
    reason: string,
    at: number,
    actor: OffBoardingActor,
    how?: { readonly forSecurity: boolean },
  ): Promise<boolean>;
  /** @returns how many sessions in browsers ended */
  endSessions(account: Account, reason: string, actor: OffBoardingActor): Promise<number>;
};

export type LeaverParts = {
  readonly accounts: Pick<AccountStore, 'setState'>;
  readonly people: Pick<PeopleStore, 'shutOut'>;
  readonly sessions: Pick<SessionStore, 'removeOfAccount'>;
  /** Forgets the person's refresh token. */
  readonly forgetToken: (account: Account) => Promise<void>;
  readonly audit: Audit;
};

export function createLeavers({ accounts, people, sessions, forgetToken, audit }: LeaverParts): Leavers {
  return {
    async shutOut(account, reason, at, actor, { forSecurity } = { forSecurity: false }) {
      const { id, login: subject, provider } = account;
      // Its owner reads by whom the passwords were revoked: not by a sweep of ours, but by what the provider says.
      const change = { reason, passwordsBy: provider, at, forSecurity };
      const event = (ended: Removed) =>
        ({ action: 'person.disable', ...actor, subject, detail: { reason, ...ended } }) as const;
      if (!(await audit.commit(event, (row) => people.shutOut(id, change, row)))) return false;
      await forgetToken(account);
      return true;
    },
    async requireSignIn({ id, login: subject, state }, reason, at, actor, { forSecurity } = { forSecurity: false }) {
      // What somebody disabled stays so: signing in again would be no way back.
      if (state !== 'active') return false;
      const change = {
        state: 'reauth_required',
        reason,
        by: byProvider,
        at,
        unlessSignedInAfter: at,
        forSecurity,
      } as const;
      const event = { action: 'person.require-sign-in', ...actor, subject, detail: { reason } } as const;
      return audit.commit(event, (row) => accounts.setState(id, change, row));
    },
    endSessions({ id, login: subject }, reason, actor) {
      const event = (ended: number) =>
        ({ action: 'person.end-sessions', ...actor, subject, detail: { reason, ended } }) as const;
      return audit.commit(event, (row) => sessions.removeOfAccount(id, row));
    },
  };
}
