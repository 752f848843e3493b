/** Owns one call to Google's directory: the token in the header, the wait where a quota is used up, the shape of its errors. */
import { type Fetch, isNoAnswer } from '../provider-fetch.ts';
import type { ProviderStatus } from '../provider-status.ts';

/** What Google said instead of an answer. */
export class GoogleApiError extends Error {
  override readonly name = 'GoogleApiError';
  readonly status: number;
  /** `errors[0].reason` or `status` of the body: 'notFound', 'PERMISSION_DENIED'; `null` where the body is no error of Google's. */
  readonly reason: string | null;

  constructor(status: number, reason: string | null, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export type GoogleApi = {
  /** @throws {GoogleApiError} and whatever `fetch` throws */
  get<Body>(url: string): Promise<Body>;
};

export type GoogleApiParts = {
  /** Within the limits of provider-fetch. */
  readonly call: Fetch;
  /** A token that is good for a minute at least. `fresh` asks for another than the one before. */
  readonly token: (fresh: boolean) => Promise<string>;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
};

/** Milliseconds before each further try: exponential, as developers.google.com/workspace/admin/directory/v1/limits asks. */
const pauses = [1_000, 2_000, 4_000];

export function createGoogleApi({ call, token, wait, random }: GoogleApiParts): GoogleApi {
  const once = async <Body>(url: string, fresh: boolean): Promise<Body> => {
    const headers = { accept: 'application/json', authorization: `Bearer ${await token(fresh)}` };
    const response = await call(url, { headers });
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) throw errorOf(response.status, body);
    if (typeof body !== 'object' || body === null) throw new GoogleApiError(502, null, 'Google sent no JSON');
    return body as Body;
  };
  return {
    async get<Body>(url: string) {
      for (const pause of pauses) {
        try {
          return await withFreshToken((fresh) => once<Body>(url, fresh));
        } catch (error) {
          if (!isLater(error)) throw error;
          await wait(pause * (1 + random()));
        }
      }
      return withFreshToken((fresh) => once<Body>(url, fresh));
    },
  };
}

/** A token may be revoked before its end; that another one is refused too is final. */
async function withFreshToken<Body>(action: (fresh: boolean) => Promise<Body>): Promise<Body> {
  try {
    return await action(false);
  } catch (error) {
    if (error instanceof GoogleApiError && error.status === 401) return action(true);
    throw error;
  }
}

const quotaReasons = ['userRateLimitExceeded', 'rateLimitExceeded', 'quotaExceeded', 'RESOURCE_EXHAUSTED'];

/** Whether the same question may be answered in a moment: a quota, or a server that is down. */
function isLater(error: unknown): boolean {
  if (!(error instanceof GoogleApiError)) return false;
  const { status, reason } = error;
  return status === 429 || status >= 500 || (status === 403 && reason !== null && quotaReasons.includes(reason));
}

/** What an error of a call means for whoever was asked about; "gone" is for the caller to say. */
export function statusOfGoogleError(error: unknown): Extract<ProviderStatus, { kind: 'silent' | 'fault' }> {
  const said = error instanceof GoogleApiError ? error.message : 'the Google directory did not answer';
  if (isLater(error) || isNoAnswer(error)) return { kind: 'silent', reason: said };
  // A page of a proxy is no word of Google's.
  if (error instanceof GoogleApiError && error.reason === null) return { kind: 'silent', reason: said };
  return { kind: 'fault', reason: error instanceof Error ? error.message : said };
}

/** Google's own word that there is no such person or group; the page of a proxy is none. */
export function isNotFound(error: unknown): boolean {
  return error instanceof GoogleApiError && error.status === 404 && error.reason !== null;
}

type ErrorBody = {
  readonly error?: {
    readonly message?: unknown;
    readonly status?: unknown;
    readonly errors?: readonly { reason?: unknown }[];
  };
};

function errorOf(status: number, body: unknown): GoogleApiError {
  const { error } = (body ?? {}) as ErrorBody;
  const reason = error?.errors?.[0]?.reason ?? error?.status;
  const text = typeof error?.message === 'string' ? `: ${error.message.slice(0, 200)}` : '';
  return new GoogleApiError(
    status,
    typeof reason === 'string' ? reason : null,
    `the Google directory answered ${status}${text}`,
  );
}
