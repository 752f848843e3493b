/** What providers report unasked, over HTTP: who is believed, what ends, and that nothing counts twice. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { before, type TestContext, test } from 'node:test';
import express from 'express';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { createCipher } from '../../src/lib/cipher.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { createLog } from '../../src/lib/log.ts';
import { createRiscReader } from '../../src/sign-in/google/risc.ts';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import { providerSessionId } from '../../src/sign-in/provider-session.ts';
import { createProviderMessages } from '../../src/web/provider-messages.ts';
import { hour, openRegistry, type Registry } from '../support/off-boarding.ts';
import { createSent } from '../support/sent.ts';

const issuer = 'https://sso.example.com/realms/main';
const google = 'https://accounts.google.com';
let key: CryptoKey;
let stranger: CryptoKey;
let keys: JWK[];

before(async () => {
  const pair = await generateKeyPair('RS256');
  key = pair.privateKey;
  stranger = (await generateKeyPair('RS256')).privateKey;
  keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256' }];
});

type Scene = Registry & {
  isDown: boolean;
  /** From the next question about a person on, the database doesn't answer. */
  losesDatabase: boolean;
  /** What was logged as a warning. */
  readonly warned: unknown[];
  /** Refresh tokens that the provider was told to revoke. */
  readonly revoked: string[];
  logout(claims?: object, options?: Signing): Promise<number>;
  event(type: string, claims?: object, options?: Signing & { contentType?: string }): Promise<number>;
  post(path: string, body: string, type: string): Promise<number>;
  /** Which of ana's two sessions are left. */
  sessions(): Promise<string[]>;
};
type Signing = { readonly by?: CryptoKey; readonly typ?: string };

