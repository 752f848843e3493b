/** The exchange of an ID token, and docker's identity tokens for a job: once, short, and never more than the rules in force say. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createLeakReports } from '../../src/app-passwords/leaks.ts';
import { describeEngines } from '../support/engines.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { audience, exchangeForm, startWorkloadService, type WorkloadService } from '../support/workload-service.ts';

const claims = { aud: audience, sub: 'repo:acme/web', repository: 'acme/web', repository_id: '1' };
const by = { actor: 'root@example.com', client: null };
const client = { address: '127.0.0.1', userAgent: '', requestId: 'r' };
const seconds = () => Math.floor(Date.now() / 1000);

describeEngines('an exchanged password', (databases) => {
  let issuer: TestIssuer;
  let service: WorkloadService;
  const fileOf = (ofRule = '', ofIssuer = '') => `
issuers:
  ci: { preset: oidc, issuer: "${issuer.url}", ${ofIssuer} }
rules:
  - issuer: ci
    match: { repository_id: "1" }
    account: ci:ci:\${claims:repository}
    groups: [deployers]
    lifetime: 10m
    ${ofRule}
`;
  const sign = (more: object = {}) => issuer.sign({ ...claims, ...more });
  const newPassword = async (): Promise<string> => {
    const { status, body } = await service.exchange(await sign());
    assert.equal(status, 200, JSON.stringify(body));
    return String(body['access_token']);
  };

  before(async () => {
    issuer = await startIssuer();
    service = await startWorkloadService({
      databaseUrl: await databases.create(),
      workloadsText: fileOf(),
      environment: { SERVICE_OTHER_EXAMPLE_COM_HOST: 'images.example.com:5000' },
    });
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  test('is answered in the form of RFC 8693, with the name to log in with', async () => {
    const { status, body, headers } = await service.exchange(await sign());
    assert.equal(status, 200);
    const { access_token: password, expires_in: seconds, ...rest } = body;
    assert.ok(Number(seconds) > 500 && Number(seconds) <= 600);
    assert.match(String(password), /^dkc_[0-9A-Za-z]{36}$/);
    assert.deepEqual(rest, {
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'N_A',
      username: 'oidc',
    });
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  test('logs in as the workload, under "oidc" and the name of the issuer alone', async () => {
    const password = await newPassword();
    const { status, granted, claims: token } = await service.login(password);
    assert.equal(status, 200);
    assert.equal(token?.sub, 'ci:ci:acme/web');
    assert.deepEqual(granted, ['repository:acme/web:pull,push']);
    assert.equal((await service.login(password, { user: 'ci' })).status, 200);
    for (const user of ['jenkins', 'ana@example.com']) {
      assert.equal((await service.login(password, { user })).status, 401, user);
    }
  });

  test('is given once for a token, also to two who ask at the same moment', async () => {
    const token = await sign();
    const answers = await Promise.all([service.exchange(token), service.exchange(token), service.exchange(token)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400]);
    const { body } = await service.exchange(token);
    assert.equal(body['error'], 'invalid_request');
    assert.match(String(body['error_description']), /exchanged before/);
    assert.equal(service.judged.at(-1), 'ci used-before');
  });

  test('is given again where the issuer is not for single use, and for tokens without an id', async () => {
    await service.reload(fileOf('', 'single_use: false'));
    const token = await sign();
    for (const _ of [1, 2]) assert.equal((await service.exchange(token)).status, 200);
    await service.reload(fileOf());
    const without = await sign({ jti: undefined });
    for (const _ of [1, 2]) assert.equal((await service.exchange(without)).status, 200);
  });

  test('is given once for a token whose id is a number, and never for one whose id is nothing to compare', async () => {
    await service.reload(fileOf());
    const numbered = await sign({ jti: 4711 });
    assert.equal((await service.exchange(numbered)).status, 200);
    assert.equal((await service.exchange(numbered)).status, 400);
    assert.equal(service.judged.at(-1), 'ci used-before');
    for (const jti of [{}, { id: 'a' }, ['a'], '', null]) {
      assert.equal((await service.exchange(await sign({ jti }))).status, 400, JSON.stringify(jti));
      assert.equal(service.judged.at(-1), 'ci claims', JSON.stringify(jti));
    }
  });

  const wrong: readonly (readonly [what: string, fields: Record<string, string>, error: string])[] = [
    ['another grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no grant', { grant_type: '' }, 'invalid_request'],
    ['no token', { subject_token: '' }, 'invalid_request'],
    ['an access token', { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }, 'invalid_request'],
    ['an actor', { actor_token: 'x' }, 'invalid_request'],
    ['a scope', { scope: 'repository:acme/web:pull' }, 'invalid_scope'],
    ['an unknown registry', { audience: 'elsewhere.example.com' }, 'invalid_target'],
    ['another issuer', { username: 'other' }, 'invalid_request'],
    ['a refresh token', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
  ];
  for (const [what, fields, error] of wrong) {
    test(`is refused for ${what}, in the form of OAuth`, async () => {
      const { status, body } = await service.exchange(await sign(), fields);
      assert.equal(status, 400);
      assert.equal(body['error'], error);
      assert.ok(body['error_description']);
    });
  }

  test('is refused for a parameter that comes twice, a GET, and an Authorization header', async () => {
    const form = new URLSearchParams(exchangeForm(await sign()));
    form.append('subject_token', 'x');
    const url = `${service.url}/oauth/token`;
    assert.equal((await fetch(url, { method: 'POST', body: form })).status, 400);
    assert.equal((await fetch(url)).status, 405);
    const headers = { Authorization: 'Basic eDp5' };
    const body = new URLSearchParams(exchangeForm(await sign()));
    assert.equal((await fetch(url, { method: 'POST', headers, body })).status, 400);
  });

  test('and other things made from an ID token cannot be exchanged', async () => {
    const token = await sign();
    const { body } = await service.login(token, { offline: true, scope: '' });
    for (const made of [await newPassword(), String(body['refresh_token']), String(body['token'])]) {
      const { status } = await service.exchange(made);
      assert.equal(status, 400, made.slice(0, 4));
    }
  });

  test('for one registry does not work at another', async () => {
    const { body } = await service.exchange(await sign(), { audience: 'other.example.com' });
    const password = String(body['access_token']);
    assert.equal((await service.login(password, { service: 'other.example.com' })).status, 200);
    assert.equal((await service.login(password)).status, 401);
  });

  test('can be asked for with the host of the registry, which is all that a cluster knows of it, and in any case', async () => {
    for (const audience of ['images.example.com:5000', 'Images.Example.COM:5000', 'OTHER.example.com']) {
      const { body } = await service.exchange(await sign(), { audience });
      const password = String(body['access_token']);
      assert.equal((await service.login(password, { service: 'other.example.com' })).status, 200, audience);
      assert.equal((await service.login(password)).status, 401);
    }
  });

  test('is given for a token with a line break or a byte order mark around it, as at the realm', async () => {
    for (const [before, after] of [
      ['', '\r\n'],
      ['\ufeff', ''],
    ]) {
      assert.equal((await service.exchange(`${before}${await sign()}${after}`)).status, 200);
      const token = `${before}${await sign()}${after}`;
      assert.equal((await service.login(token, { user: `${before}oidc${after}` })).status, 200);
    }
  });

  test('stops on the next request when the rules do not let its claims in any more, and works again when they do', async () => {
    const password = await newPassword();
    for (const changed of [
      fileOf().replace('"1"', '"2"'),
      fileOf().replace(issuer.url, 'https://ci.example.com'),
      fileOf('', 'audience: https://other.example.com'),
    ]) {
      await service.reload(changed);
      assert.equal((await service.login(password)).status, 401);
      await service.reload(fileOf());
      assert.equal((await service.login(password)).status, 200);
    }
  });

  test('has the groups that the rules in force say', async () => {
    const password = await newPassword();
    await service.reload(fileOf().replace('[deployers]', '[readers]'));
    assert.deepEqual((await service.login(password)).granted, []);
    await service.reload(fileOf());
  });

  test('ends with the lifetime of its rule, also where that became shorter', async () => {
    const password = await newPassword();
    await service.reload(fileOf().replace('lifetime: 10m', 'lifetime: 1m'));
    const { status, body } = await service.login(password);
    assert.equal(status, 401);
    assert.match(JSON.stringify(body), /it has ended/);
    await service.reload(fileOf());
  });

  test('gives registry tokens that end with it', async () => {
    await service.reload(fileOf().replace('lifetime: 10m', 'lifetime: 2m'));
    const { claims: token } = await service.login(await newPassword());
    assert.ok((token?.exp ?? Infinity) <= seconds() + 120);
    await service.reload(fileOf());
  });

  test('is refused beyond the limit of its rule, and the token can be exchanged later', async () => {
    await service.reload(fileOf('limit: 1').replace('"1" }', '"1", sub: "limited" }'));
    const [first, second] = [await sign({ sub: 'limited' }), await sign({ sub: 'limited' })];
    const { body } = await service.exchange(first);
    const refused = await service.exchange(second);
    assert.equal(refused.status, 429);
    assert.equal(refused.body['error'], 'temporarily_unavailable');
    await report(String(body['access_token']));
    assert.equal((await service.exchange(second)).status, 200);
    await service.reload(fileOf());
  });

  const report = (secret: string) => createLeakReports({ ...service.core, now: Date.now }).report(secret, client);

  test('and a job token that were reported as leaked do not work any more', async () => {
    const password = await newPassword();
    const token = await sign();
    const { body } = await service.login(token, { offline: true });
    const identityToken = String(body['refresh_token']);
    for (const secret of [password, identityToken]) assert.equal(await report(secret), true);
    assert.equal((await service.login(password)).status, 401);
    assert.equal((await service.post({ grant_type: 'refresh_token', refresh_token: identityToken })).status, 401);
    const again = await service.login(token, { offline: true });
    assert.deepEqual([again.status, again.body['refresh_token']], [200, undefined]);
    assert.equal((await service.post({ grant_type: 'refresh_token', refresh_token: identityToken })).status, 401);
  });

  test('a job-bound identity token is kept by a login, works by refresh and as a password, and is the same at each login', async () => {
    const token = await sign();
    const first = await service.login(token, { offline: true, scope: '' });
    const identityToken = String(first.body['refresh_token']);
    assert.match(identityToken, /^dkj_/);
    const {
      status,
      claims: refreshed,
      body,
    } = await service.post({ grant_type: 'refresh_token', refresh_token: identityToken });
    assert.equal(status, 200);
    assert.equal(refreshed?.sub, 'ci:ci:acme/web');
    assert.equal(body['refresh_token'], identityToken);
    assert.equal((await service.login(identityToken)).status, 200);
    assert.equal((await service.login(token, { offline: true })).body['refresh_token'], identityToken);
    const elsewhere = await service.login(token, { offline: true, service: 'other.example.com' });
    assert.notEqual(elsewhere.body['refresh_token'], identityToken);
    const strange = { grant_type: 'refresh_token', refresh_token: identityToken, service: 'other.example.com' };
    assert.equal((await service.post(strange)).status, 401);
  });

  test('a job-bound identity token is the same however the signature of its ID token is written', async () => {
    const token = await sign();
    const first = (await service.login(token, { offline: true })).body['refresh_token'];
    const other = respelled(token);
    assert.notEqual(other, token);
    const second = await service.login(other, { offline: true });
    assert.deepEqual([second.status, second.body['refresh_token']], [200, first]);
    await report(String(first));
    assert.equal((await service.login(other, { offline: true })).body['refresh_token'], undefined);
    assert.equal((await service.post({ grant_type: 'refresh_token', refresh_token: String(first) })).status, 401);
  });

  test('a job-bound identity token is never renewed by a refresh or another login', async () => {
    const token = await sign();
    const { body } = await service.login(token, { offline: true });
    const { store, pepper } = service.core;
    const rowOf = () => store.workloadCredentials.byHash(pepper.hash(String(body['refresh_token'])));
    const before = await rowOf();
    await service.post({ grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });
    await service.login(token, { offline: true });
    assert.deepEqual(await rowOf(), before);
    assert.equal(before?.kind, 'identity-token');
  });

  test('ends for good when its issuer is disabled', async () => {
    const password = await newPassword();
    const { body } = await service.login(await sign(), { offline: true });
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    const { administration } = service.workloads;
    await administration.disable('ci', '', by);
    assert.equal((await service.login(password)).status, 401);
    assert.equal((await service.post(refresh)).status, 401);
    assert.equal((await service.exchange(await sign())).status, 400);
    await administration.enable('ci', by);
    assert.equal((await service.login(password)).status, 401);
    assert.equal((await service.post(refresh)).status, 401);
  });

  test('is in the audit before it is answered, and has no account', async () => {
    const jti = randomUUID();
    const token = await issuer.sign({ ...claims, jti }, { at: seconds() + 2 });
    assert.equal((await service.exchange(token)).status, 200);
    const [event] = await service.core.store.audit.list({}, null, 1);
    assert.equal(event?.action, 'workload.exchange');
    assert.equal(event?.subject, 'ci:ci:acme/web');
    assert.equal(JSON.parse(event?.detail_json ?? '{}').run, jti);
    assert.equal(await service.core.store.accounts.byLogin('ci:ci:acme/web'), undefined);
  });

  test('is not known without the workloads file, and neither is the grant', async () => {
    const token = await issuer.sign(claims, { at: seconds() + 2 });
    const { body } = await service.exchange(token);
    await service.reload(null);
    assert.equal((await service.login(String(body['access_token']))).status, 401);
    assert.equal((await service.exchange(token)).body['error'], 'unsupported_grant_type');
    await service.reload(fileOf());
  });
});

/** The same signature: the last character of 342 has four bits that mean nothing. */
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') ^ 1];
}
