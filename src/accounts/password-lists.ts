/** Owns the passwords of everyone, as administrators list them: by state, soon to end, long unused. */
import { type AppPassword, toAppPassword } from '../app-passwords/app-password.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import { type Page, pageOf } from '../lib/paging.ts';
import { day } from '../lib/time.ts';
import type { PasswordListKind, PasswordListStore } from '../store/password-lists.ts';

export type PasswordPage = Pick<Page, 'page' | 'pages'> & {
  readonly passwords: readonly AppPassword[];
  readonly total: number;
};

export type PasswordLists = {
  /** Days that `expiring` looks ahead, and after which a password is `unused`. */
  readonly soonDays: number;
  readonly idleDays: number;
  count(kind: PasswordListKind): Promise<number>;
  page(kind: PasswordListKind, page: number): Promise<PasswordPage>;
};

/** Rows of a page. */
const pageSize = 50;
const soonDays = 14;
const idleDays = 90;

/** @param parts.now epoch milliseconds */
export function createPasswordLists(parts: {
  readonly store: PasswordListStore;
  readonly gracePeriods: Pick<GracePeriods, 'unchecked'>;
  readonly now: () => number;
}): PasswordLists {
  const { store, gracePeriods } = parts;
  const times = () => {
    const now = parts.now();
    return { now, soon: now + soonDays * day, idle: now - idleDays * day };
  };
  return {
    ...{ soonDays, idleDays },
    count: (kind) => store.count(kind, times()),
    async page(kind, wanted) {
      const at = times();
      const total = await store.count(kind, at);
      const { page, pages, offset } = pageOf(total, pageSize, wanted);
      const rows = await store.page(kind, at, pageSize, offset);
      const { unchecked } = gracePeriods;
      return { passwords: rows.map((row) => toAppPassword(row, row, { now: at.now, unchecked })), total, page, pages };
    },
  };
}