async function start(t: TestContext): Promise<Scene> {
  const revoked: string[] = [];
  const refresher = {
    clientId: 'client-1',
    ask: assert.fail,
    revoke: async (token: string) => void revoked.push(token),
  };
  const scene = { isDown: false, losesDatabase: false, warned: [] as unknown[], revoked };
  const registry = await openRegistry('sqlite::memory:', (store) => ({
    connectors: [{ name: 'google', refresher }],
    store: {
      ...store,
      accounts: { ...store.accounts, byIdentity: whileThere(scene, store.accounts.byIdentity) },
      seenTokens: { ...store.seenTokens, forget: whileThere(scene, store.seenTokens.forget) },
    },
  }));
  const { clock, store, offBoarding } = registry;
  const now = () => clock.at;
  const { warned } = scene;
  const metadata = { issuer, authorization_endpoint: issuer, token_endpoint: issuer, jwks_uri: `${issuer}/certs` };
  const fetch: Fetch = async (url) => {
    if (scene.isDown) throw new TypeError('fetch failed');
    if (url.endsWith('/risc')) return Response.json({ issuer: `${google}/`, jwks_uri: `${google}/certs` });
    return Response.json(url.endsWith('/certs') ? { keys } : metadata);
  };
  const settings = {
    ...{
      name: 'sso',
      label: 'SSO',
      issuer,
      clientId: 'client-1',
      clientSecret: 's',
      scopes: [],
      groups: null,
      emailClaim: 'email',
      authMethod: 'auto' as const,
    },
    ...{ domains: [], requireVerifiedEmail: true, refreshTokens: true, callbackUrl: '', allowInsecureIssuer: false },
  };
  const risc = {
    configurationUrl: `${google}/risc`,
    clientId: 'client-1',
    riscClientIds: ['client-2'],
    issuers: [google, 'accounts.google.com'],
  };
  const messages = createProviderMessages({
    connectors: [
      createOidcConnector(settings, { sent: createSent(), fetch, now }),
      { name: 'google', readLogout: null },
    ],
    readGoogleEvent: createRiscReader(risc, { fetch, now }),
    act: offBoarding.act,
    requesterOf: createRequesterReader(createTrust([])),
    log: Object.assign(createLog('silent'), { warn: (...line: unknown[]) => void warned.push(line) }),
  });
  const app = express();
  app.post('/sign-in/:provider/back-channel-logout', messages.logout);
  app.post('/google-events', messages.googleEvent);
  app.use(((error, _request, response, _next) => {
    response.status(error instanceof Refusal ? error.status : 500).end();
  }) satisfies express.ErrorRequestHandler);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await registry.close();
  });
  for (const [name, sid] of Object.entries({ laptop: 'sid-1', phone: 'sid-2' })) {
    const providerSession = providerSessionId(issuer, sid);
    await store.sessions.write(name, { accountId: null, providerSession, data: '{}', expiresAt: clock.at + hour });
  }
  const post: Scene['post'] = async (path, body, type) =>
    (await globalThis.fetch(url + path, { method: 'POST', body, headers: { 'content-type': type } })).status;
  const sign = (claims: object, { by = key, typ = 'logout+jwt' }: Signing = {}) =>
    new SignJWT({ iat: clock.at / 1000, aud: 'client-1', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k', typ })
      .sign(by);
  return Object.assign(scene, registry, {
    post,
    async logout(claims: object = {}, options?: Signing) {
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      const token = await sign({ iss: issuer, sub: 'ana', jti: 'j1', events, ...claims }, options);
      const form = new URLSearchParams({ logout_token: token });
      return post('/sign-in/sso/back-channel-logout', String(form), 'application/x-www-form-urlencoded');
    },
    async event(type: string, claims: object = {}, options: Signing & { contentType?: string } = {}) {
      const subject = { subject_type: 'iss-sub', iss: `${google}/`, sub: 'ana' };
      const events = { [`https://schemas.openid.net/secevent/${type}`]: { subject, reason: 'hijacking' } };
      const token = await sign(
        { iss: `${google}/`, jti: 'j1', events, ...claims },
        { typ: 'secevent+jwt', ...options },
      );
      return post('/google-events', token, options.contentType ?? 'application/secevent+jwt');
    },
    async sessions() {
      const left = [];
      for (const name of ['laptop', 'phone']) {
        if ((await store.sessions.read(name, clock.at)) !== undefined) left.push(name);
      }
      return left;
    },
  });
}

function whileThere<Args extends unknown[], Result>(
  scene: { readonly losesDatabase: boolean },
  ask: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    if (scene.losesDatabase) throw new Refusal('unavailable', 'The database does not answer.');
    return ask(...args);
  };
}

/** Ana of the company's provider, or of Google, with both sessions hers. */
async function withAna(scene: Scene, person: { issuer: string; provider: string }): Promise<string> {
  const secret = await scene.addPerson('ana', { ...person, subject: 'ana' });
  for (const [name, sid] of Object.entries({ laptop: 'sid-1', phone: 'sid-2' })) {
    const providerSession = providerSessionId(person.issuer, sid);
    const session = { accountId: 'account-ana', providerSession, data: '{}', expiresAt: scene.clock.at + hour };
    await scene.store.sessions.write(name, session);
  }
  return secret;
}
const sso = { issuer, provider: 'sso' };
const atGoogle = { issuer: google, provider: 'google' };

test('a logout ends the session that it names, or all of the person; passwords work on', async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  assert.equal(await scene.logout({ sid: 'sid-1' }), 200);
  assert.deepEqual(await scene.sessions(), ['phone']);
  assert.equal(await scene.logout({ jti: 'j2' }), 200);
  assert.deepEqual(await scene.sessions(), []);
  assert.equal((await scene.passwords.ofAccount(await scene.account('ana')))[0]?.state, 'active');
  assert.deepEqual(
    scene.events.filter(({ action }) => action === 'person.end-sessions').map(({ actor, subject }) => [actor, subject]),
    [
      ['sso', 'ana@example.com'],
      ['sso', 'ana@example.com'],
    ],
  );
});

