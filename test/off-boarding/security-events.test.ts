/** What a provider's security event changes for someone whose account stopped before, and that the order makes no difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProviderEvent } from '../../src/sign-in/signed-message.ts';
import { byAuthority } from '../../src/store/accounts.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { minute, openRegistry, type Registry } from '../support/off-boarding.ts';

const issuer = 'https://accounts.google.com';
const ana = 'ana@example.com';
const client = { address: '192.0.2.9', userAgent: 'Google', requestId: 'r1' };
const hijacking = 'Google says account-disabled (hijacking)';
const bulk = 'Google says account-disabled (bulk-account)';

/** Google tells of ana. @param at when it said so */
async function tell({ offBoarding, clock }: Registry, kind: ProviderEvent['kind'], reason: string, at = clock.at) {
  const events = [{ kind, reason, subject: 'ana', providerSession: null }];
  const message = { issuer, id: `${kind} ${clock.at}`, at, expiresAt: clock.at + 60 * minute, events };
  await offBoarding.act('google', message, client);
}

async function stateOf({ account }: Registry) {
  const { state, state_by: by, state_reason: reason, stopped_for_security: flag } = await account('ana');
  return [state, by, reason, flag];
}

async function disableBy(registry: Registry, by: string, reason: string) {
  const { id } = await registry.account('ana');
  const change = { state: 'disabled', reason, by, at: registry.clock.at } as const;
  await registry.store.accounts.setState(id, change, unaudited);
}

const before = {
  'a sweep that found her suspended': (registry: Registry) => {
    registry.says.set(ana, { kind: 'gone', reason: 'suspended there', suspended: true });
    return registry.sweep();
  },
  'a sweep that asks her to sign in': (registry: Registry) => {
    registry.says.set(ana, { kind: 'sign-in', reason: 'invalid_grant' });
    return registry.sweep();
  },
  'an event that asks to look': (registry: Registry) => tell(registry, 'suspend', bulk),
  'an administrator': (registry: Registry) => disableBy(registry, 'root@example.com', 'left'),
  'no provider that vouches': (registry: Registry) => disableBy(registry, byAuthority, 'no one vouches'),
} as const;

describeEngines("a provider's security event", (databases) => {
  const afterwards = async (first: keyof typeof before, action: (registry: Registry) => Promise<void>) => {
    const registry = await openRegistry(await databases.create());
    await registry.addPerson('ana', { issuer });
    registry.clock.at += 15 * minute;
    await before[first](registry);
    registry.clock.at += minute;
    registry.events.length = 0;
    try {
      await action(registry);
    } finally {
      await registry.close();
    }
  };
  /** What the audit has of ana since. */
  const audited = ({ events }: Registry) => events.map(({ action, detail }) => [action, detail?.['reason']]);

  for (const [first, hijacked, suspended] of [
    [
      'a sweep that found her suspended',
      ['disabled', 'provider', hijacking, 1],
      ['disabled', 'provider', 'suspended there', 1],
    ],
    [
      'a sweep that asks her to sign in',
      ['disabled', 'provider', hijacking, 1],
      ['reauth_required', 'provider', bulk, 1],
    ],
    ['an administrator', ['disabled', 'root@example.com', 'left', 1], ['disabled', 'root@example.com', 'left', 1]],
    ['no provider that vouches', ['disabled', 'provider', hijacking, 1], ['reauth_required', 'provider', bulk, 1]],
  ] as const) {
    test(`after ${first}: a hijacked account`, () =>
      afterwards(first, async (registry) => {
        await tell(registry, 'disable', hijacking);
        assert.deepEqual(await stateOf(registry), hijacked);
        assert.deepEqual(audited(registry), [['person.disable', hijacking]]);
        registry.clock.at += minute;
        await tell(registry, 'disable', hijacking);
        await tell(registry, 'suspend', bulk);
        assert.deepEqual(await stateOf(registry), hijacked);
        assert.equal(registry.events.filter(({ action }) => action !== 'person.end-sessions').length, 1, 'said once');
      }));

    test(`after ${first}: an account that the provider disabled`, () =>
      afterwards(first, async (registry) => {
        await tell(registry, 'suspend', bulk);
        assert.deepEqual(await stateOf(registry), suspended);
        assert.deepEqual(audited(registry)[0], ['person.require-sign-in', bulk]);
      }));
  }

  test('a hijacked account is named as one where less was known', () =>
    afterwards('an event that asks to look', async (registry) => {
      registry.says.set(ana, { kind: 'gone', reason: 'suspended there', suspended: true });
      const { account, offBoarding } = registry;
      await offBoarding.refresh(await account('ana'), { actor: 'root@example.com', client: null });
      assert.deepEqual(await stateOf(registry), ['disabled', 'provider', 'suspended there', 1]);
      registry.clock.at += minute;
      await tell(registry, 'disable', hijacking);
      assert.deepEqual(await stateOf(registry), ['disabled', 'provider', hijacking, 1]);
      assert.equal((await account('ana')).suspended_there, null);
      assert.deepEqual(audited(registry).at(-1), ['person.disable', hijacking]);
    }));

  test('what it said before her last sign-in changes nothing', () =>
    afterwards('an administrator', async (registry) => {
      const said = registry.clock.at;
      registry.clock.at += minute;
      await registry.addPerson('ana', { issuer, at: registry.clock.at }).catch(() => {});
      await tell(registry, 'disable', hijacking, said);
      assert.deepEqual(await stateOf(registry), ['disabled', 'root@example.com', 'left', null]);
    }));
});
