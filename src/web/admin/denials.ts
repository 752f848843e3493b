/** Owns the administrators' list of what was recently denied, to everyone. */
import type { RequestHandler } from 'express';
import type { Denial, DenialFilter } from '../../audit/denials.ts';
import { type DenialView, denialOf } from '../access-view.ts';
import { fieldsOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

/** `account`: '' for requests without credentials. */
export type DenialRowView = DenialView & { readonly account: string; readonly service: string };

declare module '../views.ts' {
  interface ViewData {
    'admin-denials': AdminFrame & {
      fields: Readonly<Record<'account' | 'repository', string>>;
      rows: readonly DenialRowView[];
      /** Of all that match; the rows can be fewer. */
      total: number;
    };
    'admin-denial-table': { rows: readonly DenialRowView[]; label: string };
  }
}

export function denialRow({ account, service }: Denial, view: DenialView): DenialRowView {
  return { ...view, account, service };
}

/** GET /admin/denials */
export function createDenialList(
  parts: AdminParts & {
    readonly denials: (filter: DenialFilter) => Promise<readonly Denial[]>;
    /** How many match, in the list or not. */
    readonly count: (filter: DenialFilter) => Promise<number>;
  },
): RequestHandler {
  return async (request, response) => {
    const field = fieldsOf(request.query);
    const fields = { account: field('account'), repository: field('repository') };
    const filter = {
      ...(fields.account !== '' && { account: fields.account }),
      ...(fields.repository !== '' && { repository: fields.repository }),
    };
    const rows = (await parts.denials(filter)).map((denial) => denialRow(denial, denialOf(denial, parts.now())));
    const total = await parts.count(filter);
    const frame = { section: sections.administration, tab: tabs.denials };
    parts.views.page(response, 'admin-denials', { ...frame, fields, rows, total });
  };
}
