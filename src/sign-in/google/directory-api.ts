/** Owns one call to Google's directory: the token in the header, the wait where a quota is used up, the shape of its errors. */
import { fieldsIn, isRecord } from '../../lib/json.ts';
import { type Fetch, isNoAnswer, noAnswerReason } from '../provider-fetch.ts';
import type { ProviderStatus } from '../provider-status.ts';
import { GoogleBusy, retryAfterOf } from './token-answer.ts';

/** Google's error instead of an answer. */
export class GoogleApiError extends Error {
  override readonly name = 'GoogleApiError';
  readonly status: number;
  /**
   * The Admin SDK's `errors[0].reason`, the `reason` in the details of other APIs, or else `status`: 'notFound', 'SERVICE_DISABLED',
   * 'PERMISSION_DENIED'; `null` where the body isn't Google's.
   */
  readonly reason: string | null;
  /** Google's own words; '' where there are none. */
  readonly said: string;
  /** Milliseconds that Google asks to wait; `null` where it doesn't say. */
  readonly retryAfter: number | null;

  constructor(status: number, reason: string | null, said: string, retryAfter: number | null = null) {
    super(`the Google directory answered ${status}${said === '' ? '' : `: ${said}`}`);
    this.status = status;
    this.reason = reason;
    this.said = said;
    this.retryAfter = retryAfter;
  }

  /** The same, and about what. */
  about(what: string): GoogleApiError {
    return new GoogleApiError(this.status, this.reason, `${this.said} (about ${what})`, this.retryAfter);
  }
}

export type GoogleApi = {
  /**
   * @param isExpected what the answer must look like; another one is tried again, as where a server is down
   * @throws {GoogleApiError}, what getting a token throws, and what `fetch` throws
   */
  get<Body>(url: string, isExpected: Check<Body>): Promise<Body>;
};

type Check<Body> = (body: unknown) => body is Body;

export type GoogleApiParts = {
  /** Within the limits of provider-fetch. */
  readonly call: Fetch;
  /** A token that is good for at least a minute. `fresh` asks for a new one. */
  readonly token: (fresh: boolean) => Promise<string>;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
};

/** Milliseconds before each further try: exponential, as developers.google.com/workspace/admin/directory/v1/limits asks. */
const pauses = [1_000, 2_000, 4_000];
/** Milliseconds: where Google asks for a longer wait than this, the next sweep tries again. */
const longestPause = 30_000;

export function createGoogleApi({ call, token, wait, random }: GoogleApiParts): GoogleApi {
  const once = async <Body>(url: string, isExpected: Check<Body>, fresh: boolean): Promise<Body> => {
    const headers = { accept: 'application/json', authorization: `Bearer ${await token(fresh)}` };
    const response = await call(url, { headers });
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) throw errorOf(response, body);
    if (isRecord(body) && 'error' in body)
      throw new GoogleApiError(response.status, null, 'an error, but no error status');
    if (!isExpected(body)) throw new GoogleApiError(response.status, null, 'not the answer that Google documents');
    return body;
  };
  return {
    async get<Body>(url: string, isExpected: Check<Body>) {
      for (const pause of pauses) {
        try {
          return await withFreshToken((fresh) => once(url, isExpected, fresh));
        } catch (error) {
          const delay = delayBefore(error, pause * (1 + random()));
          if (delay === null) throw error;
          await wait(delay);
        }
      }
      return withFreshToken((fresh) => once(url, isExpected, fresh));
    },
  };
}

/** A token can be revoked before its end; if a new one is refused too, that's final. */
async function withFreshToken<Body>(action: (fresh: boolean) => Promise<Body>): Promise<Body> {
  try {
    return await action(false);
  } catch (error) {
    if (error instanceof GoogleApiError && error.status === 401) return action(true);
    throw error;
  }
}

/** @returns milliseconds until the same request can be tried again; `null` where that's pointless or too far away */
function delayBefore(error: unknown, pause: number): number | null {
  if (!isLater(error) || (error instanceof GoogleApiError && error.reason === 'dailyLimitExceeded')) return null;
  const asked = error instanceof GoogleApiError || error instanceof GoogleBusy ? error.retryAfter : null;
  const delay = Math.max(pause, asked ?? 0);
  return delay > longestPause ? null : delay;
}

