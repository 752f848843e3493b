/** What somebody may do, told without a request: which rules apply, why, and what they still require. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { outlookOf } from '../../src/policy/outlook.ts';
import { somebody } from './asking.ts';

const policy = parsePolicy(
  `
groups:
  platform: [ana@example.com]
  web: [ana@example.com, bo@example.com]
acl:
  - {match: {name: "secret/**"}, actions: [], comment: Nobody reads what is secret}
  - {match: {group: platform, name: "platform/**"}, actions: ["*"]}
  - {match: {name: "\${group}/shop"}, actions: [push, pull]}
  - {match: {account: "/^([a-z]+)@/", name: "people/\${account:1}/**", ip: 10.0.0.0/8}, actions: [push, pull]}
  - {match: {domain: example.com, type: repository}, actions: [pull], comment: Everybody pulls}
  - {match: {kind: static}, actions: ["*"]}
  - {match: {kind: person}, actions: []}
  - {match: {name: unreachable}, actions: ["*"]}
`,
  'policy.yml',
);

const numbersFor = (account: string) => outlookOf(policy, somebody(account)).prospects.map(({ number }) => number);

test('only the rules that can apply to the person are told, up to the one that fits every request', () => {
  assert.deepEqual(numbersFor('ana@example.com'), [1, 2, 3, 4, 5, 7]);
  assert.deepEqual(numbersFor('bo@example.com'), [1, 3, 4, 5, 7]);
  assert.deepEqual(numbersFor('eve@example.org'), [1, 3, 4, 7]);
  assert.deepEqual(numbersFor('build'), [1, 3, 6]);
});

test('each says why it applies and what a request must fit, with the own values in place of variables', () => {
  const { groups, prospects } = outlookOf(policy, somebody('ana@example.com'));
  assert.deepEqual(
    groups.map(({ name, origin }) => `${name} ${origin}`),
    ['platform by e-mail', 'web by e-mail'],
  );
  const [secret, platform, shop, own, everybody] = prospects;
  assert.deepEqual(secret?.because, []);
  assert.deepEqual(secret?.requires, [{ field: 'name', patterns: ['secret/**'] }]);
  assert.deepEqual(
    platform?.because.map(({ field, groups: met }) => [field, met.map(({ name }) => name)]),
    [['group', ['platform']]],
  );
  assert.deepEqual(shop?.requires, [{ field: 'name', patterns: ['platform/shop', 'web/shop'] }]);
  assert.deepEqual(own?.requires, [
    { field: 'name', patterns: ['people/ana/**'] },
    { field: 'ip', patterns: ['10.0.0.0/8'] },
  ]);
  assert.equal(everybody?.comment, 'Everybody pulls');
});

test('whatever decides a request is among the rules that are told', () => {
  const names = ['secret/a', 'platform/x', 'web/shop', 'people/ana/x', 'unreachable', 'other'];
  const ask = fc.record({
    account: fc.constantFrom('ana@example.com', 'bo@example.com', 'eve@example.org', 'build', ''),
    name: fc.constantFrom(...names),
    type: fc.constantFrom('repository', 'registry'),
    address: fc.constantFrom('10.0.0.7', '192.0.2.1'),
  });
  fc.assert(
    fc.property(ask, ({ account, name, type, address }) => {
      const identity = somebody(account);
      const access = { type, name, actions: ['pull'] };
      const { rule } = decide(policy, identity, access, { service: 'registry', address });
      const told = outlookOf(policy, identity).prospects.map(({ number }) => number);
      assert.ok(rule === null || told.includes(rule.number), `rule ${rule?.number} for ${account}`);
    }),
    { numRuns: 60 },
  );
});
