/** Owns what the pages of the administrators share: who can see them, and their tabs. */
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { Administrators } from '../../accounts/administrators.ts';
import type { Requester } from '../../identity/requester.ts';
import { Refusal } from '../../lib/errors.ts';
import { personOf } from '../session.ts';
import type { Views } from '../views.ts';

export const tabs = {
  overview: '/admin',
  people: '/admin/people',
  passwords: '/admin/passwords',
  denials: '/admin/denials',
  requests: '/admin/requests',
  revocations: '/admin/revocations',
  robots: '/admin/robots',
  workloads: '/admin/workloads',
  repositories: '/admin/repositories',
  audit: '/admin/audit',
  explain: '/admin/explain',
  tokens: '/admin/tokens',
  deliveries: '/admin/deliveries',
} as const;

/** What the layout needs from every page of the administrators. */
export type AdminFrame = { readonly section: string; readonly tab: string };

export type AdminParts = {
  readonly views: Views;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly now: () => number;
};

/** Mount behind the guard that only lets people through who are signed in. Checked at each request. */
export function requireAdministrator(administrators: Pick<Administrators, 'includes'>): RequestHandler {
  return (request, response, next) => {
    if (administrators.includes(personOf(request))) return next();
    response.locals['errorTitle'] = 'Administrators only';
    next(new Refusal('denied', 'Only administrators can open this page. Your own pages are in the menu above.'));
  };
}
