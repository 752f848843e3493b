/** What Google's ID token must prove, with a Google of the test's own that signs what it is told to. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { createGoogleConnector, type GoogleSettings } from '../../../src/sign-in/google/google.ts';
import type { Fetch } from '../../../src/sign-in/provider-fetch.ts';
import { createSent } from '../../support/sent.ts';
import { profileThrough } from '../../support/strategies.ts';

const settings: GoogleSettings = {
  clientId: 'client-1',
  clientSecret: 'secret-1',
  domains: ['example.com'],
  anyAccount: false,
  authorizationUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
  tokenUrl: 'https://oauth2.googleapis.com/token',
  jwksUrl: 'https://www.googleapis.com/oauth2/v3/certs',
  revocationUrl: 'https://oauth2.googleapis.com/revoke',
  refreshTokens: false,
  issuers: ['https://accounts.google.com', 'accounts.google.com'],
  callbackUrl: 'https://dockpass.example.com/sign-in/google/callback',
};
const now = Date.UTC(2026, 10, 23);
const seconds = now / 1000;
let key: CryptoKey;
let keys: JWK[];
let otherKind: CryptoKey;

before(async () => {
  const pair = await generateKeyPair('RS256');
  key = pair.privateKey;
  const other = await generateKeyPair('ES256');
  otherKind = other.privateKey;
  keys = [
    { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256' },
    { ...(await exportJWK(other.publicKey)), kid: 'e', alg: 'ES256' },
  ];
});

const claims = {
  iss: 'https://accounts.google.com',
  aud: 'client-1',
  azp: 'client-1',
  sub: '42',
  email: 'Ana@example.com',
  email_verified: true,
  name: 'Ana',
  hd: 'Example.com',
  iat: seconds,
  exp: seconds + 3600,
};
type Sign = (payload: Record<string, unknown>) => string | Promise<string>;
const sign: Sign = (payload) => new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key);

/** Signs in with the claims; `calls` collects what was asked of Google. */
function signIn(
  changes: Record<string, unknown>,
  signer: Sign = sign,
  calls: { url: string; init: RequestInit }[] = [],
) {
  let nonce = '';
  const fetch: Fetch = async (url, init) => {
    calls.push({ url, init });
    if (url === settings.jwksUrl) return Response.json({ keys });
    const id_token = await signer({ ...claims, nonce, ...changes });
    return Response.json({ access_token: 'access-1', token_type: 'Bearer', expires_in: 3600, id_token });
  };
  return profileThrough(createGoogleConnector(settings, { sent: createSent(), fetch, now: () => now }), (sent) => {
    nonce = sent.get('nonce') ?? '';
    return { code: 'code-1', state: sent.get('state') ?? '' };
  });
}

const unverifiable = { code: 'bad_gateway', message: /could not be verified/ };

test('the profile is what the ID token says; both issuer spellings are one person', async () => {
  const profile = await signIn({});
  assert.deepEqual(profile, {
    provider: 'google',
    issuer: 'https://accounts.google.com',
    subject: '42',
    email: 'Ana@example.com',
    emailVerified: true,
    displayName: 'Ana',
    domain: 'example.com',
    groups: null,
    refreshToken: null,
    providerSession: null,
    authenticatedAt: null,
    groupsProblem: null,
    groupsLeftOut: false,
  });
  assert.deepEqual(await signIn({ iss: 'accounts.google.com' }), profile);
});

test('the code is redeemed with the PKCE verifier, and the access token goes nowhere', async () => {
  const calls: { url: string; init: RequestInit }[] = [];
  await signIn({}, sign, calls);
  assert.deepEqual(
    calls.map(({ url }) => url),
    [settings.tokenUrl, settings.jwksUrl],
  );
  const form = new URLSearchParams(String(calls[0]?.init.body));
  assert.match(form.get('code_verifier') ?? '', /^[\w-]{43}$/);
  form.delete('code_verifier');
  assert.deepEqual(Object.fromEntries(form), {
    grant_type: 'authorization_code',
    code: 'code-1',
    redirect_uri: settings.callbackUrl,
    client_id: 'client-1',
    client_secret: 'secret-1',
  });
});

for (const [name, changes] of Object.entries({
  'another issuer': { iss: 'https://accounts.google.com.evil.example' },
  'another audience': { aud: 'client-2' },
  'several audiences without azp': { aud: ['client-1', 'client-2'], azp: undefined },
  'a token made for another client': { azp: 'client-2' },
  'another nonce': { nonce: 'of another sign-in' },
  'no nonce': { nonce: undefined },
  expired: { exp: seconds - 31 },
  'no expiry': { exp: undefined },
  'no subject': { sub: undefined },
  'an empty subject': { sub: '' },
})) {
  test(`refused: ${name}`, () => assert.rejects(signIn(changes), unverifiable));
}

test('email_verified counts as text, too, and nothing else than "true" is yes', async () => {
  const told = async (email_verified: unknown) => (await signIn({ email_verified })).emailVerified;
  assert.deepEqual(
    [await told('true'), await told('false'), await told(false), await told(1), await told(undefined)],
    [true, false, false, false, null],
  );
});

test('half a minute of clock difference is allowed', async () => {
  assert.equal((await signIn({ exp: seconds - 29 })).subject, '42');
});

