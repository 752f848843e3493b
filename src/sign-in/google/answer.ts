/** Owns how the answers are read with which Google gives or refuses a token. */
import { type Fetch, noAnswerError } from '../provider-fetch.ts';

/** Google refuses Dockpass itself, or cannot be understood: for the operator, and nobody's account. */
export class GoogleFault extends Error {
  override readonly name = 'GoogleFault';
}

/** A bearer token, and when it ends in epoch milliseconds. */
export type Token = { readonly value: string; readonly expiresAt: number };

export async function post(
  call: Fetch,
  url: string,
  body: string | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await call(url, { method: 'POST', headers: { accept: 'application/json', ...headers }, body });
  return readAnswer(response, url);
}

/** The JSON of an answer. @throws {GoogleFault} where Google refuses; an error as `fetch` throws them where it is down */
export async function readAnswer(response: Response, url: string): Promise<Record<string, unknown>> {
  const body = (await response.json().catch(() => null)) as Record<string, unknown> | null;
  if (response.ok && body !== null) return body;
  const place = new URL(url).host;
  if (response.status >= 500 || response.status === 429 || body === null) {
    throw noAnswerError(`${place} answered ${response.status}`);
  }
  const { error, error_description: description } = body;
  const said = typeof error === 'string' ? error : (error as { message?: unknown } | undefined)?.message;
  const more = typeof description === 'string' ? ` (${description.slice(0, 200)})` : '';
  throw new GoogleFault(`${place} gives Dockpass no token: ${String(said).slice(0, 200)}${more}`);
}

export function readToken(body: Record<string, unknown>, now: () => number): Token {
  const { access_token: value, expires_in: seconds } = body;
  return { value: textOf(value), expiresAt: now() + Number(seconds ?? 0) * 1000 };
}

/** Of IAM Credentials, which names its fields otherwise. */
export function readIamToken({ accessToken, expireTime }: Record<string, unknown>): Token {
  return { value: textOf(accessToken), expiresAt: Date.parse(textOf(expireTime)) };
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new GoogleFault('Google sent no token');
  return value;
}
