/** Owns what administrators see of the names of accounts that are gone, and giving one to whoever comes with it next. */
import type { Actor, Audit } from '../audit/audit.ts';
import { otherFormOf } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { RetiredLogin, RetiredLoginStore } from '../store/retired-logins.ts';

/** The name of an account that was removed, or changed its address. */
export type KeptLogin = {
  readonly login: string;
  readonly kind: RetiredLogin['kind'];
  /** Epoch milliseconds. */
  readonly at: number;
  /** A login, or 'command line'. */
  readonly by: string;
};

export type RetiredLogins = {
  /** The latest first, a thousand at most. @param search part of a name, any case */
  list(search: string): Promise<KeptLogin[]>;
  /** How many match, in the list or not. @param search as for the list */
  count(search: string): Promise<number>;
  /** Lets the next person who comes with the name have it, in either spelling, and the rules that name it. @throws {Refusal} `not_found` */
  release(login: string, by: Actor): Promise<void>;
};

export type RetiredLoginParts = {
  readonly retiredLogins: Pick<RetiredLoginStore, 'list' | 'count' | 'release'>;
  readonly audit: Audit;
};

const maximum = 1_000;

export function createRetiredLogins({ retiredLogins, audit }: RetiredLoginParts): RetiredLogins {
  return {
    async list(search) {
      const rows = await retiredLogins.list(foldCase(search.trim()), maximum);
      return rows.map(({ login, kind, at, retired_by: by }) => ({ login, kind, at, by }));
    },
    count: (search) => retiredLogins.count(foldCase(search.trim())),
    async release(given, by) {
      const login = foldCase(given.trim());
      const event = { action: 'login.release', ...by, subject: login } as const;
      if (await audit.commit(event, (row) => retiredLogins.release([login, otherFormOf(login) ?? login], row))) return;
      throw new Refusal('not_found', `${login} isn't kept: no one had it, or it was released already.`);
    },
  };
}
