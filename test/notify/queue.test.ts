/** The queue: each message is one process's at a time, a claim that dies is taken up, and what can't be delivered is given up and can be tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel, Outcome } from '../../src/notify/channel.ts';
import { createDeliveries } from '../../src/notify/deliveries.ts';
import { claimLength, deliverNext } from '../../src/notify/queue.ts';
import { UnsendableAddress } from '../../src/notify/smtp.ts';
import type { MessageRow } from '../../src/store/notification-messages.ts';
import { day, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';
import { createPostOffice, mailOnly, rejection } from '../support/post-office.ts';
import { newPassword } from '../support/rows.ts';

const ended = (state: 'sent' | 'dropped' | 'failed' | 'postponed'): Outcome =>
  ({ state, problem: 'because' }) as Outcome;

describeEngines('the queue', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action, [], mailOnly);
  const queue = ({ store, clock }: Scene, id: string) =>
    store.notifications.plan(
      '',
      [],
      [{ id, channel: 'mail', class: 'event', accountId: null, topic: '', bodyJson: null, at: clock.at }],
    );
  const channelOf = (deliver: (message: MessageRow) => Promise<Outcome>, pause = 0): Channel => ({
    ...{ name: 'mail', pause, deliver },
    test: async () => ended('sent'),
  });

  test(
    'gives each message to one process, however many ask',
    scene(async (one) => {
      const office = createPostOffice(one);
      for (let number = 0; number < 10; number++) await queue(one, `m${number}`);
      const sent: string[] = [];
      const channel = channelOf(async ({ id }) => {
        sent.push(id);
        return ended('sent');
      });
      const processes = Array.from({ length: 8 }, (_, number) => office.queueOf(`process ${number}`));
      while (await one.store.notificationMessages.isDue('mail', one.clock.at)) {
        await Promise.all(processes.map((parts) => deliverNext(parts, channel)));
      }
      assert.deepEqual(
        sent.toSorted(),
        Array.from({ length: 10 }, (_, number) => `m${number}`),
      );
    }),
  );

  test(
    'takes a claim up again whose process died, and what that process records later counts no more',
    scene(async (one) => {
      const office = createPostOffice(one);
      await queue(one, 'm');
      const seen: [string, number][] = [];
      const later = Promise.withResolvers<Outcome>();
      const slow = deliverNext(
        office.queueOf('slow'),
        channelOf((message) => {
          seen.push(['slow', message.claims]);
          return later.promise;
        }),
      );
      while (seen.length === 0) await new Promise(setImmediate);
      const quick = channelOf(async (message) => {
        seen.push([message.id, message.claims]);
        return ended('sent');
      });
      await deliverNext(office.queueOf('quick'), quick);
      assert.equal(seen.length, 1, 'not while the claim holds');
      one.clock.at += claimLength;
      await deliverNext(office.queueOf('quick'), quick);
      later.resolve(ended('failed'));
      await slow;
      assert.deepEqual(seen, [
        ['slow', 1],
        ['m', 2],
      ]);
      assert.deepEqual(await one.store.notificationMessages.counts(), []);
      assert.ok(!one.events.some(({ action }) => action === 'notification.failed'));
    }),
  );

  test(
    'tries later and later for three days, gives up in the audit, and tries again when an administrator says so',
    scene(async (one) => {
      const { store, clock, audit, events } = one;
      const office = createPostOffice(one);
      const deliveries = createDeliveries({ store, audit, now: () => clock.at });
      await queue(one, 'm');
      const begun = clock.at;
      let attempts = 0;
      const failing = channelOf(async () => {
        attempts += 1;
        return ended('postponed');
      });
      while ((await deliveries.failed()).length === 0) {
        await deliverNext(office.queueOf('p'), failing);
        clock.at += 60_000;
      }
      assert.equal(attempts, 10);
      assert.ok(clock.at - begun > 3 * day && clock.at - begun < 4 * day);
      const [failed] = events.filter(({ action }) => action === 'notification.failed');
      assert.deepEqual([failed?.subject, failed?.detail?.['problem']], ['mail', 'because']);
      await deliveries.retry('m', root);
      await assert.rejects(deliveries.retry('m', root), refusal('conflict', /has not failed/));
      await assert.rejects(deliveries.retry('n', root), refusal('not_found', /message doesn’t exist/));
      await deliverNext(
        office.queueOf('p'),
        channelOf(async () => ended('sent')),
      );
      assert.deepEqual(await deliveries.counts(), []);
      assert.ok(events.some(({ action }) => action === 'notification.retry'));
    }),
  );

  test(
    'keeps the pace over all processes',
    scene(async (one) => {
      const office = createPostOffice(one);
      for (let number = 0; number < 4; number++) await queue(one, `m${number}`);
      let sent = 0;
      const channel = channelOf(async () => {
        sent += 1;
        return ended('sent');
      }, 1_000);
      const round = () => Promise.all(['a', 'b', 'c'].map((name) => deliverNext(office.queueOf(name), channel)));
      for (const expected of [1, 1, 2, 2, 3]) {
        await round();
        assert.equal(sent, expected);
        one.clock.at += 500;
      }
    }),
  );

  test(
    'repeats a mail under the same Message-ID, with what was added since only where the first try is known to have failed',
    scene(async (one) => {
      const { store, clock } = one;
      const office = createPostOffice(one);
      const ana = await one.addPerson('ana');
      const revoke = async (name: string) => {
        clock.at += 1;
        const times = { created_at: clock.at, expires_at: clock.at + 90 * day };
        await store.passwords.insert(newPassword('ana', { id: name, hash: name, name, ...times }), 100, () => null);
        await one.passwords.revoke(name, ana.id, root);
        await office.plan();
      };
      await revoke('first');
      office.fail = rejection('CONN', 421);
      assert.deepEqual(await office.send(), ['postponed']);
      await revoke('second');
      clock.at += 10_000;
      office.fail = null;
      assert.deepEqual(await office.send(), ['sent']);
      const [refused, taken] = office.mails;
      assert.equal(taken?.messageId, refused?.messageId);
      assert.match(taken?.text ?? '', /“first”[\s\S]*“second”/);

      clock.at += day;
      await revoke('third');
      const claim = { holder: 'dead', now: clock.at, until: clock.at + claimLength };
      const claimed = await store.notificationMessages.claim('mail', claim);
      assert.ok(claimed);
      await office.mail.deliver(claimed);
      await revoke('fourth');
      clock.at += claimLength;
      assert.deepEqual(await office.send(), ['sent']);
      const [once, twice] = office.mails.slice(2);
      assert.deepEqual([twice?.messageId, twice?.text], [once?.messageId, once?.text]);
      clock.at += day;
      assert.match((await office.work())[0]?.text ?? '', /“fourth”/);
    }),
  );

  test(
    'makes one digest of what came while the mail server was away, and none after it on that day',
    scene(async (one) => {
      const { store, clock } = one;
      const office = createPostOffice(one);
      await one.addPerson('ana');
      const hold = (name: string, days: number) => {
        const times = { created_at: clock.at - 60 * day, expires_at: clock.at + days * day };
        return store.passwords.insert(newPassword('ana', { id: name, hash: name, name, ...times }), 100, () => null);
      };
      office.fail = rejection('CONN', 421);
      for (const name of ['first', 'second', 'third']) {
        await hold(name, 13);
        await office.work();
        clock.at += day;
      }
      office.fail = null;
      const [mail, ...others] = await office.work();
      assert.deepEqual(others, []);
      assert.equal(mail?.text.match(/expires in/g)?.length, 3);
      await hold('fourth', 13);
      assert.deepEqual(await office.work(), []);
      clock.at += day;
      assert.match((await office.work())[0]?.text ?? '', /“fourth”/);
    }),
  );

  test(
    'gives up a message with which processes die, or that can not be read, and sends the others',
    scene(async (one) => {
      const office = createPostOffice(one);
      await queue(one, 'deadly');
      const claim = () =>
        one.store.notificationMessages.claim('mail', { holder: 'h', now: one.clock.at, until: one.clock.at });
      for (let death = 0; death < 5; death++) await claim();
      await queue(one, 'unreadable');
      await queue(one, 'well');
      const channel = channelOf(async ({ id }) => {
        if (id === 'unreadable') throw new TypeError('stored JSON does not pass');
        return ended('sent');
      });
      for (let message = 0; message < 3; message++) await deliverNext(office.queueOf('p'), channel);
      const failed = await one.store.notificationMessages.failed(10);
      assert.deepEqual(failed.map(({ id }) => id).sort(), ['deadly', 'unreadable']);
    }),
  );

  test(
    'gives up immediately on a mail that the server refuses for good, and on no other',
    scene(async (one) => {
      const office = createPostOffice(one);
      const { store, clock } = one;
      const ana = await one.addPerson('ana');
      const outcomes: [Error, string][] = [
        [rejection('RCPT TO', 550), 'failed'],
        [rejection('DATA', 554), 'failed'],
        [new UnsendableAddress('it does not know such letters'), 'failed'],
        [rejection('RCPT TO', 451), 'postponed'],
        [rejection('AUTH PLAIN', 535), 'postponed'],
        [rejection('MAIL FROM', 550), 'postponed'],
      ];
      for (const [index, [error, expected]] of outcomes.entries()) {
        const name = `p${index}`;
        const times = { created_at: clock.at, expires_at: clock.at + 90 * day };
        await store.passwords.insert(newPassword('ana', { id: name, hash: name, name, ...times }), 100, () => null);
        await one.passwords.revoke(name, ana.id, root);
        office.fail = error;
        await office.plan();
        assert.deepEqual(await office.send(), [expected], error.message);
        office.fail = null;
        clock.at += 3_600_000;
        await office.work();
        clock.at += 3_600_000;
      }
    }),
  );
});
