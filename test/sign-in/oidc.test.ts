/** Sign-in with other providers: discovery that may fail, what the ID token must prove, groups and e-mail from claims. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import type { Connector } from '../../src/sign-in/connector.ts';
import { createOidcConnector, type OidcSettings } from '../../src/sign-in/oidc.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import { createSent, groupsClaim } from '../support/sent.ts';
import { profileThrough } from '../support/strategies.ts';

const issuer = 'https://sso.example.com/realms/main';
const settings: OidcSettings = {
  name: 'keycloak',
  label: 'Company SSO',
  issuer,
  clientId: 'client-1',
  clientSecret: 'secret-1',
  scopes: ['openid', 'email', 'profile'],
  groups: groupsClaim('realm_access.roles', 'keycloak'),
  emailClaim: 'email',
  authMethod: 'auto',
  refreshTokens: false,
  domains: [],
  requireVerifiedEmail: true,
  callbackUrl: 'https://dockpass.example.com/sign-in/keycloak/callback',
  allowInsecureIssuer: false,
};
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/certs`,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
};
let key: CryptoKey;
let jwk: JWK;

before(async () => {
  const pair = await generateKeyPair('RS256');
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256' };
});

type Provider = {
  nonce: string;
  metadata: object;
  claims: object;
  userinfo: () => Response;
  asked: Request[];
  key: CryptoKey | Uint8Array;
  alg: string;
  /** In place of a token. */
  tokenError?: () => Response;
};

/** Signs in at a provider that answers as told. */
async function signIn(told: Partial<Provider> = {}, changes: Partial<OidcSettings> = {}) {
  const provider: Provider = {
    nonce: '',
    metadata,
    claims: {},
    userinfo: assert.fail,
    asked: [],
    key,
    alg: 'RS256',
    ...told,
  };
  const connector = createOidcConnector(
    { ...settings, ...changes },
    { sent: createSent(), fetch: fetchOf(provider), now: Date.now },
  );
  return profileThrough(connector, (sent) => {
    provider.nonce = sent.get('nonce') ?? '';
    return { code: 'code-1', state: sent.get('state') ?? '' };
  });
}

function fetchOf(provider: Provider): Fetch {
  return async (url, init) => {
    provider.asked.push(new Request(url, init));
    if (url.endsWith('/.well-known/openid-configuration')) return Response.json(provider.metadata);
    if (url === metadata.jwks_uri) return Response.json({ keys: [jwk] });
    if (url.endsWith('/userinfo')) return provider.userinfo();
    assert.equal(url, metadata.token_endpoint);
    if (provider.tokenError !== undefined) return provider.tokenError();
    const payload = { ...person, iss: issuer, aud: 'client-1', sub: '7', nonce: provider.nonce, ...provider.claims };
    const idToken = new SignJWT(payload)
      .setProtectedHeader({ alg: provider.alg, kid: 'k' })
      .setIssuedAt()
      .setExpirationTime('5 min');
    const isUnsigned = provider.alg === 'none';
    const id_token = isUnsigned ? new UnsecuredJWT(payload).encode() : await idToken.sign(provider.key);
    return Response.json({ access_token: 'access-1', token_type: 'bearer', id_token });
  };
}

const person = {
  email: 'Ana@Example.com',
  email_verified: true,
  name: 'Ana',
  realm_access: { roles: ['devs', '/ops/night'] },
};

test('the profile, with the groups of a nested claim under the name of the provider', async () => {
  assert.deepEqual(await signIn(), {
    provider: 'keycloak',
    issuer,
    subject: '7',
    email: 'Ana@Example.com',
    emailVerified: true,
    displayName: 'Ana',
    domain: 'example.com',
    groups: ['keycloak:devs', 'keycloak:/ops/night'],
    refreshToken: null,
    groupsProblem: null,
    groupsLeftOut: false,
    authenticatedAt: null,
    providerSession: null,
  });
});

