/** Owns the pages on which a person approves a terminal: the code is typed, what the terminal asks for is shown, one button decides. */

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { LimitsInput } from '../app-passwords/input.ts';
import type { Limits } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { day, hour } from '../lib/time.ts';
import { findRegistry } from '../terminal/registry.ts';
import type { Decider, PendingRequest, TerminalRequests } from '../terminal/requests.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { personOf } from './session.ts';
import type { Views } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    'terminal-code': { code: string; error: string | null; isOn: boolean };
    'terminal-approve': {
      code: string;
      request: PendingRequest;
      address: string;
      lifetime: string;
      patternError: string | null;
      repositories: string;
      pullOnly: boolean;
    };
    /** `href`: where a sign-in on the same device continues. */
    'terminal-decided': { approved: boolean; machine: string; service: string; href: string | null };
  }
}

export type TerminalPageParts = {
  readonly requests: TerminalRequests;
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
  readonly requesterOf: (request: Request) => Requester;
  readonly views: Views;
  /** Lets people through who authenticated at the provider recently, as much as the terminal's network asks for. */
  readonly requireFresh: { readonly sameNetwork: RequestHandler; readonly otherNetwork: RequestHandler };
  /** Hours that a password of a login works; milliseconds that a machine stays signed in. */
  readonly passwordHours: number;
  readonly machineLifetime: number;
  /** As for a password that is created here. @throws {Refusal} `bad_request`, with the field */
  readonly checkLimits: (input: LimitsInput) => Limits;
};

/** Mount behind a guard that only lets people through who are signed in. */
export type TerminalPages = {
  /** GET /terminal */
  readonly ask: RequestHandler;
  /** POST /terminal */
  readonly show: RequestHandler;
  /** POST /terminal/decide */
  readonly decide: RequestHandler;
  /** GET /oauth/authorize: a sign-in on the same device (RFC 8252) */
  readonly authorize: RequestHandler;
};

export function createTerminalPages(parts: TerminalPageParts): TerminalPages {
  return {
    ask: (_request, response) => parts.views.page(response, 'terminal-code', { code: '', error: null, isOn: true }),
    show: (request, response, next) => show(parts, request, response, next),
    decide: (request, response, next) => decide(parts, request, response, next),
    authorize: (request, response) => authorize(parts, request, response),
  };
}

async function show(parts: TerminalPageParts, request: Request, response: Response, next: NextFunction): Promise<void> {
  const code = fieldsOf(request.body)('code');
  const pending = await find(parts, request, response, code);
  if (pending === null) return;
  // A code that someone else sent would be approved from another network (RFC 10027): that takes a sign-in of a moment ago.
  // In the terminal's own network, what it gets is like a password that is made on a page.
  await ifFresh(parts, pending, request, response, next, async () => {
    showRequest(parts, request, response, code, pending, noLimits);
  });
}

/** Continues only for someone who authenticated at the provider recently enough for a terminal there. */
async function ifFresh(
  { requireFresh }: TerminalPageParts,
  { isSameNetwork }: PendingRequest,
  request: Request,
  response: Response,
  next: NextFunction,
  action: () => Promise<void>,
): Promise<void> {
  const guard = isSameNetwork ? requireFresh.sameNetwork : requireFresh.otherNetwork;
  await guard(request, response, (error?: unknown) => {
    if (error === undefined) action().catch(next);
    else next(error);
  });
}

const noLimits = { pullOnly: false, repositories: '', patternError: null };

async function decide(
  parts: TerminalPageParts,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const field = fieldsOf(request.body);
  const [code, choice] = [field('code'), field('decision')];
  const pending = await find(parts, request, response, code);
  if (pending === null) return;
  const approved = choice === 'approve';
  const [pullOnly, repositories] = [field('access') !== 'full', field('repositories')];
  const patterns = repositories.split(/\s+/).filter((pattern) => pattern !== '');
  const limits = limitsOf(parts, { pullOnly, repositories: approved ? patterns : [] });
  if (limits instanceof Refusal) {
    const shown = { pullOnly, repositories, patternError: limits.message };
    return showRequest(parts, request, response, code, pending, shown);
  }
  const finish = async (): Promise<void> => {
    const { href } = await parts.requests.decide(code, deciderOf(parts, request), { approved, limits });
    // Not a redirect: Chromium applies the page's form-action to what a form is redirected to.
    if (href !== null) response.set('Refresh', `0; url=${href}`);
    const { machine, service } = pending;
    parts.views.page(response, 'terminal-decided', { approved, machine, service, href });
  };
  return approved ? ifFresh(parts, pending, request, response, next, finish) : finish();
}

