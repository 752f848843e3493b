/** What somebody may do, told without a request: which rules apply, why, and what they still require. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { effectivePermissionsOf } from '../../src/policy/effective-permissions.ts';
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

const numbersFor = (account: string) =>
  effectivePermissionsOf(policy, somebody(account)).candidateRules.map(({ number }) => number);

test('only the rules that can apply to the person are shown, up to the one that matches every request', () => {
  assert.deepEqual(numbersFor('ana@example.com'), [1, 2, 3, 4, 5, 7]);
  assert.deepEqual(numbersFor('bo@example.com'), [1, 3, 4, 5, 7]);
  assert.deepEqual(numbersFor('eve@example.org'), [1, 3, 4, 7]);
  assert.deepEqual(numbersFor('build'), [1, 3, 6]);
});

test('each says why it applies and what a request must match, with the own values in place of variables', () => {
  const { groups, candidateRules } = effectivePermissionsOf(policy, somebody('ana@example.com'));
  assert.deepEqual(
    groups.map(({ name, origin }) => `${name} ${origin}`),
    ['platform by e-mail', 'web by e-mail'],
  );
  const [secret, platform, shop, own, everybody] = candidateRules;
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

describe('what a request must match is shown with the values of the person', () => {
  const labels = { team: ['web', 'data'], none: [] };
  const ana = somebody('ana@example.com', { groups: ['g:a', 'g:b'], labels });
  const table: readonly [title: string, match: string, patterns: readonly string[]][] = [
    ['every variable of a person', '{name: "${account} ${user} ${domain}"}', ['ana@example.com ana example.com']],
    ['a value a group', '{name: "${group}/**"}', ['g:a/**', 'g:b/**']],
    ['a value a group of the provider', '{name: "${group:g}/**"}', ['a/**', 'b/**']],
    ['no value for another provider', '{name: "${group:h}/**"}', []],
    ['a value a label, in each place of it', '{name: "${labels:team}/${labels:team}"}', ['web/web', 'data/data']],
    ['no pattern where a label has no value', '{name: "${labels:none}/*"}', []],
    ['no pattern where there is no such label', '{name: "${labels:other}/*"}', []],
    ['what the request decides stays', '{name: "${type}/${service}"}', ['${type}/${service}']],
    ['a capture', '{account: "/^(a)(n)/", name: "${account:2}${account:1}${account:1}"}', ['naa']],
    ['a capture of two digits', `{account: "/^${'(.)'.repeat(11)}/", name: "\${account:10}"}`, ['l']],
    [
      'a capture that the expression does not have stays',
      '{account: "/^(a)/", name: "${account:2}"}',
      ['${account:2}'],
    ],
    ['a capture without an expression stays', '{account: "a*@example.com", name: "${account:1}"}', ['${account:1}']],
    [
      'what only looks like a capture stays',
      '{account: "/^(a)/", name: "${xaccount:1} ${account:1x}"}',
      ['${xaccount:1} ${account:1x}'],
    ],
    [
      'a capture of the account, whatever comes before it',
      '{domain: "/^(e)/", account: "/^(a)/", name: "${account:1}"}',
      ['a'],
    ],
    ['the same pattern once', '{name: "${user}", domain: example.com}', ['ana']],
  ];
  for (const [title, match, patterns] of table) {
    test(title, () => {
      const own = parsePolicy(`acl: [{match: ${match}, actions: []}]`, 'policy.yml');
      assert.deepEqual(effectivePermissionsOf(own, ana).candidateRules[0]?.requires, [{ field: 'name', patterns }]);
    });
  }

  test('without groups no pattern is left of one that stands for them, and any other stays', () => {
    const own = parsePolicy('acl: [{match: {name: "${group}/**", service: "a*"}, actions: []}]', 'policy.yml');
    assert.deepEqual(effectivePermissionsOf(own, somebody('ana@example.com')).candidateRules[0]?.requires, [
      { field: 'name', patterns: [] },
      { field: 'service', patterns: ['a*'] },
    ]);
  });
});

test('a condition on the person that names the request waits for it', () => {
  const of = (match: string) => {
    const own = parsePolicy(`acl: [{match: ${match}, actions: []}]`, 'policy.yml');
    const [candidate] = effectivePermissionsOf(own, somebody('ana@example.com', { groups: ['g:x'] })).candidateRules;
    return [candidate?.because.map(({ field }) => field), candidate?.requires.map(({ field }) => field)];
  };
  assert.deepEqual(of('{group: "owners-${name}"}'), [[], ['group']]);
  assert.deepEqual(of('{group: ["g:x", "g:${type:1}"]}'), [[], ['group']]);
  assert.deepEqual(of('{group: ["g:x", "g:${user}"]}'), [['group'], []]);
  assert.deepEqual(of('{domain: "${service}"}'), [[], ['domain']]);
  assert.deepEqual(of('{kind: person, service: a, ip: 10.0.0.1, type: t}'), [['kind'], ['type', 'service', 'ip']]);
});

test('a rule for everyone and everything ends the list, also as the first', () => {
  const own = parsePolicy('acl: [{match: {}, actions: [pull]}, {match: {name: a}, actions: []}]', 'policy.yml');
  assert.deepEqual(
    effectivePermissionsOf(own, somebody('ana@example.com')).candidateRules.map(({ number, because, requires }) => [
      number,
      because,
      requires,
    ]),
    [[1, [], []]],
  );
});

test('a domain that holds is a reason without groups', () => {
  const own = parsePolicy(
    'groups: {d: [ana@example.com]}\nacl: [{match: {domain: example.com}, actions: []}]',
    'policy.yml',
  );
  assert.deepEqual(effectivePermissionsOf(own, somebody('ana@example.com')).candidateRules[0]?.because, [
    { field: 'domain', patterns: ['example.com'], groups: [] },
  ]);
});

test('the rule that decides a request is always among those shown', () => {
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
      const told = effectivePermissionsOf(policy, identity).candidateRules.map(({ number }) => number);
      assert.ok(rule === null || told.includes(rule.number), `rule ${rule?.number} for ${account}`);
    }),
    { numRuns: 60 },
  );
});
