/** The OAuth endpoints of the terminal over HTTP: metadata, forms, each kind of secret in its place, sign-ins on the same device, the switch. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createSecret } from '../../src/lib/secret.ts';
import { tokenExchange } from '../../src/oauth/token-exchange.ts';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { writeSession } from '../support/walk.ts';

const ana = 'ana@example.com';
const grant = 'urn:ietf:params:oauth:grant-type:device_code';
const sessionSecret = 's'.repeat(32);
type Answer = Readonly<Record<string, string>>;

describe('the OAuth endpoints of a terminal', () => {
  let installation: Installation;
  let server: Server;
  let cookie: string;
  before(async () => {
    installation = createInstallation();
    Object.assign(installation.environment, {
      PUBLIC_URL: 'http://localhost:5001/dockpass',
      SERVICES: 'registry.example.com,other.example.com',
      SESSION_SECRET: sessionSecret,
    });
    await installation.run(['migrate']);
    await installation.addPerson(ana);
    server = await installation.serve();
    const store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, () => {});
    cookie = await writeSession(store, sessionSecret, `account-${ana}`, Date.now());
    await store.close();
  });
  after(async () => {
    await server?.stop();
    installation?.remove();
  });

  const origin = () => new URL(server.url).origin;
  const base = () => `${origin()}/dockpass`;
  const send = async (path: string, fields: Record<string, string>): Promise<Answer & { readonly status: string }> => {
    const body = new URLSearchParams({ client_id: 'dockpass-cli', ...fields });
    const response = await fetch(base() + path, { method: 'POST', body });
    return { ...((await response.json()) as Answer), status: String(response.status) };
  };
  const begin = (fields: Record<string, string> = {}) =>
    send('/oauth/device', { registry: 'registry.example.com', ...fields });
  const decide = (code: string, decision = 'approve', access: Record<string, string> = { access: 'full' }) =>
    fetch(`${base()}/terminal/decide`, {
      ...{ method: 'POST', headers: { cookie, origin: 'http://localhost:5001' } },
      body: new URLSearchParams({ code, decision, repositories: '', ...access }),
    });
  const collect = async (purpose: string) => {
    const { device_code: code = '', user_code: typed = '' } = await begin({ purpose });
    assert.equal((await decide(typed)).status, 200);
    return { code, answer: await send('/oauth/token', { grant_type: grant, device_code: code }) };
  };

  test('metadata is where RFC 8414 and our scripts look, and names endpoints that are there', async () => {
    for (const url of [
      `${base()}/.well-known/oauth-authorization-server`,
      `${origin()}/.well-known/oauth-authorization-server/dockpass`,
    ]) {
      const metadata = (await (await fetch(url)).json()) as Answer;
      assert.equal(metadata['issuer'], 'http://localhost:5001/dockpass', url);
      for (const name of ['token_endpoint', 'device_authorization_endpoint', 'revocation_endpoint']) {
        const { pathname } = new URL(metadata[name] ?? '');
        assert.equal((await fetch(origin() + pathname)).status, 405, name);
      }
      assert.deepEqual(metadata['code_challenge_methods_supported'], ['S256']);
      assert.ok(!metadata['grant_types_supported']?.includes(tokenExchange), 'of a service without workloads');
    }
    assert.equal((await fetch(`${origin()}/.well-known/dockpass/dockpass`)).status, 200);
  });

  test('an answer to a start has what RFC 8628 wants, and no address with the code in it', async () => {
    const { status, device_code: code, user_code: typed, expires_in: lifetime, ...rest } = await begin();
    assert.deepEqual([status, code?.length], ['200', 43]);
    assert.match(typed ?? '', /^[A-Z]{4}-[A-Z]{4}$/);
    assert.deepEqual(rest, { verification_uri: 'http://localhost:5001/dockpass/terminal', interval: 5 });
    assert.ok(Number(lifetime) > 500 && Number(lifetime) <= 600);
    await decide(typed ?? '', 'refuse');
  });

  test('mistakes are said in the form of OAuth', async () => {
    for (const [path, fields, error] of [
      ['/oauth/device', { client_id: 'other', registry: 'registry.example.com' }, 'invalid_client'],
      ['/oauth/device', { registry: 'evil.example.com' }, 'invalid_request'],
      ['/oauth/device', {}, 'invalid_request'],
      ['/oauth/device', { registry: 'registry.example.com', purpose: 'root' }, 'invalid_request'],
      ['/oauth/token', { grant_type: grant, device_code: 'x'.repeat(43) }, 'invalid_grant'],
      ['/oauth/token', { grant_type: grant }, 'invalid_request'],
      ['/oauth/token', { grant_type: 'password' }, 'unsupported_grant_type'],
    ] as const) {
      const answer = await send(path, fields);
      assert.deepEqual([answer.status, answer['error']], ['400', error], JSON.stringify(fields));
      assert.ok(answer['error_description']);
    }
  });

  test('an approval can be limited as a password can, and a refusal needs no valid patterns', async () => {
    const { user_code: typed = '' } = await begin();
    const tooMany = Array.from({ length: 21 }, (_, index) => `team/app${index}`).join(' ');
    for (const [repositories, said] of [
      [tooMany, /at most 20 repository patterns/],
      [`team/${'a'.repeat(300)}`, /isn’t valid: it is too long/],
      ['team/** no//pattern', /“no\/\/pattern” isn’t valid/],
    ] as const) {
      const response = await decide(typed, 'approve', { repositories });
      assert.equal(response.status, 400, repositories);
      assert.match(await response.text(), said);
    }
    assert.equal((await decide(typed, 'refuse', { repositories: 'no//pattern' })).status, 200);
  });

  test('an approval that does not say what for lets the terminal pull, and no more', async () => {
    for (const access of [{}, { access: '' }, { access: 'everything' }]) {
      const { user_code: typed = '' } = await begin();
      assert.equal((await decide(typed, 'approve', access)).status, 200);
      const found = ['audit', 'export', '--format', 'jsonl', '--action', 'terminal.approve'];
      const [last = ''] = (await installation.command(found)).stdout.split('\n');
      assert.deepEqual(JSON.parse(last).detail.limits.actions, ['pull'], JSON.stringify(access));
    }
  });

  test('each kind of secret works in its own place and in no other', async () => {
    const { code, answer } = await collect('machine');
    const machine = answer['refresh_token'] ?? assert.fail();
    const { access_token: short = '' } = await send('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: machine,
    });
    const { access_token: password = '' } = (await collect('login')).answer;
    assert.deepEqual(
      [machine, short, password].map((secret) => secret.slice(0, 4)),
      ['dkm_', 'dkt_', 'dkp_'],
    );
    const others = (['dki', 'dka', 'dkr', 'dkc', 'dkj', 'dkm'] as const).map((kind) => createSecret(kind));
    for (const secret of [short, password, code, ...others]) {
      const renewal = await send('/oauth/token', { grant_type: 'refresh_token', refresh_token: secret });
      assert.equal(renewal['error'], 'invalid_grant', secret.slice(0, 4));
      if (secret !== code) {
        const poll = await send('/oauth/token', { grant_type: grant, device_code: secret });
        assert.equal(poll['error'], 'invalid_grant', secret.slice(0, 4));
      }
      const form = { grant_type: 'authorization_code', code: secret, redirect_uri: 'http://127.0.0.1:1/callback' };
      assert.equal((await send('/oauth/token', { ...form, code_verifier: 'v'.repeat(43) }))['error'], 'invalid_grant');
    }
    const logIn = async (secret: string) => {
      const headers = { Authorization: `Basic ${btoa(`${ana}:${secret}`)}` };
      return (await fetch(`${base()}/auth?service=registry.example.com`, { headers })).status;
    };
    assert.deepEqual(await Promise.all([machine, code, short, password].map(logIn)), [401, 401, 200, 200]);
    const bearer = { headers: { Authorization: `Bearer ${machine}` } };
    assert.equal((await fetch(`${base()}/api/v1/people`, bearer)).status, 401);
    for (const secret of [short, password, ...others.slice(0, -1)]) {
      const refused = await send('/oauth/revoke', { token: secret });
      assert.deepEqual([refused.status, refused['error']], ['400', 'unsupported_token_type'], secret.slice(0, 4));
    }
    assert.equal(await logIn(short), 200, 'a password is not signed out as a machine');
    assert.equal((await send('/oauth/revoke', { token: machine })).status, '200');
    assert.equal(await logIn(short), 401, 'what ends the machine ends its passwords');
    assert.equal((await send('/oauth/revoke', { token: machine })).status, '200');
  });

  test('a sign-in on the same device: S256 only, loopback only, never without the page', async () => {
    const good = {
      ...{
        response_type: 'code',
        client_id: 'dockpass-cli',
        redirect_uri: 'http://127.0.0.1:5555/callback',
        state: 's',
      },
      ...{
        code_challenge: 'c'.repeat(43),
        code_challenge_method: 'S256',
        registry: 'registry.example.com',
        machine: 'm',
      },
    };
    const open = async (changes: Record<string, string>, headers: Record<string, string> = { cookie }) => {
      const url = `${base()}/oauth/authorize?${new URLSearchParams({ ...good, ...changes })}`;
      return fetch(url, { headers, redirect: 'manual' });
    };
    for (const changes of [
      { redirect_uri: 'http://localhost:5555/callback' },
      { redirect_uri: 'http://127.0.0.1:5555/other' },
      { redirect_uri: 'http://127.0.0.1:5555/callback?x=1' },
      { redirect_uri: 'http://127.0.0.1.evil.example:5555/callback' },
      { redirect_uri: 'http://127.0.0.2:5555/callback' },
      { redirect_uri: 'https://evil.example/callback' },
      { redirect_uri: 'http://user@127.0.0.1:5555/callback' },
      { code_challenge_method: 'plain' },
      { code_challenge: 'short' },
      { response_type: 'token' },
      { client_id: 'other' },
      { registry: 'evil.example.com' },
      { state: 's'.repeat(201) },
    ]) {
      const response = await open(changes);
      assert.equal(response.status, 400, JSON.stringify(changes));
      assert.equal(response.headers.get('location'), null);
      assert.equal(response.headers.get('refresh'), null);
    }
    const { status, headers } = await open({}, {});
    assert.deepEqual([status, headers.get('location')?.includes('/sign-in')], [303, true], 'nobody is signed in');
    const page = await open({ redirect_uri: 'http://[::1]:5555/callback' });
    assert.deepEqual([page.status, page.headers.get('location')], [200, null]);
    const [, typed = ''] = /name="code" value="([A-Z-]{9})"/.exec(await page.text()) ?? [];
    const decided = await decide(typed);
    assert.match(
      decided.headers.get('refresh') ?? '',
      /^0; url=http:\/\/\[::1\]:5555\/callback\?code=[\w-]{43}&state=s$/,
    );
  });

  test('disabled: nothing new, a machine is told why, and can still sign itself out', async () => {
    const machine = (await collect('machine')).answer['refresh_token'] ?? assert.fail();
    const { access_token: short = '' } = await send('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: machine,
    });
    const waiting = await begin();
    await decide(waiting['user_code'] ?? '');
    await server.stop();
    server = await installation.serve({ TERMINAL_SIGN_IN: 'false' });
    assert.match((await begin())['error_description'] ?? '', /disabled here/);
    const collected = await send('/oauth/token', { grant_type: grant, device_code: waiting['device_code'] ?? '' });
    assert.match(collected['error_description'] ?? '', /disabled here/, 'not even what was approved before');
    const renewal = await send('/oauth/token', { grant_type: 'refresh_token', refresh_token: machine });
    assert.match(renewal['error_description'] ?? '', /disabled here. Make an app password instead: http/);
    for (const path of ['/cli/login.sh', '/.well-known/oauth-authorization-server']) {
      assert.equal((await fetch(base() + path)).status, 404, path);
    }
    assert.equal((await fetch(`${base()}/terminal`, { headers: { cookie } })).status, 404);
    assert.doesNotMatch(
      await (await fetch(`${base()}/passwords/new`, { headers: { cookie } })).text(),
      /cli\/login\.sh/,
    );
    const headers = { Authorization: `Basic ${btoa(`${ana}:${short}`)}` };
    const logIn = async () => (await fetch(`${base()}/auth?service=registry.example.com`, { headers })).status;
    assert.equal(await logIn(), 200, 'what a terminal has works until it ends, or is revoked');
    assert.equal((await send('/oauth/revoke', { token: machine })).status, '200');
    assert.equal(await logIn(), 401);
  });
});
