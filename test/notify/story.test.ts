/** Who hears what and when: once a day besides security, never a storm, nothing that no longer holds, and only at an address that counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RobotManager } from '../../src/accounts/robot-facts.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { client, day, hour, input, root, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';
import { createPostOffice, everything, mailOnly, type PostOffice } from '../support/post-office.ts';
import { newPassword } from '../support/rows.ts';

const minute = 60_000;
const administrator: RobotManager = { administrator: true, accountId: null };
const google = 'https://accounts.google.com';

describeEngines('notifications', (databases) => {
  const story =
    (
      action: (scene: Scene, office: PostOffice) => Promise<void>,
      sources = [{ name: 'google', domains: ['example.com'] }],
    ) =>
    () =>
      withScene(databases, (scene) => action(scene, createPostOffice(scene)), sources, mailOnly);
  const hold = ({ store, clock }: Scene, owner: string, name: string, days: number, age = 100) =>
    store.passwords.insert(
      newPassword(owner, {
        ...{ id: `${owner}-${name}`, hash: `${owner}-${name}`, name },
        ...{ created_at: clock.at - age * day, expires_at: clock.at + days * day },
      }),
      1_000,
      () => null,
    );
  const use = async (scene: Scene, id: string, address: string, account = 'ana@example.com') => {
    const identity = { account, credential: { id } } as Identity;
    scene.uses.record(identity, { ...client, address }, []);
    await scene.settle();
    scene.clock.at += minute;
  };

  test(
    'turning mail on is one mail for everything that is due, and a day has one digest',
    story(async (scene, office) => {
      await scene.addPerson('ana');
      for (let number = 0; number < 30; number++) await hold(scene, 'ana', `old ${number}`, 1 + (number % 14));
      const [mail, ...others] = await office.work();
      assert.ok(mail);
      assert.deepEqual(others, []);
      assert.equal(mail.to, 'ana@example.com');
      assert.equal(mail.text.match(/^- “old/gm)?.length, 30);
      await hold(scene, 'ana', 'later', 2);
      assert.deepEqual(await office.work(), [], 'the same day has no second one');
      scene.clock.at += day;
      const [next, ...rest] = await office.work();
      assert.deepEqual(rest, []);
      assert.match(next?.text ?? '', /“later” expires tomorrow/);
      assert.notEqual(next?.messageId, mail.messageId);
    }),
  );

  test(
    'after a downtime only the nearest reminder is sent, and none twice',
    story(async (scene, office) => {
      await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 15);
      assert.deepEqual(await office.work(), []);
      scene.clock.at += 13 * day;
      const [mail] = await office.work();
      assert.match(mail?.subject ?? '', /“laptop” expires in 2 days/);
      assert.deepEqual(await office.work(), []);
      scene.clock.at += day;
      assert.match((await office.work())[0]?.subject ?? '', /expires tomorrow/);
      scene.clock.at += day;
      assert.deepEqual(await office.work(), []);
    }),
  );

  test(
    'what was queued and no longer holds is not sent: revoked, rotated, expired, suspended',
    story(async (scene, office) => {
      const ana = await scene.addPerson('ana');
      const bo = await scene.addPerson('bo');
      await hold(scene, 'ana', 'revoked', 3);
      await hold(scene, 'ana', 'rotated', 3);
      await hold(scene, 'bo', 'of someone suspended', 3);
      await office.plan();
      await scene.passwords.revoke('ana-revoked', ana.id, { actor: ana.login, client: null });
      const more = { ...input, name: 'rotated', days: 90 };
      await scene.passwords.rotate(
        'ana-rotated',
        ana.id,
        { ...more, overlapHours: 1 },
        {
          actor: ana.login,
          client: null,
        },
      );
      await scene.people.disable(bo.id, '', root);
      assert.deepEqual(await office.send(), ['dropped', 'dropped']);
      assert.deepEqual(office.mails, []);
    }),
  );

  test(
    'a bulk revocation is one mail a person, with what an undo left',
    story(async (scene, office) => {
      for (const name of ['ana', 'bo', 'root']) {
        await scene.addPerson(name);
        for (let number = 0; number < 12; number++) await hold(scene, name, `p${number}`, 90);
      }
      const revoke = (accountId: string) =>
        scene.revocations.revoke({ accountId }, null, 'The laptop was <b>stolen</b>', root);
      await revoke('ana');
      await revoke('root');
      const mails = await office.work();
      assert.deepEqual(
        mails.map(({ to }) => to),
        ['ana@example.com'],
        'not to the administrator who did it',
      );
      const [mail] = mails;
      assert.match(
        mail?.text ?? '',
        /“p0”, “p1”.* and 2 more: revoked by root@example.com .*Reason: The laptop was <b>stolen<\/b>/,
      );
      assert.match(mail?.html ?? '', /&lt;b&gt;stolen/);
      assert.equal(mail?.headers['List-Unsubscribe'], undefined, 'security can not be unsubscribed from');
      const { id } = await revoke('bo');
      await office.plan();
      await scene.revocations.undo(id, root);
      assert.deepEqual(await office.send(), ['dropped']);
    }),
  );

  test(
    'the owner who revokes is not told, and someone whose password an administrator revokes is',
    story(async (scene, office) => {
      const ana = await scene.addPerson('ana');
      await hold(scene, 'ana', 'own', 90);
      await hold(scene, 'ana', 'other', 90);
      await scene.passwords.revoke('ana-own', ana.id, { actor: ana.login, client: null });
      await scene.passwords.revoke('ana-other', ana.id, root);
      const [mail, ...others] = await office.work();
      assert.deepEqual(others, []);
      assert.match(mail?.text ?? '', /“other”: revoked by root@example.com/);
      assert.doesNotMatch(mail?.text ?? '', /“own”/);
    }),
  );

  test(
    'the owner of a terminal that two used is told, soon',
    story(async (scene, office) => {
      await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 90);
      const detail = { id: 'ana-laptop', name: 'laptop', reason: 'an old secret of it was used' };
      await scene.audit.write({ action: 'terminal.copied', actor: '', client, subject: 'ana@example.com', detail });
      const [mail, ...others] = await office.work();
      assert.deepEqual(others, []);
      assert.match(mail?.messageId ?? '', /^<security-/);
      assert.match(mail?.text ?? '', /“laptop” was signed out on .*: an old secret of it was used\./);
    }),
  );

  test(
    'of what happened to an account, whoever got its address since hears nothing',
    story(async (scene, office) => {
      const ana = await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 90);
      await scene.passwords.revoke('ana-laptop', ana.id, root);
      const { secret } = await scene.passwords.issue(ana, input, { actor: ana.login, client: null });
      assert.equal(await scene.leaks.report(secret, client), true);
      await scene.addPerson('ana', { login: 'ana.b@example.com', email: 'ana.b@example.com' });
      await scene.addPerson('bo', { login: 'ana@example.com', email: 'ana@example.com' });
      assert.deepEqual(await office.work(), []);
    }),
  );

  test(
    'a new network is news once, other cafés of the day are in the digest, and a known one is none',
    story(async (scene, office) => {
      await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 90);
      await use(scene, 'ana-laptop', '198.51.100.7');
      await use(scene, 'ana-laptop', '198.51.100.8');
      assert.deepEqual(await office.work(), [], 'the first use, and another address of the same network');
      await use(scene, 'ana-laptop', '203.0.113.9');
      const [mail] = await office.work();
      assert.match(mail?.subject ?? '', /“laptop” was used from a new network/);
      assert.match(mail?.text ?? '', /203\.0\.113\.9 with docker\/28/);
      for (let cafe = 0; cafe < 20; cafe++) await use(scene, 'ana-laptop', `192.0.${cafe}.1`);
      const [digest, ...others] = await office.work();
      assert.deepEqual(others, []);
      assert.equal(digest?.text.match(/was used from/g)?.length, 20);
      assert.match(digest?.messageId ?? '', /^<digest-/);
    }),
  );

  test(
    'a robot’s mails go to the members of its owner group, as long as they are in it',
    story(async (scene, office) => {
      await scene.addPerson('ana');
      await scene.addPerson('cleo', { groups: ['google:leads@example.com'] });
      await scene.addPerson('bo');
      const robot = await scene.robots.create(
        { name: 'ci', description: '', ownerGroup: 'platform', groups: [], labels: {} },
        administrator,
        root,
      );
      const toldOf = (mails: readonly { to: string }[]) => mails.map(({ to }) => to).sort();
      const created = await office.work();
      assert.deepEqual(toldOf(created), ['ana@example.com', 'cleo@example.com']);
      assert.match(created[0]?.text ?? '', /robot-ci was created by root@example.com for the group platform/);
      await hold(scene, robot.id, 'runner', 3);
      for (const address of ['198.51.100.7', '203.0.113.9'])
        await use(scene, `${robot.id}-runner`, address, robot.login);
      await office.plan();
      await scene.store.accounts.signIn({
        ...{ id: 'cleo', provider: 'google', issuer: google, subject: 'cleo', login: 'cleo@example.com' },
        ...{ email: 'cleo@example.com', displayName: null, domain: 'example.com', groups: [], at: scene.clock.at },
      });
      await office.send();
      const sent = office.mails.slice(created.length);
      assert.deepEqual(toldOf(sent), ['ana@example.com']);
      assert.match(sent[0]?.text ?? '', /robot-ci: “runner” expires in 3 days/);
      assert.match(sent[0]?.text ?? '', /robot-ci: “runner” was used from 203\.0\.113\.9/);
    }),
  );

  test(
    'no mail to an address that no authoritative provider vouches for, nor to who has not signed in',
    story(
      async (scene, office) => {
        await scene.addPerson('eve', { provider: 'other', issuer: 'https://other.example', domain: 'example.com' });
        await scene.store.accounts.import({
          ...{ id: 'imported', provider: 'google', login: 'imported@example.com', email: 'imported@example.com' },
          ...{ labels: null, at: 1 },
        });
        await scene.addPerson('odd', { email: 'odd@example.com>\r\nBcc: x@example.com' });
        for (const id of ['eve', 'imported', 'odd']) await hold(scene, id, 'laptop', 3);
        assert.deepEqual(await office.work(), []);
      },
      [
        { name: 'google', domains: ['example.com'] },
        { name: 'other', domains: ['other.example'] },
      ],
    ),
  );

  test(
    'unsubscribing ends reminders, also those that wait, and not security; the link needs no session and does nothing else',
    story(async (scene, office) => {
      const ana = await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 3);
      const [mail] = await office.work();
      const link = new URL(/<(.*)>/.exec(mail?.headers['List-Unsubscribe'] ?? '')?.[1] ?? '');
      assert.equal(mail?.headers['List-Unsubscribe-Post'], 'List-Unsubscribe=One-Click');
      assert.equal(link.pathname, '/unsubscribe');
      const token = link.searchParams.get('token') ?? '';
      assert.equal(token, office.preferences.tokenOf('ana'));
      scene.clock.at += 2 * day;
      await office.plan();
      assert.equal(await office.preferences.unsubscribe(`bo${token.slice(3)}`, client), false);
      assert.equal(await office.preferences.unsubscribe(`${token}x`, client), false);
      assert.equal(await office.preferences.unsubscribe(token, client), true);
      assert.deepEqual(await office.send(), ['dropped']);
      assert.deepEqual(await office.preferences.of(ana.id), []);
      await scene.passwords.revoke('ana-laptop', ana.id, root);
      assert.equal((await office.work()).length, 1);
      await scene.people.disable(ana.id, '', root);
      await scene.people.remove(ana.id, root);
      assert.equal(await office.preferences.unsubscribe(token, client), true, 'a deleted account is no one’s to know');
    }),
  );

  test(
    'a mail about a sweep that held a team back does not say that no one was off-boarded',
    story(async (scene, office) => {
      await scene.addPerson('root');
      const detail = { reason: '3 of 10 people of google at a.example would have lost their passwords within a day' };
      await scene.audit.write({ action: 'sweep.stop', actor: 'sweep', client: null, subject: '', detail });
      const [mail] = await office.work();
      assert.match(mail?.text ?? '', /The sweep of .* UTC stopped or held someone back: 3 of 10 people/);
    }),
  );

  test(
    'administrators hear of a provider that fails, once a day, and of a key that is due, in their digest',
    story(async (scene, office) => {
      await scene.addPerson('root');
      await scene.addPerson('cleo', { groups: ['google:leads@example.com'] });
      await scene.addPerson('ana');
      office.failing.push({ provider: 'google', problem: 'it does not answer', since: scene.clock.at });
      office.keyWarnings.push('The certificate authority expires on 2027-01-01.');
      const told = (await office.work()).map(({ to, subject }) => `${to} ${subject}`).sort();
      assert.deepEqual(told, [
        'cleo@example.com Dockpass: a signing key needs attention',
        'root@example.com Dockpass: a signing key needs attention',
      ]);
      scene.clock.at += 6 * minute;
      assert.deepEqual(
        (await office.work()).map(({ subject }) => subject),
        ['Dockpass: sign-in with google fails', 'Dockpass: sign-in with google fails'],
      );
      scene.clock.at += 3 * hour;
      assert.deepEqual(await office.work(), []);
      scene.clock.at += day;
      assert.equal((await office.work()).length, 2);
      assert.equal(scene.events.filter(({ action }) => action === 'provider.failing').length, 2);
    }),
  );

  test('while mail is off nothing is queued', () =>
    withScene(databases, async (scene) => {
      const ana = await scene.addPerson('ana');
      await hold(scene, 'ana', 'laptop', 90);
      await scene.passwords.revoke('ana-laptop', ana.id, root);
      assert.deepEqual(await scene.store.notifications.events(1), []);
    }));

  test('a webhook gets every event, and one for all passwords that expire; a mail that failed is none', () =>
    withScene(
      databases,
      async (scene) => {
        const office = createPostOffice(scene, { withWebhook: true });
        await scene.addPerson('ana');
        for (let number = 0; number < 30; number++) await hold(scene, 'ana', `p${number}`, 3);
        await scene.audit.write({ action: 'policy.reload', actor: '', subject: 'policy.yml', client: null });
        await scene.audit.write({ action: 'notification.failed', actor: '', subject: 'mail', client: null });
        await office.work();
        const events = office.posted.map(({ body }) => JSON.parse(body));
        assert.deepEqual(events.map(({ type }) => type).sort(), ['password.expiring', 'policy.reload']);
        assert.equal(events.find(({ type }) => type === 'password.expiring').data.detail.passwords, 30);
      },
      [],
      everything,
    ));
});
