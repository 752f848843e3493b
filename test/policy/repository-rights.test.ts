/** What someone can do at each of many repositories: always the same as asking `policy explain` about each of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { explain } from '../../src/policy/explain.ts';
import { createRightsOf, looksAtAddresses, rights } from '../../src/policy/repository-rights.ts';
import { somebody } from './asking.ts';

const names = ['web', 'web/x', 'web/x/y', 'data/ana/x', 'data', 'b.org/x', 'g:x/y', 'platform/x', 'ana/x', 'team/ops'];

const match = fc.record(
  {
    account: fc.constantFrom('ana@a.org', '*@a.org', '/^(.*)@a.org$/', '${name}', '*', 'robot-*'),
    name: fc.constantFrom(
      ...['web', 'web/*', 'web/**', 'w*/x', 'data/${user}/*', '${group}/*', '${domain}/*', '/^web\\/x$/', '**'],
      ...['${account:1}/*', 'team/${labels:team}', '/^(web|data)/', '${group:g}/*'],
    ),
    group: fc.constantFrom('web', 'platform', 'g:*', '/web/', 'g:x', '${name:1}'),
    domain: fc.constantFrom('a.org', '*.org', '${name}'),
    kind: fc.constantFrom('person', 'robot', 'static'),
    ip: fc.constantFrom('10.0.0.0/8', '192.0.2.1'),
    service: fc.constantFrom('registry', 'other', '*'),
    type: fc.constantFrom('repository', 'registry', '*'),
    labels: fc.constantFrom({ team: 'ops' }, { team: '${name:1}' }, { team: '*' }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const rule = fc.record({
  match,
  actions: fc.constantFrom(['*'], ['pull'], ['pull', 'push'], ['delete'], []),
});
const limits = fc.constantFrom(
  null,
  { actions: ['pull'], repositories: null },
  { actions: null, repositories: ['web/**', 'data'] },
  { actions: ['push'], repositories: ['**'] },
);
const groupsKnown = fc.constantFrom(
  { groups: ['g:x'], groupsKnown: true, undecidedGroups: [] },
  { groups: [], groupsKnown: false, undecidedGroups: [] },
  { groups: ['g:web'], groupsKnown: true, undecidedGroups: ['g:x'] },
  { groups: [], groupsKnown: true, undecidedGroups: [] },
);
const person: fc.Arbitrary<Identity> = fc
  .record({ account: fc.constantFrom('ana@a.org', 'bo@b.org', 'ci'), known: groupsKnown, limits })
  .map(({ account, known, limits: narrowed }) =>
    somebody(account, { ...known, limits: narrowed, provider: account.includes('@') ? 'g' : null }),
  );
const robot: fc.Arbitrary<Identity> = fc
  .record({ maker: person, enforced: fc.boolean(), limits, team: fc.constantFrom('ops', 'web') })
  .map(({ maker, enforced, limits: narrowed, team }) =>
    somebody('robot-ci', {
      kind: 'robot',
      groups: ['platform'],
      labels: { team: [team] },
      limits: narrowed,
      maker: { login: maker.account, identity: maker, enforced },
    }),
  );

test('for any rules and anyone, at every name', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 8 }),
      fc.oneof(person, robot),
      fc.constantFrom('10.1.2.3', '192.0.2.1', '', 'unknown'),
      (acl, identity, address) => {
        const groups = { web: ['bo@b.org', 'g:web'], platform: ['group:web', 'ana@a.org'] };
        const policy = parsePolicy(JSON.stringify({ groups, acl }), 'policy.json');
        const context = { service: 'registry', address };
        const rightsOf = createRightsOf(policy, identity, context);
        for (const name of names) {
          const access = { type: 'repository', name, actions: ['pull', 'push', 'delete'] };
          const { granted } = explain(policy, identity, access, context);
          const bits = granted.reduce((sum, action) => sum | (rights[action as keyof typeof rights] ?? 0), 0);
          assert.equal(rightsOf(name), bits, `${name}: ${granted.join()}`);
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('whether a policy looks at addresses', () => {
  const policy = (text: string) => parsePolicy(`acl: [{match: ${text}, actions: ["*"]}]`, 'policy.yml');
  assert.equal(looksAtAddresses(policy('{ip: 10.0.0.0/8}')), true);
  assert.equal(looksAtAddresses(policy('{name: "**"}')), false);
});
