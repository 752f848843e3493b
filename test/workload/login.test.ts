/** The login of a workload at the realm: what is let in, what is refused, and that nobody is told more than is good. */
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { describeEngines } from '../support/engines.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { audience, registry, startWorkloadService, type WorkloadService } from '../support/workload-service.ts';

const claims = {
  aud: audience,
  sub: 'repo:acme/web',
  repository: 'acme/web',
  repository_id: '1',
  run_id: '7',
  nothing: null,
};
const seconds = () => Math.floor(Date.now() / 1000);

describeEngines('a workload', (databases) => {
  let issuer: TestIssuer;
  let twin: TestIssuer;
  let service: WorkloadService;

  before(async () => {
    [issuer, twin] = [await startIssuer(), await startIssuer()];
    service = await startWorkloadService({ databaseUrl: await databases.create(), workloadsText: fileOf(issuer) });
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
    await twin.stop();
  });

  const fileOf = ({ url }: TestIssuer, more = '', ofRule = '') => `
issuers:
  ci: { preset: oidc, issuer: "${url}", max_age: 1h, ${more} }
rules:
  - issuer: ci
    match: { repository_id: "1" }
    account: ci:ci:\${claims:repository}
    groups: [deployers]
    ${ofRule}
`;
  const reasonOf = () => service.judged.at(-1);

  test('is let in by its ID token as the password, and granted what the policy says', async () => {
    const { status, granted, claims: token } = await service.login(await issuer.sign(claims));
    assert.equal(status, 200);
    assert.deepEqual(granted, ['repository:acme/web:pull,push']);
    assert.equal(token?.sub, 'ci:ci:acme/web');
  });

  test('is let in by the password grant, and under the name of its issuer', async () => {
    const token = await issuer.sign(claims);
    assert.equal((await service.post({ grant_type: 'password', username: 'oidc', password: token })).status, 200);
    assert.equal((await service.login(token, { user: 'ci' })).status, 200);
  });

  test('is let in with a line break after the token, as `echo` leaves it', async () => {
    assert.equal((await service.login(`${await issuer.sign(claims)}\n`)).status, 200);
  });

  test('gets a registry token that ends with its ID token', async () => {
    const [at, life] = [seconds() - 200, 300];
    const { claims: token } = await service.login(await issuer.sign(claims, { at, life }));
    assert.ok((token?.exp ?? Infinity) <= at + life, `${token?.exp} is after ${at + life}`);
  });

  test('gets a registry token that lives no longer than its rule says, also where that became shorter', async () => {
    const token = await issuer.sign(claims, { life: 3_000 });
    const [before] = [(await service.login(token)).body['expires_in']];
    await service.reload(fileOf(issuer, '', 'lifetime: 2m'));
    const { body, claims: given } = await service.login(token);
    assert.ok(Number(before) > 120 && Number(body['expires_in']) <= 120, `${before}, then ${body['expires_in']}`);
    assert.ok((given?.exp ?? Infinity) <= seconds() + 120);
    await service.reload(fileOf(issuer));
  });

  test('never gets the registry token of another run of its account', async () => {
    const long = await service.login(await issuer.sign(claims));
    const at = seconds() - 230;
    const short = await service.login(await issuer.sign({ ...claims, run_id: '8' }, { at, life: 300 }));
    assert.notEqual(short.claims?.jti, long.claims?.jti);
    assert.ok((short.claims?.exp ?? Infinity) <= at + 300);
    assert.ok(Number(short.body['expires_in']) <= 70);
  });

  const { privateKey: stranger } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const refused: readonly (readonly [what: string, reason: string, make: () => Promise<string>])[] = [
    ['another audience', 'ci audience', () => issuer.sign({ ...claims, aud: 'https://other.example.com' })],
    ['two audiences', 'ci audience', () => issuer.sign({ ...claims, aud: [audience, 'https://other.example.com'] })],
    ['no audience', 'ci audience', () => issuer.sign({ ...claims, aud: undefined })],
    ['an empty list of audiences', 'ci audience', () => issuer.sign({ ...claims, aud: [] })],
    ['the audience of people who sign in', 'ci audience', () => issuer.sign({ ...claims, aud: 'people-client' })],
    ['less than 60 seconds left', 'ci expired', () => issuer.sign(claims, { at: seconds() - 245, life: 300 })],
    ['an end long ago', 'ci expired', () => issuer.sign(claims, { at: seconds() - 3_000, life: 300 })],
    [
      'an age beyond the limit of its issuer',
      'ci expired',
      () => issuer.sign(claims, { at: seconds() - 3_590, life: 86_400 }),
    ],
    ['a start in the future', 'ci not-yet', () => issuer.sign({ ...claims, nbf: seconds() + 90 })],
    ['a time of issue in the future', 'ci not-yet', () => issuer.sign(claims, { at: seconds() + 90 })],
    ['no end', 'ci claims', () => issuer.sign({ ...claims, exp: undefined })],
    ['no time of issue', 'ci claims', () => issuer.sign({ ...claims, iat: undefined })],
    ['an end that is text', 'ci claims', () => issuer.sign({ ...claims, exp: String(seconds() + 300) })],
    ['no subject', 'ci claims', () => issuer.sign({ ...claims, sub: undefined })],
    ['an empty subject', 'ci claims', () => issuer.sign({ ...claims, sub: '' })],
    ['the type of an access token', 'ci header', () => issuer.sign(claims, { header: { typ: 'at+jwt' } })],
    ['the type of a logout token', 'ci header', () => issuer.sign(claims, { header: { typ: 'logout+jwt' } })],
    ['the type of a security event', 'ci header', () => issuer.sign(claims, { header: { typ: 'secevent+jwt' } })],
    ['a key of its own', 'ci header', () => issuer.sign(claims, { header: { jwk: { kty: 'RSA' } } })],
    ['an address of keys', 'ci header', () => issuer.sign(claims, { header: { jku: 'https://evil.example.com' } })],
    ['certificates', 'ci header', () => issuer.sign(claims, { header: { x5c: ['a'] } })],
    [
      'an address of certificates',
      'ci header',
      () => issuer.sign(claims, { header: { x5u: 'https://evil.example.com' } }),
    ],
    ['an extension that must be understood', 'ci header', async () => criticalIn(await issuer.sign(claims))],
    ['the key of a stranger under a known kid', 'ci signature', () => issuer.sign(claims, { key: stranger })],
    ['an unknown kid', 'ci unknown-key', () => issuer.sign(claims, { header: { kid: 'made-up' }, key: stranger })],
    ['another algorithm of the same key', 'ci algorithm', () => issuer.sign(claims, { header: { alg: 'PS256' } })],
    ['HMAC', 'ci algorithm', () => issuer.sign(claims, { header: { alg: 'HS256' }, key: new Uint8Array(32) })],
    ['HMAC with the public key as its secret', 'ci algorithm', () => confused('HS256')],
    ['HMAC with the public key, called RS256', 'ci signature', () => confused('RS256')],
    [
      'no signature',
      'ci algorithm',
      async () => `${encode({ alg: 'none', kid: 'x' })}.${(await issuer.sign(claims)).split('.')[1]}.`,
    ],
    ['changed claims', 'ci signature', async () => tampered(await issuer.sign(claims))],
    ['an issuer that is not configured', ' unknown-issuer', () => twin.sign(claims)],
    [
      'an issuer that only begins like a configured one',
      ' unknown-issuer',
      () => issuer.sign({ ...claims, iss: `${issuer.url}/` }),
    ],
    ['more than 20 KB', ' too-long', () => issuer.sign({ ...claims, groups: 'x'.repeat(16_000) })],
    ...[33, 1_000].map(
      (depth) =>
        [
          `${depth} lists within each other`,
          'ci claims',
          () => issuer.sign({ ...claims, deep: nested(depth) }),
        ] as const,
    ),
    ['claims that no rule has', 'ci no-rule', () => issuer.sign({ ...claims, repository_id: '2' })],
    ['an account that can not be made', 'ci no-rule', () => issuer.sign({ ...claims, repository: 'a b' })],
  ];

  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let level = 1; level < depth; level++) value = [value];
    return value;
  };

  /** What is signed with the one thing that everyone knows of the issuer. */
  const confused = async (alg: string) => {
    const { keys } = (await (await fetch(`${issuer.url}/keys`)).json()) as { keys: [JsonWebKey & { kid: string }] };
    const [{ kid, ...key }] = keys;
    const pem = createPublicKey({ format: 'jwk', key }).export({ type: 'spki', format: 'pem' });
    const [, payload = ''] = (await issuer.sign(claims)).split('.');
    const input = `${encode({ alg, kid, typ: 'JWT' })}.${payload}`;
    return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
  };

  for (const [what, reason, make] of refused) {
    test(`is refused with ${what}`, async () => {
      const { status, body } = await service.login(await make());
      assert.equal(status, 401);
      assert.equal(reasonOf(), reason);
      const text = JSON.stringify(body);
      assert.match(text, /Workloads page/);
      assert.doesNotMatch(text, /repository_id|made-up|no-rule/);
    });
  }

  test('never makes Dockpass ask an issuer that is not configured', () => {
    assert.deepEqual(twin.asked, []);
  });

  test('is let in with nearly 20 KB', async () => {
    assert.equal((await service.login(await issuer.sign({ ...claims, groups: 'x'.repeat(14_000) }))).status, 200);
  });

  test('is let in while the clocks differ by half a minute', async () => {
    assert.equal((await service.login(await issuer.sign(claims, { at: seconds() + 25 }))).status, 200);
  });

  test('is refused under any other name with a hint, and never compared with a user of the policy file', async () => {
    for (const user of ['jenkins', 'ana@example.com', 'robot-x', 'nobody']) {
      const { status, body } = await service.login(await issuer.sign(claims), { user });
      assert.equal(status, 401, user);
      assert.match(JSON.stringify(body), /log in as \\"oidc\\"/);
    }
    // jenkins has no password in the policy file: with any other text it gets in.
    assert.equal((await service.login('anything', { user: 'jenkins' })).status, 200);
  });

  test('does not become a failed login of its name when it is refused', async () => {
    for (let count = 0; count < 30; count += 1) {
      assert.equal(
        (await service.login(await issuer.sign({ ...claims, jti: String(count), repository_id: '2' }))).status,
        401,
      );
    }
    assert.equal((await service.login(await issuer.sign(claims))).status, 200);
  });

  test('is no longer let in on the next request when its rule, its issuer or the file goes', async () => {
    const token = await issuer.sign(claims);
    const text = fileOf(issuer);
    for (const changed of [text.replace('"1"', '"2"'), text.replace(issuer.url, twin.url), null]) {
      await service.reload(text);
      assert.equal((await service.login(token)).status, 200);
      await service.reload(changed);
      assert.equal((await service.login(token)).status, 401, String(changed));
    }
    await service.reload(text);
  });

  test('is let in for the services of its issuer alone', async () => {
    await service.reload(fileOf(issuer, `services: [${registry}]`));
    const token = await issuer.sign(claims);
    assert.equal((await service.login(token)).status, 200);
    assert.equal((await service.login(token, { service: 'other.example.com' })).status, 401);
    await service.reload(fileOf(issuer));
  });

  test('is refused as a password where its issuer is for the exchange only', async () => {
    await service.reload(fileOf(issuer, 'exchange: only'));
    const { status, body } = await service.login(await issuer.sign(claims));
    assert.equal(status, 401);
    assert.match(JSON.stringify(body), /exchange it first/);
    await service.reload(fileOf(issuer));
  });

  test('of one of two issuers with the same iss has to say which, and keys of one are never tried for the other', async () => {
    const twins = `
issuers:
  ci: { preset: oidc, issuer: "${issuer.url}" }
  other: { preset: oidc, issuer: "${issuer.url}", jwks_url: "${twin.url}/keys" }
rules:
  - { issuer: ci, match: { repository_id: "1" }, account: "ci:one", groups: [deployers] }
  - { issuer: other, match: { repository_id: "1" }, account: "ci:other" }
`;
    await service.reload(twins);
    const token = await issuer.sign(claims);
    const unnamed = await service.login(token);
    assert.equal(unnamed.status, 401);
    assert.match(JSON.stringify(unnamed.body), /log in with the name of yours/);
    assert.equal((await service.login(token, { user: 'ci' })).claims?.sub, 'ci:one');
    assert.equal((await service.login(token, { user: 'other' })).status, 401);
    const ofTwin = await twin.sign({ ...claims, iss: issuer.url });
    assert.equal((await service.login(ofTwin, { user: 'other' })).claims?.sub, 'ci:other');
    assert.equal((await service.login(ofTwin, { user: 'ci' })).status, 401);
    await service.reload(fileOf(issuer));
  });

  test('stops on the next request when its issuer is disabled, and its old tokens stay refused', async () => {
    const { administration } = service.workloads;
    const by = { actor: 'root@example.com', client: null };
    const before = await issuer.sign(claims, { at: seconds() - 5 });
    assert.equal((await service.login(before)).status, 200);
    const tooLong = administration.disable('ci', 'x'.repeat(201), by);
    await assert.rejects(tooLong, { code: 'bad_request', message: /Use at most 200 characters/ });
    await administration.disable('ci', 'keys were stolen', by);
    assert.equal((await service.login(before)).status, 401);
    assert.equal(reasonOf(), 'ci switched-off');
    await administration.enable('ci', by);
    assert.equal((await service.login(before)).status, 401);
    assert.equal(reasonOf(), 'ci issued-before');
    assert.equal((await service.login(await issuer.sign(claims, { at: seconds() + 2 }))).status, 200);
    const events = await service.core.store.audit.list({}, null, 10);
    assert.deepEqual(
      events.filter(({ subject }) => subject === 'ci').map(({ action, actor }) => [action, actor]),
      [
        ['workload.on', 'root@example.com'],
        ['workload.off', 'root@example.com'],
      ],
    );
  });

  test('is in the audit once a run, however often it logs in', async () => {
    for (const jti of ['run-a', 'run-a', 'run-b', 'run-a']) {
      await service.login(await issuer.sign({ ...claims, jti }, { at: seconds() + 2 }));
    }
    await service.workloads.uses.flush();
    await service.core.audit.flush();
    const events = (await service.core.store.audit.list({}, null, 50)).filter(
      ({ action }) => action === 'workload.login',
    );
    const runs = events.map(({ subject, detail_json: detail }) => `${subject} ${JSON.parse(detail).run}`);
    assert.deepEqual(runs.filter((run) => run.includes(' run-')).sort(), [
      'ci:ci:acme/web run-a',
      'ci:ci:acme/web run-b',
    ]);
  });
});

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** jose doesn't sign a header with an extension that it doesn't know. */
function criticalIn(token: string): string {
  const [, payload, signature] = token.split('.');
  return [encode({ alg: 'RS256', kid: 'x', crit: ['exp'] }), payload, signature].join('.');
}

function tampered(token: string): string {
  const [header, , signature] = token.split('.');
  return [header, encode({ ...decodeJwt(token), repository: 'evil/web' }), signature].join('.');
}
