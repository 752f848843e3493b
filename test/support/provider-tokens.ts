/** Owns getting an ID token from the demo's provider, as a client of it does: a sign-in with a code. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { DemoProvider, ProviderClient } from './provider.ts';
import { createVisitor } from './visitor.ts';

/** The token that the provider itself issues and signs, for the client as its audience. */
export async function idTokenOf(provider: DemoProvider, client: ProviderClient, email: string): Promise<string> {
  const [callback = ''] = client.callbackUrls;
  const verifier = randomBytes(32).toString('base64url');
  const begin = new URL(provider.authorizationUrl);
  begin.search = new URLSearchParams({
    client_id: client.id,
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
  const body = new URLSearchParams({ account: email });
  let response = await visitor.request(chooser.url, { method: 'POST', body });
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
      client_id: client.id,
      client_secret: client.secret,
    }),
  });
  return ((await answer.json()) as { id_token: string }).id_token;
}
