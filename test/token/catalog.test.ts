/** `/v2/_catalog`: who lists what, with which credentials, how it's paged, and what ends it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { decodeJwt } from 'jose';
import { unaudited } from '../support/audit.ts';
import { basic, type CatalogService, startCatalogService } from '../support/catalog-service.ts';
import { describeEngines } from '../support/engines.ts';

const hash = bcrypt.hashSync('a static password', 4);
const rules = `
acl:
  - match: { domain: example.com, name: "shared/**" }
    actions: [pull]
  - match: { group: "google:web", name: "web/**" }
    actions: [push, pull]
  - match: { domain: example.com, name: "drop/**" }
    actions: [push]
  - match: { account: ci, name: "shared/**" }
    actions: [pull]
`;
const policyText = `users:\n  ci: { password: "${hash}" }\n${rules}`;

const names = ['drop/box', 'empty/shared', 'secret/x', 'shared/a', 'shared/b', 'shared/b-2', 'shared/b/c', 'web/app'];
const sharedNames = ['shared/a', 'shared/b', 'shared/b-2', 'shared/b/c'];
const list = 'registry:catalog:*';

describe('the catalog', () => {
  let world: CatalogService;
  before(async () => {
    world = await startCatalogService({
      policyText,
      environment: { SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'e'.repeat(32), IDENTITY_TOKENS: 'true' },
    });
    await world.addPerson('ana', ['google:web']);
    await world.addPerson('bo');
    await world.push(names);
  });
  after(() => world.stop());

  const bearer = async (user: string, secret: string, scope: string) =>
    `Bearer ${await world.token(user, secret, scope)}`;
  /** With Basic, and with a token that was asked for in the same way. */
  const both = async (user: string, secret: string) => [
    (await world.catalog(basic(user, secret))).names,
    (await world.catalog(await bearer(user, secret, list))).names,
  ];

  test('lists what someone can pull, in byte order, without repositories that have no tags or that they only push to', async () => {
    const [ana, bo] = [await world.newPassword('ana'), await world.newPassword('bo')];
    assert.deepEqual(await both('ana@example.com', ana.secret), [
      [...sharedNames, 'web/app'],
      [...sharedNames, 'web/app'],
    ]);
    assert.deepEqual(await both('bo@example.com', bo.secret), [sharedNames, sharedNames]);
    assert.deepEqual(await both('ci', 'a static password'), [sharedNames, sharedNames]);
    await world.setPolicy(policyText.replaceAll('"shared/**"', '"empty/**"'));
    assert.deepEqual((await world.catalog(basic('bo@example.com', bo.secret))).names, []);
    const all = await world.catalog(basic('bo@example.com', bo.secret), { query: '?empty=1' });
    assert.deepEqual(all.names, ['empty/shared']);
    await world.setPolicy(policyText);
  });

  test('a password lists no more than it can pull', async () => {
    const one = await world.newPassword('ana', { repositories: ['shared/b'] });
    assert.deepEqual(await both('ana@example.com', one.secret), [['shared/b'], ['shared/b']]);
  });

  test('a token lists only where it was asked to', async () => {
    const { secret } = await world.newPassword('ana');
    const answer = await world.catalog(await bearer('ana@example.com', secret, 'repository:shared/a:pull'));
    assert.equal(answer.status, 401);
    const challenge = answer.headers.get('www-authenticate') ?? '';
    assert.equal(
      challenge,
      'Bearer realm="https://auth.example.com/dockpass/auth",service="registry.example.com",scope="registry:catalog:*",error="insufficient_scope"',
    );
    const mixed = await world.catalog(await bearer('ana@example.com', secret, `repository:secret/x:pull ${list}`));
    assert.deepEqual(mixed.names, [...sharedNames, 'web/app']);
  });

  test('a token that lists opens nothing at the registry', async () => {
    const { secret } = await world.newPassword('ana');
    assert.deepEqual(decodeJwt(await world.token('ana@example.com', secret, list))['access'], []);
  });

  test('nobody without credentials gets a list, nor with wrong ones', async () => {
    const anonymous = await world.catalog(null);
    assert.equal(anonymous.status, 401);
    assert.match(anonymous.headers.get('www-authenticate') ?? '', /^Bearer realm=.*scope="registry:catalog:\*"$/);
    assert.match(anonymous.body, /"code":"UNAUTHORIZED"/);
    const { secret } = await world.newPassword('ana');
    for (const wrong of [
      ...[
        basic('ana@example.com', `${secret.slice(0, -1)}!`),
        basic('bo@example.com', secret),
        'Bearer',
        'Bearer x',
        'Bearer a.b.c',
      ],
      ...[
        'Basic !',
        'Digest x',
        `Bearer ${await tokenWithoutSignature(await world.token('ana@example.com', secret, list))}`,
      ],
    ]) {
      assert.equal((await world.catalog(wrong)).status, 401, wrong);
    }
  });

  test('what ends or narrows a password, an account or a policy ends and narrows its tokens immediately', async () => {
    const id = await world.addPerson('cy', ['google:web']);
    const { id: password, secret } = await world.newPassword('cy');
    const token = await bearer('cy@example.com', secret, list);
    const listed = async () => (await world.catalog(token)).names;
    const everything = [...sharedNames, 'web/app'];
    assert.deepEqual(await listed(), everything);
    await world.addPerson('cy', []); // signs in again, without the group
    assert.deepEqual(await listed(), sharedNames);
    await world.addPerson('cy', ['google:web']);
    assert.deepEqual(await listed(), everything);
    await world.setPolicy(`${policyText}`.replace('[push, pull]', '[push]'));
    assert.deepEqual(await listed(), sharedNames);
    await world.setPolicy(policyText);
    await world.core.store.accounts.setState(id, { state: 'disabled', reason: null, by: 'root', at: 1 }, unaudited);
    assert.equal((await world.catalog(token)).status, 401);
    await world.core.store.accounts.setState(id, { state: 'active', reason: null, by: 'root', at: 2 }, unaudited);
    assert.deepEqual(await listed(), everything);
    await world.core.passwords.revoke(password, id, { actor: 'cy@example.com', client: null });
    assert.equal((await world.catalog(token)).status, 401);
    assert.equal((await world.catalog(basic('cy@example.com', secret))).status, 401);
  });

  test('a token is worth nothing once its user name belongs to another account', async () => {
    const id = await world.addPerson('ed');
    const { secret } = await world.newPassword('ed');
    const token = await bearer('ed@example.com', secret, list);
    assert.deepEqual((await world.catalog(token)).names, sharedNames);
    await world.core.store.accounts.freeLogin(id, unaudited);
    assert.equal((await world.catalog(token)).status, 401);
  });

  test('a user of the policy file who has another password has no token that lists', async () => {
    const token = await bearer('ci', 'a static password', list);
    assert.deepEqual((await world.catalog(token)).names, sharedNames);
    await world.setPolicy(policyText.replace(hash, bcrypt.hashSync('another', 4)));
    assert.equal((await world.catalog(token)).status, 401);
    await world.setPolicy(policyText);
  });

  test('an identity token lists as its password does, in the place of a password', async () => {
    const { secret } = await world.newPassword('bo', { repositories: ['shared/a'] });
    const headers = { authorization: basic('bo@example.com', secret) };
    const query = `service=${world.service}&offline_token=true`;
    const answer = await fetch(`${world.url}/auth?${query}`, { headers });
    const { refresh_token: kept } = (await answer.json()) as { refresh_token: string };
    assert.deepEqual((await world.catalog(basic('<token>', kept))).names, ['shared/a']);
    const exchanged = await fetch(`${world.url}/auth`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: kept,
        service: world.service,
        scope: list,
      }),
    });
    const { access_token: token } = (await exchanged.json()) as { access_token: string };
    assert.deepEqual((await world.catalog(`Bearer ${token}`)).names, ['shared/a']);
  });

  test('asking for the list is no denial where the policy does not grant the registry’s own', async () => {
    const id = await world.addPerson('di');
    const { secret } = await world.newPassword('di');
    await world.token('di@example.com', secret, `${list} repository:secret/x:pull`);
    await world.core.denials.flush();
    const denied = (await world.core.denials.ofAccount(id)).map(({ type, name }) => `${type} ${name}`);
    assert.deepEqual(denied, ['repository secret/x']);
  });

  test('more than 1,000 are served as 1,000 with a link, and what is no number is refused as a registry does', async () => {
    const many = Array.from({ length: 1_050 }, (_, index) => `shared/n${String(index).padStart(4, '0')}`);
    await world.push(many);
    const credentials = basic('bo@example.com', (await world.newPassword('bo')).secret);
    let big = await world.catalog(credentials, { query: '?n=100000' });
    while ((big.names?.length ?? 0) < 1_000) big = await world.catalog(credentials, { query: '?n=100000' });
    assert.equal(big.names?.length, 1_000);
    assert.match(big.headers.get('link') ?? '', /n=1000/);
    assert.equal((await world.catalog(credentials)).names?.length, 100);
    assert.deepEqual((await world.catalog(credentials, { query: '?n=0' })).names, []);
    for (const wrong of ['-1', 'x', '1e3', '1.5']) {
      const refused = await world.catalog(credentials, { query: `?n=${wrong}` });
      assert.equal(refused.status, 400, wrong);
      assert.match(refused.body, /PAGINATION_NUMBER_INVALID/);
    }
  });

  test('only reads; secrets in the address and two sets of credentials are refused', async () => {
    const { secret } = await world.newPassword('ana');
    const credentials = basic('ana@example.com', secret);
    const posted = await world.catalog(credentials, { method: 'POST' });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
    assert.equal((await world.catalog(credentials, { method: 'HEAD' })).status, 200);
    assert.equal((await world.catalog(credentials, { query: '?password=x' })).status, 400);
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${world.url}/v2/_catalog`, (answer) => resolve(answer.resume().statusCode));
      asked.on('error', reject).setHeader('Authorization', [credentials, credentials]).end();
    });
    assert.equal(status, 400);
  });

  test('wrong passwords are throttled as at the realm', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 8; count++) statuses.push((await world.catalog(basic('ci', `guess ${count}`))).status);
    assert.equal(statuses.at(-1), 429);
    assert.ok(statuses.includes(401));
  });
});

/** What someone would make who has no key. */
async function tokenWithoutSignature(token: string): Promise<string> {
  const [, claims = ''] = token.split('.');
  return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
}

describeEngines('the pages of the catalog', (databases) => {
  test('end and begin at the same name, in the order of bytes, with a link that is relative to the registry', async () => {
    const world = await startCatalogService({
      policyText: 'acl: [{match: {domain: example.com}, actions: [pull]}]',
      databaseUrl: await databases.create(),
      environment: { SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'e'.repeat(32) },
    });
    try {
      // By the words of a language, the dash and the slash would come elsewhere.
      const all = ['a', 'a-b', 'a.b', 'a/b', 'a/b-c', 'a/b/c', 'a0', 'a__b', 'ab', 'b'];
      await world.addPerson('ana');
      await world.push(all.toReversed());
      const credentials = basic('ana@example.com', (await world.newPassword('ana')).secret);
      for (const size of [1, 2, 3, 10, 11]) {
        const seen: string[] = [];
        for (let next: string | null = `?n=${size}`; next !== null; ) {
          const page: Awaited<ReturnType<CatalogService['catalog']>> = await world.catalog(credentials, {
            query: next,
          });
          seen.push(...(page.names ?? []));
          const link = page.headers.get('link');
          assert.match(link ?? '</v2/_catalog?>; rel="next"', /^<\/v2\/_catalog\?[^>]*>; rel="next"$/);
          next = link === null ? null : link.slice('</v2/_catalog'.length, link.indexOf('>'));
        }
        assert.deepEqual(seen, all, `${size} a page`);
      }
      const from = async (last: string) =>
        (await world.catalog(credentials, { query: `?last=${encodeURIComponent(last)}&n=1` })).names;
      assert.deepEqual(await from('a/b'), ['a/b-c']);
      assert.deepEqual(await from('a/b/'), ['a/b/c']);
      assert.deepEqual(await from('a\u00e9'), ['b']);
      assert.deepEqual(await from('zzz'), []);
    } finally {
      await world.stop();
    }
  });
});

test('with several services the host says which, and no host leads to another registry', async () => {
  const world = await startCatalogService({
    policyText: `acl:\n  - match: { domain: example.com }\n    actions: [pull]\n`,
    environment: {
      SERVICES: 'registry.example.com,other.example.com,dark.example.com',
      SERVICE_OTHER_EXAMPLE_COM_HOST: 'other.example.com:5000',
      SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'e'.repeat(32),
      SERVICE_OTHER_EXAMPLE_COM_EVENTS_TOKEN: 'e'.repeat(32),
    },
  });
  try {
    await world.addPerson('ana');
    await world.push(['here'], 'registry.example.com');
    await world.push(['there'], 'other.example.com');
    await world.push(['dark'], 'dark.example.com');
    const { secret } = await world.newPassword('ana');
    const ask = async (host: string, credentials = basic('ana@example.com', secret)) => {
      const { status, names } = await world.catalog(credentials, { headers: { 'x-forwarded-host': host } });
      return names ?? status;
    };
    assert.deepEqual(await ask('registry.example.com'), ['here']);
    assert.deepEqual(await ask('OTHER.example.com:5000'), ['there']);
    for (const same of ['registry.example.com:443', 'Registry.example.com.', 'registry.example.com.:443'])
      assert.deepEqual(await ask(same), ['here'], same);
    for (const unknown of [
      'other.example.com',
      'registry.example.com:5000',
      'evil.example.com',
      '',
      'dark.example.com',
    ]) {
      assert.equal(await ask(unknown), 404, unknown);
    }
    const token = `Bearer ${await world.token('ana@example.com', secret, list, 'registry.example.com')}`;
    assert.deepEqual(await ask('registry.example.com', token), ['here']);
    assert.equal(await ask('other.example.com:5000', token), 401);
  } finally {
    await world.stop();
  }
});
