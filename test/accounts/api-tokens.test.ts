/** What an API token needs to work, and what ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { client, day, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';

const input = { name: 'off-boarding', days: 30, scopes: ['people:write', 'people:read'] };

describeEngines('an API token', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'tells its caller and scopes, and when it was last used',
    scene(async ({ addPerson, apiTokens, clock, events }) => {
      const { id } = await addPerson('root');
      const { secret, token } = await apiTokens.issue(input, id, root);
      assert.match(secret, /^dka_/);
      const caller = await apiTokens.verify(secret, client);
      assert.deepEqual(caller.scopes, ['people:read', 'people:write']);
      assert.deepEqual([caller.actor, caller.apiToken.name], ['root@example.com', 'off-boarding']);
      let [listed] = await apiTokens.list();
      // Nobody waits for it to be written.
      while (listed?.lastUse === null) [listed] = await setImmediate(await apiTokens.list());
      assert.deepEqual([listed?.lastUse, listed?.state], [{ at: clock.at, address: '192.0.2.9' }, 'active']);
      assert.deepEqual(
        events.map(({ action }) => action),
        ['api-token.create'],
      );
      assert.ok(!JSON.stringify([events, listed]).includes(secret.slice(8)));
      assert.equal(token.hint, `dka_…${secret.slice(-4)}`);
    }),
  );

  test(
    'ends when it expires, is revoked, or its maker is no administrator any more',
    scene(async ({ addPerson, apiTokens, clock, people }) => {
      const { id } = await addPerson('root');
      const { secret, token } = await apiTokens.issue(input, id, root);
      const onCommandLine = await apiTokens.issue(input, null, { actor: 'command line', client: null });
      await people.disable(id, '', { actor: 'other', client });
      await assert.rejects(apiTokens.verify(secret, client), refusal('unauthenticated', /an administrator any more/));
      await apiTokens.verify(onCommandLine.secret, client);
      await people.enable(id, { actor: 'other', client });
      await apiTokens.verify(secret, client);
      await apiTokens.revoke(token.id, root);
      await assert.rejects(apiTokens.verify(secret, client), refusal('unauthenticated', /is revoked/));
      clock.at += 30 * day;
      await assert.rejects(apiTokens.verify(onCommandLine.secret, client), refusal('unauthenticated', /is expired/));
      await assert.rejects(apiTokens.revoke('x', root), refusal('not_found', /no API token x/));
    }),
  );

  test(
    'rests while nothing has been heard of its maker for too long, and one of the command line never does',
    scene(async ({ addPerson, apiTokens, clock, gracePeriods, store }) => {
      gracePeriods.unchecked = 20 * day;
      const { id } = await addPerson('root');
      const { secret } = await apiTokens.issue({ ...input, days: 300 }, id, root);
      const onCommandLine = await apiTokens.issue({ ...input, days: 300 }, null, root);
      const rests = (why: RegExp) => assert.rejects(apiTokens.verify(secret, client), refusal('unauthenticated', why));
      clock.at += 20 * day;
      await apiTokens.verify(secret, client);
      clock.at += 1;
      await rests(/last signed in 2026-11-23 09:00 UTC, .* works again once root@example\.com has signed in/);
      await apiTokens.verify(onCommandLine.secret, client);
      await addPerson('root');
      await apiTokens.verify(secret, client);

      await store.accounts.confirm(id, { at: clock.at, groups: null }, () => null);
      clock.at += gracePeriods.pull;
      await apiTokens.verify(secret, client);
      clock.at += 1;
      await rests(/google could not be asked about root@example\.com since/);
      await store.accounts.confirm(id, { at: clock.at, groups: null }, () => null);
      await apiTokens.verify(secret, client);
    }),
  );

  test(
    'is none that was never made, and never a password of somebody',
    scene(async ({ addPerson, apiTokens, passwords, login }) => {
      const ana = await addPerson('ana');
      const password = { name: 'x', days: 1, pullOnly: false, repositories: [] };
      const { secret } = await passwords.issue(ana, password, root);
      await assert.rejects(apiTokens.verify(secret, client), refusal('unauthenticated', /is not known: create one/));
      const token = await apiTokens.issue(input, null, root);
      assert.equal(await login(ana.login, token.secret), null);
    }),
  );

  test(
    'has a name, a lifetime and scopes that exist',
    scene(async ({ apiTokens }) => {
      const refused = (change: Partial<typeof input>, message: RegExp) =>
        assert.rejects(apiTokens.issue({ ...input, ...change }, null, root), refusal('bad_request', message));
      await refused({ name: ' ' }, /Name the token/);
      await refused({ days: 366 }, /between 1 and 365/);
      await refused({ scopes: [] }, /at least one permission/);
      await refused(
        { scopes: ['people:read', 'people:red'] },
        /no permission "people:red"\. Choose from: people:read, /,
      );
    }),
  );
});
