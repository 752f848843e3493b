/** What is kept of jobs, and for how long: denials, last uses, failures, exchanged passwords and job tokens. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { tidy } from '../../src/app/housekeeping.ts';
import { createLeakReports } from '../../src/app-passwords/leaks.ts';
import { day, hour, minute } from '../../src/lib/time.ts';
import { describeEngines } from '../support/engines.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { audience, startWorkloadService, type WorkloadService } from '../support/workload-service.ts';

const client = { address: '127.0.0.1', userAgent: '', requestId: 'r' };
const by = { actor: 'root@example.com', client: null };

/** Holds the next call of a method before it begins. */
function heldOnce<Name extends string>(object: Record<Name, (...given: never[]) => unknown>, name: Name) {
  const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const original = object[name];
  object[name] = async (...given) => {
    object[name] = original;
    begun.resolve();
    await goOn.promise;
    return original(...given);
  };
  return { begun: begun.promise, goOn: goOn.resolve };
}

describeEngines('of a job', (databases) => {
  let issuer: TestIssuer;
  let service: WorkloadService;
  /** Milliseconds by which the service and its issuer are ahead of this test. */
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const sign = (more: object = {}) =>
    issuer.sign({ aud: audience, sub: 'web', ...more }, { at: Math.floor(now() / 1000) });
  const removeOld = () => {
    const { store, log } = service.core;
    return tidy({
      store,
      log,
      auditRetention: 400 * day,
      denialRetention: 400 * day,
      activity: { retention: day },
      now,
    });
  };

  const fileOf = ({ maximumAge = '1h', lifetime = '1h' } = {}) => `
issuers: { ci: { preset: oidc, issuer: "${issuer.url}", max_age: ${maximumAge} } }
rules:
  - { issuer: ci, match: { sub: web }, account: "ci:web", labels: { owner: "\${claims:owner}" }, lifetime: ${lifetime} }`;

  before(async () => {
    issuer = await startIssuer();
    service = await startWorkloadService({
      databaseUrl: await databases.create(),
      now,
      workloadsText: fileOf(),
    });
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  test('the labels that come from claims decide, and what is denied is counted under its account', async () => {
    const { status, granted } = await service.login(await sign({ owner: '98/7' }));
    assert.deepEqual([status, granted], [200, []], '* stays within a segment');
    assert.deepEqual((await service.login(await sign({ owner: '987' }))).granted, ['repository:acme/web:pull']);
    const denials = await service.core.denials.list({ account: 'ci:web' });
    assert.deepEqual(
      new Set(denials.map(({ name, action, by }) => `${name} ${action} ${by}`)),
      new Set(['acme/web pull policy', 'acme/web push policy']),
    );
  });

  test('an identity token works when its ID token has ended, until the lifetime of the rule is over', async () => {
    const token = await sign({ owner: '987' });
    const { body } = await service.login(token, { offline: true });
    const refresh = () => service.post({ grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });
    ahead += 40 * minute;
    assert.equal((await service.login(token)).status, 401);
    const { status, granted } = await refresh();
    assert.deepEqual([status, granted], [200, ['repository:acme/web:pull']]);
    ahead += 21 * minute;
    assert.equal((await refresh()).status, 401);
    assert.equal(service.judged.at(-1), 'ci expired');
  });

  test('a login after the identity token has ended is given none: docker keeps the ID token, which still counts', async () => {
    await service.reload(fileOf({ lifetime: '10m' }));
    const token = await sign({ owner: '987', exp: now() / 1000 + 1800 });
    assert.ok((await service.login(token, { offline: true })).body['refresh_token']);
    ahead += 10 * minute;
    const { status, granted, body } = await service.login(token, { offline: true });
    assert.deepEqual([status, granted], [200, ['repository:acme/web:pull']]);
    assert.equal(body['refresh_token'], undefined);
    await service.reload(fileOf());
  });

  test('many can exchange at the same moment: no number of passwords of a person bounds them', async () => {
    const tokens = await Promise.all(Array.from({ length: 30 }, () => sign({ owner: '987' })));
    const answers = await Promise.all(tokens.map((token) => service.exchange(token)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    const [rule] = (await service.workloads.administration.overview())?.rules ?? [];
    assert.equal(rule?.active, 30);
    assert.ok(rule?.lastUsedAt !== null);
  });

  test('an exchanged token is known as long as it could count, and its password is deleted when it has ended', async () => {
    const token = await sign({ owner: '987' });
    const { body } = await service.exchange(token);
    const hash = service.core.pepper.hash(String(body['access_token']));
    const { seenTokens, workloadCredentials } = service.core.store;
    await seenTokens.removeExpired((decodeJwt(token).exp ?? 0) * 1000 + 29_000);
    await service.exchange(token);
    assert.equal(service.judged.at(-1), 'ci used-before');
    ahead += 59 * minute;
    await removeOld();
    assert.notEqual(await workloadCredentials.byHash(hash), undefined);
    ahead += 2 * minute;
    await removeOld();
    assert.equal(await workloadCredentials.byHash(hash), undefined);
  });

  test('a token is known until its own end: one that counts again after max_age was raised is given nothing again', async () => {
    const at = Math.floor(now() / 1000);
    const token = await issuer.sign({ aud: audience, sub: 'web', owner: '987' }, { at, life: 10 * 3600 });
    assert.equal((await service.exchange(token)).status, 200);
    const { body } = await service.login(token, { offline: true });
    const leaked = String(body['refresh_token']);
    await createLeakReports({ ...service.core, now }).report(leaked, client);
    ahead += 3 * hour;
    await removeOld();
    assert.equal((await service.login(token)).status, 401);
    await service.reload(fileOf({ maximumAge: '24h' }));
    assert.equal((await service.login(token, { offline: true })).status, 200);
    assert.equal((await service.post({ grant_type: 'refresh_token', refresh_token: leaked })).status, 401);
    assert.equal((await service.exchange(token)).status, 400);
    assert.equal(service.judged.at(-1), 'ci used-before');
    await service.reload(fileOf());
  });

  test('a token whose times have fractions is like any other', async () => {
    const at = now() / 1000 - 0.5 + 0.000_001;
    const times = { iat: at, exp: at + 2 * 3600 + 0.123_456 };
    const token = await sign({ owner: '987', ...times });
    assert.equal((await service.exchange(token)).status, 200);
    assert.equal((await service.login(token, { offline: true })).status, 200);
  });

  test('what was being made while its issuer was disabled does not work when it is enabled again', async () => {
    const { administration } = service.workloads;
    const insert = heldOnce(service.core.store.workloadCredentials, 'insert');
    const exchanged = service.exchange(await sign({ owner: '987' }));
    await insert.begun;
    ahead += minute;
    await administration.disable('ci', '', by);
    insert.goOn();
    const { status, body } = await exchanged;
    assert.equal(status, 200);
    await administration.enable('ci', by);
    assert.equal((await service.login(String(body['access_token']))).status, 401);
    assert.equal(service.judged.at(-1), 'ci issued-before');
    ahead += minute;
    assert.equal((await service.exchange(await sign({ owner: '987' }))).status, 200);
  });

  test('uses and failures are kept for thirty days, and a claim of a failure is cut at 200 characters', async () => {
    const failed = await service.login(await sign({ sub: 'other', owner: 'x'.repeat(5_000) }));
    assert.equal(failed.status, 401);
    const { administration } = service.workloads;
    const stranger = async () => (await administration.failures()).find(({ who }) => who === 'sub other');
    const [, owner] = (await stranger())?.claims.find(([name]) => name === 'owner') ?? [];
    assert.equal(owner, `${'x'.repeat(200)}…`);
    ahead += 29 * day;
    await removeOld();
    assert.equal((await stranger())?.count, 1);
    assert.ok((await administration.overview())?.rules[0]?.lastUsedAt);
    ahead += 2 * day;
    await removeOld();
    assert.deepEqual(await administration.failures(), []);
    assert.equal((await administration.overview())?.rules[0]?.lastUsedAt, null);
  });
});
