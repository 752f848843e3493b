/** Owns what an error of a token endpoint means for the person who signs in, or for the one a refresh was about (RFC 6749, section 5.2). */
import { Refusal } from '../lib/errors.ts';
import type { ProviderStatus } from './provider-status.ts';

/** What a token endpoint says. */
export type TokenError = {
  /** Of the HTTP answer. */
  readonly status: number;
  /** `null` if there is none, as in the page of a proxy. */
  readonly error: string | null;
  /** `error_description`: text for people, which is only ever quoted. */
  readonly description: string | null;
};

/**
 * A sign-in helps against these. Three are Google's, about one account: its Workspace's app control (`access_denied`,
 * `admin_policy_enforced`) and Advanced Protection (`policy_enforced`). `token_inactive` is Ory Hydra's.
 */
const signInErrors = [
  'invalid_grant',
  'access_denied',
  'admin_policy_enforced',
  'policy_enforced',
  'interaction_required',
  'login_required',
  'consent_required',
  'token_inactive',
];

/** Quotas and outages; the second is Google's. */
const laterErrors = ['temporarily_unavailable', 'rate_limit_exceeded'];

/** @param answer to a refresh */
export function statusOfTokenError(label: string, answer: TokenError): ProviderStatus {
  const { status, error, description } = answer;
  const more = description === null || description === '' ? '' : `: ${quoted(description)}`;
  const reason = `${label} answered ${error === null ? status : quoted(error)}${more}`;
  if (error !== null && signInErrors.includes(error)) return { kind: 'sign-in', reason };
  if (status < 500 && isTokenRefused(answer)) return { kind: 'sign-in', reason };
  if (status < 500 && isRetryWanted(answer)) return { kind: 'silent', reason, personal: true };
  const later = status >= 500 || status === 429 || error === null || laterErrors.includes(error);
  return later ? { kind: 'silent', reason } : { kind: 'fault', reason, error };
}

/**
 * What Dex says where it has no other word for a refresh token that expired, is unknown or was used before; it has the same code
 * for broken requests. Some of its versions name the client and the token.
 */
const refusedByDex =
  /^(?:refresh token|clientID \S+ refresh token \(ID [^)]*\)) (?:expired|is invalid or has already been claimed)\b/i;

function isTokenRefused({ error, description }: TokenError): boolean {
  return error === 'invalid_request' && refusedByDex.test(description ?? '');
}

/** Ory Hydra and Authelia, where two requests had the same token, or the database was busy: the next one will succeed. */
function isRetryWanted({ error, description }: TokenError): boolean {
  return error === 'invalid_request' && /\bfailed to refresh token\b/i.test(description ?? '');
}

/** The provider's words end up in the log, the audit and on pages. */
export function quoted(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, ' ').slice(0, 200);
}

/** Dockpass itself is refused: its id or secret is wrong, or it isn't allowed to do this at the provider. */
const clientErrors = ['invalid_client', 'unauthorized_client'];

/**
 * What to tell a person whose sign-in ended in an error of the token endpoint, or in something that wasn't an answer of one.
 * @param status of the HTTP answer
 * @param error its `error`; `null` where it has none
 */
export function refusalOfTokenError(label: string, status: number, error: string | null, cause: unknown): Refusal {
  if (status >= 500 || status === 429) return noAnswer(label, cause);
  if (error === 'invalid_grant') {
    return new Refusal('bad_request', 'This sign-in took too long or was already used. Start again.', { cause });
  }
  return new Refusal('bad_gateway', faultOf(label, status, error), { cause });
}

function faultOf(label: string, status: number, error: string | null): string {
  if (error !== null && clientErrors.includes(error) && (status === 400 || status === 401)) {
    return `${label} does not accept the client id and secret that Dockpass is set up with. Tell your administrator.`;
  }
  if (error !== null && /^[a-z_]{1,40}$/.test(error)) {
    return `${label} refused what Dockpass asked for (${error}). Tell your administrator.`;
  }
  return `${label} answered what Dockpass does not understand (status ${status}). Tell your administrator.`;
}

export function noAnswer(label: string, cause: unknown): Refusal {
  const message = `${label} does not answer right now. Try again in a minute.`;
  return new Refusal('unavailable', message, { cause, retryAfter: 60 });
}
