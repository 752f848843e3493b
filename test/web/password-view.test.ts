/** How a password is told to a person. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppPassword } from '../../src/app-passwords/app-passwords.ts';
import { viewOf } from '../../src/web/password-view.ts';

const day = 24 * 60 * 60 * 1000;
const password: AppPassword = {
  ...{ id: 'p1', accountId: 'a1', login: 'ana@example.com', ownerKind: 'person', name: 'laptop', hint: 'dkp_…abcd' },
  ...{ state: 'active', limits: { actions: null, repositories: null }, createdAt: 0, expiresAt: 30 * day },
  ...{
    revokedAt: null,
    revokedBy: null,
    revocationReason: null,
    replacedBy: null,
    maker: null,
    lastUse: null,
    identityServices: [],
    origin: null,
  },
};

for (const [days, warned] of [
  [1, 0.2],
  [7, 1.4],
  [30, 6],
  [90, 14],
  [365, 14],
] as const) {
  test(`of ${days} days, the last ${warned} have a warning, and the first has none`, () => {
    const expiresAt = days * day;
    const stateAt = (time: number) => viewOf({ ...password, expiresAt }, time).state;
    assert.equal(stateAt(0), 'active');
    assert.equal(stateAt(expiresAt - warned * day - 1), 'active');
    assert.equal(stateAt(expiresAt - warned * day), 'soon');
  });
}

test('a password is idle that works and that nothing has used for 60 days, be it new or old', () => {
  const lastUse = { at: 10 * day, address: '192.0.2.1', client: 'docker/28.0.4' };
  const isIdle = (change: Partial<AppPassword>, time: number) =>
    viewOf({ ...password, expiresAt: 365 * day, ...change }, time).isIdle;
  assert.equal(isIdle({}, 60 * day), false);
  assert.equal(isIdle({}, 61 * day), true);
  assert.equal(isIdle({ lastUse }, 61 * day), false);
  assert.equal(isIdle({ lastUse }, 71 * day), true);
  assert.equal(isIdle({ state: 'revoked' }, 61 * day), false);
});
