/** What a provider's silence and an account's state mean, at the edges of each limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountStatusOf, knownGroups } from '../../src/identity/account-status.ts';
import type { Account } from '../../src/store/accounts.ts';

const hour = 3_600_000;
const at = Date.UTC(2026, 10, 23, 9, 5);
const gracePeriods = { groups: 24 * hour, full: 24 * hour, pull: 72 * hour, unchecked: null };
const active = {
  kind: 'person',
  login: 'ana@example.com',
  provider: 'google',
  state: 'active',
  state_reason: null,
  state_at: null,
  confirmed_at: at,
  signed_in_at: at,
  groups_json: '["google:dev@example.com"]',
  groups_at: at,
  undecided_groups_json: null,
} as const;
const status = (account: Partial<Account>, after: number) =>
  accountStatusOf({ ...active, ...account }, gracePeriods, at + after);

test('silence ends pushes first, and pulls when their own grace is over', () => {
  assert.deepEqual(status({}, 24 * hour), { use: 'full', reason: null, signInHelps: false });
  const narrowed = status({}, 24 * hour + 1);
  assert.equal(narrowed.use, 'pull');
  assert.match(narrowed.reason ?? '', /google could not be asked about ana@example.com since 2026-11-23 09:05 UTC/);
  assert.equal(status({}, 72 * hour).use, 'pull');
  assert.deepEqual([status({}, 72 * hour + 1).use, status({}, 72 * hour + 1).signInHelps], ['none', true]);
});

test('someone who cannot be asked about has to sign in every so often, if the operator wants it', () => {
  const unchecked = (account: Partial<Account>, after: number, limit: number | null) =>
    accountStatusOf({ ...active, confirmed_at: null, ...account }, { ...gracePeriods, unchecked: limit }, at + after);
  assert.equal(unchecked({}, 1_000 * hour, null).use, 'full');
  assert.equal(unchecked({}, 48 * hour, 48 * hour).use, 'full');
  const late = unchecked({}, 48 * hour + 1, 48 * hour);
  assert.deepEqual([late.use, late.signInHelps], ['none', true]);
  assert.match(late.reason ?? '', /last signed in 2026-11-23 09:05 UTC, and google can't be asked whether/);
  assert.equal(unchecked({ kind: 'robot' }, 48 * hour + 1, 48 * hour).use, 'full');
  assert.equal(unchecked({ signed_in_at: null }, 48 * hour + 1, 48 * hour).use, 'full', 'imported, and not seen yet');
});

test('a state says why and since when', () => {
  const change = { state_reason: 'suspended in the Google directory', state_at: at };
  assert.deepEqual(status({ ...change, state: 'disabled' }, 1), {
    use: 'none',
    reason: 'the account ana@example.com is disabled since 2026-11-23 09:05 UTC: suspended in the Google directory',
    signInHelps: false,
  });
  const again = status({ ...change, state: 'reauth_required' }, 1);
  assert.match(again.reason ?? '', /^ana@example.com has to sign in again since /);
  assert.deepEqual([again.use, again.signInHelps], ['none', true]);
});

test('groups count as long as the operator lets them, then they are unknown', () => {
  const told = (account: Partial<Account>, after: number) =>
    knownGroups({ ...active, ...account }, gracePeriods, at + after);
  assert.deepEqual(told({}, 24 * hour), {
    groups: ['google:dev@example.com'],
    undecidedGroups: [],
    groupsKnown: true,
    groupsAt: at,
  });
  assert.deepEqual(told({}, 24 * hour + 1), { groups: [], undecidedGroups: [], groupsKnown: false, groupsAt: at });
  assert.deepEqual(told({ groups_at: null }, 0), {
    groups: [],
    undecidedGroups: [],
    groupsKnown: false,
    groupsAt: null,
  });
});

test('the groups of a robot were given here, so no silence makes them unknown', () => {
  const robot = { ...active, kind: 'robot', groups_json: '["ci"]', groups_at: null } as const;
  assert.deepEqual(knownGroups(robot, gracePeriods, at), {
    groups: ['ci'],
    undecidedGroups: [],
    groupsKnown: true,
    groupsAt: null,
  });
});

test('a reason that an earlier version stored has nothing left that a terminal obeys, because docker prints it', () => {
  const { reason } = status({ state: 'disabled', state_reason: 'left\u001b[2J\u202e' }, 1);
  assert.match(reason ?? '', /: left\[2J$/);
});
