/** The policy the other way round: who can do something at a repository, and by which rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Policy, parsePolicy } from '../../src/policy/acl.ts';
import { rulesAt } from '../../src/policy/rules-at.ts';
import { createTurns } from '../../src/repositories/turns.ts';
import { whoCan } from '../../src/repositories/who-can.ts';
import { account } from '../support/rows.ts';

const policy = parsePolicy(
  `
users:
  ci: {}
  "": {}
groups:
  platform: ["google:platform", ana@example.com]
acl:
  - match: { name: "other/**" }
    actions: ["*"]
  - match: { group: contractors, name: "team/**" }
    actions: []
  - match: { group: platform, name: "team/**" }
    actions: [pull, push]
    comment: The platform group
  - match: { account: ci, name: "team/app" }
    actions: [push]
  - match: { name: "\${user}/**" }
    actions: [push]
  - match: { ip: 10.0.0.0/8 }
    actions: ["*"]
  - match: {}
    actions: [pull]
  - match: { name: "team/app" }
    actions: ["*"]
`,
  'policy.yml',
);
const person = (name: string, changes: object = {}) => {
  const login = `${name}@example.com`;
  return account({ id: name, subject: name, login, email: login, groups_at: 1, confirmed_at: null, ...changes });
};
const accounts = [
  person('ana'),
  person('bo'),
  person('cy', { groups_json: '["google:platform"]' }),
  person('di', { groups_json: '["google:platform"]', state: 'disabled' }),
  // Their provider hasn't been heard of: for a while, and for too long.
  person('old', { groups_json: '["google:platform"]', confirmed_at: -100 }),
  person('older', { groups_json: '["google:platform"]', confirmed_at: -10_000 }),
  person('team'),
];

function ask(name: string, action: string, address = '', of: Policy = policy) {
  const gracePeriods = { groups: Number.POSITIVE_INFINITY, full: 1, pull: 1_000, unchecked: null };
  const store = {
    after: async (id: string, limit: number) => accounts.filter((one) => one.id > id).slice(0, limit),
  };
  const parts = { policy: () => of, accounts: store, gracePeriods, turns: createTurns(), now: () => 2 };
  return whoCan(parts, { service: 'registry', name, action, address });
}

test('accounts that are active, with the rule that decides, and users of the policy file', async () => {
  const { accounts: found, total, groups } = await ask('team/app', 'push');
  assert.deepEqual(
    found.map(({ login, kind, rule }) => [login, kind, rule?.number]),
    [
      ['ana@example.com', 'person', 3],
      ['ci', 'static', 4],
      ['cy@example.com', 'person', 3],
      ['team@example.com', 'person', 5],
    ],
  );
  assert.equal(total, 4);
  assert.deepEqual(groups, ['platform']);
});

test('someone whose provider is silent can pull for a while, and then nothing', async () => {
  const logins = async (action: string) => (await ask('team/app', action)).accounts.map(({ login }) => login);
  assert.deepEqual(await logins('pull'), ['ana@example.com', 'bo@example.com', 'cy@example.com', 'old@example.com']);
  assert.ok(!(await logins('push')).includes('old@example.com'));
});

test('where from matters where the policy looks at it', async () => {
  const names = async (address: string) =>
    (await ask('elsewhere', 'delete', address)).accounts.map(({ login }) => login);
  assert.deepEqual(await names(''), []);
  assert.equal((await names('10.1.2.3')).length, 5);
});

test('the rules that can concern a repository, up to the one that matches everyone', () => {
  const rules = rulesAt(policy, { type: 'repository', name: 'team/app', actions: ['push'] }, 'registry');
  assert.deepEqual(
    rules.map(({ number, grants }) => [number, grants]),
    [
      [2, false],
      [3, true],
      [4, true],
      [5, true],
      [6, true],
      [7, false],
    ],
  );
  assert.deepEqual(rules[1]?.requires, [{ field: 'group', patterns: ['platform'] }]);
});
