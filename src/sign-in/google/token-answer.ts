/** Owns how Google's answers to a request for a token are read, and what its refusals ask the operator to do. */
import { type Fetch, isNoAnswer, noAnswerError } from '../provider-fetch.ts';

/** Google refuses Dockpass itself, or its answer can't be understood: a matter for the operator, not for anyone's account. */
export class GoogleFault extends Error {
  override readonly name = 'GoogleFault';
}

/** Google asks for patience: a quota is used up, or a server is down. */
export class GoogleBusy extends Error {
  override readonly name = 'GoogleBusy';
  /** Milliseconds that Google asks to wait (`Retry-After`); `null` where it doesn't say. */
  readonly retryAfter: number | null;

  constructor(message: string, retryAfter: number | null) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** A bearer token, and when it ends in epoch milliseconds. */
export type Token = { readonly value: string; readonly expiresAt: number };

/** The same calls, with the host's name in the error where it doesn't answer. */
export function nameHost(call: Fetch): Fetch {
  return (url, init) =>
    call(url, init).catch((error: unknown) => {
      throw isNoAnswer(error) ? noAnswerError(`${new URL(url).host} did not answer`, error) : error;
    });
}

export async function post(
  call: Fetch,
  url: string,
  body: string | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await call(url, { method: 'POST', headers: { accept: 'application/json', ...headers }, body });
  return readAnswer(response, url);
}

/**
 * The JSON object of an answer.
 * @throws {GoogleFault} where Google refuses
 * @throws {GoogleBusy} where it asks to come back later, or where a proxy answered in its place
 */
export async function readAnswer(response: Response, url: string): Promise<Record<string, unknown>> {
  const body = objectOf(await response.json().catch(() => null));
  if (response.ok && body !== null) return body;
  const place = new URL(url).host;
  const { name, description } = errorOf(body);
  if (response.status >= 500 || response.status === 429 || body === null || name === 'rate_limit_exceeded') {
    throw new GoogleBusy(`${place} answered ${response.status}`, retryAfterOf(response));
  }
  const said = [name, description === '' ? '' : `(${description})`].filter(Boolean).join(' ');
  throw new GoogleFault(`${place} gives Dockpass no token: ${said}${remedyFor(`${name} ${description}`)}`);
}

/**
 * Milliseconds of a `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); `null` without a usable one. A date
 * counts from the answer's own `Date`, so that a wrong clock here changes nothing.
 */
export function retryAfterOf({ headers }: Response): number | null {
  const text = headers.get('retry-after') ?? '';
  const isSeconds = /^\d{1,9}$/.test(text);
  const wait = isSeconds ? Number(text) * 1000 : Date.parse(text) - Date.parse(headers.get('date') ?? '');
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

/** OAuth errors are `{error, error_description}`; those of Google's APIs are `{error: {status, message}}`. */
function errorOf(body: Record<string, unknown> | null): { readonly name: string; readonly description: string } {
  const { error, error_description: description } = body ?? {};
  const inner = objectOf(error);
  const name = inner === null ? error : (inner['message'] ?? inner['status']);
  return { name: textUpTo(name), description: textUpTo(description) };
}

/** What Google says, and what it asks the operator to do. The texts are those that people report of Google. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/short-lived token|reasonable timeframe/i, "This machine's clock is wrong: synchronize it, for example with NTP"],
  [
    /invalid email or user id|invalid impersonation/i,
    'GOOGLE_DIRECTORY_ADMIN is suspended, deleted or not a user of this Workspace: name an active administrator',
  ],
  [/invalid jwt signature|account not found/i, 'The key of GOOGLE_DIRECTORY_KEY_FILE was deleted: create a new one'],
  [
    /unauthorized_client/i,
    "The domain-wide delegation, or one of its scopes, is missing: add the service account's client id and the scopes of docs/providers.md in the Admin console",
  ],
];

function remedyFor(said: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(said))?.[1];
  return remedy === undefined ? '' : `. ${remedy}`;
}

/** @throws {GoogleFault} for an answer without a token, or whose end can't be read: it would never be renewed */
export function readToken(body: Record<string, unknown>, now: () => number): Token {
  const { access_token: value, expires_in: seconds } = body;
  return { value: textOf(value), expiresAt: timeOf(now() + Number(seconds ?? 0) * 1000) };
}

/** IAM Credentials names the same fields differently. @throws {GoogleFault} as `readToken` */
export function readIamToken({ accessToken, expireTime }: Record<string, unknown>): Token {
  return { value: textOf(accessToken), expiresAt: timeOf(Date.parse(textOf(expireTime))) };
}

function timeOf(milliseconds: number): number {
  if (Number.isFinite(milliseconds)) return milliseconds;
  throw new GoogleFault("Google didn't say when its token ends");
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new GoogleFault('Google sent no token');
  return value;
}

function textUpTo(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : '';
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : null;
}
