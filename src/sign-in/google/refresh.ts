/** Owns how Google is asked about a person with their refresh token, where no directory can be asked. */
import type { Refresher } from '../connector.ts';
import { type Fetch, isNoAnswer } from '../provider-fetch.ts';
import { statusOfTokenError } from '../token-error.ts';

export type GoogleRefreshSettings = {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenUrl: string;
  readonly revocationUrl: string;
};

/** @param call already within the limits of provider-fetch */
export function createGoogleRefresher(settings: GoogleRefreshSettings, call: Fetch): Refresher {
  const post = (url: string, fields: Record<string, string>) =>
    call(url, { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(fields) });
  return {
    async ask(token, _subject, keep) {
      const { clientId: client_id, clientSecret: client_secret } = settings;
      const grant = { grant_type: 'refresh_token', refresh_token: token, client_id, client_secret };
      let answer: TokenAnswer;
      let response: Response;
      try {
        response = await post(settings.tokenUrl, grant);
        answer = (await response.json().catch(() => ({}))) as TokenAnswer;
      } catch (error) {
        const reason = isNoAnswer(error) ? 'Google did not answer' : `Google's answer was unusable`;
        return { kind: 'silent', reason };
      }
      if (!response.ok || typeof answer.access_token !== 'string') {
        return statusOfTokenError('Google', response.status, typeof answer.error === 'string' ? answer.error : null);
      }
      if (typeof answer.refresh_token === 'string') await keep(answer.refresh_token);
      return { kind: 'there', groups: null };
    },
    async revoke(token) {
      const { status, ok } = await post(settings.revocationUrl, { token });
      // 400: it is worth nothing already.
      if (!ok && status !== 400) throw new Error(`Google answered ${status} to a revocation`);
    },
  };
}

type TokenAnswer = { readonly access_token?: unknown; readonly refresh_token?: unknown; readonly error?: unknown };
