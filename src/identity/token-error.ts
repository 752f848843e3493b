/** Owns what the answer of a token endpoint to a refresh means for the person (RFC 6749, section 5.2). */
import type { Verdict } from './verdict.ts';

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
export function verdictOfTokenError(label: string, status: number, error: string | null): Verdict {
  const said = `${label} answered ${error?.slice(0, 60) ?? status}`;
  if (error !== null && signInErrors.includes(error)) return { kind: 'sign-in', reason: said };
  const later = status >= 500 || status === 429 || error === null || error === 'temporarily_unavailable';
  return { kind: later ? 'silent' : 'fault', reason: said };
}
