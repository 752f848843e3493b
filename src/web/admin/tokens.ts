/** Owns the pages about API tokens: who holds which, make one, revoke one. */

import type { Request, RequestHandler, Response } from 'express';
import { type ApiToken, type ApiTokens, apiScopes } from '../../accounts/api-tokens.ts';
import { Refusal } from '../../lib/errors.ts';
import { type ExpiryChoice, expiryChoice, readExpiry, type SentExpiry } from '../expiry.ts';
import { correctable, fieldsOf, textsOf } from '../fields.ts';
import { asked, quote } from '../login-lines.ts';
import { sections } from '../navigation.ts';
import { type FormError, formErrorOf, idFor, newOnce } from '../password-form.ts';
import { actorOf, personOf } from '../session.ts';
import { formatTime } from '../time-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type TokenPageParts = AdminParts & {
  readonly apiTokens: Pick<ApiTokens, 'issue' | 'list' | 'revoke' | 'maximumDays'>;
  /** Where programs use a token. */
  readonly apiUrl: string;
};

type TokenView = ReturnType<typeof tokenView>;

declare module '../views.ts' {
  interface ViewData {
    /** `revoked`: the one that was just revoked. */
    'admin-tokens': AdminFrame & {
      live: readonly TokenView[];
      past: readonly TokenView[];
      revoked: TokenView | null;
    };
    'token-table': { rows: readonly TokenView[]; label: string; ended: boolean };
    /** `example`: a command that reads something; `null` for a token that can read nothing. */
    'admin-token-created': AdminFrame & { secret: string; token: TokenView; example: string | null };
    /** Made by a copy of the form that was sent. */
    'admin-token-once': AdminFrame & { token: TokenView };
    'admin-token-new': AdminFrame &
      Pick<Sent, 'name' | 'once'> & {
        scopes: readonly { readonly scope: string; readonly words: string; readonly isChosen: boolean }[];
        expiry: ExpiryChoice;
        error: FormError | null;
      };
    'admin-token-revoke': AdminFrame & { token: TokenView };
  }
}

type IdHandler = RequestHandler<{ id: string }>;

export type TokenPages = {
  /** GET /admin/tokens */
  readonly list: RequestHandler;
  /** GET and POST of /admin/tokens/new */
  readonly ask: RequestHandler;
  readonly create: RequestHandler;
  /** GET and POST of /admin/tokens/:id/revoke */
  readonly confirmRevocation: IdHandler;
  readonly revoke: IdHandler;
};

/** A list that a scope can read, in the API. */
const listPaths: Readonly<Partial<Record<string, string>>> = {
  'people:read': '/people',
  'passwords:read': '/passwords/expiring',
  'robots:read': '/robots',
  'repositories:read': '/repositories',
  'workloads:read': '/workloads',
  'requests:read': '/requests',
  'audit:read': '/denials',
};

/** What each scope lets a program do. */
const scopeWords: Readonly<Record<(typeof apiScopes)[number], string>> = {
  'people:read': 'List people and what they hold',
  'people:write': 'Disable and enable people, end their sessions',
  'passwords:read': 'List passwords',
  'passwords:revoke': 'Revoke and restore passwords',
  'robots:read': 'List robots',
  'robots:write': 'Create and change robots and their passwords',
  'repositories:read': 'List repositories with size, last push and last pull',
  'workloads:read': 'See workload issuers, rules and failures',
  'workloads:write': 'Disable and enable workload issuers',
  'requests:read': 'List access requests',
  'requests:answer': 'Answer access requests',
  'audit:read': 'Read the audit and the denials',
  'policy:explain': 'Run policy explanations',
};

const frame = { section: sections.administration, tab: tabs.tokens };

/** `once`: random; with it, a form that is sent twice makes one token. */
type Sent = {
  readonly name: string;
  readonly once: string;
  readonly scopes: readonly string[];
  readonly expiry?: SentExpiry;
};

export function createTokenPages(parts: TokenPageParts): TokenPages {
  return {
    list: (request, response) => list(parts, request, response),
    ask: (request, response) => showForm(parts, response, sentBefore(request.query, parts.now()), null),
    create: (request, response) => create(parts, request, response),
    confirmRevocation: (request, response) => confirmRevocation(parts, request, response),
    revoke: (request, response) => revoke(parts, request, response),
  };
}

