/** Owns what the error of a token endpoint means: for who signs in now, and for whom a refresh asked (RFC 6749, section 5.2). */
import { Refusal } from '../lib/errors.ts';
import type { ProviderStatus } from './provider-status.ts';

/** Of these the person can get rid by signing in; `admin_policy_enforced` is Google's. */
const signInErrors = [
  'invalid_grant',
  'admin_policy_enforced',
  'interaction_required',
  'login_required',
  'consent_required',
];

/**
 * @param status of the HTTP answer
 * @param error its `error`; `null` where it has none, as a proxy's page has not
 */
export function statusOfTokenError(label: string, status: number, error: string | null): ProviderStatus {
  const said = `${label} answered ${error?.slice(0, 60) ?? status}`;
  if (error !== null && signInErrors.includes(error)) return { kind: 'sign-in', reason: said };
  const later = status >= 500 || status === 429 || error === null || error === 'temporarily_unavailable';
  return { kind: later ? 'silent' : 'fault', reason: said };
}

/** Dockpass itself is refused: its id or secret is wrong, or it may not do this at the provider. */
const clientErrors = ['invalid_client', 'unauthorized_client'];

/**
 * What to tell a person whose sign-in ended in an error of the token endpoint, or in what was no answer of one.
 * @param status of the HTTP answer
 * @param error its `error`; `null` where it has none
 */
export function refusalOfTokenError(label: string, status: number, error: string | null, cause: unknown): Refusal {
  if (status >= 500 || status === 429) return noAnswer(label, cause);
  if (error === 'invalid_grant') {
    return new Refusal('bad_request', 'This sign-in took too long or was used already. Start it again.', { cause });
  }
  return new Refusal('bad_gateway', faultOf(label, status, error), { cause });
}

function faultOf(label: string, status: number, error: string | null): string {
  if (error !== null && clientErrors.includes(error) && (status === 400 || status === 401)) {
    return `${label} does not accept the client id and secret that Dockpass is set up with. Tell the administrator.`;
  }
  if (error !== null && /^[a-z_]{1,40}$/.test(error)) {
    return `${label} refused what Dockpass asked for (${error}). Tell the administrator.`;
  }
  return `${label} answered what Dockpass does not understand (status ${status}). Start the sign-in again, and tell the administrator if that does not help.`;
}

export function noAnswer(label: string, cause: unknown): Refusal {
  const message = `${label} does not answer right now. Try again in a minute.`;
  return new Refusal('unavailable', message, { cause, retryAfter: 60 });
}
