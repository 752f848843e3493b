/** One sweep: whom it asks, what each answer does, and when it believes none of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createLog } from '../../src/lib/log.ts';
import type { ProviderStatus } from '../../src/sign-in/provider-status.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { hour, minute, openRegistry, type Registry } from '../support/off-boarding.ts';

const gone: ProviderStatus = { kind: 'gone', reason: 'suspended in the Google directory' };
const names = (count: number) => Array.from({ length: count }, (_, index) => `p${String(index).padStart(2, '0')}`);
const outcomes = (report: Awaited<ReturnType<Registry['sweep']>>) =>
  Object.fromEntries(report.people.map(({ login, outcome }) => [login.split('@')[0], outcome]));

describeEngines('a sweep', (databases) => {
  const withPeople = async (count: number, action: (registry: Registry) => Promise<void>): Promise<void> => {
    const registry = await openRegistry(await databases.create());
    for (const name of names(count)) await registry.addPerson(name);
    registry.clock.at += 15 * minute;
    try {
      await action(registry);
    } finally {
      await registry.close();
    }
  };

  test('each answer has its own consequence', () =>
    withPeople(12, async ({ sweep, says, account, passwords, store, events, clock }) => {
      await store.sessions.write('s', { accountId: 'account-p00', data: '{}', expiresAt: clock.at + hour });
      says.set('p00@example.com', gone);
      says.set('p01@example.com', { kind: 'sign-in', reason: 'google answered invalid_grant' });
      says.set('p02@example.com', { kind: 'silent', reason: 'did not answer' });
      says.set('p03@example.com', { kind: 'there', groups: ['google:dev'] });
      const before = clock.at;
      const report = await sweep();
      const { p00, p01, p02, p03, p04 } = outcomes(report);
      assert.deepEqual([p00, p01, p02, p03, p04], ['disabled', 'sign-in', 'silent', 'confirmed', 'confirmed']);

      const leaver = await account('p00');
      assert.deepEqual([leaver.state, leaver.state_reason, leaver.state_by], ['disabled', gone.reason, 'provider']);
      const [revoked] = await passwords.ofAccount(leaver);
      assert.deepEqual([revoked?.state, revoked?.revokedBy], ['revoked', 'google']);
      assert.equal(await store.sessions.read('s', clock.at), undefined);

      const asked = await account('p01');
      assert.equal(asked.state, 'reauth_required');
      assert.equal((await passwords.ofAccount(asked))[0]?.state, 'active', 'kept for after the sign-in');

      const silent = await account('p02');
      assert.deepEqual(
        [silent.state, silent.checked_at, silent.confirmed_at],
        ['active', before, before - 15 * minute],
      );
      const known = await account('p03');
      assert.deepEqual([known.groups_json, known.groups_at], ['["google:dev"]', before]);
      assert.deepEqual(
        events
          .filter(({ action }) => action.startsWith('person.'))
          .map(({ action, subject }) => [action, subject])
          .sort(),
        [
          ['person.disable', 'p00@example.com'],
          ['person.groups', 'p03@example.com'],
          ['person.require-sign-in', 'p01@example.com'],
        ],
      );
      const groups = events.find(({ action }) => action === 'person.groups');
      assert.deepEqual(groups?.detail, { added: ['google:dev'], removed: [] });
    }));

  test('only those who were not asked about recently', () =>
    withPeople(3, async ({ sweep, asked, clock, store }) => {
      await store.accounts.noteCheck('account-p00', clock.at - 7 * minute);
      await store.accounts.noteCheck('account-p01', clock.at - 6 * minute);
      await sweep();
      assert.deepEqual(asked.sort(), ['p00@example.com', 'p02@example.com']);
    }));

  test('a dry run says what it would do, and does not', () =>
    withPeople(3, async ({ sweep, says, account, events }) => {
      says.set('p00@example.com', gone);
      const before = await account('p00');
      events.length = 0;
      assert.equal(outcomes(await sweep({ dryRun: true }))['p00'], 'disabled');
      assert.deepEqual(await account('p00'), before);
      assert.deepEqual(events, []);
    }));

  test('more than a fifth of the people together is an alarm and no off-boarding, until someone confirms it', () =>
    withPeople(12, async ({ sweep, says, account, events, clock }) => {
      for (const name of ['p00', 'p01', 'p02']) says.set(`${name}@example.com`, gone);
      const report = await sweep();
      assert.match(report.stopped ?? '', /^3 of 12 people of google at example.com would have lost .* more than 20%/);
      assert.deepEqual([outcomes(report)['p00'], outcomes(report)['p11']], ['held', 'confirmed']);
      assert.equal((await account('p00')).state, 'active');
      assert.equal((await account('p11')).confirmed_at, clock.at, 'those who are there are confirmed all the same');
      for (let count = 0; count < 6; count++) {
        clock.at += 5 * minute; // shorter than the age at which somebody is due again
        assert.notEqual((await sweep()).stopped, null, 'the alarm stays');
      }
      const alarms = events.filter(({ action }) => action === 'sweep.stop');
      assert.equal(alarms.length, 1, 'said once');
      clock.at += 5 * minute;
      assert.equal((await sweep({ beyondLimit: true })).stopped, null);
      assert.equal((await account('p00')).state, 'disabled');
    }));

  test('leavers of one day add up, whatever the size of a sweep', () =>
    withPeople(10, async ({ sweep, says, account, clock }) => {
      for (const name of ['p00', 'p01']) {
        says.set(`${name}@example.com`, gone);
        assert.equal((await sweep()).stopped, null);
        clock.at += 15 * minute;
      }
      says.set('p02@example.com', gone);
      assert.match((await sweep()).stopped ?? '', /^3 of 10/);
      clock.at += 24 * hour;
      assert.equal((await sweep()).stopped, null);
      assert.equal((await account('p02')).state, 'disabled');
    }));

  test('in a team of three, two can leave on one day', () =>
    withPeople(3, async ({ sweep, says, account }) => {
      for (const name of ['p00', 'p01']) says.set(`${name}@example.com`, gone);
      assert.equal((await sweep()).stopped, null);
      assert.deepEqual([(await account('p00')).state, (await account('p02')).state], ['disabled', 'active']);
    }));

  test("one provider's or domain's leavers do not hold back those of another", () =>
    withPeople(12, async ({ sweep, says, addPerson, account, clock }) => {
      const elsewhere = { provider: 'robust', issuer: 'https://robust.example', at: clock.at - 15 * minute };
      for (const name of names(6)) await addPerson(`r-${name}`, elsewhere);
      for (const name of names(5)) await addPerson(`o-${name}`, { domain: 'example.org', at: clock.at - 15 * minute });
      clock.at += 15 * minute;
      says.set('p00@example.com', gone);
      for (const name of names(6)) says.set(`r-${name}@example.com`, gone);
      for (const name of names(5)) says.set(`o-${name}@example.com`, gone);
      const { stopped } = await sweep();
      assert.match(stopped ?? '', /6 of 6 people of robust at example\.com/);
      assert.match(stopped ?? '', /5 of 5 people of google at example\.org/);
      assert.equal((await account('p00')).state, 'disabled');
      assert.equal((await account('r-p00')).state, 'active');
      assert.equal((await account('o-p00')).state, 'active');
    }));

  test('who is suspended, or has to sign in again, weighs a third of who was deleted', () =>
    withPeople(12, async ({ sweep, says, account, clock }) => {
      const suspended = { ...gone, suspended: true } as const;
      for (const name of names(4)) says.set(`${name}@example.com`, suspended);
      for (const name of names(7).slice(4))
        says.set(`${name}@example.com`, { kind: 'sign-in', reason: 'invalid_grant' });
      assert.equal((await sweep()).stopped, null, 'seven thirds are less than a fifth of twelve');
      assert.deepEqual([(await account('p00')).state, (await account('p06')).state], ['disabled', 'reauth_required']);
      clock.at += 15 * minute;
      says.set('p07@example.com', gone);
      assert.match((await sweep()).stopped ?? '', /^8 of 12/, 'those of the same day count on');
      assert.equal((await account('p07')).state, 'active');
    }));

  test('fewer than five people are never held back', () =>
    withPeople(4, async ({ sweep, says, account }) => {
      for (const name of names(4)) says.set(`${name}@example.com`, gone);
      assert.equal((await sweep()).stopped, null);
      for (const name of names(4)) assert.equal((await account(name)).state, 'disabled');
    }));

  test('who has to sign in again has no session left to make a password in', () =>
    withPeople(1, async ({ sweep, says, store, clock, events }) => {
      await store.sessions.write('s', { accountId: 'account-p00', data: '{}', expiresAt: clock.at + hour });
      says.set('p00@example.com', { kind: 'sign-in', reason: 'google answered invalid_grant' });
      await sweep();
      assert.equal(await store.sessions.read('s', clock.at), undefined);
      const event = events.find(({ action }) => action === 'person.require-sign-in');
      assert.deepEqual(event?.detail, { reason: 'google answered invalid_grant', sessions: 1 });
    }));

  test('a provider that refuses Dockpass itself is not asked about everyone, and believed about no one', () =>
    withPeople(12, async ({ sweep, says, asked, account }) => {
      for (const name of names(12)) says.set(`${name}@example.com`, { kind: 'fault', reason: 'invalid_client' });
      says.set('p00@example.com', gone);
      const report = await sweep();
      assert.match(report.stopped ?? '', /google refuses Dockpass itself: invalid_client/);
      assert.ok(asked.length <= 8, `asked about ${asked.length}`);
      assert.equal((await account('p00')).state, 'active');
    }));

  test('a refusal of Dockpass by a provider is reported until it answers about someone, in a small team too', () =>
    withPeople(2, async ({ sweep, says, clock, events }) => {
      for (const name of names(2)) says.set(`${name}@example.com`, { kind: 'fault', reason: 'forbidden' });
      for (let count = 0; count < 4; count++) {
        assert.match((await sweep()).stopped ?? '', /google refuses Dockpass itself: forbidden/);
        clock.at += 5 * minute; // not everybody is due each time
      }
      says.clear();
      clock.at += 5 * minute;
      assert.equal((await sweep()).stopped, null);
      assert.equal(events.filter(({ action }) => action === 'sweep.stop').length, 1);
    }));

  test('one provider that refuses Dockpass delays no one of another', () =>
    withPeople(12, async ({ addPerson, sweep, says, account, clock }) => {
      await addPerson('mx', { provider: 'robust', issuer: 'https://robust.example', at: clock.at - 15 * minute });
      await addPerson('my', { provider: 'robust', issuer: 'https://robust.example', at: clock.at - 15 * minute });
      clock.at += 15 * minute;
      for (const name of names(12)) says.set(`${name}@example.com`, { kind: 'fault', reason: 'forbidden' });
      says.set('p03@example.com', gone);
      says.set('my@example.com', gone);
      const report = await sweep();
      assert.equal(report.stopped, 'google refuses Dockpass itself: forbidden');
      assert.deepEqual([outcomes(report)['mx'], outcomes(report)['my']], ['confirmed', 'disabled']);
      assert.deepEqual([(await account('p03')).state, (await account('my')).state], ['active', 'disabled']);
    }));

  test('of a provider that does not answer a few are asked about, and others are not kept waiting', () =>
    withPeople(40, async ({ addPerson, sweep, says, asked, clock, account }) => {
      await addPerson('mx', { provider: 'robust', issuer: 'https://robust.example' });
      clock.at += 15 * minute;
      for (const name of names(40)) says.set(`${name}@example.com`, { kind: 'silent', reason: 'hangs' });
      const report = await sweep();
      assert.ok(asked.length < 15, `asked about ${asked.length}`);
      assert.deepEqual([report.due, report.stopped], [41, null]);
      assert.equal((await account('mx')).confirmed_at, clock.at);
      const first = new Set(asked.splice(0));
      await sweep();
      assert.ok(asked.length > 0 && asked.every((login) => !first.has(login)), 'the others come next');
    }));

  test('each answer is stored as it comes, and a fault of the store ends the whole sweep', () =>
    withPeople(12, async ({ sweep, asked, store, clock }) => {
      const { confirm } = store.accounts;
      const stored: string[] = [];
      Object.assign(store.accounts, {
        async confirm(...[id, ...rest]: Parameters<typeof confirm>) {
          if (stored.length === 2) throw new Error('the disk is full');
          stored.push(id);
          await confirm(id, ...rest);
        },
      });
      await assert.rejects(sweep(), /the disk is full/);
      assert.ok(asked.length < 12, `asked about ${asked.length}`);
      for (const id of stored) assert.equal((await store.accounts.byId(id))?.confirmed_at, clock.at);
      const before = asked.length;
      await new Promise(setImmediate);
      assert.equal(asked.length, before, 'nothing continues in the background');
    }));

  test('a few people about whom the provider does not answer delay no one else for long', () =>
    withPeople(12, async ({ sweep, says, account, clock }) => {
      for (const name of names(4)) says.set(`${name}@example.com`, { kind: 'fault', reason: 'forbidden' });
      await sweep();
      assert.equal((await sweep()).stopped, null);
      for (const name of names(12).slice(4)) assert.equal((await account(name)).confirmed_at, clock.at, name);
    }));

  test('someone who signed in while the provider was asked is left alone', () =>
    withPeople(2, async ({ offBoarding, account, addPerson, clock }) => {
      const before = await account('p00');
      const asked = clock.at;
      clock.at += 10;
      await addPerson('p00').catch(() => {}); // signs in again; the password's name is taken
      const actor = { actor: 'sweep', client: null };
      assert.equal(await offBoarding.leavers.shutOut(before, 'deleted', asked, actor), false);
      assert.equal((await account('p00')).state, 'active');
    }));

  test('people who were disabled since the sweep began are not asked about', () =>
    withPeople(2, async ({ sweep, asked, store, clock, account }) => {
      const { due, setState } = store.accounts;
      const { id } = await account('p00');
      Object.assign(store.accounts, {
        async due(...told: Parameters<typeof due>) {
          const found = await due(...told);
          await setState(id, { state: 'disabled', reason: 'left', by: 'root@example.com', at: clock.at }, unaudited);
          return found;
        },
      });
      assert.equal((await sweep()).due, 2);
      assert.deepEqual(asked, ['p01@example.com']);
    }));

  test('one at a time, over all replicas; the lease of one that died runs out', () =>
    withPeople(2, async ({ sweep, asked, store, clock }) => {
      assert.equal(await store.leases.take('sweep', 'another replica', clock.at, clock.at + 5 * minute), true);
      await assert.rejects(sweep(), { code: 'conflict' });
      assert.deepEqual(asked, []);
      clock.at += 5 * minute;
      await sweep();
      assert.equal(asked.length, 2);
      assert.equal(await store.leases.take('sweep', 'another replica', clock.at, clock.at + 1), true, 'given back');
    }));
});

test('a failure to ask about one person is logged, and keeps no one else from being asked about', async () => {
  const logged: unknown[] = [];
  const registry = await openRegistry('sqlite::memory:', () => ({
    directories: new Map([
      [
        'google',
        {
          async ask({ login }) {
            if (login === 'p03@example.com') throw new TypeError('no such thing');
            return { kind: 'there', groups: null } as const;
          },
        },
      ],
    ]),
    log: { ...createLog('silent'), error: (line: object) => void logged.push(line) },
  }));
  for (const name of names(12)) await registry.addPerson(name);
  const before = registry.clock.at;
  registry.clock.at += 15 * minute;
  const found = outcomes(await registry.sweep());
  assert.deepEqual([found['p03'], found['p11'], Object.keys(found).length], ['silent', 'confirmed', 12]);
  assert.equal((await registry.account('p03')).confirmed_at, before, 'not renewed');
  assert.match(inspect(logged), /TypeError: no such thing[\s\S]*p03@example\.com/);
  await registry.close();
});

test('no more than four are asked about at the same time', async () => {
  let atOnce = 0;
  let most = 0;
  const registry = await openRegistry('sqlite::memory:', () => ({
    directories: new Map([
      [
        'google',
        {
          async ask() {
            most = Math.max(most, ++atOnce);
            await new Promise(setImmediate);
            atOnce--;
            return { kind: 'there', groups: null } as const;
          },
        },
      ],
    ]),
  }));
  for (const name of names(20)) await registry.addPerson(name);
  registry.clock.at += 15 * minute;
  await registry.sweep();
  assert.equal(most, 4);
  await registry.close();
});
