/** Owns the page of names that are kept: those of accounts that are gone, until an administrator releases one. */
import type { Request, RequestHandler, Response } from 'express';
import type { KeptLogin, RetiredLogins } from '../../accounts/retired-logins.ts';
import { fieldsOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type KeptLoginParts = AdminParts & { readonly retiredLogins: RetiredLogins };

declare module '../views.ts' {
  interface ViewData {
    'admin-kept-logins': AdminFrame & {
      search: string;
      /** Of all that match; the rows can be fewer. */
      total: number;
      rows: readonly (Omit<KeptLogin, 'at'> & { readonly at: FormattedTime })[];
      /** Whether a name was just released. An address can't say which. */
      isReleased: boolean;
    };
  }
}

export type KeptLoginPages = {
  /** GET /admin/kept-logins */
  readonly list: RequestHandler;
  /** POST /admin/kept-logins/release */
  readonly release: RequestHandler;
};

/** Below the prefix. */
export const keptLogins = '/admin/kept-logins';

export function createKeptLoginPages(parts: KeptLoginParts): KeptLoginPages {
  return {
    list: (request, response) => list(parts, request, response),
    release: async (request, response) => {
      const login = fieldsOf(request.body)('login');
      await parts.retiredLogins.release(login, actorOf(parts, request));
      response.redirect(303, `${parts.views.prefix}${keptLogins}?done=released`);
    },
  };
}

async function list({ retiredLogins, views, now }: KeptLoginParts, request: Request, response: Response) {
  const field = fieldsOf(request.query);
  const search = field('q').slice(0, 200);
  const [rows, total] = await Promise.all([retiredLogins.list(search), retiredLogins.count(search)]);
  views.page(response, 'admin-kept-logins', {
    section: sections.administration,
    tab: tabs.people,
    search,
    total,
    rows: rows.map((row) => ({ ...row, at: formatTime(row.at, now()) })),
    isReleased: field('done') === 'released',
  });
}
