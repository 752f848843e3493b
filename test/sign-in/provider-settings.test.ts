/** Providers as they are: clients that may use one method only, endpoints that move, and mistakes that name both values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnsecuredJWT } from 'jose';
import { Refusal } from '../../src/lib/errors.ts';
import { createGoogleRefresher } from '../../src/sign-in/google/refresh.ts';
import { createOidcConnector, type OidcSettings } from '../../src/sign-in/oidc.ts';
import { type Answers, createAnyProvider } from '../support/any-provider.ts';
import { createSent } from '../support/sent.ts';
import { profileThrough } from '../support/strategies.ts';

async function start(answers: Partial<Answers> = {}, settings: Partial<OidcSettings> = {}) {
  const provider = await createAnyProvider(answers);
  const clock = { now: Date.now() };
  const connector = createOidcConnector(provider.settings('https://dockpass.example.com/callback', settings), {
    ...{ fetch: provider.fetch, sent: createSent(), now: () => clock.now },
  });
  const signIn = () =>
    profileThrough(connector, (sent) => ({ code: sent.get('nonce') ?? '', state: sent.get('state') ?? '' }));
  /** How each token request proved the client. */
  const methods = async () => {
    const calls = provider.asked.filter(({ method, url }) => method === 'POST' && url.includes('/token'));
    return Promise.all(
      calls.map(async (call) =>
        call.headers.has('authorization')
          ? 'basic'
          : new URLSearchParams(await call.clone().text()).has('client_secret')
            ? 'post'
            : 'none',
      ),
    );
  };
  return { provider, clock, connector, signIn, methods };
}

const both = { token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] };
const refused = (headers: Record<string, string> = {}) =>
  Response.json({ error: 'invalid_client', error_description: 'use client_secret_basic' }, { status: 401, headers });
const onlyBasic = (request: Request) => (request.headers.has('authorization') ? null : refused());

test('a client that may use Basic alone signs in although the server lists both, and the method is remembered', async () => {
  const { provider, signIn, connector, methods } = await start({ token: onlyBasic });
  provider.answers.metadata = { ...provider.answers.metadata, ...both };
  assert.equal((await signIn()).email, 'ana@example.com');
  await signIn();
  assert.deepEqual(await methods(), ['post', 'basic', 'basic']);
  const status = await connector.refresher?.ask(
    'r',
    { subject: '7', email: 'ana@example.com', domain: 'example.com' },
    async () => {},
  );
  assert.equal(status?.kind, 'there', 'the refresh finds the method, too');
});

test('someone whose first answer is slow signs in although another sign-in found the method meanwhile', async () => {
  const { promise: isFound, resolve: found } = Promise.withResolvers<void>();
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  let isFirst = true;
  const token = async (request: Request) => {
    if (isFirst) {
      isFirst = false;
      asked();
      await isFound;
    }
    return onlyBasic(request);
  };
  const { provider, signIn } = await start({ token });
  provider.answers.metadata = { ...provider.answers.metadata, ...both };
  const slow = signIn();
  await isAsked;
  await signIn();
  await signIn();
  found();
  assert.equal((await slow).email, 'ana@example.com');
});

/** What fosite begins the description of every `invalid_request` with. */
const malformed =
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.';

test('a refresh token that is refused asks for a sign-in, in whichever words', async () => {
  const table: readonly (readonly [status: number, body: object, kind: string])[] = [
    [400, { error: 'invalid_grant' }, 'sign-in'],
    [401, { error: 'token_inactive' }, 'sign-in'],
    // Dex: server/refreshhandlers.go.
    [400, { error: 'invalid_request', error_description: 'Refresh token expired.' }, 'sign-in'],
    [
      400,
      {
        error: 'invalid_request',
        error_description: 'Refresh token is invalid or has already been claimed by another client.',
      },
      'sign-in',
    ],
    [
      400,
      {
        error: 'invalid_request',
        error_description:
          'clientID dockpass refresh token (ID abc) is invalid or has already been claimed by another client.',
      },
      'sign-in',
    ],
    // Fosite, in Ory Hydra and Authelia: handler/oauth2/flow_refresh.go.
    ...[
      'Failed to refresh token because of multiple concurrent requests using the same token which is not allowed.',
      'Failed to refresh token because of multiple concurrent requests using the same token. Please retry the request.',
      'Failed to refresh token. Please retry the request.',
    ].map((hint) => [400, { error: 'invalid_request', error_description: `${malformed} ${hint}` }, 'silent'] as const),
    [400, { error: 'invalid_request', error_description: malformed }, 'fault'],
    ...[
      'Invalid value for parameter grant_type: refresh_token',
      'Invalid client credentials; the refresh token was not looked at',
      'The client that sent this refresh token is invalid.',
    ].map((description) => [400, { error: 'invalid_request', error_description: description }, 'fault'] as const),
    [400, { error: 'invalid_request', error_description: 'No refresh token is found in request.' }, 'fault'],
    [
      400,
      { error: 'invalid_request', error_description: 'Requested scopes contain unauthorized scope(s): ["a"].' },
      'fault',
    ],
    [400, { error: 'invalid_request' }, 'fault'],
    [500, { error: 'invalid_request' }, 'silent'],
    [401, { error: 'invalid_client' }, 'fault'],
  ];
  for (const [status, body, expected] of table) {
    const { connector } = await start({ token: () => Response.json(body, { status }) });
    const ana = { subject: '7', email: 'ana@example.com', domain: 'example.com' };
    const answer = await connector.refresher?.ask('r', ana, async () => {});
    assert.equal(answer?.kind, expected, JSON.stringify(body));
  }
});

