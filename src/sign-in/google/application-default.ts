/** Owns Google's application default credentials: of gcloud's file, of a workload elsewhere, or of the metadata server. */
import type { Fetch } from '../provider-fetch.ts';
import { createExternalAccount, type ExternalAccount } from './external-account.ts';
import { post, readAnswer, readToken, type Token } from './token-answer.ts';

/** What `gcloud auth application-default login` writes. */
export type AuthorizedUser = {
  readonly client_id: string;
  readonly client_secret: string;
  readonly refresh_token: string;
};

export type ApplicationDefault = AuthorizedUser | ExternalAccount;

export type ApplicationDefaultSettings = {
  /** `null`: the metadata server has the credentials, of the account that the machine or pod runs as. */
  readonly applicationDefault: ApplicationDefault | null;
  readonly tokenUrl: string;
  readonly metadataUrl: string;
};

/** @returns what gives a token for these scopes */
export function createApplicationDefault(
  { applicationDefault: known, tokenUrl, metadataUrl }: ApplicationDefaultSettings,
  parts: { readonly call: Fetch; readonly now: () => number },
): (scopes: readonly string[]) => Promise<Token> {
  const { call, now } = parts;
  if (known !== null && 'audience' in known) return createExternalAccount(known, parts);
  if (known !== null) {
    const { client_id, client_secret, refresh_token } = known;
    const form = { grant_type: 'refresh_token', client_id, client_secret, refresh_token };
    return async () => readToken(await post(call, tokenUrl, new URLSearchParams(form)), now);
  }
  return async (scopes) => {
    const url = new URL('/computeMetadata/v1/instance/service-accounts/default/token', metadataUrl);
    url.searchParams.set('scopes', scopes.join(','));
    // The header proves that no redirect or page made this request (cloud.google.com/compute/docs/metadata).
    const response = await call(url.href, { headers: { 'metadata-flavor': 'Google' } });
    return readToken(await readAnswer(response, url.href), now);
  };
}
