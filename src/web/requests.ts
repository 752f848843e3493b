/** Owns the page of one's own access requests, and asking for access after a denial. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Requester } from '../identity/requester.ts';
import { type AccessRequest, isOpen } from '../requests/access-request.ts';
import { type AccessRequests, notMissing } from '../requests/access-requests.ts';
import { actionsList } from './access-view.ts';
import { correctable, fieldsOf } from './fields.ts';
import { sections } from './navigation.ts';
import { actorOf, personOf } from './session.ts';
import { type FormattedTime, formatTime } from './time-view.ts';
import type { Views } from './views.ts';

export type RequestPageParts = {
  readonly requests: Pick<AccessRequests, 'ask' | 'missing' | 'ofPerson' | 'withdraw'>;
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
  readonly views: Views;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly now: () => number;
};

export type RequestView = {
  readonly id: string;
  readonly repository: string;
  readonly host: string;
  /** "pull and push" */
  readonly actions: string;
  readonly note: string;
  readonly state: AccessRequest['state'];
  readonly stateLabel: string;
  readonly isOpen: boolean;
  readonly tone: 'active' | 'soon' | 'revoked' | 'expired';
  readonly created: FormattedTime;
  readonly answer: { readonly by: string; readonly note: string; readonly at: FormattedTime } | null;
};

declare module './views.ts' {
  interface ViewData {
    /** `done`: what the last form did. */
    requests: { section: string; rows: readonly RequestView[]; problem: string | null; done: string | null };
    'request-state': { row: RequestView };
    'request-new': {
      section: string;
      service: string;
      host: string;
      repository: string;
      actions: string;
      /** Of someone who had to sign in again. */
      note: string;
    };
  }
}

export type RequestPages = {
  /** GET /requests */
  readonly list: RequestHandler;
  /** GET /requests/new */
  readonly form: RequestHandler;
  /** POST /requests */
  readonly ask: RequestHandler;
  /** POST /requests/:id/withdraw */
  readonly withdraw: RequestHandler<{ id: string }>;
};

const states = {
  open: ['Open', 'soon'],
  accepted: ['Accepted, not granted yet', 'soon'],
  refused: ['Refused', 'revoked'],
  granted: ['Granted', 'active'],
  withdrawn: ['Withdrawn', 'expired'],
} as const;

const doneTexts: ReadonlyMap<string, string> = new Map([
  ['asked', 'Your request is with the administrators.'],
  ['withdrawn', 'Your request is withdrawn.'],
]);

export function createRequestPages(parts: RequestPageParts): RequestPages {
  return {
    list: (request, response) => show(parts, request, response, null),
    form: (request, response) => form(parts, request, response),
    ask: (request, response) => ask(parts, request, response),
    withdraw: (request, response) => withdraw(parts, request, response),
  };
}

async function show(
  parts: RequestPageParts,
  request: Request<{ id?: string }>,
  response: Response,
  problem: string | null,
  status = 200,
) {
  const rows = await parts.requests.ofPerson(personOf(request));
  const done = problem === null ? (doneTexts.get(fieldsOf(request.query)('done')) ?? null) : null;
  const views = rows.map((row) => requestViewOf(row, parts, parts.now()));
  parts.views.page(response, 'requests', { section: sections.access, rows: views, problem, done }, status);
}

async function form(parts: RequestPageParts, request: Request, response: Response): Promise<void> {
  const field = fieldsOf(request.query);
  const [service, repository] = [field('service'), field('repository')];
  const missing = await parts.requests.missing(personOf(request), service, repository);
  if (missing === null) return show(parts, request, response, notMissing, 409);
  const [host, actions, note] = [hostOf(parts, service), actionsList(missing.actions), field('note')];
  parts.views.page(response, 'request-new', { section: sections.access, service, host, repository, actions, note });
}

async function ask(parts: RequestPageParts, request: Request, response: Response): Promise<void> {
  const field = fieldsOf(request.body);
  const [service, repository, note] = [field('service'), field('repository'), field('note')];
  try {
    await parts.requests.ask(personOf(request), service, repository, note, actorOf(parts, request));
  } catch (error) {
    const { message, status } = correctable(error);
    return show(parts, request, response, message, status);
  }
  response.redirect(303, `${parts.views.prefix}/requests?done=asked`);
}

async function withdraw(parts: RequestPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  try {
    await parts.requests.withdraw(personOf(request), request.params.id, actorOf(parts, request));
  } catch (error) {
    const { message, status } = correctable(error);
    return show(parts, request, response, message, status);
  }
  response.redirect(303, `${parts.views.prefix}/requests?done=withdrawn`);
}

/** @param now epoch milliseconds */
export function requestViewOf(
  request: AccessRequest,
  { services }: Pick<RequestPageParts, 'services'>,
  now: number,
): RequestView {
  const { id, repository, service, actions, note, state, answer } = request;
  const [stateLabel, tone] = states[state];
  return {
    ...{ id, repository, note, state, stateLabel, tone, isOpen: isOpen(request) },
    host: hostOf({ services }, service),
    actions: actionsList(actions),
    created: formatTime(request.createdAt, now),
    answer: answer && { by: answer.by, note: answer.note, at: formatTime(answer.at, now) },
  };
}

function hostOf({ services }: Pick<RequestPageParts, 'services'>, service: string): string {
  return services.find(({ name }) => name === service)?.registryHost ?? service;
}
