/** Owns what happens to the account of someone who has left, or who must sign in again. */
import type { Actor, Audit } from '../audit/audit.ts';
import type { Account } from '../store/accounts.ts';
import type { PeopleStore, ShutOut } from '../store/people.ts';
import type { Ended, SessionStore } from '../store/sessions.ts';

/** Who found out: 'sweep', 'google' or the login of the person who signs in. */
export type OffBoardingActor = Actor;

export type HowLeft = {
  /**
   * Robots' passwords that the person made stop immediately, too, also where the account stopped before. Someone who is shut
   * out loses them for good.
   */
  readonly forSecurity?: boolean;
  /** The provider says that the person can come back. */
  readonly suspended?: boolean;
};

export type Leavers = {
  /**
   * Passwords and API tokens are revoked and sessions ended; a later sign-in makes the account work again, with new ones.
   * @param at when the provider said so; someone who has signed in after it is left alone
   * @returns false when nothing changed
   */
  shutOut(account: Account, reason: string, at: number, actor: OffBoardingActor, how?: HowLeft): Promise<boolean>;
  /** Passwords rest, and work again after a sign-in; sessions end, or one could still make a robot's password. */
  requireSignIn(account: Account, reason: string, at: number, actor: OffBoardingActor, how?: HowLeft): Promise<boolean>;
  /** @returns how many sessions in browsers ended */
  endSessions(account: Account, reason: string, actor: OffBoardingActor): Promise<number>;
};

export type LeaverParts = {
  readonly people: Pick<PeopleStore, 'shutOut' | 'requireSignIn'>;
  readonly sessions: Pick<SessionStore, 'removeOfAccount'>;
  /** Forgets the person's refresh token. */
  readonly forgetToken: (account: Account) => Promise<void>;
  readonly audit: Audit;
};

export function createLeavers({ people, sessions, forgetToken, audit }: LeaverParts): Leavers {
  return {
    async shutOut(account, reason, at, actor, { forSecurity = false, suspended = false } = {}) {
      const { id, login: subject } = account;
      const security = forSecurity ? { forSecurity } : {};
      const change = { reason, at, forSecurity, suspended };
      const event = (ended: ShutOut) =>
        ({ action: 'person.disable', ...actor, subject, detail: { reason, ...ended, ...security } }) as const;
      if (!(await audit.commit(event, (row) => people.shutOut(id, change, row)))) return false;
      await forgetToken(account);
      return true;
    },
    requireSignIn({ id, login: subject }, reason, at, actor, { forSecurity = false } = {}) {
      const security = forSecurity ? { forSecurity } : {};
      const event = (sessions: number) =>
        ({ action: 'person.require-sign-in', ...actor, subject, detail: { reason, sessions, ...security } }) as const;
      return audit.commit(event, (row) => people.requireSignIn(id, { reason, at, forSecurity }, row));
    },
    endSessions({ id, login: subject }, reason, actor) {
      const event = ({ sessions: ended, approvals }: Ended) =>
        ({ action: 'person.end-sessions', ...actor, subject, detail: { reason, ended, approvals } }) as const;
      return audit.commit(event, (row) => sessions.removeOfAccount(id, row));
    },
  };
}