/** Quotas, as Admin SDK and Cloud Identity name them (developers.google.com/workspace/admin/directory/v1/limits). */
const quotaReasons = [
  'userRateLimitExceeded',
  'rateLimitExceeded',
  'quotaExceeded',
  'dailyLimitExceeded',
  'limitExceeded',
  'RATE_LIMIT_EXCEEDED',
  'RESOURCE_EXHAUSTED',
];

/** Whether the same request can succeed later: a quota, a server that is down, or what isn't an answer of Google's. */
function isLater(error: unknown): boolean {
  if (error instanceof GoogleBusy) return true;
  if (!(error instanceof GoogleApiError)) return false;
  const { status, reason } = error;
  return (
    status < 300 ||
    status === 429 ||
    status >= 500 ||
    (status === 403 && reason !== null && quotaReasons.includes(reason))
  );
}

/** What an error of a call means for the person it was about; "gone" is for the caller to say. */
export function statusOfGoogleError(error: unknown): Extract<ProviderStatus, { kind: 'silent' | 'fault' }> {
  if (isNoAnswer(error))
    return { kind: 'silent', reason: noAnswerReason(error) ?? 'the Google directory did not answer' };
  const reason = error instanceof Error ? error.message : 'the Google directory did not answer';
  // The page of a proxy isn't Google's word.
  const isPage = error instanceof GoogleApiError && error.reason === null;
  return { kind: isLater(error) || isPage ? 'silent' : 'fault', reason: `${reason}${isPage ? '' : remedyFor(error)}` };
}

function remedyFor(error: unknown): string {
  if (!(error instanceof GoogleApiError) || error.status !== 403 || isLater(error)) return '';
  if (error.reason === 'accessNotConfigured' || error.reason === 'SERVICE_DISABLED') {
    return '. Enable the API in the Google Cloud project of the service account';
  }
  if (error.reason === 'insufficientPermissions' || error.reason === 'ACCESS_TOKEN_SCOPE_INSUFFICIENT') {
    return '. Give Dockpass the scopes of docs/providers.md for this GOOGLE_DIRECTORY';
  }
  return '. Give the service account, or GOOGLE_DIRECTORY_ADMIN, a role that reads users and groups';
}

/**
 * Google's own word that this person, group or member doesn't exist. Other 404s are about the domain or the caller:
 * "Domain not found." comes where the administrator belongs to no Workspace.
 * @param key the parameter that Google names: "Resource Not Found: userKey"
 */
export function isNotFound(error: unknown, key: 'userKey' | 'groupKey' | 'memberKey'): boolean {
  if (!(error instanceof GoogleApiError) || error.status !== 404 || error.reason !== 'notFound') return false;
  return error.said.toLowerCase().startsWith(`resource not found: ${key.toLowerCase()}`);
}

/** Whether the answer is about one group of several that are asked about, which isn't shown to Dockpass. */
export function isAboutOneGroup(error: unknown): error is GoogleApiError {
  if (!(error instanceof GoogleApiError) || error.reason === null || isLater(error)) return false;
  return error.status === 403 || error.status === 404;
}

function errorOf(response: Response, body: unknown): GoogleApiError {
  const { errors, details, status, message } = fieldsIn(fieldsIn(body)['error']);
  const reason = [errors, details].flatMap(reasonsIn)[0] ?? status;
  const said = typeof message === 'string' ? message.slice(0, 200) : '';
  return new GoogleApiError(response.status, typeof reason === 'string' ? reason : null, said, retryAfterOf(response));
}

/** Of entries of `errors`, or of `details` (google.rpc.ErrorInfo). */
function reasonsIn(list: unknown): string[] {
  return (Array.isArray(list) ? list : []).flatMap((one) => {
    const { reason } = fieldsIn(one);
    return typeof reason === 'string' ? reason : [];
  });
}
