/** When a sign-in gives back what a provider took: after all else has let its person in, and never what an administrator took. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { type Admitted, createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector, Profile } from '../../src/sign-in/connector.ts';
import { client, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';

describeEngines('the sign-in of someone who has to sign in again', (databases) => {
  const withResting = (action: (scene: Scene & Resting) => Promise<void>) => () =>
    withScene(databases, async (scene) => {
      const { store, passwords, authority, events, clock } = scene;
      const ana = await scene.addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      const change = { reason: 'suspended there', at: clock.at, forSecurity: false };
      await store.people.requireSignIn(ana.id, change, () => null);
      const admission = createAdmission({
        ...{ accounts: store.accounts, moves: store.accountMoves, retiredLogins: store.retiredLogins },
        ...{ authority, isStaticUser: () => false, audit: collectingAudit(events, store.audit), now: () => clock.at },
      });
      const { provider, issuer, subject, email, domain } = ana;
      const profile: Profile = {
        ...{ provider, issuer, subject, email, domain, emailVerified: true, displayName: null, groups: null },
        ...{ refreshToken: null, providerSession: null, groupsProblem: null, groupsLeftOut: false },
        authenticatedAt: null,
      };
      const connector = { name: provider, label: provider, check: () => {} } as unknown as Connector; // all that is read of it
      await action({
        ...scene,
        ana: async () => (await store.accounts.byId(ana.id)) ?? assert.fail(),
        works: async () => typeof (await scene.login(ana.login, secret)) === 'object',
        admit: (check) => admission.admit(connector, profile, { client, answeredAt: clock.at }, check),
      });
    });

  test(
    'passwords work again once the directory has said that the person is there, and not while it is asked',
    withResting(async ({ admit, works, ana, events }) => {
      const left = async () => {
        assert.equal(await works(), false, 'while the directory is asked');
        throw new Refusal('denied', 'The account is suspended in the directory.');
      };
      await assert.rejects(admit(left), refusal('denied', /suspended in the directory/));
      assert.deepEqual([(await ana()).state, await works()], ['reauth_required', false]);
      assert.doesNotMatch(events.map(({ action }) => action).join(), /person\.enable/);
      assert.equal((await admit(async () => {})).account.state, 'active');
      assert.equal(await works(), true);
    }),
  );

  test(
    'two tabs both come in',
    withResting(async ({ admit, works }) => {
      const both = await Promise.all([admit(async () => {}), admit(async () => {})]);
      assert.deepEqual(new Set(both.map(({ account }) => account.state)), new Set(['active']));
      assert.equal(await works(), true);
    }),
  );

  test(
    'an administrator who disables the account during the sign-in is not overruled by it',
    withResting(async ({ admit, works, ana, people }) => {
      const disable = async ({ account }: Admitted) => people.disable(account.id, 'left', root);
      await assert.rejects(admit(disable), refusal('denied', /is disabled here: left/));
      const { state, state_by: by } = await ana();
      assert.deepEqual([state, by, await works()], ['disabled', root.actor, false]);
    }),
  );
});

type Resting = {
  ana(): ReturnType<Scene['addPerson']>;
  /** Whether ana's password does. */
  works(): Promise<boolean>;
  admit(check: (admitted: Admitted) => Promise<void>): Promise<Admitted>;
};