test('a logout with only a session, and one of someone unknown', async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  assert.equal(await scene.logout({ sub: undefined, sid: 'sid-2' }), 200);
  assert.deepEqual(await scene.sessions(), ['laptop']);
  assert.equal(await scene.logout({ sub: 'nobody', jti: 'j2' }), 200);
  assert.deepEqual(await scene.sessions(), ['laptop']);
});

test('a message counts once, and again only where it could not be acted on', async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  assert.equal(await scene.logout(), 200);
  await withAna(scene, sso).catch(() => {});
  const session = { accountId: 'account-ana', data: '{}', expiresAt: scene.clock.at + hour };
  await scene.store.sessions.write('laptop', session);
  assert.equal(await scene.logout(), 200, 'its sender is content');
  assert.deepEqual(await scene.sessions(), ['laptop']);
});

test('a message at which the database goes away counts when it comes again', async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  scene.losesDatabase = true;
  assert.equal(await scene.logout(), 503);
  assert.deepEqual(await scene.sessions(), ['laptop', 'phone']);
  scene.losesDatabase = false;
  assert.equal(await scene.logout(), 200);
  assert.deepEqual(await scene.sessions(), []);
});

test('refused: whatever is not signed by the provider, for us, now, as a logout', async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  const old = scene.clock.at / 1000 - 700;
  const wrong: Record<string, [object, Signing?]> = {
    'another key': [{}, { by: stranger }],
    'another issuer': [{ iss: 'https://evil.example' }],
    'another audience': [{ aud: 'client-2' }],
    'too old': [{ iat: old }],
    expired: [{ exp: scene.clock.at / 1000 - 60 }],
    'no jti': [{ jti: undefined }],
    'a nonce: an ID token': [{ nonce: 'n' }],
    'no events': [{ events: undefined }],
    'another event': [{ events: { other: {} } }],
    'neither sub nor sid': [{ sub: undefined }],
    'another type': [{}, { typ: 'at+jwt' }],
  };
  for (const [name, [claims, options]] of Object.entries(wrong))
    assert.equal(await scene.logout(claims, options), 400, name);
  const unsigned = new UnsecuredJWT({ iss: issuer, aud: 'client-1', sub: 'ana', jti: 'x', iat: 1 }).encode();
  const form = 'application/x-www-form-urlencoded';
  const path = '/sign-in/sso/back-channel-logout';
  assert.equal(await scene.post(path, `logout_token=${unsigned}`, form), 400);
  assert.equal(await scene.post(path, '', form), 400);
  assert.equal(await scene.post('/sign-in/google/back-channel-logout', 'logout_token=x', form), 404);
  assert.equal(await scene.post('/sign-in/nobody/back-channel-logout', 'logout_token=x', form), 404);
  assert.deepEqual(await scene.sessions(), ['laptop', 'phone']);
});

test("while the provider's keys cannot be had, its message is not lost: 503, and the next try counts", async (t) => {
  const scene = await start(t);
  await withAna(scene, sso);
  scene.isDown = true;
  assert.equal(await scene.logout(), 503);
  scene.isDown = false;
  assert.equal(await scene.logout(), 200);
  assert.deepEqual(await scene.sessions(), []);
});

test('Google: sessions end; an account that it disabled loses its passwords, too', async (t) => {
  const scene = await start(t);
  await withAna(scene, atGoogle);
  assert.equal(await scene.event('risc/event-type/sessions-revoked'), 202);
  assert.deepEqual(await scene.sessions(), []);
  assert.equal((await scene.account('ana')).state, 'active');
  assert.equal(await scene.event('risc/event-type/account-disabled', { jti: 'j2' }), 202);
  const ana = await scene.account('ana');
  assert.deepEqual([ana.state, ana.state_reason], ['disabled', 'Google says account-disabled (hijacking)']);
  assert.equal((await scene.passwords.ofAccount(ana))[0]?.state, 'revoked');
});

