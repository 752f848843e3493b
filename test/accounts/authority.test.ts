/** Which provider vouches for which address: at sign-in, at each request, and for accounts that were stored before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMoves } from '../../src/accounts/moves.ts';
import { createRetiredLogins } from '../../src/accounts/retired-logins.ts';
import { suspendUnvouched } from '../../src/accounts/unvouched.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import { createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector, Profile } from '../../src/sign-in/connector.ts';
import { client, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';

const sources = [
  { name: 'google', domains: ['example.com'] },
  { name: 'keycloak', domains: ['other.example', 'Bücher.example.'] },
];
const person = {
  kind: 'person',
  provider: 'google',
  issuer: 'i',
  login: 'ana@example.com',
  email: 'ana@example.com',
} as const;

test('a provider vouches for the domains that it lists, compared as ASCII, never by suffix', () => {
  const { objectionTo } = createAuthority(sources, 'docker_auth');
  const table: readonly [account: Partial<Parameters<typeof objectionTo>[0]>, objection: RegExp | null][] = [
    [{ domain: 'example.com' }, null],
    [{ domain: 'EXAMPLE.com' }, null],
    [{ domain: 'example.com', provider: 'keycloak' }, /google, not keycloak, is the authority .* example\.com/],
    [{ domain: 'sub.example.com', email: 'ana@sub.example.com' }, /no provider .* sub\.example\.com/],
    [{ domain: 'badexample.com', email: 'ana@badexample.com' }, /no provider/],
    [{ domain: 'example.com', email: 'bo@other.example' }, /keycloak, not google/],
    [{ domain: 'example.com', email: 'bo@alias.example' }, null],
    [{ domain: null }, /google doesn't say that the account belongs to a domain/],
    [{ domain: null, issuer: 'docker_auth' }, null],
    [{ domain: null, issuer: 'docker_auth', provider: 'keycloak' }, /google, not keycloak/],
    [{ domain: 'bücher.example', email: 'a@bücher.example', provider: 'keycloak' }, null],
    [{ domain: 'xn--bcher-kva.example', email: 'a@xn--bcher-kva.example', provider: 'keycloak' }, null],
    [{ domain: 'example.com', provider: 'removed' }, /google, not removed/],
    [{ kind: 'robot', provider: 'dockpass', domain: null, email: null }, null],
  ];
  for (const [account, objection] of table) {
    const found = objectionTo({ ...person, domain: 'example.com', ...account });
    if (objection === null) assert.equal(found, null, JSON.stringify(account));
    else assert.match(found ?? 'vouched for', objection, JSON.stringify(account));
  }
});

test('a sole provider without domains vouches for everyone, as before', () => {
  const { objectionTo, isRestricted } = createAuthority([{ name: 'google', domains: [] }]);
  assert.equal(objectionTo({ ...person, domain: null }), null);
  assert.equal(isRestricted, false);
});

describeEngines('an address that its provider is not the authority for', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action, sources);
  const profile: Profile = {
    ...{ provider: 'keycloak', issuer: 'https://kc', subject: 's1', email: 'root@example.com', emailVerified: true },
    ...{ displayName: null, domain: 'example.com', groups: null, refreshToken: null, providerSession: null },
    ...{ groupsProblem: null, groupsLeftOut: false, authenticatedAt: null },
  };
  const admit = ({ store, authority, events, clock }: Scene, changes: Partial<Profile>) => {
    const admission = createAdmission({
      ...{
        accounts: store.accounts,
        moves: store.accountMoves,
        retiredLogins: store.retiredLogins,
        authority,
        isStaticUser: (login) => login === 'bot@example.com',
      },
      audit: collectingAudit(events, store.audit),
      now: () => clock.at,
    });
    const told = { ...profile, ...changes };
    const connector = { name: told.provider, label: told.provider, check: () => {} } as unknown as Connector;
    return admission.admit(connector, told, { client, answeredAt: clock.at });
  };
  const movesOf = ({ store, authority, clock, events }: Scene) =>
    createMoves({
      ...{ moves: store.accountMoves, accounts: store.accounts, authority, now: () => clock.at },
      ways: [
        { name: 'google', issuer: 'https://new' },
        { name: 'keycloak', issuer: 'https://kc' },
      ],
      audit: collectingAudit(events, store.audit),
    });
  const asGoogle = { provider: 'google', issuer: 'https://google', subject: 'g1' };

  test(
    'is refused at sign-in, with the provider that is',
    scene(async (scene) => {
      await assert.rejects(admit(scene, {}), refusal('denied', /google, not keycloak, is the authority/));
      await admit(scene, asGoogle);
      assert.equal((await scene.store.accounts.byLogin('root@example.com'))?.provider, 'google');
    }),
  );

  test(
    'that was stored before makes no administrator, opens no password, and is suspended and listed',
    scene(async (scene) => {
      const { store, people, passwords, administrators, authority, clock } = scene;
      const squatter = await scene.addPerson('root', { provider: 'keycloak' });
      const { secret } = await passwords.issue(squatter, input, root);
      assert.equal(administrators.includes(squatter), false);
      assert.match(String(await scene.login('root@example.com', secret)), /google, not keycloak, is the authority/);
      const suspend = (given = authority) =>
        suspendUnvouched({
          ...{ accounts: store.accounts, authority: given, now: () => clock.at },
          audit: collectingAudit(scene.events, store.audit),
        });
      assert.equal(await suspend(), 1);
      assert.equal(await suspend(), 1, 'and again');
      const filter = { search: '', state: null, provider: null, domain: null, group: null } as const;
      const listed = await people.list({ ...filter, unvouched: true, sort: 'login', descending: false, page: 1 });
      assert.deepEqual(
        listed.people.map(({ login, state, stateBy }) => [login, state, stateBy]),
        [['root@example.com', 'disabled', 'authority']],
      );
      const before = scene.events.length;
      await assert.rejects(
        people.enable(squatter.id, root),
        refusal('conflict', /would change nothing.*Add the domain/),
      );
      assert.deepEqual([scene.events.length, (await store.accounts.byId(squatter.id))?.state], [before, 'disabled']);
      assert.equal(await suspend(createAuthority([{ name: 'keycloak', domains: ['example.com'] }])), 0);
      assert.equal((await store.accounts.byId(squatter.id))?.state, 'active', 'other settings vouch for it');
    }),
  );

  const suspendIn = ({ store, clock, events }: Scene, given: ReturnType<typeof createAuthority>) =>
    suspendUnvouched({
      ...{ accounts: store.accounts, authority: given, now: () => clock.at },
      audit: collectingAudit(events, store.audit),
    });
  const keycloakOwns = createAuthority([{ name: 'keycloak', domains: ['example.com'] }]);

  test(
    'whatever was taken stays taken when other settings vouch for it',
    scene(async (scene) => {
      const { store, people, authority, clock } = scene;
      const state = async ({ id }: { id: string }) => {
        const account = await store.accounts.byId(id);
        return [account?.state, account?.state_by, account?.state_reason];
      };
      const add = (name: string) => scene.addPerson(name, { provider: 'keycloak' });
      const [bo, cy, di] = [await add('bo'), await add('cy'), await add('di')];
      const change = { reason: 'suspended there', at: clock.at + 1, forSecurity: false };
      await store.people.requireSignIn(cy.id, change, () => null);
      assert.equal(await suspendIn(scene, authority), 2);
      await people.disable(bo.id, 'left', root);
      await store.people.shutOut(di.id, { ...change, reason: 'hijacked' }, () => null);
      assert.equal(await suspendIn(scene, keycloakOwns), 0);
      assert.deepEqual(await state(bo), ['disabled', root.actor, 'left'], 'an administrator disabled it meanwhile');
      assert.deepEqual(
        await state(cy),
        ['reauth_required', 'provider', 'suspended there'],
        'the provider wants a sign-in',
      );
      assert.deepEqual(await state(di), ['disabled', 'provider', 'hijacked']);
    }),
  );

  test(
    'follows its person to the provider that is, and works again',
    scene(async (scene) => {
      const old = await scene.addPerson('ana', { provider: 'keycloak', issuer: 'https://kc', subject: 'k1' });
      const { secret } = await scene.passwords.issue(old, input, root);
      await suspendIn(scene, scene.authority);
      await movesOf(scene).relink(old.id, 'google', root);
      const { account } = await admit(scene, { ...asGoogle, email: 'ana@example.com' });
      assert.deepEqual([account.id, account.state], [old.id, 'active']);
      assert.equal(typeof (await scene.login('ana@example.com', secret)), 'object', 'no password is lost');
    }),
  );

  test(
    'gives its login to whoever signs in with the authority, and keeps nothing of it',
    scene(async (scene) => {
      const squatter = await scene.addPerson('root', { provider: 'keycloak' });
      const { secret } = await scene.passwords.issue(squatter, input, root);
      const { account } = await admit(scene, asGoogle);
      assert.equal(account.login, 'root@example.com');
      assert.notEqual(account.id, squatter.id);
      assert.equal(scene.administrators.includes(account), true);
      assert.equal(await scene.login('root@example.com', secret), null);
      assert.equal((await scene.store.accounts.byId(squatter.id))?.login, `unvouched:${squatter.id}:root@example.com`);
      assert.ok(scene.events.some(({ action }) => action === 'person.free-login'));
      const other = await scene.addPerson('bo');
      await assert.rejects(
        admit(scene, { ...asGoogle, subject: 'g2', email: 'bo@example.com' }),
        refusal('conflict', /never merged/),
        'an account that is vouched for keeps its login',
      );
      assert.equal((await scene.store.accounts.byId(other.id))?.login, 'bo@example.com');
    }),
  );

  test(
    'an address that passes for another, or is called like a user of the policy, is refused to new people only',
    scene(async (scene) => {
      const confusable = { ...asGoogle, email: '\u0430na@example.com' };
      await assert.rejects(admit(scene, confusable), refusal('denied', /mixes letters of different scripts/));
      await assert.rejects(
        admit(scene, { ...asGoogle, email: 'bot@example.com' }),
        refusal('conflict', /has a user called bot@example\.com/),
      );
      await scene.addPerson('\u0430na', { issuer: asGoogle.issuer, subject: asGoogle.subject });
      assert.equal((await admit(scene, confusable)).account.login, '\u0430na@example.com');
    }),
  );

  test(
    'an account follows its person to another issuer with the same subject and address, and only where that was allowed',
    scene(async (scene) => {
      const { events } = scene;
      const moves = movesOf(scene);
      const old = await scene.addPerson('ana', { issuer: 'https://old', subject: 's1' });
      const { secret } = await scene.passwords.issue(old, input, root);
      const anas = { provider: 'google', issuer: 'https://new', subject: 's1', email: 'ana@example.com' };
      await assert.rejects(
        admit(scene, anas),
        refusal('conflict', /issuer of your provider changed from https:\/\/old/),
      );
      assert.equal(await moves.move('https://old', 'https://new', root), 1);
      const stranger = { ...anas, subject: 's2' };
      await assert.rejects(admit(scene, stranger), refusal('conflict', /might have belonged to someone else/));
      await assert.rejects(admit(scene, { ...anas, emailVerified: false }), refusal('conflict', /issuer of your/));
      const { account } = await admit(scene, anas);
      assert.deepEqual([account.id, account.issuer], [old.id, 'https://new']);
      assert.equal(typeof (await scene.login('ana@example.com', secret)), 'object', 'no password is lost');
      assert.ok(events.some(({ action }) => action === 'person.follow'));
      await assert.rejects(moves.move('https://nobody', 'https://new', root), refusal('not_found', /No one has/));
    }),
  );

  test(
    'a relink works once, within a day, by a provider that vouches for the address, and enables nobody',
    scene(async (scene) => {
      const { clock, people } = scene;
      const moves = movesOf(scene);
      const old = await scene.addPerson('ana', { issuer: 'https://old', subject: 's1' });
      const anas = { provider: 'google', issuer: 'https://new', subject: 'other', email: 'ana@example.com' };
      await assert.rejects(moves.relink(old.id, 'keycloak', root), refusal('bad_request', /google, not keycloak/));
      await moves.relink(old.id, 'google', root);
      clock.at += 25 * 60 * 60 * 1000;
      await assert.rejects(admit(scene, anas), refusal('conflict', /relink it/));
      await moves.relink(old.id, 'google', root);
      await people.disable(old.id, 'left', root);
      await assert.rejects(admit(scene, anas), refusal('denied', /is disabled here/));
      await people.enable(old.id, root);
      assert.equal((await admit(scene, anas)).account.id, old.id);
      await assert.rejects(admit(scene, { ...anas, subject: 'third' }), refusal('conflict', /relink it/), 'once');
    }),
  );

  test(
    'brings nothing along of what the old provider said, and what it disabled stays so',
    scene(async (scene) => {
      const { store, clock } = scene;
      const moves = movesOf(scene);
      const old = await scene.addPerson('ana', { issuer: 'https://old', subject: 's1', groups: ['google:leads'] });
      await store.accounts.confirm(old.id, { at: clock.at, groups: ['google:leads'] }, () => null);
      await scene.passwords.issue(old, input, root);
      const left = { reason: 'gone there', at: clock.at + 1, forSecurity: false };
      await store.people.shutOut(old.id, left, () => null);
      await moves.relink(old.id, 'google', root);
      const anas = { provider: 'google', issuer: 'https://new', subject: 'other', email: 'ana@example.com' };
      for (const _twice of [1, 2])
        await assert.rejects(admit(scene, anas), refusal('denied', /disabled here: gone there/));
      const { issuer, groups_json, groups_at, confirmed_at, state, state_by } =
        (await store.accounts.byId(old.id)) ?? old;
      assert.deepEqual(
        { issuer, groups_json, groups_at, confirmed_at, state, state_by },
        {
          ...{ issuer: 'https://new', groups_json: '[]', groups_at: null, confirmed_at: null },
          ...{ state: 'disabled', state_by: root.actor },
        },
      );
      await scene.people.enable(old.id, root);
      assert.equal((await admit(scene, anas)).account.state, 'active');
      const [password] = await scene.passwords.ofAccount(old);
      assert.equal(typeof password?.revokedAt, 'number', 'what was revoked stays revoked');
    }),
  );

  test(
    'can be shown and ended before anyone has followed; an issuer or provider that is not there is refused',
    scene(async (scene) => {
      const moves = movesOf(scene);
      const old = await scene.addPerson('ana', { issuer: 'https://old', subject: 's1' });
      const robot = await scene.robots.create(
        { name: 'ci', ownerGroup: 'leads', groups: [], labels: {}, description: '' },
        { administrator: true, accountId: old.id },
        root,
      );
      await assert.rejects(moves.relink(robot.id, 'google', root), refusal('not_found', /no person/));
      await assert.rejects(moves.relink(old.id, 'entra', root), refusal('bad_request', /There are: google, keycloak/));
      await assert.rejects(
        moves.move('https://old', 'https://typo', root),
        refusal('bad_request', /There are: https:/),
      );
      await moves.relink(old.id, 'google', root);
      await moves.move('https://old', 'https://new', root);
      const { allowed, providers, issuers, accountsOfIssuer } = await moves.preview(old.id);
      assert.deepEqual(
        [allowed.map(({ kind }) => kind).sort(), providers, issuers, accountsOfIssuer],
        [['move', 'relink'], ['google'], ['https://new', 'https://kc'], 1],
      );
      for (const { id } of allowed) await moves.end(id, root);
      assert.deepEqual(await moves.list(), []);
      const anas = { provider: 'google', issuer: 'https://new', subject: 's1', email: 'ana@example.com' };
      await assert.rejects(admit(scene, anas), refusal('conflict', /issuer of your provider changed/));
      assert.deepEqual(
        scene.events.flatMap(({ action }) => (action.startsWith('person.') ? [action] : [])),
        ['person.relink', 'person.move', 'person.end-move', 'person.end-move'],
      );
      await assert.rejects(moves.end(allowed[0]?.id ?? '', root), refusal('not_found', /ended already/));
      await moves.move('https://old', 'https://new', root);
      assert.equal(
        (await admit(scene, { ...anas, issuer: 'https://new/' })).account.id,
        old.id,
        'as metadata writes it',
      );
    }),
  );

  test(
    'of someone who was removed or renamed is given to no one else before an administrator releases it',
    scene(async (scene) => {
      const { store, people, events } = scene;
      const names = createRetiredLogins({
        retiredLogins: store.retiredLogins,
        audit: collectingAudit(events, store.audit),
      });
      const mine = (subject: string, name = 'ana') => ({ ...asGoogle, subject, email: `${name}@example.com` });
      const { account: first } = await admit(scene, mine('s1'));
      await people.remove(first.id, root);
      const kept = refusal('conflict', /belonged to an account that isn't here any more.* release it for you/);
      await assert.rejects(admit(scene, mine('s2')), kept);
      await assert.rejects(
        admit(scene, { ...mine('s1'), issuer: 'https://other' }),
        kept,
        'the same subject elsewhere',
      );
      const { account: bo } = await admit(scene, mine('bo', 'bo'));
      await assert.rejects(admit(scene, mine('bo', 'ana')), kept, 'someone whose address changes to it');
      const { account: again } = await admit(scene, mine('s1'));
      assert.equal(again.login, 'ana@example.com', 'the same person has it again');
      assert.deepEqual(await names.list(''), [], 'and it is kept no longer');
      assert.equal(await names.count(''), 0);

      const { account: renamed } = await admit(scene, mine('bo', 'bob'));
      assert.deepEqual([renamed.id, renamed.login], [bo.id, 'bob@example.com']);
      await assert.rejects(admit(scene, mine('s3', 'bo')), kept, 'the address from before a change');
      assert.equal((await admit(scene, mine('bo', 'bo'))).account.id, bo.id);

      await people.remove(again.id, root, { releasesLogin: true });
      const { account: other } = await admit(scene, mine('s4'));
      assert.notEqual(other.id, again.id, 'released when it was removed');
      await people.remove(other.id, root);
      const [listed] = await names.list('ANA@');
      assert.deepEqual([listed?.login, listed?.by], ['ana@example.com', root.actor]);
      await names.release('Ana@Example.com', root);
      assert.equal((await admit(scene, mine('s5'))).account.login, 'ana@example.com');
      assert.ok(events.some(({ action, subject }) => action === 'login.release' && subject === 'ana@example.com'));
      await assert.rejects(names.release('ana@example.com', root), refusal('not_found', /isn't kept/));
    }),
  );

  test(
    'and a deleted robot’s name is only for the group that owned it, until it is released',
    scene(async (scene) => {
      const { store, robots, events } = scene;
      const manager = { administrator: true, accountId: null } as const;
      const robot = { name: 'ci', ownerGroup: 'leads', groups: [], labels: {}, description: '' };
      const { id } = await robots.create(robot, manager, root);
      await robots.remove(id, manager, root);
      const inLabs = { ...robot, ownerGroup: 'labs' };
      await assert.rejects(
        robots.create(inLabs, manager, root),
        refusal('conflict', /deleted robot of leads was called/),
      );
      const again = await robots.create(robot, manager, root);
      await robots.remove(again.id, manager, root);
      const names = { retiredLogins: store.retiredLogins, audit: collectingAudit(events, store.audit) };
      await createRetiredLogins(names).release('robot-ci', root);
      assert.equal((await robots.create(inLabs, manager, root)).ownerGroup, 'labs');
    }),
  );
});
