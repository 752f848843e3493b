/** Docker's identity tokens at a running service: asked for, bound to one password and service, dead with it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { basic } from '../support/token-service.ts';

const [service, other, closed] = ['registry.example.com', 'other.example.com', 'closed.example.com'];
const scope = 'repository:platform/web:pull,push';

describe('25 identity tokens', () => {
  let installation: Installation;
  let server: Server;
  before(async () => {
    installation = createInstallation();
    server = await installation.serve({
      SERVICES: [service, other, closed].join(),
      IDENTITY_TOKENS: 'true',
      SERVICE_CLOSED_EXAMPLE_COM_IDENTITY_TOKENS: 'false',
    });
    await installation.addPerson('ana@example.com');
  });
  after(async () => {
    await server.stop();
    installation.remove();
  });

  type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };
  const send = async (target: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${server.url}/auth${target}`, init);
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  };
  /** As `docker login` does. */
  const login = (secret: string, at = service, user = 'ana@example.com') =>
    send(`?account=x&client_id=docker&offline_token=true&service=${at}`, {
      headers: { Authorization: basic(user, secret) },
    });
  const post = (fields: Readonly<Record<string, string>>) =>
    send('', { method: 'POST', body: new URLSearchParams(fields) });
  /** As dockerd does with what `docker login` kept. */
  const exchange = (token: unknown, at = service) =>
    post({ grant_type: 'refresh_token', refresh_token: String(token), client_id: 'docker', service: at, scope });
  const createPassword = async (...options: readonly string[]): Promise<{ id: string; secret: string }> => {
    const name = `test ${Math.random()}`;
    const words = ['password', 'create', 'ana@example.com', '--name', name, '--json', ...options];
    return JSON.parse((await installation.run(words)).stdout);
  };

  test('one comes to whom asks for it, and to nobody else', async () => {
    const { secret } = await createPassword();
    const asked = await login(secret);
    assert.match(String(asked.body['refresh_token']), /^dki_[0-9A-Za-z]{36}$/);
    const headers = { Authorization: basic('ana@example.com', secret) };
    assert.equal((await send(`?service=${service}`, { headers })).body['refresh_token'], undefined);
    const form = { grant_type: 'password', username: 'ana@example.com', password: secret, service };
    assert.equal((await post(form)).body['refresh_token'], undefined);
    assert.equal((await post({ ...form, access_type: 'offline' })).body['refresh_token'], asked.body['refresh_token']);
    assert.equal((await login(secret, closed)).body['refresh_token'], undefined, 'where the service has none');
    const anonymous = await send(`?service=${service}&offline_token=true&scope=${scope}`, {});
    assert.equal(anonymous.body['refresh_token'], undefined);
  });

  test('it is exchanged again and again, for what the person may do, and stays the same', async () => {
    const { secret } = await createPassword();
    const token = (await login(secret)).body['refresh_token'];
    for (const _ of [1, 2, 3]) {
      const { status, body } = await exchange(token);
      assert.equal(status, 200);
      assert.equal(body['refresh_token'], token);
      assert.equal(body['access_token'], body['token']);
      assert.equal(body['scope'], scope);
      assert.equal(decodeJwt(String(body['access_token'])).sub, 'ana@example.com');
    }
    assert.equal((await login(secret)).body['refresh_token'], token, 'each log-in gives the same');
  });

  test('it works at its own service alone, and is no password', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    for (const at of [other, closed]) assert.equal((await exchange(token, at)).status, 401, at);
    assert.notEqual((await login(secret, other)).body['refresh_token'], token);
    for (const user of ['ana@example.com', '', '<token>'])
      assert.equal((await login(token, service, user)).status, 401);
    assert.equal((await exchange(secret)).status, 401, 'nor is the password a token');
  });

  test('two passwords have two tokens; with one of them its token dies', async () => {
    const [first, second] = await Promise.all([createPassword(), createPassword()]);
    const tokens = [await login(first.secret), await login(second.secret)].map(({ body }) => body['refresh_token']);
    assert.notEqual(tokens[0], tokens[1]);
    await installation.run(['password', 'revoke', first.id]);
    const refused = await exchange(tokens[0]);
    assert.equal(refused.status, 401);
    assert.match(String(refused.body['details']), /was revoked on/);
    assert.equal((await exchange(tokens[1])).status, 200);
  });

  test('it may do no more than its password', async () => {
    const { secret } = await createPassword('--pull-only');
    const { body } = await exchange((await login(secret)).body['refresh_token']);
    assert.equal(body['scope'], 'repository:platform/web:pull');
  });

  test('what is none, or nearly one, is a 401', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    for (const wrong of ['x', token.slice(0, -1), `${token}A`, `dki_${'0'.repeat(36)}`]) {
      assert.equal((await exchange(wrong)).status, 401, wrong);
    }
  });

  test('the list of passwords says where docker keeps a token', async () => {
    const [{ id, secret }, unused] = [await createPassword(), await createPassword()];
    for (const at of [service, other]) await login(secret, at);
    const listed = JSON.parse((await installation.run(['password', 'list', 'ana@example.com', '--json'])).stdout);
    const services = (one: string) => listed.find((row: { id: string }) => row.id === one).identityServices;
    assert.deepEqual(services(id), [other, service]);
    assert.deepEqual(services(unused.id), []);
  });

  test('it is in no log line; its first log-in is in the audit', async () => {
    const { id, secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    await login(secret);
    await exchange(token);
    assert.ok(!server.output().includes(token));
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes('password.identity-token') && line.includes(id));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /"service":"registry\.example\.com"/);
  });
});