/** The token goes through standard input: an argument would be in the process list. */
function exampleOf(apiUrl: string, scopes: readonly string[]): string | null {
  const path = scopes.map((scope) => listPaths[scope]).find((one) => one !== undefined);
  return path === undefined ? null : asked('"Authorization: Bearer $SECRET"', `curl -sS -H @- ${quote(apiUrl + path)}`);
}

async function list({ apiTokens, views, now }: TokenPageParts, request: Request, response: Response): Promise<void> {
  const all = (await apiTokens.list()).map((token) => tokenView(token, now()));
  views.page(response, 'admin-tokens', {
    ...frame,
    live: all.filter(({ state }) => state === 'active'),
    past: all.filter(({ state }) => state !== 'active'),
    revoked: all.find(({ id, state }) => state === 'revoked' && id === request.query['revoked']) ?? null,
  });
}

async function create(parts: TokenPageParts, request: Request, response: Response): Promise<void> {
  const sent = readSent(request.body, parts.now());
  const id = idFor(personOf(request).id, sent);
  if (await showAgain(parts, response, id)) return;
  try {
    const { secret, token } = await parts.apiTokens.issue(
      { ...sent, id, days: sent.expiry.days },
      personOf(request).id,
      actorOf(parts, request),
    );
    parts.views.page(response, 'admin-token-created', {
      ...{ ...frame, secret, example: exampleOf(parts.apiUrl, token.scopes) },
      token: tokenView(token, parts.now()),
    });
  } catch (error) {
    const mistake = correctable(error);
    // A copy of the form came first, at the same moment.
    if (mistake.code === 'conflict' && (await showAgain(parts, response, id))) return;
    showForm(parts, response, sent, formErrorOf(mistake), mistake.status);
  }
}

/** A page that is loaded again sends its form again; the secret was in the answer to the first. @returns whether there is a token */
async function showAgain(parts: TokenPageParts, response: Response, id: string | undefined): Promise<boolean> {
  if (id === undefined) return false;
  const token = (await parts.apiTokens.list()).find((one) => one.id === id);
  if (token !== undefined)
    parts.views.page(response, 'admin-token-once', { ...frame, token: tokenView(token, parts.now()) });
  return token !== undefined;
}

/** Empty, or with what a query has: the form of someone who had to sign in again. */
function sentBefore(query: unknown, now: number): Sent {
  const { expiry, ...sent } = readSent(query, now);
  return fieldsOf(query)('days') === '' ? sent : { ...sent, expiry };
}

function readSent(body: unknown, now: number): Sent & { readonly expiry: SentExpiry } {
  const field = fieldsOf(body);
  return {
    name: field('name'),
    once: field('once'),
    expiry: readExpiry(field, now),
    scopes: textsOf(body, 'scopes'),
  };
}

function showForm(parts: TokenPageParts, response: Response, sent: Sent, error: FormError | null, status = 200): void {
  const { name } = sent;
  const expiry = expiryChoice(parts.apiTokens.maximumDays, parts.now(), sent.expiry);
  const scopes = apiScopes.map((scope) => ({ scope, words: scopeWords[scope], isChosen: sent.scopes.includes(scope) }));
  parts.views.page(response, 'admin-token-new', { ...frame, name, once: newOnce(), scopes, expiry, error }, status);
}

async function confirmRevocation(parts: TokenPageParts, request: Request<{ id: string }>, response: Response) {
  const token = (await parts.apiTokens.list()).find(({ id }) => id === request.params.id);
  if (token === undefined) throw new Refusal('not_found', 'That API token doesn’t exist.');
  parts.views.page(response, 'admin-token-revoke', { ...frame, token: tokenView(token, parts.now()) });
}

async function revoke(parts: TokenPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  const { id } = await parts.apiTokens.revoke(request.params.id, actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${tabs.tokens}?revoked=${encodeURIComponent(id)}`);
}

function tokenView(token: ApiToken, now: number) {
  const { id, name, hint, scopes, createdBy, revokedBy, state, lastUse } = token;
  return {
    ...{ id, name, hint, scopes, createdBy, state },
    created: formatTime(token.createdAt, now),
    expires: formatTime(token.expiresAt, now),
    revoked:
      token.revokedAt === null ? null : { ...formatTime(token.revokedAt, now), by: revokedBy ?? 'someone unknown' },
    lastUse: lastUse === null ? null : { ...formatTime(lastUse.at, now), address: lastUse.address },
  };
}
