/** Docker's identity tokens at a running service: asked for, bound to one password and service, dead with it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { createSecret } from '../../src/lib/secret.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { basic } from '../support/token-service.ts';

const [service, other, closed] = ['registry.example.com', 'other.example.com', 'closed.example.com'];
/** Each with an identity token of its own, as twelve people have. */
const twelve = Array.from({ length: 12 }, (_, index) => `registry-${index}.example.com`);
const scope = 'repository:platform/web:pull,push';

describe('25 identity tokens', () => {
  let installation: Installation;
  let server: Server;
  before(async () => {
    installation = createInstallation();
    server = await installation.serve({
      SERVICES: [service, other, closed, ...twelve].join(),
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
    return JSON.parse((await installation.command(words)).stdout);
  };

  test('a login gets one if it asks for one', async () => {
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

  test('it is exchanged again and again, for what the person can do, and stays the same', async () => {
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

  /** Every form in which clients send an identity token. */
  const forms: Readonly<Record<string, (token: string, at?: string) => Promise<Answer>>> = {
    'a refresh grant': exchange,
    'Basic with the account name': (token, at = service) => basicGet('ana@example.com', token, at),
    'Basic with the account name in capitals': (token, at = service) => basicGet('ANA@example.com', token, at),
    'Basic with <token>': (token, at = service) => basicGet('<token>', token, at),
    'Basic with an empty name, as BuildKit sends it': (token, at = service) => basicGet('', token, at),
    'a password grant': (token, at = service) => passwordGrant('ana@example.com', token, at),
    'a password grant with <token>': (token, at = service) => passwordGrant('<token>', token, at),
    'a password grant with an empty name': (token, at = service) => passwordGrant('', token, at),
    'a refresh grant with a line break': (token, at = service) => exchange(`${token}\r\n`, at),
    'Basic with a line break': (token, at = service) => basicGet('ana@example.com', `${token}\n`, at),
  };
  const basicGet = (user: string, token: string, at: string) =>
    send(`?service=${at}&scope=${scope}`, { headers: { Authorization: basic(user, token) } });
  const passwordGrant = (username: string, password: string, at: string) =>
    post({ grant_type: 'password', username, password, service: at, scope });

  test('it works in every form, at its own service only', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    for (const [form, present] of Object.entries(forms)) {
      const { status, body } = await present(token);
      assert.equal(status, 200, form);
      const { sub, access } = decodeJwt<{ access: unknown }>(String(body['access_token']));
      assert.equal(sub, 'ana@example.com', form);
      assert.deepEqual(access, [{ type: 'repository', name: 'platform/web', actions: ['pull', 'push'] }], form);
      for (const at of [other, closed]) assert.equal((await present(token, at)).status, 401, `${form} at ${at}`);
    }
  });

  test('it is refused with the same reason in every form', async () => {
    const { id, secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    await installation.command(['password', 'revoke', id]);
    const answers = await Promise.all(Object.values(forms).map((present) => present(token)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([401]));
    const [reason = '', ...others] = new Set(answers.map(({ body }) => String(body['details'])));
    assert.deepEqual(others, []);
    assert.match(reason, /^password "test [\d.e-]+" was revoked on \d{4}-\d\d-\d\d by command line; make a new one/);
  });

  test('it is refused with the name of another account', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    for (const present of [basicGet, passwordGrant]) {
      const { status, body } = await present('bo@example.com', token, service);
      assert.equal(status, 401);
      assert.match(String(body['details']), /belongs to another user name/);
    }
  });

  test('a login with it gets the same one again only where it asks', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    assert.notEqual((await login(secret, other)).body['refresh_token'], token);
    assert.equal((await exchange(secret)).status, 401, 'a password is no identity token');
    assert.equal((await login(token)).body['refresh_token'], token);
    assert.equal((await basicGet('', token, service)).body['refresh_token'], undefined);
  });

  test('twelve tokens from one address are all accepted, and wrong ones lock no one out', async () => {
    const { secret } = await createPassword();
    for (const at of twelve) {
      const token = String((await login(secret, at)).body['refresh_token']);
      // BuildKit: GET with an empty name first, and POST only after a 401.
      assert.equal((await basicGet('', token, at)).status, 200);
      assert.equal((await exchange(token, at)).status, 200);
    }
    for (const kind of ['dki', 'dkp', 'dkr'] as const) {
      for (const name of ['', '<token>', 'ana@example.com']) {
        const statuses = [];
        for (let n = 0; n < 12; n++) statuses.push((await basicGet(name, createSecret(kind), service)).status);
        assert.deepEqual(new Set(statuses), new Set([401]), `${kind} for "${name}"`);
      }
    }
  });

  test('two passwords have two tokens; with one of them its token dies', async () => {
    const [first, second] = await Promise.all([createPassword(), createPassword()]);
    const tokens = [await login(first.secret), await login(second.secret)].map(({ body }) => body['refresh_token']);
    assert.notEqual(tokens[0], tokens[1]);
    await installation.command(['password', 'revoke', first.id]);
    const refused = await exchange(tokens[0]);
    assert.equal(refused.status, 401);
    assert.match(String(refused.body['details']), /was revoked on/);
    assert.equal((await exchange(tokens[1])).status, 200);
  });

  test('it can do no more than its password', async () => {
    const { secret } = await createPassword('--pull-only');
    const { body } = await exchange((await login(secret)).body['refresh_token']);
    assert.equal(body['scope'], 'repository:platform/web:pull');
  });

  test('something that is not one, or nearly one, is a 401', async () => {
    const { secret } = await createPassword();
    const token = String((await login(secret)).body['refresh_token']);
    for (const wrong of ['x', token.slice(0, -1), `${token}A`, `dki_${'0'.repeat(36)}`]) {
      assert.equal((await exchange(wrong)).status, 401, wrong);
    }
  });

  test('the list of passwords says where docker keeps a token', async () => {
    const [{ id, secret }, unused] = [await createPassword(), await createPassword()];
    for (const at of [service, other]) await login(secret, at);
    const listed = JSON.parse((await installation.command(['password', 'list', 'ana@example.com', '--json'])).stdout);
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
