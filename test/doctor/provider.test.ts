/** The doctor and an OpenID Connect provider: each thing that can be set wrong, and what it says to set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examineProvider } from '../../src/doctor/provider.ts';
import { startProvider } from '../support/provider.ts';

const callbackUrl = 'http://localhost:5001/sign-in/sso/callback';

test('every check of a provider that fits, and of one that does not', async (t) => {
  const provider = await startProvider({
    port: 0,
    clients: [{ id: 'dockpass', secret: 'right', callbackUrls: [callbackUrl] }],
  });
  t.after(() => provider.close());
  const question = {
    ...{ issuer: provider.issuer, clientId: 'dockpass', clientSecret: 'right', authMethod: 'auto' as const },
    ...{ callbackUrl, prefix: 'OIDC_SSO_', clockLeeway: 30 },
  };
  const examine = async (changes: Partial<typeof question> = {}, now = Date.now()) => {
    const findings = await examineProvider({ fetch, now: () => now }, { ...question, ...changes });
    return Object.fromEntries(findings.map(({ subject, status, message }) => [subject, `${status}: ${message}`]));
  };
  for (const [subject, text] of Object.entries(await examine())) assert.match(text, /^right: /, `${subject} ${text}`);
  assert.match(
    (await examine({ clientSecret: 'wrong' }))['client'] ?? '',
    /^wrong: .*invalid_client.*OIDC_SSO_CLIENT_ID/,
  );
  assert.match((await examine({ callbackUrl: `${callbackUrl}/x` }))['redirect'] ?? '', /^wrong: .*register http/);
  assert.match((await examine({}, Date.now() + 120_000))['clock'] ?? '', /^wrong: .*12\d seconds behind.*CLOCK_LEEWAY/);
  assert.match((await examine({ issuer: `${provider.issuer}/realms/x` }))['discovery'] ?? '', /^wrong: .*404.*ISSUER/);
  const other = provider.issuer.replace('localhost', '127.0.0.1');
  assert.match(
    (await examine({ issuer: other }))['issuer'] ?? '',
    /^wrong: it calls itself "http:\/\/localhost:.*set OIDC_SSO_ISSUER/,
  );
  assert.match((await examine({ issuer: 'http://localhost:1' }))['discovery'] ?? '', /^wrong: .*cannot be reached/);
});
