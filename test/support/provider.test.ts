/** The demo's provider speaks Google's protocol: what it signs is what the sign-in has to judge. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startProvider } from './provider.ts';
import { createVisitor } from './visitor.ts';

const callback = 'http://localhost:1/callback';

test('ana gets an ID token with hd, mallory one without', async (t) => {
  const provider = await startProvider({ port: 0, clients: [{ id: 'c', secret: 's', callbackUrls: [callback] }] });
  t.after(() => provider.close());
  const claimsOf = async (email: string) => {
    const verifier = randomBytes(32).toString('base64url');
    const begin = new URL(provider.authorizationUrl);
    begin.search = new URLSearchParams({
      client_id: 'c',
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid email profile',
      state: 'x',
      nonce: 'n',
      prompt: 'select_account',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    const visitor = createVisitor();
    const chooser = await visitor.open(begin);
    assert.match(chooser.body, /Choose an account/);
    let response = await visitor.request(chooser.url, {
      method: 'POST',
      body: new URLSearchParams({ account: email }),
    });
    let location = response.headers.get('location') ?? '';
    while (!location.startsWith(callback)) {
      response = await visitor.request(new URL(location, provider.issuer));
      location = response.headers.get('location') ?? assert.fail(await response.text());
    }
    const answer = await fetch(provider.tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(location).searchParams.get('code') ?? '',
        redirect_uri: callback,
        code_verifier: verifier,
        client_id: 'c',
        client_secret: 's',
      }),
    });
    const { id_token } = (await answer.json()) as { id_token: string };
    const keys = createRemoteJWKSet(new URL(provider.jwksUrl));
    return (await jwtVerify(id_token, keys, { issuer: provider.issuer, audience: 'c' })).payload;
  };
  const ana = await claimsOf('ana@example.com');
  assert.deepEqual(
    [ana['email'], ana['email_verified'], ana['hd'], ana['nonce']],
    ['ana@example.com', true, 'example.com', 'n'],
  );
  const mallory = await claimsOf('mallory@example.com');
  assert.deepEqual(
    [mallory['email'], mallory['email_verified'], mallory['hd']],
    ['mallory@example.com', true, undefined],
  );
});
