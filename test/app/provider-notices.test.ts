/** What administrators read about their providers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providerNotices } from '../../src/app/provider-notices.ts';
import type { Config } from '../../src/config/config.ts';
import { openStore } from '../../src/store/open.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const hour = 3_600_000;
const issuer = 'https://sso.example.com';

describeEngines('the notices about providers', (databases) => {
  const open = async (changes: Partial<Config['oidc'][number]> = {}) => {
    const store = await openStore(await databases.create(), () => {});
    const clock = { now: 40 * 24 * hour };
    // Of a provider's settings, these are what the notices look at.
    const settings = { name: 'sso', groupsSeparator: null, groupsFormat: 'list', ...changes } as Config['oidc'][number];
    const parts = { store, connectors: [{ name: 'sso', label: 'Company SSO' }], oidc: [settings] };
    const notices = () => providerNotices({ ...parts, unchecked: 30 * 24 * hour, now: () => clock.now });
    const note = (what: string) => store.providerSent.note({ provider: 'sso', issuer, what, at: clock.now });
    return { store, clock, notices, note };
  };

  test('say that a provider proves no fresh sign-in, from the first sign-in on and until it does', async (t) => {
    const { store, notices, note } = await open();
    t.after(() => store.close());
    assert.deepEqual(await notices(), []);
    await note('sign-in');
    assert.match((await notices()).join(), /^Company SSO has never reported when it authenticated someone/);
    await note('auth_time');
    assert.deepEqual(await notices(), []);
  });

  test('name the provider whose groups have commas, until its separator is set', async (t) => {
    const { store, notices, note } = await open();
    const configured = await open({ groupsSeparator: ';' });
    t.after(() => Promise.all([store.close(), configured.store.close()]));
    await note('groups with commas');
    assert.match((await notices()).join(), /one text with commas.*OIDC_SSO_GROUPS_SEPARATOR=,/);
    await configured.note('groups with commas');
    assert.deepEqual(await configured.notices(), []);
  });

  test('say for a day that groups disappeared', async (t) => {
    const { store, clock, notices, note } = await open();
    t.after(() => store.close());
    await note('no more groups');
    assert.match((await notices()).join(), /stopped sending the groups claim for many people/);
    clock.now += 24 * hour;
    assert.deepEqual(await notices(), []);
  });

  test('count the people whose provider cannot be asked', async (t) => {
    const { store, clock, notices } = await open();
    t.after(() => store.close());
    await store.accounts.signIn(signedIn({ id: 'a', provider: 'sso', issuer }));
    assert.deepEqual(await notices(), [], 'who holds nothing is no risk');
    await store.passwords.insert(newPassword('a', { expires_at: clock.now + hour }), 5, unaudited);
    assert.match(
      (await notices()).join(),
      /can’t be asked about 1 person .* passwords and API tokens stop 30 days after the last sign-in \(UNCHECKED_DAYS\); robots’ passwords/,
    );
    await store.accounts.confirm('a', { at: clock.now, groups: null }, unaudited);
    assert.deepEqual(await notices(), []);
  });
});
