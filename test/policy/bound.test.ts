/** A robot's password that a person made: for any policy it gets what both the robot and that person would, and everything that decides or explains agrees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { differencesOf } from '../../src/policy/candidate-policy.ts';
import { parseCases, runCase } from '../../src/policy/cases.ts';
import { decide } from '../../src/policy/decide.ts';
import { createEvaluator } from '../../src/policy/eval.ts';
import { explain, formatExplanation } from '../../src/policy/explain.ts';
import { somebody } from './asking.ts';

const context = { service: 'registry', address: '10.0.0.7' };
const eve = somebody('eve@example.com', { provider: 'kc', groups: ['kc:dev', 'kc:contractors'] });
const robot = somebody('robot-ci', { kind: 'robot', groups: ['kc:dev'] });
const bound = (maker: Identity, enforced = true): Identity => ({
  ...robot,
  maker: { login: maker.account, identity: maker, enforced },
});

const text = `
acl:
  - {match: {group: "kc:contractors", name: "prod/**"}, actions: []}
  - {match: {account: eve@example.com, name: "secret/**"}, actions: []}
  - {match: {group: "kc:dev"}, actions: [pull, push]}
`;
const policy = parsePolicy(text, 'policy.yml');
const accessTo = (name: string) => ({ type: 'repository', name, actions: ['pull', 'push'] });

test('leaving behind the group or the account that a rule denies gains nothing', () => {
  for (const name of ['prod/web', 'secret/x']) {
    assert.deepEqual(decide(policy, robot, accessTo(name), context).granted, ['pull', 'push']);
    assert.deepEqual(decide(policy, bound(eve), accessTo(name), context).granted, []);
  }
  assert.deepEqual(decide(policy, bound(eve), accessTo('team/web'), context).granted, ['pull', 'push']);
});

test('where the bound only warns, nothing is denied, and what would be is known', () => {
  const decision = decide(policy, bound(eve, false), accessTo('prod/web'), context);
  assert.deepEqual([decision.granted, decision.bound?.allowed], [['pull', 'push'], []]);
});

test('the explanation says that the maker cannot do it, by which rule, and what helps', () => {
  const written = formatExplanation(explain(policy, bound(eve), accessTo('prod/web'), context), 'policy.yml');
  assert.match(
    written,
    /^its maker eve@example\.com can't pull, push \(rule 1 \(policy\.yml:3\) decides\): another owner can adopt the password\ngranted: nothing$/m,
  );
  const both = formatExplanation(explain(policy, bound(eve), accessTo('team/web'), context), 'policy.yml');
  assert.match(both, /^its maker eve@example\.com can do that too$/m);
});

test('test cases, policy eval and the candidate policy know the maker', () => {
  const cases = `
- {who: robot-ci, kind: robot, groups: "kc:dev", scope: "repository:prod/web:push", expect: push}
- {who: robot-ci, kind: robot, groups: "kc:dev", maker: eve@example.com, makerGroups: ["kc:dev", "kc:contractors"], scope: "repository:prod/web:push", expect: nothing}
`;
  for (const one of parseCases(cases, 'cases.yml')) assert.equal(runCase(policy, one).passed, true);
  const evaluate = createEvaluator({ dockerAuth: false });
  const line = (maker: object) =>
    JSON.stringify({
      acl: [
        { match: { group: 'kc:contractors' }, actions: ['pull'] },
        { match: { group: 'kc:dev' }, actions: ['*'] },
      ],
      request: {
        account: 'robot-ci',
        groups: ['kc:dev'],
        type: 'repository',
        name: 'a',
        actions: ['pull', 'push'],
        ...maker,
      },
    });
  assert.equal(evaluate(line({})), '{"actions":["pull","push"]}');
  const maker = { account: 'eve@example.com', groups: ['kc:contractors'] };
  assert.equal(evaluate(line({ maker })), '{"actions":["pull"]}');
  assert.match(evaluate(line({ maker: { groups: 'x' } })), /request\.maker\.groups/);
  const candidate = parsePolicy('acl: [{match: {}, actions: ["*"]}]', 'candidate.yml');
  const decisions = [decide(policy, bound(eve), accessTo('prod/web'), context)];
  const [difference] = differencesOf(candidate, bound(eve), decisions, context);
  assert.deepEqual([difference?.now.granted, difference?.candidate.granted], [[], ['pull', 'push']]);
});

const pattern = fc.constantFrom('eve@example.com', 'robot-*', '/^e/', '*', 'robot-ci');
const rule = fc.record({
  match: fc.record(
    {
      account: pattern,
      name: fc.constantFrom('prod/**', '${account}/**', '${group}/*', 'team/*', '**'),
      group: fc.constantFrom('kc:dev', 'kc:contractors', 'kc:*', 'staff'),
      kind: fc.constantFrom('person', 'robot', ['person', 'robot']),
      domain: fc.constantFrom('example.com', '*'),
      ip: fc.constantFrom('10.0.0.0/8', '192.0.2.0/24'),
    },
    { requiredKeys: [] },
  ),
  actions: fc.constantFrom(['*'], ['pull'], ['push'], ['pull', 'push'], []),
});

test('for any policy, a robot gets no more than its maker, and no more than by itself', () => {
  let narrowed = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 6 }),
      fc.subarray(['kc:dev', 'kc:contractors']),
      fc.subarray(['kc:dev', 'kc:contractors', 'staff']),
      fc.boolean(),
      fc.constantFrom('prod/x', 'team/x', 'robot-ci/x', 'eve@example.com/x'),
      (acl, makersGroups, robotsGroups, groupsKnown, name) => {
        const any = parsePolicy(JSON.stringify({ groups: { staff: ['domain:example.com'] }, acl }), 'p');
        const maker = { ...eve, groups: groupsKnown ? makersGroups : [], groupsKnown };
        const made = { ...bound(maker), groups: robotsGroups };
        const access = { ...accessTo(name), actions: ['pull', 'push', 'delete'] };
        const { granted } = decide(any, made, access, context);
        const alone = decide(any, { ...made, maker: null }, access, context).granted;
        const makers = decide(any, { ...maker, groups: makersGroups, groupsKnown: true }, access, context).granted;
        for (const action of granted) assert.ok(makers.includes(action) && alone.includes(action), action);
        if (groupsKnown)
          assert.deepEqual(
            granted,
            alone.filter((action) => makers.includes(action)),
          );
        if (granted.length < alone.length) narrowed += 1;
        assert.deepEqual(explain(any, made, access, context).granted, granted);
      },
    ),
    { numRuns: 3_000 },
  );
  assert.ok(narrowed > 0);
});
