/** Wrong passwords at the realm: what is answered, who is affected, and what it costs. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { password, startTokenService, type TokenServiceWish } from '../support/token-service.ts';

const fields = [['service', 'registry.example.com']] as const;
const form = (username: string, secret: string) =>
  [...fields, ['grant_type', 'password'], ['username', username], ['password', secret]] as const;

async function start(t: TestContext, input: TokenServiceWish = {}) {
  const tokens = await startTokenService({ wrongPasswords: 3, ...input });
  t.after(() => tokens.stop());
  const attempt = async (user: string, secret: string) => (await tokens.get(fields, { user, password: secret })).status;
  return { tokens, attempt };
}

test('26 a wrong password that comes as POST and then as GET counts once', async (t) => {
  const { tokens, attempt } = await start(t);
  for (const secret of ['a', 'b', 'c']) {
    assert.equal((await tokens.post(form('ana', secret))).status, 401);
    assert.equal(await attempt('ana', secret), 401);
  }
  const refused = await tokens.get(fields, { user: 'ana', password: 'd' });
  assert.equal(refused.status, 429);
  assert.match(refused.headers.get('retry-after') ?? '', /^(59\d|600)$/);
  assert.match(String(refused.body['details']), /too many wrong passwords for this user name from this address/);
});

test('beyond the limit a password that was right at this address still works, and only that', async (t) => {
  const { attempt } = await start(t);
  assert.equal(await attempt('bo', password), 200);
  for (const name of ['ana', 'bo', 'nobody']) {
    for (const secret of ['a', 'b', 'c']) assert.equal(await attempt(name, secret), 401, name);
    assert.equal(await attempt(name, 'd'), 429, `${name}, known or not`);
  }
  assert.equal(await attempt('bo', password), 200, 'it was right a moment ago');
  assert.equal(await attempt('cy', password), 200, 'another name at the same address');
  assert.equal(await attempt('ana', password), 429, 'or guessing would continue');
  assert.equal(await attempt('ana', 'a'), 401, 'a wrong one that counted already');
});

test('an app password that is right is never refused, however many wrong ones came with its name', async (t) => {
  const identity: Identity = { ...anonymous, kind: 'person', account: 'ana@example.com' };
  const verify = async ({ password: secret }: { password: string }) => (secret === 'right' ? identity : null);
  const { attempt } = await start(t, { authenticators: [{ recognises: () => true, verify }] });
  for (const secret of ['a', 'b', 'c']) assert.equal(await attempt('ana@example.com', secret), 401);
  assert.equal(await attempt('ana@example.com', 'd'), 429);
  assert.equal(await attempt('ana@example.com', 'right'), 200);
});
