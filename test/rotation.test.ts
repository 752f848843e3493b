/** A new secret for a password while the old one lives on, and what a report of a leak ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, day, hour, input, refusal, root, type Scene, withScene } from './support/administration-scene.ts';
import { describeEngines } from './support/engines.ts';

describeEngines('a new secret', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'keeps name and limits, and the old one until the overlap is over, and not a moment longer',
    scene(async ({ addPerson, passwords, login, clock, events }) => {
      const ana = await addPerson('ana');
      const old = await passwords.issue(ana, { ...input, pullOnly: true, repositories: ['team/**'] }, root);
      const rotated = await passwords.rotate(old.password.id, ana.id, { days: 30, overlapHours: 48 }, root);
      assert.equal(rotated.previous.expiresAt, clock.at + 2 * day);
      assert.equal(rotated.previous.replacedBy, rotated.password.id);
      assert.deepEqual(rotated.password.limits, { actions: ['pull'], repositories: ['team/**'] });
      assert.equal(rotated.password.name, 'laptop');
      clock.at += 2 * day - 1;
      assert.equal(typeof (await login(ana.login, old.secret)), 'object');
      assert.equal(typeof (await login(ana.login, rotated.secret)), 'object');
      clock.at += 1;
      assert.match(String(await login(ana.login, old.secret)), /"laptop" expired/);
      assert.equal(typeof (await login(ana.login, rotated.secret)), 'object');
      assert.deepEqual(events.at(-1)?.detail, {
        id: rotated.password.id,
        name: 'laptop',
        replaces: old.password.id,
        oldExpiresAt: clock.at,
      });
    }),
  );

  test(
    'without an overlap ends the old one at once, and an overlap never lengthens a life',
    scene(async ({ addPerson, passwords, login, clock }) => {
      const ana = await addPerson('ana');
      const first = await passwords.issue(ana, { ...input, days: 1 }, root);
      const second = await passwords.rotate(first.password.id, null, { days: 1, overlapHours: 0 }, root);
      assert.match(String(await login(ana.login, first.secret)), /expired/);
      const third = await passwords.rotate(second.password.id, null, { days: 30, overlapHours: 720 }, root);
      assert.equal(third.previous.expiresAt, clock.at + day);
    }),
  );

  test(
    'there are two active secrets at most, and it takes no place of the limit',
    scene(async ({ addPerson, passwords, clock }) => {
      const ana = await addPerson('ana');
      const first = await passwords.issue(ana, input, root);
      for (const name of ['b', 'c']) await passwords.issue(ana, { ...input, name }, root);
      const rotation = { days: 30, overlapHours: 24 };
      const [a, b] = await Promise.allSettled([
        passwords.rotate(first.password.id, null, rotation, root),
        passwords.rotate(first.password.id, null, rotation, root),
      ]);
      assert.deepEqual([a.status, b.status].sort(), ['fulfilled', 'rejected'], 'of two at once one wins');
      const next = (a.status === 'fulfilled' ? a : b) as PromiseFulfilledResult<typeof first>;
      const again = () => passwords.rotate(next.value.password.id, null, rotation, root);
      await assert.rejects(again(), refusal('conflict', /previous password of “laptop” still works/));
      await assert.rejects(
        passwords.rotate(first.password.id, null, rotation, root),
        refusal('conflict', /has a new secret already/),
      );
      await assert.rejects(
        passwords.issue(ana, { ...input, name: 'd' }, root),
        refusal('conflict', /3 active passwords/),
      );
      clock.at += 24 * hour;
      await again();
    }),
  );

  test(
    'is refused for what is not live, is of somebody else, or asks for the impossible',
    scene(async ({ addPerson, passwords }) => {
      const ana = await addPerson('ana');
      const { password } = await passwords.issue(ana, input, root);
      const rotate = (account: string | null, days: number, overlapHours: number) =>
        passwords.rotate(password.id, account, { days, overlapHours }, root);
      await assert.rejects(rotate('bo', 30, 1), refusal('not_found', /You have no password/));
      await assert.rejects(rotate(null, 366, 1), refusal('bad_request', /between 1 and 365 days/));
      await assert.rejects(rotate(null, 30, 721), refusal('bad_request', /0 to 720 hours/));
      await assert.rejects(rotate(null, 30, 0.5), refusal('bad_request', /0 to 720 hours/));
      await passwords.revoke(password.id, null, root);
      await assert.rejects(rotate(null, 30, 1), refusal('conflict', /"laptop" is revoked/));
    }),
  );

  test(
    'what ends soon is listed, the next first, without what was replaced, revoked or is of somebody disabled',
    scene(async ({ addPerson, passwords, people, store, clock }) => {
      const [ana, bo] = [await addPerson('ana'), await addPerson('bo')];
      const issue = (owner: typeof ana, name: string, days: number) =>
        passwords.issue(owner, { ...input, name, days }, root);
      await issue(ana, 'late', 15);
      await issue(ana, 'second', 14);
      const replaced = await issue(ana, 'first', 3);
      await passwords.rotate(replaced.password.id, null, { days: 5, overlapHours: 1 }, root);
      await passwords.revoke((await issue(bo, 'revoked', 2)).password.id, null, root);
      const names = async () => (await passwords.expiring(14)).map(({ name, login }) => `${name} ${login}`);
      assert.deepEqual(await names(), ['first ana@example.com', 'second ana@example.com']);
      await assert.rejects(passwords.expiring(1e15), { code: 'bad_request', message: /between 0 and 3650 days/ });
      assert.deepEqual(await store.passwords.counts(clock.at), { active: 4, expired: 0, revoked: 1 });
      assert.deepEqual(await store.passwords.counts(clock.at + 7 * day), { active: 2, expired: 2, revoked: 1 });
      const ending = (from: number, until: number) =>
        store.passwords.countExpiring(clock.at + from * day, clock.at + until * day);
      assert.deepEqual([await ending(0, 14), await ending(0, 5), await ending(5, 14)], [2, 1, 1]);
      await people.disable('ana', '', root);
      assert.equal(await ending(0, 14), 0);
      assert.deepEqual(await names(), []);
    }),
  );
});

describeEngines('a leaked secret', (databases) => {
  test('is revoked by whoever holds it; anything else is nobody’s', () =>
    withScene(databases, async ({ addPerson, passwords, leaks, login, events }) => {
      const ana = await addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      assert.equal(await leaks.report(`${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`, client), false);
      assert.equal(await leaks.report('dkp_', client), false);
      assert.equal(await leaks.report(secret, client), true);
      assert.match(String(await login(ana.login, secret)), /revoked/);
      const event = events.at(-1);
      assert.deepEqual([event?.action, event?.subject], ['password.leaked', ana.login]);
      assert.doesNotMatch(JSON.stringify(events), /dkp_[0-9A-Za-z]{30}/);
    }));

  test('is written of once, however often it is reported, and no undo brings it back', () =>
    withScene(databases, async ({ addPerson, passwords, revocations, leaks, login, events }) => {
      const ana = await addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      const { id } = await revocations.revoke({ accountId: ana.id }, null, '', root);
      for (let report = 0; report < 30; report++) assert.equal(await leaks.report(secret, client), true);
      assert.equal(events.filter(({ action }) => action === 'password.leaked').length, 1);
      assert.equal(await revocations.undo(id, root), 0);
      assert.match(String(await login(ana.login, secret)), /revoked/);
    }));

  test('is ended however much else was reported from the same address; what is none is refused after a while', () =>
    withScene(databases, async ({ addPerson, passwords, leaks }) => {
      const ana = await addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      const wrong = (index: number) => leaks.report(`dkp_${String(index).padStart(36, 'x')}`, client);
      for (let index = 0; index < 10; index++) assert.equal(await wrong(index), false);
      await assert.rejects(wrong(10), refusal('too_many_requests', /too many wrong.*10 minutes/));
      assert.equal(await leaks.report(secret, client), true);
    }));

  test('of docker ends the password behind it, of a program the API token', () =>
    withScene(databases, async ({ addPerson, passwords, identityTokens, apiTokens, leaks, login }) => {
      const ana = await addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      const identity = await login(ana.login, secret);
      assert.ok(identity !== null && typeof identity === 'object');
      const credentials = { username: ana.login, password: secret };
      const forDocker = await identityTokens.issue(credentials, identity, 'registry.example.com', client);
      assert.equal(await leaks.report(forDocker ?? '', client), true);
      assert.match(String(await login(ana.login, secret)), /revoked/);
      const token = await apiTokens.issue({ name: 'x', days: 1, scopes: ['audit:read'] }, null, root);
      assert.equal(await leaks.report(token.secret, client), true);
      await assert.rejects(apiTokens.verify(token.secret, client), refusal('unauthenticated', /is revoked/));
    }));
});
