/** Two replicas on one PostgreSQL, behind a balancer that gives each request to the other one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSql } from '../src/store/open.ts';
import { type Balancer, startBalancer } from './support/balancer.ts';
import { createInstallation, type Installation, type Server } from './support/installation.ts';
import { skipped } from './support/parts.ts';
import { createPassword, revokePassword } from './support/person.ts';
import { findPostgres, type PostgresServer, startPostgres } from './support/postgres.ts';
import { type DemoProvider, googleSettings, startProvider } from './support/provider.ts';
import { createVisitor, signInAs } from './support/visitor.ts';

const secrets = {
  SESSION_SECRET: 's'.repeat(32),
  PASSWORD_PEPPER: 'p'.repeat(32),
  ENCRYPTION_KEYS: 'e'.repeat(43),
};
const visitor = createVisitor();
const ana = 'ana@example.com';

describe('two replicas', { skip: findPostgres() === null && skipped('not installed: PostgreSQL') }, () => {
  let postgres: PostgresServer;
  let provider: DemoProvider;
  let balancer: Balancer;
  let installations: Installation[];
  let replicas: Server[];
  let environment: Record<string, string>;

  before(async () => {
    postgres = await startPostgres();
    balancer = await startBalancer();
    const client = { id: 'dockpass', secret: 'not-a-secret' };
    const callbackUrls = [`${balancer.url}/sign-in/google/callback`];
    provider = await startProvider({ port: 0, clients: [{ ...client, callbackUrls }] });
    environment = {
      ...secrets,
      PUBLIC_URL: balancer.url,
      DATABASE_URL: await postgres.createDatabase(),
      ...googleSettings(provider, client),
    };
    installations = [createInstallation(), createInstallation()];
    // At once, on an empty database: the migrations race.
    replicas = await Promise.all(installations.map((installation) => installation.serve(environment)));
    balancer.use(replicas.map(({ url }) => url));
  });
  after(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await Promise.all([provider.close(), balancer.close(), postgres.stop()]);
    for (const installation of installations) installation.remove();
  });

  const askAll = (secret: string) =>
    Promise.all(
      replicas.map(async ({ url }) => {
        const authorization = `Basic ${Buffer.from(`${ana}:${secret}`).toString('base64')}`;
        const target = `${url}/auth?service=registry.example.com&scope=repository:team/app:pull`;
        return fetch(target, { headers: { authorization } });
      }),
    );
  const statusesOf = async (secret: string) => (await askAll(secret)).map(({ status }) => status);

  test('a sign-in begins on one and ends on the other', async () => {
    const page = await signInAs(visitor, `${balancer.url}/sign-in/google`, ana);
    assert.equal(page.status, 200);
    assert.ok(page.body.includes(ana));
    const byPath = (path: string) => balancer.served.find((request) => request.path === path)?.target;
    const [begun, ended] = [byPath('/sign-in/google'), byPath('/sign-in/google/callback')];
    assert.ok(begun && ended);
    assert.notEqual(begun, ended);
  });

  test('a password made on one works on both at once, revoked on one it works on none', async () => {
    const { secret } = await createPassword(visitor, balancer.url);
    assert.ok(secret);
    assert.deepEqual(await statusesOf(secret), [200, 200]);
    assert.deepEqual(await statusesOf(secret), [200, 200], 'also where a fresh token is at hand');
    assert.equal((await revokePassword(visitor, balancer.url))?.status, 200);
    assert.deepEqual(await statusesOf(secret), [401, 401]);
  });

  test('a session that ends on one has ended on the other', async () => {
    const other = createVisitor();
    const page = await signInAs(other, `${balancer.url}/sign-in/google`, 'bo@example.com');
    assert.equal((await other.open(`${balancer.url}/`)).status, 200);
    await other.submit(page, `${balancer.url}/sign-out`, {});
    for (let request = 0; request < 2; request++) {
      assert.match((await other.open(`${balancer.url}/`)).url.pathname, /^\/sign-in/);
    }
  });

  test('both sign with the same keys', async () => {
    const [one, two] = await Promise.all(
      replicas.map(({ url }) => fetch(`${url}/.well-known/jwks.json`).then((response) => response.text())),
    );
    assert.ok(one?.includes('"kid"'));
    assert.equal(one, two);
  });

  test('wrong passwords count together: one replica refuses what was tried at the other', async () => {
    const [one = '', two = ''] = replicas.map(({ url }) => url);
    const database = await openSql(environment['DATABASE_URL'] ?? '', () => {});
    const counted = async () =>
      (await database.get<{ count: number }>('select count(*) as count from failed_login'))?.count;
    const guess = async (url: string, password: string) => {
      const authorization = `Basic ${Buffer.from(`guessed:${password}`).toString('base64')}`;
      return (await fetch(`${url}/auth?service=registry.example.com`, { headers: { authorization } })).status;
    };
    for (let n = 0; n < 9; n++) assert.equal(await guess(one, `one ${n}`), 401);
    // Alone it would refuse the eleventh. Failures are counted together once they are stored.
    const statuses: number[] = [];
    for (let n = 0; n < 9 && statuses.at(-1) !== 429; n++) {
      statuses.push(await guess(two, `two ${n}`));
      while (statuses.at(-1) === 401 && (await counted()) !== 10 + n);
    }
    await database.close();
    assert.equal(statuses.at(-1), 429, statuses.join());
  });

  test('one without the secrets that they must share does not start, and says which', async () => {
    const own = createInstallation();
    const none = Object.fromEntries(Object.keys(secrets).map((name) => [name, '']));
    const { code, output } = await own.run(['serve'], { ...environment, ...none });
    own.remove();
    assert.equal(code, 1);
    for (const name of Object.keys(secrets)) assert.ok(output.includes(`${name} or ${name}_FILE is required`), name);
  });

  test('while PostgreSQL restarts they ask for patience, and continue by themselves', async () => {
    const { secret } = await createPassword(visitor, balancer.url, { name: 'Robust' });
    assert.ok(secret);
    const seen = new Set<number>();
    let asking = true;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (asking) {
          for (const response of await askAll(secret)) {
            seen.add(response.status);
            if (response.status === 503) assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
          }
        }
      }),
    );
    await postgres.goAway();
    assert.deepEqual(await statusesOf(secret), [503, 503]);
    const page = await visitor.open(`${balancer.url}/`, { headers: { accept: 'text/html' } });
    assert.equal(page.status, 503);
    assert.ok(page.headers.has('retry-after'));
    assert.match(page.body, /The database cannot be used right now/);
    assert.equal((await fetch(`${balancer.url}/readyz`)).status, 503);
    assert.equal((await fetch(`${balancer.url}/healthz`)).status, 200);
    await postgres.comeBack();
    assert.deepEqual(await statusesOf(secret), [200, 200]);
    asking = false;
    await load;
    assert.deepEqual([...seen].sort(), [200, 503]);
  });

  test('one that is stopped while PostgreSQL is away ends, and says what is lost', async () => {
    const own = createInstallation();
    const replica = await own.serve(environment);
    const denied = `${replica.url}/auth?service=registry.example.com&scope=repository:team/secret:pull`;
    await postgres.goAway();
    assert.equal((await fetch(denied)).status, 200);
    await replica.stop();
    assert.match(
      replica.output(),
      /"entries":1,"msg":"denials could not be stored and are lost, as the service stops"/,
    );
    await postgres.comeBack();
    own.remove();
  });
});