test('half an answer to a refresh is silence, at Google and elsewhere', async () => {
  const token = { access_token: 'a', token_type: 'bearer' };
  const table: readonly [body: string, sso: string, google: string][] = [
    ['{}', 'silent', 'silent'],
    ['[]', 'silent', 'silent'],
    ['null', 'silent', 'silent'],
    ['{"access_token": 5}', 'silent', 'silent'],
    ['{"access_token": "a", "tok', 'silent', 'silent'],
    ['{"error": "invalid_grant"}', 'sign-in', 'sign-in'],
    ['{"error": "invalid_client"}', 'fault', 'fault'],
    [JSON.stringify({ ...token, id_token: new UnsecuredJWT({ sub: '8' }).encode() }), 'fault', 'fault'],
    [JSON.stringify(token), 'there', 'there'],
  ];
  const ana = { subject: '7', email: 'ana@example.com', domain: 'example.com' };
  for (const [body, sso, google] of table) {
    const token = () => new Response(body, { headers: { 'content-type': 'application/json' } });
    const { connector } = await start({ token, userinfo: {} });
    assert.equal((await connector.refresher?.ask('r', ana, async () => {}))?.kind, sso, body);
    const settings = { clientId: 'c', clientSecret: 's', tokenUrl: 'https://google.test/', revocationUrl: '' };
    const answer = await createGoogleRefresher(settings, async () => token()).ask('r', ana, async () => {});
    assert.equal(answer.kind, google, body);
  }
  const { connector } = await start({
    token: () => new Response('<h1>Hello</h1>', { headers: { 'content-type': 'text/html' } }),
  });
  assert.equal((await connector.refresher?.ask('r', ana, async () => {}))?.kind, 'silent', 'the page of a proxy');
});

test('a refresh finds an address that changed wherever the provider sends it', async () => {
  const without = { email: undefined, email_verified: undefined };
  const table: readonly [what: string, answers: Partial<Answers>, status: 'there' | 'sign-in'][] = [
    [
      'the same in userinfo',
      { refreshClaims: without, userinfo: { email: 'Ana@example.com', email_verified: true } },
      'there',
    ],
    ['another in userinfo', { refreshClaims: without, userinfo: { email: 'bo@example.com' } }, 'sign-in'],
    ['another, and no ID token', { refreshClaims: null, userinfo: { email: 'bo@example.com' } }, 'sign-in'],
    [
      'not verified in userinfo',
      { refreshClaims: without, userinfo: { email: 'ana@example.com', email_verified: false } },
      'sign-in',
    ],
    ['none anywhere', { refreshClaims: without }, 'there'],
    [
      'userinfo that does not answer',
      { refreshClaims: without, userinfo: () => new Response('', { status: 500 }) },
      'there',
    ],
    ["the ID token's word", { userinfo: { email: 'bo@example.com' } }, 'there'],
  ];
  for (const [what, answers, expected] of table) {
    const { connector } = await start(answers);
    const ana = { subject: '7', email: 'ana@example.com', domain: 'example.com' };
    assert.equal((await connector.refresher?.ask('r', ana, async () => {}))?.kind, expected, what);
  }
});

test('a client that may use the form alone signs in where the server says nothing', async () => {
  const onlyPost = (request: Request) => (request.headers.has('authorization') ? refused() : null);
  const { signIn, methods } = await start({ token: onlyPost });
  await signIn();
  assert.deepEqual(await methods(), ['basic', 'post']);
});

test('a setting decides, and nothing else is tried', async () => {
  const { provider, signIn, methods } = await start({ token: onlyBasic }, { authMethod: 'post' });
  provider.answers.metadata = { ...provider.answers.metadata, ...both };
  await assert.rejects(signIn(), { code: 'bad_gateway', message: /client id and secret.*Tell your administrator/ });
  assert.deepEqual(await methods(), ['post']);
});

