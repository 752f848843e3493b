/** Owns the page on which administrators see access requests and answer them, with lines for the policy. */
import type { Request, RequestHandler, Response } from 'express';
import type { Refusal } from '../../lib/errors.ts';
import type { ListedRequest } from '../../requests/access-request.ts';
import type { AccessRequests } from '../../requests/access-requests.ts';
import type { Suggestion } from '../../requests/suggested-rule.ts';
import { correctable, fieldsOf, queryOf } from '../fields.ts';
import { type Pager, pageIn, pagerOf } from '../list-view.ts';
import { sections } from '../navigation.ts';
import { type RequestView, requestViewOf } from '../requests.ts';
import { actorOf, personOf } from '../session.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type AdminRequestParts = AdminParts & {
  readonly requests: Pick<AccessRequests, 'openPage' | 'closed' | 'answer' | 'suggest'>;
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
};

/** A note, and the request that it's for. */
type Draft = { readonly id: string; readonly note: string };
/** `seen`: when it was answered, in epoch milliseconds; 0: it wasn't. */
type AskedView = RequestView & { readonly login: string; readonly accountId: string; readonly seen: number };
/**
 * `suggestion`: `null` where there is nothing to answer: one's own request, and one that the policy grants by now. `draft`: the
 * note that someone had written who had to sign in again, or whose answer was refused.
 */
type OpenView = AskedView & { readonly suggestion: Suggestion | null; readonly draft: string };

declare module '../views.ts' {
  interface ViewData {
    'admin-requests': AdminFrame & {
      /** Of one page. */
      open: readonly OpenView[];
      /** Of all pages. */
      total: number;
      pager: Pager;
      /** The page of the list, as a query for its forms. */
      query: string;
      closed: readonly AskedView[];
      problem: string | null;
      isAnswered: boolean;
    };
  }
}

export type AdminRequestPages = {
  /** GET /admin/requests */
  readonly list: RequestHandler;
  /** POST /admin/requests/:id/answer */
  readonly answer: RequestHandler<{ id: string }>;
};

const frame: AdminFrame = { section: sections.administration, tab: tabs.requests };

export function createAdminRequests(parts: AdminRequestParts): AdminRequestPages {
  return {
    list: (request, response) => {
      const field = fieldsOf(request.query);
      return show(parts, request, response, { id: field('request'), note: field('note') });
    },
    answer: (request, response) => answer(parts, request, response),
  };
}

async function show(
  parts: AdminRequestParts,
  request: Request<{ id?: string }>,
  response: Response,
  draft: Draft,
  refusal: Refusal | null = null,
) {
  const problem = refusal?.message ?? null;
  const { requests, total, page, pages } = await parts.requests.openPage(pageIn(fieldsOf(request.query)));
  const { id: own } = personOf(request);
  const rows: OpenView[] = [];
  for (const one of requests) {
    const isForReader = one.accountId !== own && one.state !== 'granted';
    const suggestion = isForReader ? await parts.requests.suggest(one.id) : null;
    rows.push({ ...viewOf(parts, one), suggestion, draft: one.id === draft.id ? draft.note : '' });
  }
  const data = {
    ...{ ...frame, open: rows, total, problem },
    pager: pagerOf({ page, pages }, (to) => `${parts.views.prefix}${tabs.requests}${queryOf({ page: to })}`),
    query: queryOf({ page: page === 1 ? null : page }),
    closed: (await parts.requests.closed()).map((one) => viewOf(parts, one)),
    isAnswered: problem === null && request.query['done'] === 'answer',
  };
  parts.views.page(response, 'admin-requests', data, refusal?.status);
}

async function answer(parts: AdminRequestParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  const field = fieldsOf(request.body);
  const seen = numberOf(field('seen'));
  const given = { answer: field('answer'), note: field('note'), ...(seen !== null && { seen }) };
  try {
    await parts.requests.answer(request.params.id, given, actorOf(parts, request), personOf(request).id);
  } catch (error) {
    return show(parts, request, response, { id: request.params.id, note: given.note }, correctable(error));
  }
  const page = pageIn(fieldsOf(request.query));
  const query = queryOf({ page: page === 1 ? null : page, done: 'answer' });
  response.redirect(303, `${parts.views.prefix}${tabs.requests}${query}`);
}

/** A form without it, as programs send it, takes the place of any answer. */
function numberOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function viewOf(parts: AdminRequestParts, request: ListedRequest): AskedView {
  const { login, accountId, answer: given } = request;
  return { ...requestViewOf(request, parts, parts.now()), login, accountId, seen: given?.at ?? 0 };
}
