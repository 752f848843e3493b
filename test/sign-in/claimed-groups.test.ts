/** What leaving the groups claim out means, by the kind of answer that leaves it out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimedGroups } from '../../src/sign-in/claimed-groups.ts';
import type { GroupsClaim } from '../../src/sign-in/group-claim.ts';
import { createSentBefore, type Sent } from '../../src/sign-in/sent-before.ts';
import { openStore } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';
import { createSent, groupsClaim } from '../support/sent.ts';

const by = { provider: 'kc', issuer: 'https://sso.example.com' };
type Claims = Readonly<Record<string, unknown>>;

const client = { clientId: 'dockpass', scopes: ['openid', 'groups'] };

/** A provider whose answers follow each other. */
function createAnswers(sent = createSent(), changes: Partial<GroupsClaim> = {}, asking: Partial<typeof client> = {}) {
  const claim = groupsClaim('groups', 'kc', changes);
  const parts = { claim, label: 'Company SSO', by, sent, client: { ...client, ...asking } };
  return {
    sent,
    /** @param userinfo `null`: there is no such endpoint */
    signIn: (idToken: Claims, userinfo: Claims | null = null) =>
      claimedGroups(parts, { what: 'groups in the ID token', idToken, userinfo: async () => userinfo }),
    refresh: (idToken: Claims | null, userinfo: Claims | null = null) =>
      claimedGroups(parts, { what: 'groups in a refresh answer', idToken, userinfo: async () => userinfo }),
  };
}

const none = { groups: [], groupsProblem: null, groupsLeftOut: true };
const unknown = (groupsProblem: string) => ({ groups: null, groupsProblem, groupsLeftOut: false });

test('until a provider has sent the claim, leaving it out says nothing; from then on it means none', async () => {
  const { signIn } = createAnswers();
  assert.deepEqual(await signIn({}), unknown('Company SSO sent no groups claim'));
  assert.deepEqual((await signIn({ groups: ['devs'] })).groups, ['kc:devs']);
  assert.deepEqual(await signIn({}), none);
  assert.deepEqual(await signIn({ groups: null }), none);
});

test('each kind of answer is judged by itself', async () => {
  const { signIn, refresh } = createAnswers();
  await signIn({ groups: ['devs'] });
  assert.equal((await refresh({})).groups, null, 'a refresh has never brought the claim');
  await refresh({ groups: ['devs'] });
  assert.deepEqual(await refresh({}), none);
  assert.deepEqual(await refresh(null), unknown('Company SSO sent nothing that could have the groups claim'));
});

test('a provider that sends the claim in userinfo is judged by userinfo', async () => {
  const { signIn, refresh } = createAnswers();
  assert.deepEqual((await signIn({}, { groups: ['devs'] })).groups, ['kc:devs']);
  assert.equal((await signIn({})).groups, null, 'userinfo was not asked');
  assert.deepEqual(await signIn({}, {}), none);
  assert.deepEqual(await refresh(null, {}), none);
});

test('overage and what cannot be read stay unknown, and say why', async () => {
  const { signIn } = createAnswers();
  await signIn({ groups: ['devs'] });
  assert.deepEqual(
    await signIn({ hasgroups: true }, {}),
    unknown('Company SSO sent more groups than fit into the answer (overage)'),
  );
  assert.deepEqual(await signIn({ groups: { devs: 1 } }), unknown('Company SSO sent an object'));
  assert.deepEqual((await signIn({ groups: { devs: 1 } }, { groups: ['devs'] })).groups, ['kc:devs']);
});

test('userinfo that cannot be had leaves the groups unknown', async () => {
  const sent = createSent();
  await createAnswers(sent).signIn({}, { groups: ['devs'] });
  const parts = { claim: groupsClaim('groups', 'kc'), label: 'Company SSO', by, sent, client };
  const userinfo = () => Promise.reject(new Error('403'));
  assert.deepEqual(
    await claimedGroups(parts, { what: 'groups in the ID token', idToken: {}, userinfo }),
    unknown('Company SSO sent no userinfo that can be read (403)'),
  );
});

test('a claim with another name, another client and other scopes have to bring the groups themselves first', async () => {
  const sent = createSent();
  await createAnswers(sent).signIn({ groups: ['devs'] });
  const others = [
    createAnswers(sent, { path: 'roles' }),
    createAnswers(sent, {}, { clientId: 'dockpass-2' }),
    createAnswers(sent, {}, { scopes: ['openid'] }),
  ];
  for (const { signIn } of others) assert.equal((await signIn({ other: ['devs'] })).groups, null);
  const [renamed = assert.fail()] = others;
  await renamed.signIn({ roles: ['devs'] });
  assert.deepEqual(await renamed.signIn({ groups: ['devs'] }), none);
  assert.deepEqual(await createAnswers(sent).signIn({}), none, 'and the first one is still known');
});

test('a setting decides before the provider has shown anything', async () => {
  assert.deepEqual(await createAnswers(createSent(), { missing: 'none' }).signIn({}), none);
  const never = createAnswers(createSent(), { missing: 'unknown' });
  await never.signIn({ groups: ['devs'] });
  assert.equal((await never.signIn({})).groups, null);
});

describeEngines('what a provider has sent', (databases) => {
  test('is the same for every replica, and after a restart', async (t) => {
    const url = await databases.create();
    const [one, other] = await Promise.all([openStore(url, () => {}), openStore(url, () => {})]);
    t.after(() => Promise.all([one.close(), other.close()]));
    const clock = { now: 1_000 };
    const [first, second] = [one, other].map(({ providerSent }) => createSentBefore(providerSent, () => clock.now));
    assert.ok(first && second);
    const what: Sent = 'groups in the ID token';
    assert.equal(await second.has(by, what), false);
    await first.note({ ...by, asked: ['dockpass', 'roles'] }, what);
    assert.equal(await second.has(by, what), false);
    assert.equal(await second.has({ ...by, asked: ['dockpass', 'roles'] }, what), true);
    await first.note(by, what);
    await second.note(by, what);
    assert.equal(await second.has(by, what), true);
    assert.equal(await createSentBefore(other.providerSent, Date.now).has(by, what), true);
    assert.equal(await second.has({ ...by, issuer: 'https://other.example.com' }, what), false);
    assert.equal(await second.has(by, 'auth_time'), false);
    clock.now += 3_600_000;
    await first.note({ ...by, provider: 'renamed' }, what);
    const rows = await other.providerSent.all();
    assert.deepEqual(rows.at(-1), { ...by, provider: 'renamed', what, at: clock.now });
    assert.equal(rows.length, 2);
  });
});
