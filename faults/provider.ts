/** The fault: the provider is down, slow, or lies. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createVisitor } from '../test/support/visitor.ts';
import { ana, type Fault, openScene } from './scene.ts';

type Key = Awaited<ReturnType<typeof generateKeyPair>>;
type Claims = Record<string, unknown>;

/** What the token endpoint does; `claims` are those that would be right. */
type Lie = (
  claims: Claims,
  keys: { readonly right: Key; readonly wrong: Key },
) => Promise<string> | string | 'nothing' | 'reset';

const signed = async (claims: Claims, key: Key): Promise<string> => {
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key.privateKey);
  return JSON.stringify({ access_token: 'a', token_type: 'Bearer', expires_in: 300, id_token: token });
};

const lies: Readonly<Record<string, Lie>> = {
  'closes the connection': () => 'reset',
  'never answers': () => 'nothing',
  'answers 200 MB': () => `{"id_token":"${'a'.repeat(200 * 1024 * 1024)}"}`,
  'answers no JSON': () => '<html>',
  'signs with another key': (claims, { wrong }) => signed(claims, wrong),
  'names another issuer': (claims, { right }) => signed({ ...claims, iss: 'https://evil.example.com' }, right),
  'names another audience': (claims, { right }) => signed({ ...claims, aud: 'somebody-else' }, right),
  'repeats an old nonce': (claims, { right }) => signed({ ...claims, nonce: 'old' }, right),
  'gives an expired token': (claims, { right }) => signed({ ...claims, exp: 1 }, right),
  'signs with none': (claims) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return JSON.stringify({
      access_token: 'a',
      token_type: 'Bearer',
      id_token: `${part({ alg: 'none' })}.${part(claims)}.`,
    });
  },
};

export const provider: Fault = {
  name: 'provider',
  what: 'the provider is down, slow, or lies',
  async run(scale, stack) {
    const scene = await openScene(stack);
    const keys = { right: await generateKeyPair('RS256'), wrong: await generateKeyPair('RS256') };
    const jwk = { ...(await exportJWK(keys.right.publicKey)), kid: 'k', use: 'sig', alg: 'RS256' };
    let answer: () => Promise<string> | string = () => '';
    const listener: RequestListener = async (request, response) => {
      if (request.url === '/keys') return void response.end(JSON.stringify({ keys: [jwk] }));
      const body = await answer();
      if (body === 'reset') request.socket.destroy();
      else if (body !== 'nothing') response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
    };
    const evil = createServer(listener).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    stack.defer(() => evil.closeAllConnections());
    stack.defer(() => void evil.close());
    const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    await scene.serve({ GOOGLE_TOKEN_URL: `${url}/token`, GOOGLE_JWKS_URL: `${url}/keys` });

    const told: string[] = [];
    let slowest = 0;
    const signIn = async (lie: Lie) => {
      const visitor = createVisitor();
      const away = await visitor.request(`${scene.url}/sign-in/google`);
      const asked = new URL(away.headers.get('location') ?? '').searchParams;
      const [now, nonce] = [Math.floor(Date.now() / 1000), asked.get('nonce')];
      const claims = {
        iss: scene.provider.issuer,
        aud: 'dockpass',
        sub: '1',
        email: ana,
        email_verified: true,
        hd: 'example.com',
        nonce,
        iat: now,
        exp: now + 300,
      };
      answer = () => lie(claims, keys);
      return visitor.open(`${scene.url}/sign-in/google/callback?code=x&state=${asked.get('state')}`);
    };
    const honest = await signIn((claims, { right }) => signed(claims, right));
    assert.equal(honest.status, 200, `without a lie it works: ${honest.body}`);
    const chosen = Object.entries(lies).filter(([what]) => scale === 'full' || what !== 'never answers');
    for (const [what, lie] of chosen) {
      const begun = performance.now();
      const page = await signIn(lie);
      slowest = Math.max(slowest, performance.now() - begun);
      assert.ok(page.status >= 400 && page.status !== 500, `${what}: ${page.status}`);
      assert.match(page.body, /<h1>/, what);
      assert.equal((await fetch(`${scene.url}/healthz`)).status, 200, what);
      told.push(`${what}: ${page.status}`);
    }
    return `${told.join('; ')}; the slowest page took ${(slowest / 1000).toFixed(1)} s`;
  },
};
