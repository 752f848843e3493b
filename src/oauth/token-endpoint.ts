/** Owns `POST /oauth/token` (RFC 6749, section 3.2): which grant types there are, and the form of its answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { readForm } from '../token/parameters.ts';

/** The errors of RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 8628 section 3.5 and RFC 7009 section 2.2.1. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'temporarily_unavailable'
  | 'server_error'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token';

/** `message` is for the requester and says what to do next. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly status: number;

  constructor(
    code: OAuthErrorCode,
    message: string,
    { status = 400, cause }: { status?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.status = status;
  }
}

/** The parameters of one request, each at most once. */
export type OAuthForm = {
  /** `null` where it's missing or empty (RFC 6749, section 3.2). */
  optional(name: string): string | null;
  /** @throws {OAuthError} `invalid_request` */
  required(name: string): string;
};

/** The JSON of the answer. @throws {OAuthError}, {Refusal} */
export type Grant = (form: OAuthForm, client: Requester) => Promise<object>;

export type OAuthEndpointParts = {
  readonly handle: Grant;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly log: Log;
};

/** Answers every request, failures included: the promise never rejects. */
export function createOAuthEndpoint(
  parts: OAuthEndpointParts,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const client = parts.requesterOf(request);
    try {
      answer(response, client, 200, await handle(parts, request, client));
    } catch (error) {
      const { code, message, status, cause } = toOAuthError(error);
      const { requestId, address } = client;
      const fields = { requestId, address, status, error: code, reason: message };
      if (status >= 500) parts.log.error({ ...fields, err: cause }, 'no grant');
      else parts.log.info(fields, 'no grant');
      if (error instanceof Refusal && error.retryAfter !== undefined)
        response.setHeader('Retry-After', error.retryAfter);
      answer(response, client, status, { error: code, error_description: message });
    }
  };
}

async function handle(parts: OAuthEndpointParts, request: IncomingMessage, client: Requester): Promise<object> {
  if (request.method !== 'POST') throw new OAuthError('invalid_request', 'Send a POST with a form.', { status: 405 });
  if (request.headers.authorization !== undefined) {
    throw new OAuthError('invalid_request', 'No one is registered as a client here: send no Authorization header.');
  }
  return parts.handle(toForm(await readForm(request)), client);
}

/** @param grants by `grant_type`: a closed table, and each grant takes only its own kinds of secrets */
export function byGrantType(grants: () => ReadonlyMap<string, Grant>): Grant {
  return async (form, client) => {
    const grantType = form.required('grant_type');
    const known = grants();
    const grant = known.get(grantType);
    if (grant !== undefined) return grant(form, client);
    const names = [...known.keys()].join(', ') || 'none';
    throw new OAuthError('unsupported_grant_type', `This grant_type isn't known here. There are: ${names}.`);
  };
}

function toForm(parameters: URLSearchParams): OAuthForm {
  // RFC 6749, section 3.2: which of two values counts must not be a matter of luck.
  for (const name of new Set(parameters.keys())) {
    if (parameters.getAll(name).length === 1) continue;
    const shown = /^[\w-]{1,50}$/.test(name) ? name : 'A parameter'; // section 5.2 allows few characters in an error
    throw new OAuthError('invalid_request', `${shown} is sent more than once. Send it once.`);
  }
  const optional = (name: string) => parameters.get(name) || null;
  return {
    optional,
    required(name) {
      const value = optional(name);
      if (value === null) throw new OAuthError('invalid_request', `The form needs ${name}.`);
      return value;
    },
  };
}

function toOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  if (!(error instanceof Refusal)) {
    return new OAuthError('server_error', 'No token could be made; the log of Dockpass says why.', {
      status: 500,
      cause: error,
    });
  }
  const { code, message, status, cause } = error;
  if (code === 'unavailable' || code === 'too_many_requests') {
    return new OAuthError('temporarily_unavailable', message, { status, cause: cause ?? error });
  }
  if (status >= 500) return new OAuthError('server_error', message, { status, cause: cause ?? error });
  return new OAuthError('invalid_request', message, { status: status === 401 ? 400 : status });
}

/** RFC 6749, section 5.1 and 5.2: no cache keeps it. */
function answer(response: ServerResponse, { requestId }: Requester, status: number, body: object): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    ...(status === 405 && { Allow: 'POST' }),
  });
  response.end(JSON.stringify(body));
}
