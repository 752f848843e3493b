/** Owns how Dockpass proves to Google's directory who it is: with a key, with a borrowed signature, or as the machine's own account. */
import { importPKCS8, SignJWT } from 'jose';
import type { Fetch } from '../provider-fetch.ts';
import { type ApplicationDefault, createApplicationDefault } from './application-default.ts';
import { cloudPlatform } from './scopes.ts';
import { post, readIamToken, readToken, type Token, textOf } from './token-answer.ts';

export type GoogleCredentials = {
  /** A service account's key file; `null` without one. */
  readonly key: ServiceAccountKey | null;
  /** E-mail of a service account in whose name the application default credentials may sign; `null`: they speak for themselves. */
  readonly serviceAccount: string | null;
  /** Whom a service account with domain-wide delegation speaks for; `null` where it has an admin role of its own. */
  readonly admin: string | null;
  /** Those of a file; `null`: the metadata server has them. */
  readonly applicationDefault: ApplicationDefault | null;
  readonly tokenUrl: string;
  readonly iamUrl: string;
  readonly metadataUrl: string;
};

export type ServiceAccountKey = {
  readonly client_email: string;
  readonly private_key: string;
  /** `null` where the file has none. */
  readonly private_key_id: string | null;
};

/** A token this close to its end is not used any more, in milliseconds. */
const margin = 60_000;
/** Seconds; the longest that Google takes. */
const assertionLifetime = 3_600;

/**
 * @param scopes what may be read; fewer are better
 * @returns what gives an access token: kept while it is good, asked for once when many need it. `fresh`: Google refused the one
 *   that it gave
 */
export function createGoogleToken(
  credentials: GoogleCredentials,
  scopes: readonly string[],
  parts: { readonly call: Fetch; readonly now: () => number },
): (fresh: boolean) => Promise<string> {
  const ask = askWith(credentials, scopes, parts);
  let kept: Token | undefined;
  let asking: Promise<Token> | undefined;
  const renew = async (): Promise<Token> => {
    kept = await ask();
    return kept;
  };
  return async (fresh) => {
    if (kept !== undefined && !fresh && kept.expiresAt - margin > parts.now()) return kept.value;
    kept = undefined;
    asking ??= renew().finally(() => {
      asking = undefined;
    });
    return (await asking).value;
  };
}

function askWith(
  credentials: GoogleCredentials,
  scopes: readonly string[],
  parts: { readonly call: Fetch; readonly now: () => number },
): () => Promise<Token> {
  const { key, serviceAccount, admin, tokenUrl, iamUrl } = credentials;
  const { call, now } = parts;
  const scope = scopes.join(' ');
  const exchange = async (assertion: string): Promise<Token> => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    return readToken(await post(call, tokenUrl, new URLSearchParams({ grant_type, assertion })), now);
  };
  const claims = (issuer: string) => {
    const iat = Math.floor(now() / 1000);
    const subject = admin === null ? {} : { sub: admin };
    return { iss: issuer, ...subject, scope, aud: tokenUrl, iat, exp: iat + assertionLifetime };
  };
  if (key !== null) {
    return async () => {
      const signingKey = await importPKCS8(key.private_key, 'RS256');
      const jwt = new SignJWT(claims(key.client_email)).setProtectedHeader({ alg: 'RS256', typ: 'JWT' });
      return exchange(await jwt.sign(signingKey));
    };
  }
  const own = createApplicationDefault(credentials, parts);
  if (serviceAccount === null) return () => own(scopes);
  const iam = async (method: string, body: object): Promise<Record<string, unknown>> => {
    const cloud = await own([cloudPlatform]);
    const url = `${iamUrl}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:${method}`;
    return post(call, url, JSON.stringify(body), {
      authorization: `Bearer ${cloud.value}`,
      'content-type': 'application/json',
    });
  };
  if (admin === null) {
    return async () => readIamToken(await iam('generateAccessToken', { scope: scopes, lifetime: '3600s' }));
  }
  // The account's key stays with Google, which signs the assertion that a key file would have signed here.
  return async () => {
    const { signedJwt } = await iam('signJwt', { payload: JSON.stringify(claims(serviceAccount)) });
    return exchange(textOf(signedJwt));
  };
}
