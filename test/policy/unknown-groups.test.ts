/** What someone is granted while the provider's groups are unknown: never more than any possible answer of the provider would grant. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { parseCases, runCase } from '../../src/policy/cases.ts';
import { decide } from '../../src/policy/decide.ts';
import { effectivePermissionsOf } from '../../src/policy/effective-permissions.ts';
import { createEvaluator } from '../../src/policy/eval.ts';
import { explain, formatExplanation } from '../../src/policy/explain.ts';
import { somebody } from './asking.ts';

const context = { service: 'registry', address: '10.0.0.7' };
const unknown: Partial<Identity> = { provider: 'kc', groups: [], groupsKnown: false };

const contractors = `
acl:
  - {match: {group: "kc:contractors", name: "prod/**"}, actions: []}
  - {match: {domain: example.com}, actions: [pull, push]}
`;

test('a contractor whose groups are stale gets nothing that the rule against contractors denies', () => {
  const ask = (also: Partial<Identity>, name: string) => {
    const access = { type: 'repository', name, actions: ['pull', 'push'] };
    return decide(parsePolicy(contractors, 'p'), somebody('cy@example.com', also), access, context).granted;
  };
  assert.deepEqual(ask({ provider: 'kc', groups: ['kc:contractors'] }, 'prod/web'), []);
  assert.deepEqual(ask(unknown, 'prod/web'), []);
  assert.deepEqual(ask(unknown, 'team/web'), ['pull', 'push']);
  assert.deepEqual(ask({ provider: 'kc', groups: [] }, 'prod/web'), ['pull', 'push']);
});

test('one group that the provider does not speak of is decided both ways, and the others count', () => {
  const text = `
groups: {outside: ["google:contractors"]}
acl:
  - {match: {group: outside, name: "prod/**"}, actions: [pull]}
  - {match: {group: "google:ops"}, actions: [pull, push]}
  - {match: {group: "google:contractors"}, actions: ["*"]}
`;
  const ask = (also: Partial<Identity>, name: string) => {
    const access = { type: 'repository', name, actions: ['pull', 'push'] };
    const identity = somebody('cy@example.com', { provider: 'google', ...also });
    return decide(parsePolicy(text, 'p'), identity, access, context).granted.join();
  };
  const undecidedGroups = ['google:contractors'];
  assert.equal(ask({ groups: ['google:ops'], undecidedGroups }, 'prod/web'), 'pull', 'both allow pull');
  assert.equal(ask({ groups: ['google:ops'], undecidedGroups }, 'team/web'), 'pull,push', 'a known group grants');
  assert.equal(ask({ groups: [], undecidedGroups }, 'team/web'), '', 'an undecided group grants nothing');
  assert.equal(ask({ groups: ['google:ops'] }, 'prod/web'), 'pull,push');
});

describe('a rule above "pull and push for everyone" leaves what it grants, where it may match', () => {
  const table: readonly [rule: string, granted: string, why: string][] = [
    ['{match: {group: "kc:dev"}, actions: [pull]}', 'pull', 'both grant pull'],
    ['{match: {group: "google:dev"}, actions: []}', 'pull,push', 'the group belongs to another provider'],
    ['{match: {group: dev}, actions: []}', '', 'the group of the file has members by a group of the provider'],
    ['{match: {group: above}, actions: []}', '', 'as does one that contains it'],
    ['{match: {group: named}, actions: []}', 'pull,push', 'the e-mail decides this group'],
    ['{match: {group: "kc:*"}, actions: []}', '', 'a glob may match'],
    ['{match: {group: "*-admins"}, actions: []}', '', 'a glob may match any provider'],
    ['{match: {group: "google:*"}, actions: []}', 'pull,push', 'a glob of another provider'],
    ['{match: {group: "/^kc:/"}, actions: []}', '', 'an expression may match'],
    ['{match: {group: "${domain}-dev"}, actions: []}', '', 'a variable may stand for anything'],
    ['{match: {name: "${group}/**"}, actions: []}', '', 'a group of the file names the repository'],
    ['{match: {name: "${group:kc}/**"}, actions: []}', '', 'a group of the provider names the repository'],
    ['{match: {name: "${group:google}/**"}, actions: []}', 'pull,push', 'no group of another provider is possible'],
    ['{match: {name: "x-${group}/**"}, actions: []}', 'pull,push', 'no possible group gives this name'],
    ['{match: {group: "kc:dev", domain: other.org}, actions: []}', 'pull,push', 'another condition fails'],
  ];
  for (const [rule, granted, why] of table) {
    test(`${rule}: ${granted === '' ? 'nothing' : granted} (${why})`, () => {
      const groups = 'groups: {dev: ["kc:developers"], above: [dev], named: [bo@example.com]}';
      const policy = parsePolicy(`${groups}\nacl:\n  - ${rule}\n  - {match: {}, actions: [pull, push]}\n`, 'p');
      const access = { type: 'repository', name: 'dev/app', actions: ['pull', 'push'] };
      assert.equal(decide(policy, somebody('ana@example.com', unknown), access, context).granted.join(), granted);
    });
  }
});

test('a rule that only may match grants nothing by itself', () => {
  const policy = parsePolicy('acl: [{match: {group: "kc:dev"}, actions: [pull]}]', 'p');
  const access = { type: 'repository', name: 'a', actions: ['pull'] };
  const { granted, undecided } = decide(policy, somebody('ana@example.com', unknown), access, context);
  assert.deepEqual([granted, undecided.map(({ number }) => number)], [[], [1]]);
});

test('the explanation says which rule may match and what is left', () => {
  const access = { type: 'repository', name: 'prod/web', actions: ['pull', 'push'] };
  const explanation = explain(parsePolicy(contractors, 'p'), somebody('cy@example.com', unknown), access, context);
  assert.match(
    formatExplanation(explanation, 'p'),
    /^rule 1 \(p:3\) might match, as the provider's groups are unknown, so at most nothing is allowed\nrule 2 \(p:4\) decides\nallowed by the policy: nothing$/m,
  );
});

test('a test case and policy eval can say that groups are unknown', () => {
  const cases = '- {who: cy@example.com, groups: unknown, scope: "repository:prod/web:pull", expect: nothing}';
  const [only] = parseCases(cases, 'cases.yml');
  assert.equal(only && runCase(parsePolicy(contractors, 'p'), only).passed, true);
  const line = (groups: unknown) =>
    JSON.stringify({
      acl: [
        { match: { group: 'kc:contractors' }, actions: ['pull'] },
        { match: {}, actions: ['*'] },
      ],
      request: { account: 'cy@example.com', type: 'repository', name: 'a', groups, actions: ['pull', 'push'] },
    });
  const evaluate = createEvaluator({ dockerAuth: false });
  assert.equal(evaluate(line([])), '{"actions":["pull","push"]}');
  assert.equal(evaluate(line('unknown')), '{"actions":["pull"]}');
});

const providerGroups = ['kc:dev', 'kc:ops', 'kc:a/b'];
const groupPattern = fc.constantFrom(
  'kc:dev',
  'kc:*',
  '*ops',
  '/^kc:(dev|ops)$/',
  'google:dev',
  'web',
  'all',
  'mail',
  'none',
  '${user}',
);
const rule = fc.record({
  match: fc.record(
    {
      group: fc.oneof(groupPattern, fc.array(groupPattern, { minLength: 1, maxLength: 2 })),
      name: fc.constantFrom(
        'prod/**',
        '${group}/**',
        '/^(${group}|prod)/',
        '**',
        'web/app',
        '${user}/*',
        '[pw]*/**',
        '${group:kc}/*',
      ),
      account: fc.constantFrom('ana@example.com', '/^(.+)@/', '${group}', '*'),
      domain: fc.constantFrom('example.com', 'other.org'),
      kind: fc.constantFrom('person', 'robot'),
    },
    { requiredKeys: [] },
  ),
  actions: fc.constantFrom(['*'], ['pull'], ['push'], ['pull', 'push'], []),
});
const fileGroups = fc.record({
  web: fc.subarray(['kc:dev', 'google:dev', 'bo@example.com']),
  all: fc.subarray(['group:web', 'kc:ops', 'domain:other.org']),
  mail: fc.subarray(['ana@example.com', 'domain:example.com']),
  none: fc.constant([]),
});

