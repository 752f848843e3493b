/** Owns how Google is asked about a person with their refresh token, where no directory can be asked. */
import { decodeJwt } from 'jose';
import { isSameEmail } from '../../identity/email.ts';
import { normalizeDomain } from '../../lib/domain.ts';
import { fieldsIn, textOrNull } from '../../lib/json.ts';
import { type AskedAbout, type Refresher, verifiedClaim } from '../connector.ts';
import { type Fetch, noAnswerReason } from '../provider-fetch.ts';
import type { ProviderStatus } from '../provider-status.ts';
import { statusOfTokenError } from '../token-error.ts';
import { nameHost } from './token-answer.ts';

export type GoogleRefreshSettings = {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenUrl: string;
  readonly revocationUrl: string;
};

/** @param limited already within the limits of provider-fetch */
export function createGoogleRefresher(settings: GoogleRefreshSettings, limited: Fetch): Refresher {
  const call = nameHost(limited);
  const post = (url: string, fields: Record<string, string>) =>
    call(url, { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(fields) });
  return {
    clientId: settings.clientId,
    async ask(token, person, keep) {
      const { clientId: client_id, clientSecret: client_secret } = settings;
      const grant = { grant_type: 'refresh_token', refresh_token: token, client_id, client_secret };
      let answer: Readonly<Record<string, unknown>>;
      let response: Response;
      try {
        response = await post(settings.tokenUrl, grant);
        answer = fieldsIn(await response.json().catch(() => ({})));
      } catch (error) {
        return { kind: 'silent', reason: noAnswerReason(error) ?? "Google's answer was unusable" };
      }
      if (!response.ok || typeof answer['access_token'] !== 'string') {
        return statusOfTokenError('Google', {
          status: response.status,
          error: textOrNull(answer['error']),
          // Distinguishes a deleted account, a revoked consent and `invalid_rapt`.
          description: textOrNull(answer['error_description']),
        });
      }
      const { refresh_token: next } = answer;
      if (typeof next === 'string') await keep(next);
      return changeIn(answer['id_token'], person) ?? { kind: 'there', groups: null };
    },
    async revoke(token) {
      const { status, ok } = await post(settings.revocationUrl, { token });
      // 400: it is worth nothing already.
      if (!ok && status !== 400) throw new Error(`Google answered ${status} to a revocation`);
    },
  };
}

/**
 * What an ID token that came with a refresh takes away: an address or a domain that is another one counts from a sign-in on. It
 * came from Google's own endpoint, and grants nothing here, so its signature isn't looked at.
 */
function changeIn(idToken: unknown, { subject, email, domain }: AskedAbout): ProviderStatus | null {
  if (typeof idToken !== 'string') return null;
  let claims: Readonly<Record<string, unknown>>;
  try {
    claims = decodeJwt(idToken);
  } catch {
    return { kind: 'fault', reason: 'Google answered with an ID token that cannot be read' };
  }
  if (claims['sub'] !== subject) return { kind: 'fault', reason: 'Google answered for another person' };
  const { email: now, email_verified: verified, hd } = claims;
  const signIn = (what: string): ProviderStatus => ({ kind: 'sign-in', reason: `Google reports ${what}` });
  if (typeof now === 'string' && email !== null && !isSameEmail(now, email)) return signIn('another e-mail address');
  // Google says both or neither: an ID token without an address says nothing of it.
  const isVerified = verifiedClaim(verified);
  const isLeftOut = typeof now === 'string' && isVerified === null;
  if (isVerified === false || isLeftOut) return signIn('that the e-mail address is not verified');
  const isMoved = domain !== null && (typeof hd === 'string' ? normalizeDomain(hd) : null) !== domain;
  return typeof now === 'string' && isMoved ? signIn('another domain of the account') : null;
}