test('Google: a second delivery changes nothing, an event without "exp" counts for a month', async (t) => {
  const scene = await start(t);
  await withAna(scene, atGoogle);
  const week = (7 * 24 * hour) / 1000;
  const iat = scene.clock.at / 1000 - week;
  assert.equal(await scene.event('risc/event-type/sessions-revoked', { iat, exp: iat + 60 }), 202);
  assert.deepEqual(await scene.sessions(), []);
  const session = { accountId: 'account-ana', data: '{}', expiresAt: scene.clock.at + hour };
  await scene.store.sessions.write('laptop', session);
  assert.equal(await scene.event('risc/event-type/sessions-revoked', { iat }), 202);
  assert.deepEqual(await scene.sessions(), ['laptop']);
  assert.equal(await scene.event('risc/event-type/sessions-revoked', { iat: iat - 5 * week, jti: 'j3' }), 400);
});

test('Google: what it could deliver days later does not shut out people who have signed in since', async (t) => {
  const scene = await start(t);
  await withAna(scene, atGoogle);
  const iat = scene.clock.at / 1000 - 60;
  assert.equal(await scene.event('risc/event-type/account-disabled', { iat }), 202);
  assert.equal((await scene.account('ana')).state, 'active');
  scene.clock.at += hour;
  assert.equal(await scene.event('risc/event-type/account-disabled', { jti: 'j2' }), 202);
  assert.equal((await scene.account('ana')).state, 'disabled');
});

test('Google: refused are other senders and recipients; events of others or without meaning here change nothing', async (t) => {
  const scene = await start(t);
  await withAna(scene, atGoogle);
  const type = 'risc/event-type/account-disabled';
  assert.equal(await scene.event(type, {}, { by: stranger }), 400);
  assert.equal(await scene.event(type, { iss: 'https://evil.example/' }), 400);
  assert.equal(await scene.event(type, { aud: 'client-3' }), 400);
  assert.match(JSON.stringify(scene.warned.at(-1)), /aud is client-3, which is neither GOOGLE_CLIENT_ID nor/);
  assert.equal(await scene.event(type, { jti: undefined }), 400);
  assert.equal(await scene.event(type, { iat: undefined }), 400);
  const foreign = { subject: { subject_type: 'iss-sub', iss: 'https://evil.example/', sub: 'ana' } };
  const events = { [`https://schemas.openid.net/secevent/${type}`]: foreign };
  assert.equal(await scene.event(type, { events, jti: 'j2' }), 202);
  assert.equal(await scene.event('risc/event-type/verification', { jti: 'j3' }), 202);
  assert.equal(await scene.event('risc/event-type/account-enabled', { jti: 'j4' }), 202);
  assert.deepEqual([(await scene.account('ana')).state, await scene.sessions()], ['active', ['laptop', 'phone']]);
});

for (const reason of ['bulk-account', undefined]) {
  test(`Google: an account that it disabled for ${reason ?? 'no reason'} is suspended, and nothing is revoked`, async (t) => {
    const scene = await start(t);
    await withAna(scene, atGoogle);
    const type = 'https://schemas.openid.net/secevent/risc/event-type/account-disabled';
    const subject = { subject_type: 'iss-sub', iss: `${google}/`, sub: 'ana' };
    const events = { [type]: { subject, ...(reason && { reason }) } };
    assert.equal(await scene.event('', { events }), 202);
    const ana = await scene.account('ana');
    assert.equal(ana.state, 'reauth_required');
    assert.deepEqual(await scene.sessions(), []);
    assert.equal((await scene.passwords.ofAccount(ana))[0]?.revokedAt, null);
  });
}

test('Google: events for another client of the project count where it is named', async (t) => {
  const scene = await start(t);
  await withAna(scene, atGoogle);
  assert.equal(await scene.event('risc/event-type/sessions-revoked', { aud: ['client-2'] }), 202);
  assert.deepEqual(await scene.sessions(), []);
});

