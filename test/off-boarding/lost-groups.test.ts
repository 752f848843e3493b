/** A provider that stops sending groups: for one person that means none, for many it's the provider's fault. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeEngines } from '../support/engines.ts';
import { hour, openRegistry } from '../support/off-boarding.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const leftOut = { kind: 'there', groups: [], groupsLeftOut: true } as const;

describeEngines('groups that a provider leaves out', (databases) => {
  const open = async (people: readonly string[]) => {
    const registry = await openRegistry(await databases.create());
    for (const name of people) await registry.addPerson(name, { groups: ['google:devs'] });
    registry.clock.at += hour;
    const groupsOf = async (name: string) => JSON.parse((await registry.account(name)).groups_json);
    return { ...registry, groupsOf };
  };

  test('end for one person, and the audit says so', async (t) => {
    const { says, sweep, groupsOf, events, account, close } = await open(names);
    t.after(close);
    says.set('a@example.com', leftOut);
    await sweep();
    assert.deepEqual(await groupsOf('a'), []);
    assert.deepEqual(await groupsOf('b'), ['google:devs']);
    assert.equal((await account('a')).groups_problem, null);
    const event = events.find(({ action }) => action === 'person.groups');
    assert.deepEqual(event?.detail, { added: [], removed: ['google:devs'] });
  });

  test('stay once too many people lose theirs within a day, and the person can read why', async (t) => {
    const { says, sweep, groupsOf, account, store, clock, close } = await open(names);
    t.after(close);
    for (const name of names) says.set(`${name}@example.com`, leftOut);
    await sweep();
    const groups = await Promise.all(names.map(groupsOf));
    assert.equal(groups.filter((list) => list.length === 0).length, 2, 'as many as are usual');
    const held = names.filter((_, index) => groups[index]?.length === 1);
    for (const name of held) {
      const { groups_problem: problem, groups_at: at } = await account(name);
      assert.match(problem ?? '', /stopped sending groups for many people/);
      assert.equal(at, clock.at - hour, 'they grow old');
    }
    assert.deepEqual(
      (await store.providerSent.all()).map(({ provider, what }) => [provider, what]),
      [['google', 'no more groups']],
    );
  });

  test('end for everyone in a team too small for such a limit', async (t) => {
    const { says, sweep, groupsOf, close } = await open(names.slice(0, 4));
    t.after(close);
    for (const name of names) says.set(`${name}@example.com`, leftOut);
    await sweep();
    for (const name of names.slice(0, 4)) assert.deepEqual(await groupsOf(name), []);
  });

  test('are judged the same at a sign-in', async (t) => {
    const { offBoarding, account, store, clock, close } = await open(names);
    t.after(close);
    const { issuer, provider } = await account('a');
    const profileOf = (subject: string) => ({
      ...{ provider, issuer, subject, email: null, emailVerified: null, displayName: null, domain: null },
      ...{ groups: [], groupsLeftOut: true, groupsProblem: null },
      ...{ refreshToken: null, authenticatedAt: null, providerSession: null },
    });
    assert.deepEqual((await offBoarding.believe(profileOf('a'))).groups, []);
    assert.deepEqual((await offBoarding.believe(profileOf('nobody'))).groups, []);
    for (const name of ['b', 'c']) await store.lostGroups.noteLeftOut((await account(name)).id, clock.at);
    const { groups, groupsProblem } = await offBoarding.believe(profileOf('d'));
    assert.deepEqual([groups, /stopped sending/.test(groupsProblem ?? '')], [null, true]);
  });
});
