/** What people choose to be notified of, unsubscribing from a mail, and what administrators do about failed deliveries. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createPreferences } from '../../src/notify/categories.ts';
import type { Account } from '../../src/store/accounts.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

describe('notifications on pages', () => {
  let house: House;
  const people: Record<string, Account> = {};
  before(async () => {
    house = await startHouse();
    for (const name of ['ana', 'root']) {
      const login = `${name}@example.com`;
      people[name] = await house.core.store.accounts.signIn(signedIn({ id: name, subject: name, login, email: login }));
    }
  });
  after(() => house.stop());

  const preferences = () => createPreferences({ ...house.core, now: Date.now });
  const ask = async (path: string, who: string | null, body?: string, headers: Record<string, string> = {}) => {
    const person = people[who ?? ''];
    const cookie = person === undefined ? '' : await house.cookieOf(person, Date.now());
    const response = await fetch(house.url + path, {
      ...(body !== undefined && { method: 'POST', body }),
      redirect: 'manual',
      headers: { cookie, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };
  const optOuts = async (id: string) =>
    (await house.core.store.notificationOptOuts.of(id)).map(({ category }) => category);

  test('a person chooses, and only administrators are offered what is for them', async () => {
    const page = '/settings/notifications';
    assert.doesNotMatch((await ask(page, 'ana')).text, /value="administration"/);
    assert.match((await ask(page, 'root')).text, /value="administration" checked/);
    const saved = await ask(page, 'ana', 'categories=passwords&categories=nonsense');
    assert.deepEqual([saved.status, saved.location], [303, `${page}?saved=yes`]);
    assert.deepEqual(await optOuts('ana'), ['robots'], 'what was not offered stays');
    const { text } = await ask(`${page}?saved=yes`, 'ana');
    assert.match(text, /value="passwords" checked/);
    assert.match(text, /value="robots">/);
    await ask(page, 'root', '');
    assert.deepEqual(await optOuts('root'), ['administration', 'passwords', 'robots']);
    const [event] = await house.core.store.audit.list({}, null, 1);
    assert.deepEqual(
      [event?.action, event?.actor, event?.subject],
      ['notification.preferences', 'root@example.com', 'root@example.com'],
    );
  });

  test('the link of a mail opens a page and changes nothing; the POST of a mail program needs no cookie and no site', async () => {
    await ask('/settings/notifications', 'ana', 'categories=passwords&categories=robots');
    const link = `/unsubscribe?token=${encodeURIComponent(preferences().tokenOf('ana'))}`;
    for (const method of ['GET', 'HEAD']) await fetch(house.url + link, { method });
    const { status, text } = await ask(link, null);
    assert.equal(status, 200);
    assert.match(text, /Unsubscribe\?/);
    assert.doesNotMatch(text, /ana@example\.com/);
    assert.deepEqual(await optOuts('ana'), []);
    const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://mail.example' };
    const done = await ask(link, null, 'List-Unsubscribe=One-Click', elsewhere);
    assert.equal(done.status, 200);
    assert.deepEqual(await optOuts('ana'), ['administration', 'passwords', 'robots']);
    const [event] = await house.core.store.audit.list({}, null, 1);
    assert.deepEqual([event?.actor, event?.subject], ['unsubscribe link', 'ana@example.com']);
    await ask(link, null, 'List-Unsubscribe=One-Click', elsewhere);
    const [latest] = await house.core.store.audit.list({}, null, 1);
    assert.equal(latest?.id, event?.id, 'the audit has no event of what changed nothing');
    for (const token of ['', 'ana', 'ana.', `root.${preferences().tokenOf('ana').split('.')[1]}`]) {
      assert.equal((await ask(`/unsubscribe?token=${token}`, null, '')).status, 400);
      assert.equal((await ask(`/unsubscribe?token=${token}`, 'ana')).status, 400);
    }
  });

  test('an administrator sees what failed and why, and tries it again', async () => {
    const { notifications, notificationMessages } = house.core.store;
    const message = { id: 'm1', channel: 'webhook:chat', class: 'event' as const, accountId: null, bodyJson: null };
    await notifications.plan('', [], [{ ...message, topic: 'robot.create', at: Date.now() }]);
    await notificationMessages.claim('webhook:chat', { holder: 'h', now: Date.now(), until: Date.now() });
    const failed = { state: 'failed', at: Date.now(), problem: 'HTTP 500 <img>' } as const;
    await notificationMessages.end('m1', 'h', failed, () => null);
    assert.match((await ask('/admin/deliveries', 'root')).text, /Robot created[\s\S]*HTTP 500 &lt;img&gt;/);
    const { status, location } = await ask('/admin/deliveries/m1/retry', 'root', '');
    assert.deepEqual([status, location], [303, '/admin/deliveries?done=retry']);
    assert.equal((await notificationMessages.byId('m1'))?.state, 'waiting');
    assert.equal((await ask('/admin/deliveries/m1/retry', 'root', '')).status, 409);
    assert.equal((await ask('/admin/deliveries/m1/retry', 'ana', '')).status, 403);
  });
});