test('for any policy, unknown groups grant no more than any groups that the provider may report', () => {
  let differed = 0;
  fc.assert(
    fc.property(
      fileGroups,
      fc.array(rule, { maxLength: 6 }),
      fc.subarray(providerGroups),
      fc.constantFrom('prod/x', 'web/app', 'kc:dev/x', 'ana/x', 'all/x/y'),
      fc.constantFrom('kc', null),
      (groups, acl, reported, name, provider) => {
        const policy = parsePolicy(JSON.stringify({ groups, acl }), 'p');
        const access = { type: 'repository', name, actions: ['pull', 'push', 'delete'] };
        const ana = somebody('ana@example.com', { ...unknown, provider });
        const blind = decide(policy, ana, access, context);
        const seeing = decide(policy, { ...ana, groups: reported, groupsKnown: true }, access, context);
        for (const action of blind.granted) assert.ok(seeing.granted.includes(action), `${action} by ignorance`);
        if (blind.granted.length < seeing.granted.length) differed += 1;
        // Every part that decides or tells agrees.
        const { granted, decidedBy } = explain(policy, ana, access, context);
        assert.deepEqual([granted, decidedBy?.number ?? null], [blind.granted, blind.rule?.number ?? null]);
        const told = effectivePermissionsOf(policy, ana).candidateRules.map(({ number }) => number);
        for (const { number } of blind.undecided) assert.ok(told.includes(number), `rule ${number} isn't listed`);
      },
    ),
    { numRuns: 3_000 },
  );
  assert.ok(differed > 0);
});