test('Google: a message is read whatever its content type, and every refusal is logged', async (t) => {
  const scene = await start(t);
  for (const contentType of ['application/json', 'text/plain; charset=utf-16', 'application/x-www-form-urlencoded']) {
    await withAna(scene, atGoogle).catch(() => {});
    const claims = { jti: contentType };
    assert.equal(await scene.event('risc/event-type/sessions-revoked', claims, { contentType }), 202, contentType);
  }
  assert.deepEqual([await scene.sessions(), scene.warned], [[], []]);
  assert.equal(await scene.post('/google-events', '', 'application/secevent+jwt'), 400);
  assert.match(JSON.stringify(scene.warned), /there is no token/);
});

/** A refresh token as long as Google's. */
const refreshToken = '1//0gAbCdEfGhIjKlMnOpQrStUvWxYz0123456789';
const sha512 = (bytes: Buffer | string) => createHash('sha512').update(bytes).digest();
for (const [algorithm, token] of [
  ['prefix', refreshToken.slice(0, 16)],
  ['hash_base64_sha512_sha512', sha512(sha512(refreshToken)).toString('base64')],
] as const) {
  test(`Google: a revoked refresh token, named by ${algorithm}, is forgotten, and its owner has to sign in`, async (t) => {
    const scene = await start(t);
    await withAna(scene, atGoogle);
    await scene.addPerson('bo', atGoogle);
    const event = async (named: string, jti: string) => {
      const subject = { subject_type: 'oauth_token', token_type: 'refresh_token', token_identifier_alg: algorithm };
      const type = 'https://schemas.openid.net/secevent/oauth/event-type/token-revoked';
      assert.equal(await scene.event('', { jti, events: { [type]: { subject: { ...subject, token: named } } } }), 202);
    };
    const sealed = createCipher(['k'.repeat(32)]).seal(refreshToken, 'refresh token of account account-ana');
    await scene.store.refreshTokens.write('account-ana', sealed, 'client-1', scene.clock.at);
    await event('of nobody here', 'j1');
    assert.equal((await scene.account('ana')).state, 'active');
    await event(token, 'j2');
    assert.equal((await scene.account('ana')).state, 'reauth_required');
    assert.equal((await scene.account('bo')).state, 'active');
    assert.equal(await scene.store.refreshTokens.ofAccount('account-ana'), undefined);
    assert.deepEqual(scene.revoked, [refreshToken]);
  });
}

test('who signs events is asked again every hour, and what was known counts while there is no answer', async () => {
  const clock = { at: Date.now() };
  const asked: string[] = [];
  let keysAt: string | null = `${google}/certs`;
  const fetch: Fetch = async (url) => {
    asked.push(url);
    if (!url.endsWith('/risc')) return Response.json({ keys });
    if (keysAt === null) throw new TypeError('fetch failed');
    return Response.json({ issuer: `${google}/`, jwks_uri: keysAt });
  };
  const risc = { configurationUrl: `${google}/risc`, clientId: 'client-1', riscClientIds: [], issuers: [google] };
  const read = createRiscReader(risc, { fetch, now: () => clock.at });
  const receive = async () => {
    const claims = { iss: `${google}/`, aud: 'client-1', jti: 'j', iat: clock.at / 1000, events: {} };
    return read(await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key));
  };
  await receive();
  keysAt = `${google}/moved`;
  await receive();
  assert.deepEqual(asked, [`${google}/risc`, `${google}/certs`]);
  clock.at += hour;
  await receive();
  assert.deepEqual(asked.slice(2), [`${google}/risc`, `${google}/moved`]);
  keysAt = null;
  clock.at += hour;
  await receive();
  await receive();
  assert.deepEqual(asked.slice(4), [`${google}/risc`]);
});
