/** Owns the form of the answers: what each client reads, in success and in failure. */
import type { ServerResponse } from 'node:http';
import type { Refusal, RefusalCode } from '../errors.ts';
import { type Access, formatScope } from '../scope.ts';
import type { Token } from './mint.ts';

/** The registry's words for what went wrong (distribution, errcode); everything else is UNSUPPORTED. */
const registryCodes: Partial<Record<RefusalCode, string>> = {
  unauthenticated: 'UNAUTHORIZED',
  denied: 'DENIED',
  too_many_requests: 'TOOMANYREQUESTS',
  internal: 'UNKNOWN',
  unavailable: 'UNAVAILABLE',
};

/**
 * Status 200 exactly; some clients read `token`, others `access_token`. There is no `issued_at`: without it clients
 * count from their own clock, which may be wrong.
 * @param identityToken only where it was asked for; docker then keeps it in the place of the password
 * @param granted told to those who POST (distribution, spec/auth/oauth.md requires it); `null` for a GET
 */
export function answerToken(
  response: ServerResponse,
  token: Token,
  identityToken: string | null,
  granted: readonly Access[] | null,
): void {
  const refresh = identityToken === null ? {} : { refresh_token: identityToken };
  const scope = granted === null ? {} : { scope: granted.map(formatScope).join(' ') };
  send(
    response,
    200,
    {},
    { token: token.jwt, access_token: token.jwt, expires_in: token.expiresIn, ...refresh, ...scope },
  );
}

/**
 * Both shapes of a body, because no client reads both: `errors` is the registry's own; `details` keeps `docker login`
 * from going on to plain http after a 401. Never `WWW-Authenticate: Bearer`, which docker would take for the registry's.
 */
export function answerRefusal(response: ServerResponse, refusal: Refusal): void {
  const headers: Record<string, string> = {};
  if (refusal.code === 'unauthenticated') headers['WWW-Authenticate'] = 'Basic realm="Dockpass", charset="UTF-8"';
  if (refusal.code === 'method_not_allowed') headers['Allow'] = 'GET, POST';
  if (refusal.retryAfter !== undefined) headers['Retry-After'] = String(refusal.retryAfter);
  const { message } = refusal;
  const code = registryCodes[refusal.code] ?? 'UNSUPPORTED';
  send(response, refusal.status, headers, { errors: [{ code, message }], details: message });
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(bytes);
}
