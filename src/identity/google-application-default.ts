/** Owns Google's application default credentials, as far as Dockpass takes them: gcloud's file or the metadata server. */
import { post, readAnswer, readToken, type Token } from './google-answer.ts';
import type { Fetch } from './provider-fetch.ts';

/** What `gcloud auth application-default login` writes. */
export type AuthorizedUser = {
  readonly client_id: string;
  readonly client_secret: string;
  readonly refresh_token: string;
};

export type ApplicationDefaultSettings = {
  /** `null`: the metadata server has the credentials, of the account that the machine or pod runs as. */
  readonly applicationDefault: AuthorizedUser | null;
  readonly tokenUrl: string;
  readonly metadataUrl: string;
};

/** @returns what gives a token for these scopes */
export function createApplicationDefault(
  { applicationDefault: user, tokenUrl, metadataUrl }: ApplicationDefaultSettings,
  { call, now }: { readonly call: Fetch; readonly now: () => number },
): (scopes: readonly string[]) => Promise<Token> {
  if (user !== null) {
    const { client_id, client_secret, refresh_token } = user;
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