/** @returns what is wrong with the patterns where they can't be used */
function limitsOf({ checkLimits }: TerminalPageParts, input: LimitsInput): Limits | Refusal {
  try {
    return checkLimits(input);
  } catch (error) {
    if (error instanceof Refusal && error.field === 'repositories') return error;
    throw error;
  }
}

/**
 * The page comes in any case, and what is asked for is shown on it: no address that someone opens approves anything.
 * @throws {Refusal} `bad_request` for something that isn't such a sign-in; nothing is sent to an address that isn't this machine's
 */
async function authorize(parts: TerminalPageParts, request: Request, response: Response): Promise<void> {
  const query = fieldsOf(request.query);
  const redirectUri = query('redirect_uri');
  const problem = problemOf(query, redirectUri);
  if (problem !== null) throw new Refusal('bad_request', `${problem} Run "dockpass login" again.`);
  const service = findRegistry(query('registry') || null, parts.services);
  if (service === null) throw new Refusal('bad_request', 'This Dockpass doesn’t know that registry. Check its name.');
  const loopback = { redirectUri, state: query('state') || null, codeChallenge: query('code_challenge') };
  const input = { service, purpose: 'login', machine: query('machine'), loopback } as const;
  const { userCode } = await parts.requests.start(input, parts.requesterOf(request));
  const pending = await parts.requests.find(userCode, deciderOf(parts, request));
  showRequest(parts, request, response, userCode, pending, noLimits);
}

function problemOf(query: Fields, redirectUri: string): string | null {
  if (query('response_type') !== 'code' || query('client_id') !== 'dockpass-cli') {
    return 'This link is not one of the command line.';
  }
  // RFC 8252, section 7.3: only this machine's loopback addresses, any port, one path.
  if (!/^http:\/\/(127\.0\.0\.1|\[::1\]):\d{1,5}\/callback$/.test(redirectUri)) {
    return 'The sign-in would end at an address that is not on your machine.';
  }
  const isS256 = query('code_challenge_method') === 'S256' && /^[\w-]{43}$/.test(query('code_challenge'));
  if (!isS256) return 'The sign-in has no code challenge (PKCE, S256).';
  return query('state').length > 200 ? 'Its state is too long.' : null;
}

/** @returns `null` where the page that asks for the code was shown again */
async function find(
  parts: TerminalPageParts,
  request: Request,
  response: Response,
  code: string,
): Promise<PendingRequest | null> {
  try {
    return await parts.requests.find(code, deciderOf(parts, request));
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === 'unavailable') throw error;
    if (error.retryAfter !== undefined) response.set('Retry-After', String(error.retryAfter));
    parts.views.page(response, 'terminal-code', { code, error: error.message, isOn: true }, error.status);
    return null;
  }
}

type Shown = { readonly pullOnly: boolean; readonly repositories: string; readonly patternError: string | null };

function showRequest(
  { views, requesterOf, passwordHours, machineLifetime }: TerminalPageParts,
  request: Request,
  response: Response,
  code: string,
  pending: PendingRequest,
  shown: Shown,
): void {
  const length = pending.purpose === 'machine' ? machineLifetime : passwordHours * hour;
  const lifetime =
    length < 2 * day ? countOf(Math.round(length / hour), 'hour') : countOf(Math.round(length / day), 'day');
  const { address } = requesterOf(request);
  const status = shown.patternError === null ? 200 : 400;
  views.page(response, 'terminal-approve', { code, request: pending, address, lifetime, ...shown }, status);
}

function deciderOf({ requesterOf }: TerminalPageParts, request: Request): Decider {
  const { id: accountId, login } = personOf(request);
  return { accountId, login, client: requesterOf(request) };
}
