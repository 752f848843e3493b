/**
 * Each difference between clients that was ever seen at a token endpoint, by its number in the list of checks. Beside
 * this file: 21 registry.test.ts, 25 identity-tokens.test.ts, 26 wrong-passwords.test.ts, 27 test/clients/.
 */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { libtrustKeyId } from '../../src/keys/key-id.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createStaticUsers } from '../../src/static-users/static-users.ts';
import {
  type Answer,
  basic,
  password,
  registry,
  secondRegistry,
  startTokenService,
  type TokenService,
} from '../support/token-service.ts';

const service = ['service', 'registry.example.com'] as const;
const scope = (value: string) => ['scope', value] as const;
const passwordGrant = (username: string, secret = password) =>
  [
    ['client_id', 'containerd-client'],
    ['grant_type', 'password'],
    ['password', secret],
    service,
    ['username', username],
  ] as const;

let tokens: TokenService;
before(async () => {
  tokens = await startTokenService();
});
after(() => tokens.stop());

/** Whether it is a refusal in both shapes that clients read. */
function assertRefused(answer: Answer, status: number, code: string): string {
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const message = String(answer.body['details']);
  assert.deepEqual(answer.body, { errors: [{ code, message }], details: message });
  return message;
}

const accessOf = async (answer: Promise<Answer>) => {
  const { status, claims } = await answer;
  assert.equal(status, 200);
  return claims?.access;
};

test('1 GET with Basic and no scope is a log-in: 200, nothing granted', async () => {
  const fields = [['account', 'ana'], ['client_id', 'docker'], ['offline_token', 'true'], service] as const;
  const { status, headers, body, claims } = await tokens.get(fields, { user: 'ana' });
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(body['token'], body['access_token']);
  assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_in', 'token']);
  assert.deepEqual(claims?.access, []);
  assert.equal(claims?.sub, 'ana');
  assert.equal(claims?.iss, 'auth.example.com');
});

