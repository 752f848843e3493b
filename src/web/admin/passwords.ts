/** Owns the administrators' lists of passwords: those that the numbers of the overview lead to. */
import type { RequestHandler } from 'express';
import type { PasswordLists } from '../../accounts/password-lists.ts';
import type { PasswordListKind } from '../../store/password-lists.ts';
import { fieldsOf, oneOf, queryOf } from '../fields.ts';
import { type Pager, pageIn, pagerOf } from '../list-view.ts';
import { sections } from '../navigation.ts';
import { type PasswordView, viewOf } from '../password-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

const kinds: readonly PasswordListKind[] = ['active', 'expiring', 'unused', 'suspended', 'expired', 'revoked'];

type Row = PasswordView & { readonly login: string; readonly accountId: string; readonly isRobot: boolean };

declare module '../views.ts' {
  interface ViewData {
    'admin-passwords': AdminFrame & {
      title: string;
      total: number;
      rows: readonly Row[];
      states: readonly { readonly label: string; readonly href: string; readonly isChosen: boolean }[];
      pager: Pager;
    };
  }
}

/** GET /admin/passwords?state=...&page=... */
export function createPasswordLists(parts: AdminParts & { readonly passwordLists: PasswordLists }): RequestHandler {
  const { passwordLists, views, now } = parts;
  const titles: Readonly<Record<PasswordListKind, string>> = {
    active: 'Active',
    expiring: `Expire within ${passwordLists.soonDays} days`,
    unused: `Unused for ${passwordLists.idleDays} days`,
    suspended: 'Suspended',
    expired: 'Expired',
    revoked: 'Revoked',
  };
  return async (request, response) => {
    const field = fieldsOf(request.query);
    const kind = oneOf(kinds, field('state')) ?? 'active';
    const found = await passwordLists.page(kind, pageIn(field));
    views.page(response, 'admin-passwords', {
      ...{ section: sections.administration, tab: tabs.passwords },
      title: titles[kind],
      total: found.total,
      rows: found.passwords.map((password) => ({
        ...viewOf(password, now(), kind === 'suspended'),
        ...{ login: password.login, accountId: password.accountId, isRobot: password.ownerKind === 'robot' },
      })),
      states: kinds.map((one) => ({
        label: titles[one],
        href: queryOf({ state: one }),
        isChosen: one === kind,
      })),
      pager: pagerOf(found, (page) => queryOf({ state: kind, page })),
    });
  };
}
