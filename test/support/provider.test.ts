/** The demo's provider speaks Google's protocol: what it signs is what the sign-in has to judge. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startProvider } from './provider.ts';
import { idTokenOf } from './provider-tokens.ts';

test('ana gets an ID token with hd, mallory one without', async (t) => {
  const client = { id: 'c', secret: 's', callbackUrls: ['http://localhost:1/callback'] };
  const provider = await startProvider({ port: 0, clients: [client] });
  t.after(() => provider.close());
  const claimsOf = async (email: string) => {
    const keys = createRemoteJWKSet(new URL(provider.jwksUrl));
    const token = await idTokenOf(provider, client, email);
    return (await jwtVerify(token, keys, { issuer: provider.issuer, audience: 'c' })).payload;
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
