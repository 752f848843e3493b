/** What is stopped in one process is refused by another one at its next request: over HTTP, again and again, under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';
import { createInstallation } from '../support/installation.ts';
import { signedIn } from '../support/rows.ts';

const rounds = 10;
const owner = 'ana@example.com';
const scopes = 'people:write,passwords:revoke,robots:write';
const shared = { SESSION_SECRET: 's'.repeat(32), PASSWORD_PEPPER: 'p'.repeat(32), ENCRYPTION_KEYS: 'e'.repeat(43) };

describeEngines('a revocation', (databases) => {
  test('counts on the next /auth request to another process, and so does its undo', async (t) => {
    const installation = createInstallation();
    t.after(() => installation.remove());
    const environment = { ...shared, DATABASE_URL: await databases.create() };
    const servers = await Promise.all([installation.serve(environment), installation.serve(environment)]);
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const [here, there] = servers;
    const store = await openStore(environment.DATABASE_URL, () => {});
    t.after(() => store.close());
    const person = signedIn({ login: owner, email: owner, at: Date.now() });
    const { id: accountId } = await store.accounts.signIn(person);
    const command = async (...words: string[]) => (await installation.command(words, environment)).stdout.trim();
    const token = await command('api-token', 'create', '--name', 'test', '--days', '1', '--scopes', scopes);
    const secret = await command('password', 'create', owner, '--name', 'laptop');

    const call = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      const response = await fetch(`${here.url}/api/v1${path}`, init);
      assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
      return (await response.json()) as Record<string, unknown>;
    };
    const target = `${there.url}/auth?service=registry.example.com&scope=repository:x/y:pull`;
    const headers = { authorization: `Basic ${Buffer.from(`${owner}:${secret}`).toString('base64')}` };
    const login = async () => (await fetch(target, { headers })).status;
    // Others go on asking, so that a token is at hand that could be given out again.
    let busy = true;
    const load = Promise.all(
      [1, 2, 3].map(async () => {
        while (busy) await login();
      }),
    );
    try {
      for (let round = 0; round < rounds; round++) {
        assert.equal(await login(), 200);
        const { id } = await call('/revocations', { accountId });
        assert.equal(await login(), 401);
        await call(`/revocations/${id}/undo`, {});
        assert.equal(await login(), 200);
        await call(`/people/${owner}/disable`, {});
        assert.equal(await login(), 401);
        await call(`/people/${owner}/enable`, {});
      }
      assert.equal(await login(), 200);
      await call('/leaked', { secret });
      assert.equal(await login(), 401);
    } finally {
      busy = false;
      await load;
    }
  });
});
