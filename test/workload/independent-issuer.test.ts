/** An issuer that isn't ours: oidc-provider's discovery, keys and tokens, of which an access token is never an ID token. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { startProvider } from '../support/provider.ts';
import { idTokenOf } from '../support/provider-tokens.ts';
import { audience, startWorkloadService } from '../support/workload-service.ts';

test('ID tokens that oidc-provider issues itself let in for the audience of workloads, and for no client where people sign in', async (t) => {
  const callbackUrls = ['http://localhost:1/callback'];
  const [jobs, people] = [audience, 'people-client'].map((id) => ({ id, secret: 's', callbackUrls }));
  assert.ok(jobs && people);
  const provider = await startProvider({ port: 0, clients: [jobs, people] });
  t.after(() => provider.close());
  const service = await startWorkloadService({
    workloadsText: `
issuers: { ci: { preset: oidc, issuer: "${provider.issuer}" } }
rules: [{ issuer: ci, match: { email: ana@example.com, email_verified: true }, account: "ci:job", groups: [deployers] }]`,
  });
  t.after(() => service.stop());
  const ofJob = await idTokenOf(provider, jobs, 'ana@example.com');
  const { status, claims, granted } = await service.login(ofJob);
  assert.deepEqual([status, claims?.sub, granted], [200, 'ci:job', ['repository:acme/web:pull,push']]);
  assert.equal((await service.exchange(ofJob)).status, 200);
  for (const [client, email, reason] of [
    [people, 'ana@example.com', 'ci audience'],
    [jobs, 'bo@example.com', 'ci no-rule'],
  ] as const) {
    assert.equal((await service.login(await idTokenOf(provider, client, email))).status, 401);
    assert.equal(service.judged.at(-1), reason);
  }
});

test('keys come through the discovery of oidc-provider, and its access tokens are refused', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'own', alg: 'RS256', use: 'sig' }] },
    clients: [
      {
        client_id: 'job',
        client_secret: 'secret-of-the-job',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({ scope: '', audience, accessTokenFormat: 'jwt' as const }),
      },
    },
  });
  server.on('request', provider.callback());
  const service = await startWorkloadService({
    workloadsText: `
issuers: { ci: { preset: oidc, issuer: "${issuer}" } }
rules: [{ issuer: ci, match: { sub: job }, account: "ci:job", groups: [deployers] }]`,
  });
  t.after(() => service.stop());

  const idToken = await new SignJWT({ sub: 'job', aud: audience, iss: issuer })
    .setProtectedHeader({ alg: 'RS256', kid: 'own', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(privateKey);
  assert.equal((await service.login(idToken)).claims?.sub, 'ci:job');

  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'job',
      client_secret: 'secret-of-the-job',
    }),
  });
  const { access_token: accessToken } = (await answer.json()) as { access_token: string };
  assert.match(accessToken, /^eyJ/);
  assert.equal((await service.login(accessToken)).status, 401);
  assert.equal(service.judged.at(-1), 'ci header');
});
