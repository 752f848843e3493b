/** Owns letting accounts follow their person: a provider whose issuer changed, and one person who comes by another provider. */
import { randomBytes } from 'node:crypto';
import type { Actor, Audit } from '../audit/audit.ts';
import type { Authority } from '../identity/authority.ts';
import { Refusal } from '../lib/errors.ts';
import { day } from '../lib/time.ts';
import type { AccountMoveStore } from '../store/account-moves.ts';
import type { Account } from '../store/accounts.ts';

export type Moves = {
  /**
   * Lets everyone of an issuer keep their account at another: each with the next sign-in there that shows the same subject and the
   * same verified address. @returns how many accounts that can be
   * @throws {Refusal} `not_found` where nobody has this issuer, `bad_request` for the same issuer twice
   */
  move(from: string, to: string, by: Actor): Promise<number>;
  /**
   * Lets the next verified sign-in with this address through the provider take the account over, once within 24 hours.
   * @throws {Refusal} `bad_request` where the provider doesn't vouch for the address
   */
  relink(account: Account, provider: string, by: Actor): Promise<void>;
  countOfIssuer(issuer: string): Promise<number>;
};

export type MoveParts = {
  readonly moves: AccountMoveStore;
  readonly authority: Authority;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createMoves({ moves, authority, audit, now }: MoveParts): Moves {
  const allow = (by: Actor) => ({ id: randomBytes(9).toString('hex'), at: now(), created_by: by.actor });
  return {
    countOfIssuer: moves.countOfIssuer,
    async move(from, to, by) {
      if (from === to) throw new Refusal('bad_request', 'Both are the same issuer. Name the old one and the new one.');
      const accounts = await moves.countOfIssuer(from);
      if (accounts === 0) throw new Refusal('not_found', `Nobody has an account of the issuer ${from}.`);
      const row = { ...allow(by), account_id: null, from_issuer: from, to_issuer: to, provider: null, until: null };
      const event = { action: 'person.move', ...by, subject: '', detail: { from, to, accounts } } as const;
      await audit.commit(event, (entry) => moves.allow(row, entry));
      return accounts;
    },
    async relink(account, provider, by) {
      const objection = authority.objectionTo({ ...account, provider });
      if (objection !== null)
        throw new Refusal('bad_request', `${account.login} can't come by ${provider}: ${objection}.`);
      const row = {
        ...allow(by),
        account_id: account.id,
        from_issuer: null,
        to_issuer: null,
        provider,
        until: now() + day,
      };
      const event = { action: 'person.relink', ...by, subject: account.login, detail: { provider } } as const;
      await audit.commit(event, (entry) => moves.allow(row, entry));
    },
  };
}