test('2 a wrong password is a 401 in both body shapes, with a Basic challenge', async () => {
  const answer = await tokens.get([service], { user: 'ana', password: 'wrong' });
  const message = assertRefused(answer, 401, 'UNAUTHORIZED');
  assert.match(message, /invalid user name or password.* https:\/\/auth\.example\.com\//);
  assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="Dockpass", charset="UTF-8"');
  assertRefused(await tokens.get([service], { user: 'nobody' }), 401, 'UNAUTHORIZED');
  assertRefused(await tokens.post(passwordGrant('ana', 'wrong')), 401, 'UNAUTHORIZED');
});

test('3 POST with the password grant answers access_token and scope', async () => {
  const { status, body } = await tokens.post([
    ...passwordGrant('bo'),
    scope('repository:team/a:pull,push repository:b:pull'),
  ]);
  assert.equal(status, 200);
  assert.equal(body['access_token'], body['token']);
  assert.equal(body['scope'], 'repository:team/a:pull');
});

test('4 the content type can name a charset', async () => {
  for (const type of [
    'application/x-www-form-urlencoded; charset=utf-8',
    'Application/X-WWW-Form-URLEncoded;charset=UTF-8',
  ]) {
    assert.equal((await tokens.post(passwordGrant('ana'), { type })).status, 200, type);
  }
});

test('5 an unknown grant_type is a 400', async () => {
  const fields = [['grant_type', 'authorization_code'], service] as const;
  assertRefused(await tokens.post(fields), 400, 'UNSUPPORTED');
  assertRefused(await tokens.post(fields, { user: 'ana' }), 400, 'UNSUPPORTED');
});

test('6 repeated, space-joined and duplicate scopes give the same token', async () => {
  const expected = [
    { type: 'repository', name: 'foo/cd', actions: ['pull', 'push'] },
    { type: 'repository', name: 'foo/dk', actions: ['pull'] },
  ];
  const spellings = [
    ['repository:foo/cd:pull,push', 'repository:foo/dk:pull'],
    ['repository:foo/cd:pull repository:foo/cd:pull,push repository:foo/dk:pull'],
    ['repository:foo/cd:push,pull', 'repository:foo/cd:pull', 'repository:foo/dk:pull repository:foo/dk:pull'],
  ];
  for (const scopes of spellings) {
    const fields = [service, ...scopes.map(scope)];
    assert.deepEqual(await accessOf(tokens.get(fields, { user: 'ana' })), expected);
    assert.deepEqual(await accessOf(tokens.post([...passwordGrant('ana'), ...scopes.map(scope)])), expected);
  }
});

test('6 scopes in the query of a POST join those of its body', async () => {
  const path = '/auth?scope=repository:in/query:pull&service=registry.example.com';
  const fields = [...passwordGrant('ana').filter(([name]) => name !== 'service'), scope('repository:in/body:pull')];
  const access = await accessOf(tokens.post(fields, { path }));
  assert.deepEqual(access?.map(({ name }) => name).sort(), ['in/body', 'in/query']);
});

test('7 a name can contain a host with its port', async () => {
  const access = await accessOf(tokens.get([service, scope('repository:h:5000/a/b:pull')], { user: 'ana' }));
  assert.deepEqual(access, [{ type: 'repository', name: 'h:5000/a/b', actions: ['pull'] }]);
});

test('8 the class that a client names is in the token, and the type is without it', async () => {
  const access = await accessOf(tokens.get([service, scope('repository(plugin):a:pull')], { user: 'ana' }));
  assert.deepEqual(access, [{ type: 'repository', class: 'plugin', name: 'a', actions: ['pull'] }]);
});

test('9 the catalog is granted as "*", to whom the policy gives it', async () => {
  const fields = [service, scope('registry:catalog:*')];
  const access = await accessOf(tokens.get(fields, { user: 'ana' }));
  assert.deepEqual(access, [{ type: 'registry', name: 'catalog', actions: ['*'] }]);
  assert.deepEqual(await accessOf(tokens.get(fields, { user: 'bo' })), []);
});

test('10 "*" on a repository becomes the actions that the user has', async () => {
  const fields = [service, scope('repository:team/b:*')];
  const granted = async (user: string) => (await accessOf(tokens.get(fields, { user })))?.[0]?.actions;
  assert.deepEqual(await granted('ana'), ['pull', 'push', 'delete']);
  assert.deepEqual(await granted('bo'), ['pull']);
});

test('11 a scope that cannot be read or meant is ignored', async () => {
  const odd = [
    '',
    ' ',
    'x',
    'a:b',
    'repository::pull',
    'unknown:a/b:pull',
    'registry:catalog:search',
    'repository:a/b:fly',
  ];
  for (const value of odd) {
    assert.deepEqual(await accessOf(tokens.get([service, scope(value)], { user: 'ana' })), [], `"${value}"`);
  }
  const fields = [service, ...odd.map(scope), scope('repository:a/b:fly,pull')];
  const access = await accessOf(tokens.get(fields, { user: 'ana' }));
  assert.deepEqual(access, [{ type: 'repository', name: 'a/b', actions: ['pull'] }]);
});

test('12 of two repositories, the allowed part is granted', async () => {
  const fields = [service, scope('repository:team/a:pull,push'), scope('repository:secret/b:pull')];
  const access = await accessOf(tokens.get(fields, { user: 'bo' }));
  assert.deepEqual(access, [{ type: 'repository', name: 'team/a', actions: ['pull'] }]);
});

test('13 where nothing is allowed, the answer is 200 with an empty list', async () => {
  assert.deepEqual(await accessOf(tokens.get([service, scope('repository:a/b:pull')], { user: 'cy' })), []);
});

test('14 without credentials: 200 with a scope, 401 without, account proves nothing', async () => {
  const publicAccess = [{ type: 'repository', name: 'public/a', actions: ['pull'] }];
  const fields = [service, scope('repository:public/a:pull,push'), ['account', 'ana'] as const];
  const answer = await tokens.get(fields);
  assert.deepEqual(answer.claims?.access, publicAccess);
  assert.equal(answer.claims?.sub, '');
  assert.deepEqual(await accessOf(tokens.get([service, scope('repository:secret/a:pull')])), []);
  assertRefused(await tokens.get([service]), 401, 'UNAUTHORIZED');
  assertRefused(await tokens.get([service, scope('')]), 401, 'UNAUTHORIZED');
  assertRefused(await tokens.get([service, ['account', 'ana']]), 401, 'UNAUTHORIZED');
});

test('14 without credentials: 200 with an empty list where the policy has no user "", whatever its rules say', async (t) => {
  const policy = parsePolicy('acl: [{ match: { account: "*" }, actions: ["*"] }]', 'policy.yml');
  const users = createStaticUsers(
    () => policy.users,
    { matches: async () => false },
    () => false,
  );
  const closed = await startTokenService({ policy: () => policy, anonymous: users.anonymous });
  t.after(() => closed.stop());
  for (const input of ['repository:public/a:pull', 'registry:catalog:*']) {
    const answer = await closed.get([service, scope(input)]);
    assert.equal(answer.claims?.sub, '');
    assert.deepEqual(answer.claims?.access, []);
  }
  assertRefused(await closed.get([service]), 401, 'UNAUTHORIZED');
});

test('14 without credentials: 401 with a scope too, at a service without anonymous access', async (t) => {
  const mixed = await startTokenService({ services: [{ ...registry, anonymous: false }, secondRegistry] });
  t.after(() => mixed.stop());
  const input = scope('repository:public/a:pull');
  assertRefused(await mixed.get([service, input]), 401, 'UNAUTHORIZED');
  assert.equal((await mixed.get([['service', secondRegistry.name], input])).status, 200);
});

test('15 Basic with an empty user name is wrong, not anonymous', async () => {
  const fields = [service, scope('repository:public/a:pull')];
  for (const secret of ['x', '', password]) {
    assertRefused(await tokens.get(fields, { user: '', password: secret }), 401, 'UNAUTHORIZED');
  }
  assertRefused(await tokens.post([...passwordGrant('', 'x'), scope('repository:public/a:pull')]), 401, 'UNAUTHORIZED');
});

test('16 a password with : + % & = space and umlauts, by GET and by POST', async () => {
  assert.equal((await tokens.get([service], { user: 'ana' })).status, 200);
  assert.equal((await tokens.post(passwordGrant('ana'))).status, 200);
  assert.equal((await tokens.post(passwordGrant('ana'), { user: 'ana' })).status, 200);
});

test('17 passwords of 12 KB and 16 KB reach the verifier, by GET and by POST', async (t) => {
  const seen: string[] = [];
  const identity: Identity = { ...anonymous, kind: 'ci', account: 'ci' };
  const verify = async (credentials: { password: string }) => {
    seen.push(credentials.password);
    return identity;
  };
  const big = await startTokenService({ authenticators: [{ recognises: () => true, verify }] });
  t.after(() => big.stop());
  for (const size of [12 * 1024, 16 * 1024]) {
    const secret = '%'.repeat(size);
    seen.length = 0;
    assert.equal((await big.get([service], { user: 'ci', password: secret })).status, 200);
    assert.equal((await big.post(passwordGrant('ci', secret))).status, 200);
    assert.deepEqual(seen, [secret, secret]);
  }
});

test('18 the service becomes aud to the letter; an unknown one is a 400', async () => {
  const answer = await tokens.send('/auth?service=my+registry%3A5000', {
    headers: { Authorization: basic('ana', password) },
  });
  assert.equal(answer.claims?.aud, 'my registry:5000');
  const refused = await tokens.get([['service', 'other.example.com']], { user: 'ana' });
  assert.match(assertRefused(refused, 400, 'UNSUPPORTED'), /unknown service "other\.example\.com".*"my registry:5000"/);
  assertRefused(await tokens.get([], { user: 'ana' }), 400, 'UNSUPPORTED');
});

test('18 a missing service means the only one', async (t) => {
  const single = await startTokenService({ services: [registry] });
  t.after(() => single.stop());
  for (const fields of [[], [['service', '']]] as const) {
    assert.equal((await single.get(fields, { user: 'ana' })).claims?.aud, 'registry.example.com');
  }
});

test('18 of two services that differ in case only, the exact name is meant, or none', async (t) => {
  const services = ['Twin', 'twin'].map((name) => ({ ...registry, name }));
  const twins = await startTokenService({ services });
  t.after(() => twins.stop());
  for (const name of ['Twin', 'twin']) {
    assert.equal((await twins.get([['service', name]], { user: 'ana' })).claims?.aud, name);
  }
  const refused = await twins.get([['service', 'TWIN']], { user: 'ana' });
  assert.equal(refused.status, 400);
  assert.match(String(refused.body['details']), /unknown service "TWIN"/);
});

test('19 expires_in is a whole number from 60 on, and the life of the token; a login has no issued_at', async (t) => {
  const now = Date.parse('2026-11-23T08:00:00.700Z');
  const still = await startTokenService({ now: () => now });
  t.after(() => still.stop());
  for (const [name, lifetime] of [
    ['registry.example.com', 300],
    ['my registry:5000', 900],
  ] as const) {
    const response = await fetch(`${still.url}/auth?service=${encodeURIComponent(name)}`, {
      headers: { Authorization: basic('ana', password) },
    });
    const body = (await response.json()) as { token: string; expires_in: unknown; issued_at?: unknown };
    const claims = JSON.parse(Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal(body.expires_in, lifetime);
    assert.equal(body.expires_in, claims.exp - Math.floor(now / 1000));
    assert.equal(body.issued_at, undefined);
  }
});

test('19 issued_at, with a fraction, is there where less is granted than asked, and only there', async (t) => {
  const now = new Date();
  const still = await startTokenService({ now: () => now.getTime() });
  t.after(() => still.stop());
  const issuedAt = async (user: string, ...scopes: string[]) => {
    const fields = [service, ...scopes.map(scope)];
    const answers = [
      await still.get(fields, { user }),
      await still.post([...passwordGrant(user), ...scopes.map(scope)]),
    ];
    const [first, ...others] = new Set(answers.map(({ body }) => body['issued_at']));
    assert.deepEqual(others, []);
    return first;
  };
  const at = now.toISOString();
  const table: readonly [user: string, scopes: readonly string[], issuedAt: string | undefined][] = [
    ['ana', [], undefined],
    ['ana', ['repository:a:pull,push', 'registry:catalog:*'], undefined],
    ['ana', ['repository:a:*'], undefined],
    ['bo', ['repository:finance/x:push'], at],
    ['bo', ['repository:team/a:pull,push'], at],
    ['bo', ['repository:team/a:pull', 'repository:finance/x:pull'], at],
    ['ana', ['repository::pull'], at],
    ['ana', ['plugin:a:pull', 'repository:a:pull'], at],
    ['ana', ['repository:a:pull,mount'], at],
    ['ana', ['repository:a:pull', 'garbage'], at],
    ['ana', ['repository:a:pull,PUSH'], at],
  ];
  for (const [user, scopes, expected] of table)
    assert.equal(await issuedAt(user, ...scopes), expected, scopes.join(' '));
});

test('19 a thousand scopes are granted, by POST and by GET', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => scope(`repository:ocp/op-${index}:pull,push`));
  for (const answer of [
    await tokens.get([service, ...many], { user: 'ana' }),
    await tokens.post([...passwordGrant('ana'), ...many]),
  ]) {
    assert.equal(answer.claims?.access.length, 1_000);
    assert.deepEqual(answer.claims?.access.at(-1), {
      type: 'repository',
      name: 'ocp/op-999',
      actions: ['pull', 'push'],
    });
  }
});

test('20 exp, nbf and iat are integers, jti and aud strings', async () => {
  const { claims } = await tokens.get([service], { user: 'ana' });
  for (const name of ['exp', 'nbf', 'iat']) assert.ok(Number.isInteger(claims?.[name]), name);
  for (const name of ['jti', 'aud', 'iss', 'sub']) assert.equal(typeof claims?.[name], 'string', name);
});

test('22 the kid is the libtrust id of the key', () => {
  const x = 'm7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q';
  const y = 'dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc';
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  assert.equal(libtrustKeyId(key), 'PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6');
});

test('23 the realm answers under each of its names, POST too, without a redirect', async () => {
  for (const path of ['/auth', '/auth/', '/auth/token', '/auth/token/']) {
    assert.equal((await tokens.get([service], { user: 'ana', path })).status, 200, path);
    assert.equal((await tokens.post(passwordGrant('ana'), { path })).status, 200, path);
  }
});

test('24 other methods are a 405 that names the right ones', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await tokens.send('/auth', { method });
    assertRefused(answer, 405, 'UNSUPPORTED');
    assert.equal(answer.headers.get('allow'), 'GET, POST');
  }
  const head = await tokens.send('/auth', { method: 'HEAD' });
  assert.equal(head.status, 405);
});