test('a wrong secret is named as one, with the provider’s own words in the log, also beside a challenge', async () => {
  for (const headers of [{}, { 'www-authenticate': 'Basic realm="sso"' }]) {
    const { signIn } = await start({ token: () => refused(headers) });
    await assert.rejects(signIn(), (error: Refusal) => {
      assert.match(error.message, /does not accept the client id and secret.*Tell your administrator/);
      assert.match((error.cause as Error).message, /"invalid_client" "use client_secret_basic"/);
      return true;
    });
  }
});

test('a mistake that no retry helps against says "Tell your administrator", and the log has both values', async () => {
  const expectLog = async (answers: Partial<Answers>, log: RegExp) => {
    const { signIn } = await start(answers);
    await assert.rejects(signIn(), (error: unknown) => {
      assert.ok(error instanceof Refusal);
      assert.match(error.message, /Tell your administrator\.$/);
      assert.match((error.cause as Error).message, log);
      return true;
    });
  };
  const { metadata } = (await createAnyProvider()).answers;
  await expectLog(
    { metadata: { ...metadata, issuer: 'https://sso.example.com/realms/x' } },
    /issuer is "https:\/\/sso\.example\.com\/realms\/x", expected "https:\/\/sso\.example\.com\/"/,
  );
  await expectLog(
    { claims: { iss: 'https://sso.example.com/' } },
    /iss is "https:\/\/sso\.example\.com\/", expected "https:\/\/sso\.example\.com"/,
  );
  const late = Math.floor(Date.now() / 1000) + 120;
  await expectLog({ claims: { nbf: late } }, /nbf is \d+ \(20.*\), this machine's clock says 20.*, leeway 30 s/);
});

test('the clock leeway is a setting', async () => {
  const provider = await createAnyProvider({ claims: { nbf: Math.floor(Date.now() / 1000) + 120 } });
  const parts = { fetch: provider.fetch, sent: createSent(), now: Date.now, clockLeeway: 180 };
  const connector = createOidcConnector(provider.settings('https://dockpass.example.com/callback'), parts);
  const { subject } = await profileThrough(connector, (sent) => ({
    ...{ code: sent.get('nonce') ?? '', state: sent.get('state') ?? '' },
  }));
  assert.equal(subject, '7');
});

for (const code of [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ENOTFOUND',
]) {
  test(`${code} is no passing trouble`, async () => {
    const cause = Object.assign(new Error('no'), { code });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const { settings } = await createAnyProvider();
    const connector = createOidcConnector(settings(''), { fetch, sent: createSent(), now: Date.now });
    await assert.rejects(connector.strategy(), {
      code: 'bad_gateway',
      message: `Dockpass cannot connect to Company SSO as it is set up (${code}). Tell your administrator.`,
    });
  });
}

test('the metadata is asked for again after an hour, and after an endpoint that is gone; an old one counts meanwhile', async () => {
  const { provider, clock, signIn } = await start();
  const discoveries = () => provider.asked.filter(({ url }) => url.includes('/.well-known/')).length;
  await signIn();
  clock.now += 3_599_000;
  await signIn();
  assert.equal(discoveries(), 1);
  clock.now += 2_000;
  await signIn();
  assert.equal(discoveries(), 2);

  provider.answers.token = ({ url }) => (url.endsWith('/token') ? new Response('gone', { status: 404 }) : null);
  await assert.rejects(signIn(), { code: 'bad_gateway' });
  provider.answers.metadata = { ...provider.answers.metadata, token_endpoint: `${provider.issuer}/token2` };
  assert.equal((await signIn()).subject, '7');
  assert.equal(discoveries(), 3);

  const { metadata } = provider.answers;
  provider.answers.metadata = { error: 'down for maintenance' };
  clock.now += 3_600_000;
  assert.equal((await signIn()).subject, '7', 'with what was known');
  provider.answers.metadata = metadata;
});

test('a logout token is judged by the issuer that ID tokens have, however the setting spells it', async () => {
  const { provider, signIn, connector } = await start({}, { issuer: 'https://SSO.example.com/' });
  assert.equal((await signIn()).issuer, 'https://sso.example.com');
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const read = async (claims: object) =>
    connector.readLogout?.(await provider.sign({ sub: '7', jti: 'j', events, ...claims }, 'logout+jwt'));
  assert.deepEqual(
    (await read({}))?.events.map(({ kind, subject }) => [kind, subject]),
    [['end-sessions', '7']],
  );
  await assert.rejects(read({ iss: 'https://sso.example.com/' }), {
    name: 'MessageError',
    message: 'iss is "https://sso.example.com/", expected "https://sso.example.com"',
  });
});
