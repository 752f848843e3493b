/** Logins and exchanges while an issuer rotates its keys, hangs, lies or is gone: let in, or asked to try again, and never wrongly refused. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { describeEngines } from '../support/engines.ts';
import { type Answer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { audience, startWorkloadService, type WorkloadService } from '../support/workload-service.ts';

const claims = { aud: audience, sub: 'web' };

describeEngines('a job', (databases) => {
  let issuer: TestIssuer;
  let service: WorkloadService;
  /** Milliseconds by which the service and its issuer are ahead of this test. */
  let ahead = 0;
  const sign = () => issuer.sign(claims, { at: Math.floor((Date.now() + ahead) / 1000) });
  const signMany = (count: number) => Promise.all(Array.from({ length: count }, sign));
  const fetches = () => issuer.asked.filter((path) => path === '/keys').length;

  before(async () => {
    issuer = await startIssuer();
    service = await startWorkloadService({
      databaseUrl: await databases.create(),
      now: () => Date.now() + ahead,
      // On a slow machine the keys of an issuer that is well can take longer than usual.
      longestWait: 60_000,
      workloadsText: `
issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }
rules: [{ issuer: ci, match: { sub: web }, account: "ci:web", groups: [deployers] }]`,
    });
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  test('is let in whenever it comes while keys rotate under load, with the key before and with the new one', async () => {
    for (let round = 1; round <= 5; round += 1) {
      const old = await signMany(15);
      ahead += 11_000;
      await issuer.rotate({ keep: true });
      const fresh = await signMany(15);
      const tokens = old.flatMap((token, index) => [token, fresh[index] ?? '']);
      const answers = await Promise.all([
        ...tokens.map((token) => service.login(token)),
        ...fresh.map((token) => service.exchange(token)),
      ]);
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), `round ${round}`);
      assert.ok(fetches() <= round + 1, `${fetches()} fetches in round ${round}`);
    }
  });

  test('with a key that the issuer took back is refused as soon as the new set is known', async () => {
    const stolen = await sign();
    assert.equal((await service.login(stolen)).status, 200);
    ahead += 11_000;
    await issuer.rotate();
    assert.equal((await service.login(await sign())).status, 200);
    assert.equal((await service.login(stolen)).status, 401);
    assert.equal(service.judged.at(-1), 'ci unknown-key');
  });

  for (const how of ['hang', 'error', 'other-issuer', 'plain-keys', 'garbage', 'gone'] satisfies (Answer | 'gone')[]) {
    test(`is let in with a known key and told to try again with a new one, where the issuer answers with ${how}`, async () => {
      const known = await sign();
      assert.equal((await service.login(known)).status, 200);
      ahead += 11_000;
      await issuer.rotate();
      issuer.answer(how === 'gone' ? 'hang-up' : how);
      const unknown = await sign();
      const [login, exchange] = await Promise.all([service.login(unknown), service.exchange(unknown)]);
      assert.equal(login.status, 503);
      assert.ok(login.headers.get('retry-after'));
      assert.deepEqual([exchange.status, exchange.body['error']], [503, 'temporarily_unavailable']);
      assert.equal((await service.login(known)).status, 200);
      issuer.answer(null);
      // A fetch that failed just now is nobody's answer any more once it's noted.
      let again = 503;
      for (let tries = 0; again === 503 && tries < 100; tries += 1) {
        ahead += 11_000;
        again = (await service.login(unknown)).status;
      }
      assert.equal(again, 200);
      assert.equal((await service.exchange(unknown)).status, 200);
    });
  }
});
