/** What a pattern comes to for someone: the policy decides about each kind of name, whatever rules come first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createReachOf } from '../../src/policy/reach.ts';
import { rights } from '../../src/policy/repository-rights.ts';

const globs = `groups:
  web: [ana@example.com]
acl:
  - match: { name: "team/secret/**" }
    actions: []
  - match: { name: "team/**", group: web }
    actions: [pull, push]
  - match: { name: "people/\${user}/*", domain: example.com }
    actions: ["*"]
`;
const plain = parsePolicy(globs, 'policy.yml');
const withExpression = parsePolicy(
  `${globs}  - match: { name: "/^data-[0-9]+$/", domain: example.com }
    actions: [pull]
  - match: { name: "lab/*", ip: 10.0.0.0/8 }
    actions: [pull]
`,
  'policy.yml',
);
const ana: Identity = {
  ...anonymous,
  ...{ kind: 'person', account: 'ana@example.com', email: 'ana@example.com', domain: 'example.com', provider: 'sso' },
};
const context = { service: 'registry.example.com', address: '192.0.2.1' };
const { pull, push, delete: remove } = rights;

for (const [glob, bits, isComplete] of [
  ['team/**', pull | push, true],
  ['team/app', pull | push, true],
  ['team/secret/*', 0, true],
  ['d*', 0, false],
  ['team/secret/x', 0, true],
  ['data-7', pull, true],
  ['data-x', 0, true],
  ['people/ana/x', pull | push | remove, true],
  ['people/bo/x', 0, true],
  ['lab/x', 0, true],
] as const) {
  test(`${glob} among rules with an expression`, () => {
    const reach = createReachOf(withExpression, ana, context)(glob);
    assert.deepEqual([reach.bits, reach.isComplete], [bits, isComplete]);
  });
}

for (const [glob, bits] of [
  ['team/secret/*', 0],
  ['team/s*/**', pull | push],
  ['team/s*', pull | push],
  ['people/**', pull | push | remove],
  ['people/b*/**', 0],
  ['prod/**', 0],
  ['**', pull | push | remove],
] as const) {
  test(`${glob} among globs is certain`, () => {
    assert.deepEqual(createReachOf(plain, ana, context)(glob), { bits, anywhere: bits, isComplete: true });
  });
}

test('limits and the maker of a robot’s password count', () => {
  const limited = { ...ana, limits: { actions: ['pull'], repositories: ['team/*'] } };
  assert.equal(createReachOf(plain, limited, context)('team/*').bits, pull);
  const bo = { ...ana, account: 'bo@example.com', email: 'bo@example.com' };
  const bounded = { ...ana, maker: { login: 'bo@example.com', identity: bo, enforced: true } };
  assert.equal(createReachOf(plain, bounded, context)('team/*').anywhere, 0);
});

test('what only another address can do isn’t nothing', () => {
  const byAddress = parsePolicy(
    `acl:
  - match: { name: "prod/**", ip: 10.0.0.0/8 }
    actions: [pull]
  - match: { name: "lab/**", ip: 10.0.0.0/8 }
    actions: []
  - match: { name: "lab/*" }
    actions: [push]
  - match: { name: "**" }
    actions: []
  - match: { name: "late/**", ip: 10.0.0.0/8 }
    actions: [pull]
`,
    'policy.yml',
  );
  const reachFrom = (address: string) => createReachOf(byAddress, ana, { ...context, address });
  for (const [glob, outside, inside, anywhere] of [
    ['prod/**', 0, pull, pull],
    ['lab/*', push, 0, push],
    ['late/*', 0, 0, 0],
  ] as const) {
    assert.deepEqual(reachFrom('192.0.2.1')(glob), { bits: outside, anywhere, isComplete: true }, glob);
    assert.deepEqual(reachFrom('10.0.0.1')(glob), { bits: inside, anywhere, isComplete: true }, glob);
  }
});

test('groups that are unknown grant only what every possibility does', () => {
  const unknown = { ...ana, groupsKnown: false };
  const byProvider = parsePolicy(
    'acl:\n  - match: { group: "sso:blocked" }\n    actions: []\n  - match: { domain: example.com }\n    actions: [pull]\n',
    'policy.yml',
  );
  assert.equal(createReachOf(byProvider, unknown, context)('team/**').bits, 0);
  assert.equal(createReachOf(byProvider, ana, context)('team/**').bits, pull);
});
