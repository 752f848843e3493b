/** Owns the passwords of everyone, as administrators list them: by state, soon to end, long unused. */
import { type AppPassword, toAppPassword } from '../app-passwords/app-password.ts';
import { day } from '../lib/time.ts';
import type { PasswordListKind, PasswordListStore } from '../store/password-lists.ts';

export type PasswordPage = {
  readonly passwords: readonly AppPassword[];
  readonly total: number;
  /** The one that was asked for, or the last one where there are fewer; from 1. */
  readonly page: number;
  readonly pages: number;
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
  readonly now: () => number;
}): PasswordLists {
  const { store } = parts;
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
      const pages = Math.max(1, Math.ceil(total / pageSize));
      const page = Math.min(Math.max(1, wanted), pages);
      const rows = await store.page(kind, at, pageSize, (page - 1) * pageSize);
      return { passwords: rows.map((row) => toAppPassword(row, row, at.now)), total, page, pages };
    },
  };
}
