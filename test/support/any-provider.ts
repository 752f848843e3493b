/** Owns an OpenID provider that answers whatever a test wants: signed as it should be, unless the test says otherwise. */
import assert from 'node:assert/strict';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { OidcSettings } from '../../src/sign-in/oidc.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import type { Page, Visitor } from './visitor.ts';

export type Answers = {
  metadata: Readonly<Record<string, unknown>>;
  /** Of the ID token at a sign-in; `undefined` leaves a claim out. */
  claims: Readonly<Record<string, unknown>>;
  /** Of the ID token of a refresh; `null`: the refresh brings none. */
  refreshClaims: Readonly<Record<string, unknown>> | null;
  /** Of the userinfo endpoint. */
  userinfo: Readonly<Record<string, unknown>> | (() => Response);
  /** In place of tokens, for a token request. */
  token: ((request: Request) => Response | Promise<Response | null> | null) | null;
};

export type AnyProvider = {
  readonly issuer: string;
  readonly fetch: Fetch;
  readonly answers: Answers;
  /** A message that the provider signs, such as a logout token. */
  sign(claims: Readonly<Record<string, unknown>>, typ: string): Promise<string>;
  /** Every request, the latest last. */
  readonly asked: Request[];
  /** For a connector of this provider; it keeps refresh tokens. */
  settings(callbackUrl: string, changes?: Partial<OidcSettings>): OidcSettings;
};

const issuer = 'https://sso.example.com';
const person = { sub: '7', email: 'ana@example.com', email_verified: true, name: 'Ana' };

export async function createAnyProvider(changes: Partial<Answers> = {}): Promise<AnyProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' };
  const answers: Answers = {
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    },
    claims: {},
    refreshClaims: {},
    userinfo: {},
    token: null,
    ...changes,
  };
  const asked: Request[] = [];
  const idToken = (claims: Readonly<Record<string, unknown>>) =>
    new SignJWT({ ...person, iss: issuer, aud: 'dockpass', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuedAt()
      .setExpirationTime('5 min')
      .sign(privateKey);
  const tokens = async (form: URLSearchParams): Promise<Response> => {
    const [isRefresh, code] = [form.get('grant_type') === 'refresh_token', form.get('code') ?? ''];
    const claims = isRefresh ? answers.refreshClaims : { nonce: code, ...answers.claims };
    const common = { access_token: 'access', token_type: 'bearer', refresh_token: `refresh-${asked.length}` };
    return Response.json({ ...common, ...(claims !== null && { id_token: await idToken(claims) }) });
  };
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith('/.well-known/openid-configuration')) return Response.json(answers.metadata);
    if (pathname === '/keys') return Response.json({ keys: [jwk] });
    if (pathname === '/userinfo') {
      const { userinfo } = answers;
      return typeof userinfo === 'function' ? userinfo() : Response.json({ sub: person.sub, ...userinfo });
    }
    assert.match(pathname, /^\/token/);
    const instead = (await answers.token?.(request.clone())) ?? null;
    return instead ?? tokens(new URLSearchParams(await request.text()));
  };
  return {
    issuer,
    answers,
    asked,
    sign: (claims, typ) =>
      new SignJWT({ iss: issuer, aud: 'dockpass', ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k', typ })
        .setIssuedAt()
        .sign(privateKey),
    async fetch(url, init) {
      const request = new Request(url, init);
      asked.push(request.clone());
      return answer(request);
    },
    settings: (callbackUrl, settings) => ({
      ...{ name: 'sso', label: 'Company SSO', issuer, clientId: 'dockpass', clientSecret: 'secret', callbackUrl },
      ...{
        scopes: ['openid', 'email', 'profile'],
        groups: null,
        emailClaim: 'email',
        authMethod: 'auto',
        domains: [],
        requireVerifiedEmail: true,
      },
      ...{ refreshTokens: true, allowInsecureIssuer: false, ...settings },
    }),
  };
}

/** Begins a sign-in, and opens the callback as if the provider had sent the browser there. */
export async function signInThrough(visitor: Visitor, begin: string): Promise<{ sent: URLSearchParams; page: Page }> {
  const begun = await visitor.request(begin);
  const { searchParams: sent } = new URL(begun.headers.get('location') ?? assert.fail(await begun.text()));
  const answer = new URLSearchParams({ code: sent.get('nonce') ?? '', state: sent.get('state') ?? '' });
  return { sent, page: await visitor.open(`${begin.replace(/\?.*/, '')}/callback?${answer}`) };
}