test('the client secret goes into the form where the provider takes it, else into Basic', async () => {
  const tokenCall = async (methods: object) => {
    const asked: Request[] = [];
    await signIn({ asked, metadata: { ...metadata, ...methods } });
    const call = asked.find(({ url }) => url === metadata.token_endpoint) ?? assert.fail();
    const form = new URLSearchParams(await call.text());
    assert.match(form.get('code_verifier') ?? '', /^[\w-]{43}$/);
    assert.equal(form.get('redirect_uri'), settings.callbackUrl);
    return [call.headers.get('authorization'), form.get('client_secret')];
  };
  const encoded = `Basic ${btoa('client%2D1:secret%2D1')}`;
  assert.deepEqual(await tokenCall({}), [encoded, null]);
  assert.deepEqual(
    await tokenCall({ token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] }),
    [null, 'secret-1'],
  );
});

const unverifiable = {
  code: 'bad_gateway',
  message: "Company SSO's answer could not be verified. Tell your administrator.",
};

test('refused: another issuer, audience, nonce, signature, or a token that another client asked for', async () => {
  await assert.rejects(signIn({ claims: { azp: 'client-2' } }), unverifiable);
  await assert.rejects(signIn({ claims: { aud: ['client-1', 'client-2'] } }), unverifiable);
  assert.equal((await signIn({ claims: { azp: 'client-1' } })).subject, '7');
  await assert.rejects(signIn({ claims: { iss: 'https://sso.example.com/realms/other' } }), unverifiable);
  await assert.rejects(signIn({ claims: { aud: 'client-2' } }), unverifiable);
  await assert.rejects(signIn({ claims: { nonce: 'x' } }), unverifiable);
  await assert.rejects(signIn({ key: (await generateKeyPair('RS256')).privateKey }), unverifiable);
});

test('refused: an ID token that the same platform made for a job, whose audience is Dockpass itself', async () => {
  const job = {
    aud: 'https://auth.example.com',
    sub: 'project_path:acme/web:ref_type:branch:ref:main',
    project_id: '22',
  };
  await assert.rejects(signIn({ claims: job }), unverifiable);
});

