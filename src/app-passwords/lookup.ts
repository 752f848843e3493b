/** Owns finding app passwords, for pages, API and commands. */
import type { GracePeriods } from '../identity/account-status.ts';
import { Refusal } from '../lib/errors.ts';
import { day } from '../lib/time.ts';
import type { ListedPassword, PasswordStore } from '../store/passwords.ts';
import { type AppPassword, type Owner, toAppPassword } from './app-password.ts';

export type PasswordLookup = {
  /** The newest first. */
  ofAccount(owner: Pick<Owner, 'id'>): Promise<AppPassword[]>;
  all(): Promise<AppPassword[]>;
  /** Live ones of robots that this account made. */
  madeBy(accountId: string): Promise<AppPassword[]>;
  /** Live ones of robots. */
  ofRobots(): Promise<AppPassword[]>;
  /**
   * Live ones of active accounts that end within so many days and have no successor; the next to end first.
   * @throws {Refusal} `bad_request` for more than ten years
   */
  expiring(days: number): Promise<AppPassword[]>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<AppPassword>;
  /**
   * @param accountId only a password of this account, or any where `null`
   * @throws {Refusal} `not_found`
   */
  byIdOf(id: string, accountId: string | null): Promise<AppPassword>;
};

/** Days: the end of a longer time can't be stored. */
const maximumAhead = 3_650;

/** @param parts.flushUses stores the last uses that wait, so that they are seen */
export function createPasswordLookup(parts: {
  readonly store: PasswordStore;
  readonly flushUses: () => Promise<void>;
  readonly gracePeriods: Pick<GracePeriods, 'unchecked'>;
  readonly now: () => number;
}): PasswordLookup {
  const { store, flushUses, now } = parts;
  const shown = (row: ListedPassword) =>
    toAppPassword(row, row, { now: now(), unchecked: parts.gracePeriods.unchecked });
  const byId = async (id: string): Promise<AppPassword> => {
    await flushUses();
    const row = await store.byId(id);
    if (row === undefined) throw new Refusal('not_found', `There is no password ${id}. List them to see the ids.`);
    return shown(row);
  };
  return {
    async ofAccount(owner) {
      await flushUses();
      return (await store.ofAccount(owner.id)).map(shown);
    },
    async all() {
      await flushUses();
      return (await store.all()).map(shown);
    },
    async madeBy(accountId) {
      return (await store.madeBy(accountId, now())).map(shown);
    },
    async ofRobots() {
      return (await store.ofRobots(now())).map(shown);
    },
    async expiring(days) {
      if (days < 0 || days > maximumAhead) {
        throw new Refusal('bad_request', `Choose between 0 and ${maximumAhead} days.`, { field: 'days' });
      }
      const until = now() + days * day;
      return (await store.expiring(now(), until)).map(shown);
    },
    byId,
    async byIdOf(id, accountId) {
      const password = await byId(id);
      if (accountId === null || password.accountId === accountId) return password;
      throw new Refusal('not_found', `You have no password ${id}. Your passwords are listed on the first page.`);
    },
  };
}
