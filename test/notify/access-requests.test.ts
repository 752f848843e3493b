/** That administrators hear of access requests in their digest, as long as these are open, and of none of their own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { day, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';
import { createPostOffice, mailOnly } from '../support/post-office.ts';

const limits = { open: 5, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 };

describeEngines('the digest', (databases) => {
  const request = async ({ store, audit, clock }: Scene, who: string, name: string) => {
    const id = `${who}-${name}`;
    const row = { id, account_id: who, service: 's', name, actions: 'pull push', note: '', address: '' };
    const event = { action: 'request.create', actor: who, client: null, subject: who, detail: { id } } as const;
    await audit.commit(event, (add) => store.accessRequests.add({ ...row, created_at: clock.at }, limits, add));
    return id;
  };

  test('has the open requests of others, once a day', () =>
    withScene(
      databases,
      async (scene) => {
        const office = createPostOffice(scene);
        await scene.addPerson('root');
        await scene.addPerson('ana');
        await request(scene, 'ana', 'team/app');
        await request(scene, 'root', 'team/own');
        const answered = await request(scene, 'ana', 'team/answered');
        const answer = { answer: 'refuse', note: '', by: 'root', byId: null, at: scene.clock.at, seen: null } as const;
        await scene.store.accessRequests.answer(answered, answer, () => null);
        const withdrawn = await request(scene, 'ana', 'team/withdrawn');
        await scene.store.accessRequests.withdraw(withdrawn, { accountId: 'ana', at: scene.clock.at }, () => null);
        const mails = await office.work();
        assert.deepEqual(
          mails.map(({ to }) => to),
          ['root@example.com'],
        );
        const text = mails[0]?.text ?? '';
        assert.match(text, /ana@example\.com asks for pull, push on “team\/app”/);
        assert.doesNotMatch(text, /team\/(own|answered|withdrawn)/);
        scene.clock.at += day;
        assert.deepEqual(await office.work(), []);
      },
      [{ name: 'google', domains: ['example.com'] }],
      mailOnly,
    ));
});