test('refused: an unsigned token, or that is signed with what the client knows', async () => {
  const algorithms = { id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'] };
  for (const more of [{}, algorithms]) {
    const told = { metadata: { ...metadata, ...more } };
    await assert.rejects(signIn({ ...told, alg: 'none' }), { code: 'bad_gateway' });
    await assert.rejects(signIn({ ...told, alg: 'HS256', key: Buffer.from(settings.clientSecret.repeat(4)) }), {
      code: 'bad_gateway',
    });
    assert.equal((await signIn(told)).subject, '7');
  }
});

test('refused: an answer with another state', async () => {
  const asked: Request[] = [];
  const fetch = fetchOf({ nonce: '', metadata, claims: {}, userinfo: assert.fail, asked, key, alg: 'RS256' });
  const connector = createOidcConnector(settings, { sent: createSent(), fetch, now: Date.now });
  await assert.rejects(
    profileThrough(connector, () => ({ code: 'code-1', state: 'x' })),
    unverifiable,
  );
  assert.equal(asked.length, 1, 'the code was not redeemed');
});

const withUserinfo = { ...metadata, userinfo_endpoint: `${issuer}/userinfo` };

test('what the ID token lacks comes from userinfo, with the access token in a header', async () => {
  const asked: Request[] = [];
  const userinfo = () => Response.json({ sub: '7', ...person });
  const claims = { email: undefined, email_verified: undefined, realm_access: undefined };
  const profile = await signIn({ asked, userinfo, claims, metadata: withUserinfo });
  assert.deepEqual(
    [profile.email, profile.emailVerified, profile.groups?.[0]],
    ['Ana@Example.com', true, 'keycloak:devs'],
  );
  const call = asked.find(({ url }) => url.includes('userinfo')) ?? assert.fail();
  assert.deepEqual([call.url, call.headers.get('authorization')], [withUserinfo.userinfo_endpoint, 'Bearer access-1']);
});

test('email_verified of the ID token never speaks for an e-mail of userinfo, nor another subject for this one', async () => {
  const claims = { email: undefined };
  const profile = await signIn({
    claims,
    metadata: withUserinfo,
    userinfo: () => Response.json({ sub: '7', email: 'x@y.example' }),
  });
  assert.deepEqual([profile.email, profile.emailVerified], ['x@y.example', null]);
  const foreign = signIn({
    claims,
    metadata: withUserinfo,
    userinfo: () => Response.json({ sub: '8', email: 'x@y.example' }),
  });
  await assert.rejects(foreign, unverifiable);
});

test('email_verified as text is what it says, and nothing else than "true" is yes', async () => {
  const told = async (value: unknown) => (await signIn({ claims: { email_verified: value } })).emailVerified;
  assert.deepEqual(
    [await told('true'), await told('false'), await told('True'), await told(1), await told([true]), await told(null)],
    [true, false, false, false, false, null],
  );
});

test("Entra ID's xms_edov replaces a missing email_verified of the same answer", async () => {
  const told = async (claims: object, more: Partial<Provider> = {}) => {
    return (await signIn({ claims: { email_verified: undefined, ...claims }, ...more })).emailVerified;
  };
  assert.deepEqual(
    await Promise.all(
      [true, 1, 'true', '1', false, 0, '0', 'false', 'yes', undefined].map((xms_edov) => told({ xms_edov })),
    ),
    [true, true, true, true, false, false, false, false, false, null],
  );
  assert.equal(await told({ email_verified: false, xms_edov: true }), false);
  const userinfo = () => Response.json({ sub: '7', email: 'x@y.example' });
  assert.equal(await told({ email: undefined, xms_edov: true }, { metadata: withUserinfo, userinfo }), null);
});

test('a missing groups claim is unknown, not "no groups"; also when userinfo fails', async () => {
  const claims = { realm_access: undefined };
  assert.equal((await signIn({ claims })).groups, null);
  assert.equal(
    (await signIn({ claims, metadata: withUserinfo, userinfo: () => new Response('', { status: 500 }) })).groups,
    null,
  );
  assert.deepEqual((await signIn({ claims: { realm_access: { roles: [] } } })).groups, []);
  assert.equal((await signIn({}, { groups: null })).groups, null);
});

/** A connector whose calls meet these answers, one after the other, the last for ever. */
function connectorMeeting(...answers: (() => Promise<Response>)[]): { connector: Connector; calls: () => number } {
  let calls = 0;
  const fetch: Fetch = (_url, init) => {
    const answer = answers[Math.min(calls++, answers.length - 1)];
    const aborted = new Promise<never>((_, reject) => {
      init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
    return Promise.race([answer?.() ?? assert.fail(), aborted]);
  };
  return {
    connector: createOidcConnector(settings, { sent: createSent(), fetch, now: Date.now, timeout: 200 }),
    calls: () => calls,
  };
}

const noAnswer = { code: 'unavailable', message: 'Company SSO does not answer right now. Try again in a minute.' };

test('a provider that is down, hangs or answers garbage is asked again at the next sign-in', async () => {
  const { connector } = connectorMeeting(
    () => Promise.reject(new TypeError('fetch failed')),
    () => new Promise(() => {}),
    async () => new Response('<html>503', { status: 503 }),
    async () => new Response('slow down', { status: 429 }),
    async () => new Response('<html>404', { status: 404 }),
    async () => Response.json({ ...metadata, issuer: 'https://elsewhere.example' }),
    async () => Response.json(metadata),
  );
  for (let failure = 1; failure <= 4; failure++) await assert.rejects(connector.strategy(), noAnswer);
  await assert.rejects(connector.strategy(), { code: 'bad_gateway', message: /not understand \(status 404\)/ });
  await assert.rejects(connector.strategy(), { code: 'bad_gateway' });
  await connector.strategy();
});

test('refusals of the token endpoint are distinguished', async () => {
  const answer = (tokenError: () => Response) => signIn({ tokenError });
  const error = (name: string, status: number) => answer(() => Response.json({ error: name }, { status }));
  await assert.rejects(error('invalid_grant', 400), {
    code: 'bad_request',
    message: /took too long or was already used/,
  });
  await assert.rejects(error('invalid_client', 401), { code: 'bad_gateway', message: /client id and secret/ });
  await assert.rejects(error('invalid_request', 400), {
    code: 'bad_gateway',
    message: /asked for \(invalid_request\)/,
  });
  await assert.rejects(error('server_error', 500), noAnswer);
  await assert.rejects(error('too_many', 429), noAnswer);
  const html = (status: number) => answer(() => new Response('<html>', { status }));
  await assert.rejects(html(502), noAnswer);
  await assert.rejects(html(302), { code: 'bad_gateway', message: /not understand \(status 302\)/ });
  await assert.rejects(html(200), { code: 'bad_gateway', message: /not understand \(status 200\)/ });
});

test('an address without email_verified is looked for in userinfo, and counts only where that has the same one', async () => {
  const verified = async (claims: object, userinfo: object) => {
    const more = () => Response.json({ sub: '7', ...userinfo });
    const { email, emailVerified } = await signIn({ metadata: withUserinfo, claims, userinfo: more });
    return [email, emailVerified];
  };
  const split = { email_verified: undefined };
  assert.deepEqual(await verified(split, { email: 'ana@example.com', email_verified: true }), [
    'Ana@Example.com',
    true,
  ]);
  assert.deepEqual(await verified(split, { email: 'bo@example.com', email_verified: true }), ['Ana@Example.com', null]);
  assert.deepEqual(await verified(split, { email_verified: true }), ['Ana@Example.com', null]);
  assert.deepEqual(await verified({ email_verified: false }, { email: 'ana@example.com', email_verified: true }), [
    'Ana@Example.com',
    false,
  ]);
});

test('an address that is null, empty or missing is looked for in userinfo', async () => {
  const userinfo = () => Response.json({ sub: '7', email: 'bo@example.com', email_verified: true });
  for (const email of [null, '', undefined]) {
    const profile = await signIn({ metadata: withUserinfo, claims: { email, email_verified: true }, userinfo });
    assert.deepEqual([profile.email, profile.emailVerified], ['bo@example.com', true], String(email));
  }
  for (const email of [null, '', 7]) {
    const none = () => Response.json({ sub: '7', email });
    assert.equal((await signIn({ metadata: withUserinfo, claims: { email: '' }, userinfo: none })).email, null);
  }
});

test('another claim can be the address, and email_verified says nothing about it', async () => {
  const claims = { email: 'other@example.com', upn: 'ana@example.com' };
  const upn = { emailClaim: 'upn', requireVerifiedEmail: false };
  const profile = await signIn({ metadata: withUserinfo, claims }, upn);
  assert.deepEqual([profile.email, profile.domain, profile.emailVerified], ['ana@example.com', 'example.com', null]);
});

test('people who come together share one discovery, and later ones use it', async () => {
  const { connector, calls } = connectorMeeting(async () => Response.json(metadata));
  await Promise.all([connector.strategy(), connector.strategy()]);
  await connector.strategy();
  assert.equal(calls(), 1);
});

test('the domain of the verified e-mail is compared whole; a silent provider counts only where it is trusted', async () => {
  const parts = { sent: createSent(), fetch, now: Date.now };
  const profile = await signIn();
  const check = (changes: Partial<OidcSettings>, told: object) =>
    createOidcConnector({ ...settings, ...changes }, parts).check({ ...profile, ...told });
  check({ domains: ['example.com'] }, {});
  assert.throws(
    () => check({ domains: ['example.com'] }, { domain: 'sub.example.com' }),
    /not an address of example\.com/,
  );
  assert.throws(() => check({ domains: ['example.com'] }, { domain: 'notexample.com' }), { code: 'denied' });
  assert.throws(() => check({}, { emailVerified: null }), /has not verified/);
  assert.throws(() => check({ requireVerifiedEmail: false }, { emailVerified: false }), /has not verified/);
  check({ requireVerifiedEmail: false }, { emailVerified: null });
});
