/** An answer of a provider that someone made up: it signs no one in, and says nothing about the provider. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import { createProviderHealth } from '../../src/sign-in/provider-health.ts';
import { createAnyProvider } from '../support/any-provider.ts';
import { createSent } from '../support/sent.ts';
import { startGoogleApp, startSignInApp } from '../support/sign-in-app.ts';
import { createVisitor } from '../support/visitor.ts';

async function start(t: TestContext) {
  const provider = await createAnyProvider();
  const health = createProviderHealth(Date.now);
  const app = await startSignInApp({
    onAnswer: health.note,
    connectors: (callbackUrl) => [
      createOidcConnector(provider.settings(callbackUrl('sso')), {
        ...{ sent: createSent(), fetch: provider.fetch, now: Date.now },
      }),
    ],
  });
  t.after(() => app.close());
  return { provider, health, answer: (query: string) => answerAt(`${app.url}/sign-in/sso`, query) };
}

/** Begins a sign-in and opens its callback. @param query CODE and STATE stand for what the provider would send */
async function answerAt(begin: string, query: string) {
  const visitor = createVisitor();
  const begun = await visitor.request(begin);
  const { searchParams: sent } = new URL(begun.headers.get('location') ?? assert.fail());
  const full = query.replace('CODE', sent.get('nonce') ?? '').replace('STATE', sent.get('state') ?? '');
  return visitor.open(`${begin}/callback?${full}`);
}

const tokenCalls = (asked: readonly Request[]) => asked.filter(({ url }) => url.endsWith('/token')).length;

test('one of another issuer, or without a code, is refused before its code is redeemed, and the provider isn’t blamed', async (t) => {
  const { provider, health, answer } = await start(t);
  const forged = [
    'code=CODE&state=STATE&iss=https://evil.example',
    'code=CODE&state=STATE&iss=https://sso.example.com/',
    'code=CODE&state=STATE&iss=',
    'code=CODE&state=STATE&iss=https://sso.example.com&iss=https://evil.example',
    'code=&state=STATE',
    'code=%00&state=STATE',
    'code=CODE&state=STATE&error=a&error=b',
  ];
  for (const query of forged) {
    const page = await answer(query);
    assert.equal(page.status, 400, query);
    assert.match(JSON.parse(page.body).message, /Start again/);
  }
  assert.equal(tokenCalls(provider.asked), 0);
  assert.deepEqual(health.warnings(), []);
});

test('one without the issuer is refused where the provider always says who it is', async (t) => {
  const { provider, health, answer } = await start(t);
  const { metadata } = provider.answers;
  provider.answers.metadata = { ...metadata, authorization_response_iss_parameter_supported: true };
  assert.equal((await answer('code=CODE&state=STATE')).status, 400);
  assert.equal(tokenCalls(provider.asked), 0);
  assert.deepEqual(health.warnings(), []);
  const right = await answer(`code=CODE&state=STATE&iss=${provider.issuer}`);
  assert.equal(right.body, 'signed in as ana@example.com');
});

test('parameters that belong to no answer are ignored', async (t) => {
  const { health, answer } = await start(t);
  for (const extra of ['response=abc', 'id_token=abc', 'token=abc', 'access_token=a&token_type=bearer', 'x=1&x=2']) {
    const page = await answer(`code=CODE&state=STATE&${extra}`);
    assert.equal(page.body, 'signed in as ana@example.com', extra);
  }
  assert.deepEqual(health.warnings(), []);
});

test('a provider that really fails is still warned about', async (t) => {
  const { provider, health, answer } = await start(t);
  provider.answers.token = () => Response.json({ error: 'invalid_client' }, { status: 401 });
  assert.equal((await answer('code=CODE&state=STATE')).status, 502);
  assert.equal(health.warnings().length, 1);
});

test('at Google, too', async (t) => {
  const health = createProviderHealth(Date.now);
  const app = await startGoogleApp({ onAnswer: health.note });
  t.after(() => app.close());
  const page = await answerAt(`${app.url}/sign-in/google`, 'code=x&state=STATE&iss=https://evil.example');
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /isn’t from Google/);
  assert.deepEqual(health.warnings(), []);
});
