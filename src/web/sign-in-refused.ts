/** Owns the page of a refused sign-in: why, and what to do next. */
import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import type { Requester } from '../identity/requester.ts';
import { errorCode, type Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Connector } from '../sign-in/connector.ts';
import { visitorOf } from './session.ts';
import type { Views } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    refused: {
      title: string;
      message: string;
      hint: string | null;
      action: { readonly href: string; readonly label: string };
    };
  }
}

export type RefusedParts = {
  readonly views: Pick<Views, 'page'>;
  readonly log: Log;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  /** Path prefix of all pages: '' or '/dockpass'. */
  readonly prefix: string;
};

/** Logs a refused sign-in and shows its page. @param at.returnTo where it was to lead */
export function refuse(
  { log, requesterOf, views, prefix }: RefusedParts,
  connector: Connector,
  {
    request,
    response,
    returnTo,
  }: { readonly request: Request; readonly response: Response; readonly returnTo: string },
  refusal: Refusal,
): void {
  const { code, message, status, cause, retryAfter } = refusal;
  const { requestId } = requesterOf(request);
  log.warn({ requestId, provider: connector.name, code, cause: describe(cause) }, `sign-in refused: ${message}`);
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  const wrongAccount = code === 'denied' || code === 'conflict';
  // A provider that still has a session would give the same answer again.
  const another = wrongAccount || request.query['error'] === 'access_denied';
  const person = visitorOf(request);
  const action =
    person === null
      ? {
          href: beginUrl(prefix, connector.name, { returnTo, another }),
          label: wrongAccount ? 'Choose another account' : 'Start again',
        }
      : { href: returnTo, label: `Continue as ${person.login}` };
  const hint = status >= 500 ? 'The passwords that you have keep working.' : null;
  views.page(response, 'refused', { title: titleOf(refusal), message, hint, action }, status);
}

function titleOf({ code, status }: Refusal): string {
  if (code === 'denied' || code === 'conflict') return 'You can’t sign in with this account';
  return status >= 500 ? 'Signing in does not work right now' : 'The sign-in was not completed';
}

/** For the log: what an error says of itself, and never the request or answer that libraries attach to theirs. */
function describe(cause: unknown): string | null {
  if (!(cause instanceof Error)) return null;
  const code = errorCode(cause);
  const inner = describe(cause.cause);
  return `${cause.name}${code === '' ? '' : ` ${code}`}: ${cause.message}${inner === null ? '' : ` <- ${inner}`}`;
}

/**
 * The address that begins a sign-in. `another` asks the provider for an account even where it remembers one, `fresh` to
 * authenticate the person who is signed in here again.
 */
export function beginUrl(
  prefix: string,
  name: string,
  query: { returnTo?: string; another?: boolean; fresh?: boolean },
): string {
  const params = new URLSearchParams();
  if (query.returnTo !== undefined && query.returnTo !== `${prefix}/`) params.set('return_to', query.returnTo);
  if (query.another) params.set('another', 'yes');
  if (query.fresh) params.set('fresh', 'yes');
  return `${prefix}/sign-in/${name}${params.size > 0 ? `?${params}` : ''}`;
}
