/** Owns the form of the answers: what each client reads, in success and in failure. */
import type { ServerResponse } from 'node:http';
import { isAscii } from '../lib/ascii.ts';
import type { Refusal, RefusalCode } from '../lib/errors.ts';
import type { Token } from './mint.ts';

/** The registry's words for what went wrong (distribution, errcode); everything else is UNSUPPORTED. */
export const registryCodes: Partial<Record<RefusalCode, string>> = {
  unauthenticated: 'UNAUTHORIZED',
  denied: 'DENIED',
  too_many_requests: 'TOOMANYREQUESTS',
  internal: 'UNKNOWN',
  unavailable: 'UNAVAILABLE',
};

/**
 * Status 200 exactly; some clients read `token`, others `access_token`. `issued_at` is left out of most answers: without it
 * clients count from their own clock, which can be wrong.
 * @param common headers of every answer, names and values in turn
 * @param more what only some answers have: `refresh_token`, for docker to keep instead of the password, only where it was
 *   asked for; `scope`, what is granted, for a POST (distribution, spec/auth/oauth.md requires it); `issued_at`, RFC 3339
 *   with a fraction, where less is granted than asked: Apple's `container` before 1.3.1 takes a token without it for
 *   expired, and asks again without end
 */
export function answerToken(
  response: ServerResponse,
  common: readonly string[],
  token: Token,
  more: { readonly refresh_token?: string; readonly scope?: string; readonly issued_at?: string },
): void {
  // A compact JWT (RFC 7515) has no character that JSON escapes, and is most of the answer.
  const jwt = `"${token.jwt}"`;
  const rest = JSON.stringify({ expires_in: token.expiresIn, ...more }).slice(1);
  send(response, 200, common, `{"token":${jwt},"access_token":${jwt},${rest}`, isAscii(rest));
}

/**
 * Both shapes of a body, because no client reads both: `errors` is the registry's own; `details` keeps `docker login`
 * from going on to plain http after a 401.
 * @param catalog the challenge of the registry's own list of repositories; `null` or left out at the realm, where
 *   `WWW-Authenticate: Bearer` would be taken for the registry's by docker
 */
export function answerRefusal(
  response: ServerResponse,
  common: readonly string[],
  refusal: Refusal,
  catalog: string | null = null,
): void {
  const headers = [...common];
  if (refusal.code === 'unauthenticated') headers.push('WWW-Authenticate', catalog ?? ownChallenge);
  if (refusal.code === 'method_not_allowed') headers.push('Allow', catalog === null ? 'GET, POST' : 'GET, HEAD');
  if (refusal.retryAfter !== undefined) headers.push('Retry-After', String(refusal.retryAfter));
  const { message } = refusal;
  const code = refusal.field === 'n' ? 'PAGINATION_NUMBER_INVALID' : (registryCodes[refusal.code] ?? 'UNSUPPORTED');
  send(response, refusal.status, headers, JSON.stringify({ errors: [{ code, message }], details: message }));
}

/** @param common as for a token */
export function answerJson(response: ServerResponse, common: readonly string[], body: object): void {
  send(response, 200, common, JSON.stringify(body));
}

const ownChallenge = 'Basic realm="Dockpass", charset="UTF-8"';

/**
 * @param headers names and values in turn: what Node writes as it is, where an object is copied header by header
 * @param plain whether a character is a byte: written as such, the socket takes them without counting and conversion
 */
function send(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string,
  plain = isAscii(body),
): void {
  const length = String(plain ? body.length : Buffer.byteLength(body));
  const common = ['Content-Type', 'application/json', 'Content-Length', length, 'Cache-Control', 'no-store'];
  response.writeHead(status, [...common, ...headers]).end(body, plain ? 'latin1' : 'utf8');
}