test('refused: a signature by another key, none, by another algorithm, HS256 with the client secret, no token', async () => {
  const other = await generateKeyPair('RS256');
  await assert.rejects(
    signIn({}, (payload) => new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(other.privateKey)),
    unverifiable,
  );
  await assert.rejects(
    signIn({}, (payload) => new UnsecuredJWT(payload).encode()),
    unverifiable,
  );
  await assert.rejects(
    signIn({}, (payload) => new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'e' }).sign(otherKind)),
    unverifiable,
  );
  const secret = new TextEncoder().encode(settings.clientSecret.padEnd(32));
  await assert.rejects(
    signIn({}, (payload) => new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(secret)),
    unverifiable,
  );
  await assert.rejects(
    signIn({}, () => ''),
    unverifiable,
  );
});

test('a state that is not the one sent is refused before the code is redeemed', async () => {
  let calls = 0;
  const fetch: Fetch = async () => {
    calls++;
    return Response.json({});
  };
  const connector = createGoogleConnector(settings, { sent: createSent(), fetch, now: () => now });
  await assert.rejects(
    profileThrough(connector, () => ({ code: 'code-1', state: 'another' })),
    unverifiable,
  );
  assert.equal(calls, 0);
});

const answerOf = (respond: () => Response | Promise<Response>) =>
  profileThrough(
    createGoogleConnector(settings, { sent: createSent(), fetch: async () => respond(), now: () => now }),
    (sent) => ({
      code: 'code-1',
      state: sent.get('state') ?? '',
    }),
  );

test('what Google says of a code that it refuses is in the cause, for the log', async () => {
  const body = { error: 'invalid_client', error_description: 'The provided client secret\nis invalid.' };
  await assert.rejects(
    answerOf(() => Response.json(body, { status: 401 })),
    ({ cause }: Error) => /401 invalid_client: The provided client secret is invalid\.$/.test(String(cause)),
  );
});

test('refusals of the token endpoint are distinguished', async () => {
  const error = (name: string, status: number) => answerOf(() => Response.json({ error: name }, { status }));
  await assert.rejects(error('invalid_grant', 400), {
    code: 'bad_request',
    message: /took too long or was already used/,
  });
  await assert.rejects(error('invalid_client', 401), { code: 'bad_gateway', message: /client id and secret/ });
  await assert.rejects(error('unauthorized_client', 400), { code: 'bad_gateway', message: /client id and secret/ });
  await assert.rejects(error('redirect_uri_mismatch', 400), {
    code: 'bad_gateway',
    message: 'Google refused what Dockpass asked for (redirect_uri_mismatch). Tell your administrator.',
  });
  await assert.rejects(error('x', 503), { code: 'unavailable' });
  await assert.rejects(error('rate_limit_exceeded', 429), { code: 'unavailable' });
  const html = (status: number) => answerOf(() => new Response('<html>', { status }));
  await assert.rejects(html(502), { code: 'unavailable' });
  const notUnderstood = (status: number) => ({ code: 'bad_gateway', message: new RegExp(`not underst.*${status}`) });
  await assert.rejects(html(200), notUnderstood(200));
  await assert.rejects(html(302), notUnderstood(302));
  await assert.rejects(html(401), notUnderstood(401));
  await assert.rejects(
    answerOf(() => Response.json(null)),
    notUnderstood(200),
  );
});

test('an answer in the name of another issuer is refused before its code is redeemed', async () => {
  let nonce = '';
  const calls: string[] = [];
  const fetch: Fetch = async (url) => {
    calls.push(url);
    if (url === settings.jwksUrl) return Response.json({ keys });
    return Response.json({ access_token: 'a', token_type: 'Bearer', id_token: await sign({ ...claims, nonce }) });
  };
  const answer = (iss: string) =>
    profileThrough(createGoogleConnector(settings, { sent: createSent(), fetch, now: () => now }), (sent) => {
      nonce = sent.get('nonce') ?? '';
      return { code: 'code-1', state: sent.get('state') ?? '', iss };
    });
  const foreign = { code: 'bad_request', message: /isn’t from Google/ };
  await assert.rejects(answer('https://sso.example.com'), foreign);
  await assert.rejects(answer(''), foreign);
  assert.deepEqual(calls, []);
  assert.equal((await answer('https://accounts.google.com')).subject, '42');
});

test('an answer without end is cut off', async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  await assert.rejects(
    answerOf(() => new Response(endless)),
    unverifiable,
  );
  assert.ok(sent < 2_000_000, `${sent} bytes were read`);
});

test('a Google that hangs, or cannot be reached, is named, and the process lives', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const connector = createGoogleConnector(
    { ...settings, tokenUrl },
    { sent: createSent(), fetch, now: () => now, timeout: 50 },
  );
  const attempt = () => profileThrough(connector, (sent) => ({ code: 'code-1', state: sent.get('state') ?? '' }));
  t.after(() => server.closeAllConnections());
  await assert.rejects(attempt(), { code: 'unavailable', message: /does not answer right now/, retryAfter: 60 });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(attempt(), { code: 'unavailable' });
});

test('with any account allowed, only addresses that Google vouches for come in', () => {
  const connector = createGoogleConnector(
    { ...settings, domains: [], anyAccount: true },
    { sent: createSent(), fetch, now: () => now },
  );
  const profile = {
    provider: 'google',
    issuer: '',
    subject: '1',
    displayName: null,
    groups: null,
    refreshToken: null,
    providerSession: null,
    authenticatedAt: null,
    groupsProblem: null,
    groupsLeftOut: false,
    emailVerified: true,
  };
  connector.check({ ...profile, email: 'someone@gmail.com', domain: null });
  connector.check({ ...profile, email: 'ana@example.com', domain: 'example.com' });
  assert.throws(() => connector.check({ ...profile, email: 'mallory@example.com', domain: null }), /does not vouch/);
  assert.throws(
    () => connector.check({ ...profile, email: 'a@gmail.com', domain: null, emailVerified: null }),
    /has not verified/,
  );
});
