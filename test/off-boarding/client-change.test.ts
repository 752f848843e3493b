/** An operator replaces the OAuth client at Google: refresh tokens of the old one are worth nothing, and nobody is locked out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountStatusOf } from '../../src/identity/account-status.ts';
import { createGoogleRefresher } from '../../src/sign-in/google/refresh.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import { openSql } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';
import { hour, openRegistry, type Registry } from '../support/off-boarding.ts';

/** Google's token endpoint: a refresh token works for the client that it was issued to (RFC 6749, section 6). */
const tokenEndpoint: Fetch = async (_url, { body }) => {
  const form = new URLSearchParams(String(body));
  const isOwn = form.get('refresh_token')?.endsWith(`of ${form.get('client_id')}`);
  if (isOwn) return Response.json({ access_token: 'a', expires_in: 3_599 });
  return Response.json({ error: 'unauthorized_client', error_description: 'Unauthorized' }, { status: 401 });
};

const gracePeriods = { groups: 24 * hour, full: 24 * hour, pull: 24 * hour, unchecked: null };
const profile = {
  ...{ provider: 'google', issuer: 'https://accounts.google.com', email: 'ana@example.com', emailVerified: true },
  ...{
    displayName: 'Ana',
    domain: 'example.com',
    groups: null,
    providerSession: null,
    authenticatedAt: null,
    groupsProblem: null,
    groupsLeftOut: false,
  },
};

/** As a database of 0.1.0 is after its upgrade. */
async function clearClient(url: string): Promise<void> {
  const sql = await openSql(url, assert.ifError);
  await sql.run('update refresh_token set client_id = null', []);
  await sql.close();
}

describeEngines('a new OAuth client', (databases) => {
  const open = (url: string, clientId: string) => {
    const settings = { clientId, clientSecret: 's', tokenUrl: 'https://oauth2.test/', revocationUrl: '' };
    const connectors = [{ name: 'google', refresher: createGoogleRefresher(settings, tokenEndpoint) }];
    return openRegistry(url, () => ({ connectors, directories: new Map() }));
  };
  const signIn = async (registry: Registry, refreshToken: string | null): Promise<void> => {
    const account = await registry.account('ana');
    const client = { address: '', userAgent: '', requestId: '' };
    const person = { ...profile, subject: account.subject, refreshToken };
    await registry.offBoarding.afterSignIn({ account, before: account }, person, client);
  };
  const use = async (registry: Registry) =>
    accountStatusOf(await registry.account('ana'), gracePeriods, registry.clock.at).use;

  for (const [age, prepare] of [
    ['kept with its client', async () => {}],
    ['kept before clients were', async (url: string) => clearClient(url)],
  ] as const) {
    test(`a token ${age}: the next sign-in asks for consent, and the new token works`, async () => {
      const url = await databases.create();
      const before = await open(url, 'client 1');
      await before.addPerson('ana');
      await signIn(before, 'of client 1');
      await before.sweep({ age: 0 });
      assert.equal((await before.account('ana')).state, 'active');
      await before.close();
      await prepare(url);

      const registry = await open(url, 'client 2');
      const [report] = (await registry.sweep({ age: 0 })).people;
      assert.deepEqual([report?.outcome, (await registry.account('ana')).state], ['silent', 'active']);
      assert.match(report?.reason ?? '', /another OAuth client/);
      assert.equal(await use(registry), 'full', 'the grace period goes on as if the provider were silent');
      assert.equal(await registry.offBoarding.needsToken({ ...profile, subject: 'ana' }), true);

      await signIn(registry, 'new, of client 2');
      assert.equal(await registry.offBoarding.needsToken({ ...profile, subject: 'ana' }), false);
      for (let day = 0; day < 3; day++) {
        registry.clock.at += 26 * hour;
        assert.equal((await registry.sweep({ age: 0 })).people[0]?.outcome, 'confirmed');
        assert.equal(await use(registry), 'full');
      }
      await registry.close();
    });
  }

  test('people whose tokens are of another client do not keep the others from being asked about', async () => {
    const url = await databases.create();
    const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
    const before = await open(url, 'client 1');
    for (const name of [...names, 'zoe']) {
      await before.addPerson(name);
      const account = await before.account(name);
      const client = { address: '', userAgent: '', requestId: '' };
      const person = { ...profile, subject: account.subject, refreshToken: 'of client 1' };
      await before.offBoarding.afterSignIn({ account, before: account }, person, client);
    }
    await before.close();
    const registry = await open(url, 'client 2');
    const zoe = await registry.account('zoe');
    const client = { address: '', userAgent: '', requestId: '' };
    const person = { ...profile, subject: zoe.subject, refreshToken: 'of client 2' };
    await registry.offBoarding.afterSignIn({ account: zoe, before: zoe }, person, client);
    const { people, stopped } = await registry.sweep({ age: 0 });
    assert.equal(stopped, null);
    assert.deepEqual(
      people.filter(({ outcome }) => outcome === 'confirmed').map(({ login }) => login),
      ['zoe@example.com'],
    );
    assert.equal(people.length, 11);
    await registry.close();
  });

  test('a refusal of the present client itself is for the operator, and no one has to sign in', async () => {
    const registry = await open(await databases.create(), 'client 1');
    await registry.addPerson('ana');
    await signIn(registry, 'stale, of nobody');
    const { stopped } = await registry.sweep({ age: 0 });
    assert.match(stopped ?? '', /google refuses Dockpass itself: Google answered unauthorized_client/);
    assert.equal((await registry.account('ana')).state, 'active');
    await registry.close();
  });
});
