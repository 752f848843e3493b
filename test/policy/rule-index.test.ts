/** The first rule that matches, found by what rules name: always the same as trying them one after another. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Policy, parsePolicy } from '../../src/policy/acl.ts';
import { type Condition, failingCondition, type Rule } from '../../src/policy/rule.ts';
import { createFirstMatch, createRuleIndex, rulesDemandingSame } from '../../src/policy/rule-index.ts';
import { type Subject, subjectOf } from '../../src/policy/subject.ts';
import { somebody } from './asking.ts';

const account = fc.constantFrom('ana@a.org', '*@a.org', '/^ana/', '${name}', '*', 'a\\na@a.org', '');
const name = fc.constantFrom(
  'web',
  'web/*',
  'web/**',
  'w*/x',
  'data/${user}/*',
  '${group}/*',
  '/^web\\/x$/',
  '/web',
  '**',
  '[wd]*/x',
);
const group = fc.constantFrom('web', 'data', 'g:*', '/web/', 'Web', 'web/x');
const match = fc.record(
  {
    account,
    name,
    group: fc.oneof(group, fc.array(group, { minLength: 1, maxLength: 3 })),
    domain: fc.oneof(fc.constantFrom('a.org', 'B.org', '*.org'), fc.constant(['a.org', 'b.org'])),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const who = fc.record({
  account: fc.constantFrom('ana@a.org', 'bo@b.org', 'ci', ''),
  groups: fc.subarray(['web', 'data', 'g:x', 'Web', 'web/x']),
});
const asked = fc.constantFrom('web', 'web/x', 'web/x/y', 'data/ana/x', 'data', 'wx/x', '/web', '');

function policyOf(matches: readonly object[]): Policy {
  const acl = matches.map((written) => ({ match: written, actions: [] }));
  return parsePolicy(JSON.stringify({ groups: { web: ['bo@b.org'] }, acl }), 'policy.json');
}

function subjectFor({ groups }: Policy, account: string, own: readonly string[], name: string): Subject {
  const access = { type: 'repository', name, actions: ['pull'] };
  return subjectOf(groups, somebody(account, { groups: own }), access, { service: '', address: '' });
}

/** The number of the rule that is found, and of those whose conditions were asked for it, in their order. */
function search(
  rules: readonly Rule[],
  subject: Subject,
): { readonly found: number | undefined; readonly tried: number[] } {
  const tried: number[] = [];
  const probed = rules.map((rule): Rule => {
    const probe: Condition = { field: 'type', patterns: ['**'], holds: () => tried.push(rule.number) > 0 };
    return { ...rule, conditions: [probe, ...rule.conditions] };
  });
  return { found: createFirstMatch(probed)(subject)?.number, tried };
}

test('for any rules and anyone, and they are tried in their order up to the one that is found', () => {
  fc.assert(
    fc.property(fc.array(match, { maxLength: 12 }), who, asked, (matches, { account, groups }, input) => {
      const policy = policyOf(matches);
      const subject = subjectFor(policy, account, groups, input);
      const slowly = policy.rules.find((rule) => failingCondition(rule, subject) === undefined);
      const { found, tried } = search(policy.rules, subject);
      assert.equal(found, slowly?.number);
      const upToFound = tried.filter((number) => number <= (found ?? matches.length));
      assert.deepEqual(
        tried,
        upToFound.sort((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

describe('a rule is tried where the word that it demands is the own', () => {
  const table: readonly [written: object, tried: boolean][] = [
    [{ account: 'ana@a.org' }, true],
    [{ account: 'bo@b.org' }, false],
    [{ account: 'bo@b.org', name: 'web/*' }, false],
    [{ account: 'ana@a.org', name: 'data/*' }, true],
    [{ account: 'bo*' }, true],
    [{ account: '/^bo/' }, true],
    [{ account: '/^bo/', name: 'data/*' }, false],
    [{ account: '${user}@b.org' }, true],
    [{ account: '' }, false],
    [{ name: 'web' }, true],
    [{ name: 'web/z' }, true],
    [{ name: 'data' }, false],
    [{ name: 'data/*' }, false],
    [{ name: 'data/${user}' }, false],
    [{ name: 'dat[a]/*' }, true],
    [{ name: 'data*' }, true],
    [{ name: '/data' }, true],
    [{ name: 'data/' }, false],
    [{ name: '${user}/*' }, true],
    [{ group: 'web' }, true],
    [{ group: 'data' }, false],
    [{ group: ['data', 'ops'] }, false],
    [{ group: ['data', 'g:*'] }, true],
    [{ domain: 'A.org' }, true],
    [{ domain: 'b.org' }, false],
    [{ domain: '*.org' }, true],
    [{ domain: 'a.org', group: 'data' }, false],
    [{ service: 'other' }, true],
  ];
  for (const [written, expected] of table) {
    test(`${JSON.stringify(written)}: ${expected ? 'tried' : 'not tried'}`, () => {
      const policy = policyOf([written]);
      const { tried } = search(policy.rules, subjectFor(policy, 'ana@a.org', ['web'], 'web/x'));
      assert.deepEqual(tried, expected ? [1] : []);
    });
  }

  test('who has no domain is led to no rule by it', () => {
    const policy = policyOf([{ domain: 'null' }, { domain: '' }, { domain: 'a.org' }]);
    assert.deepEqual(search(policy.rules, subjectFor(policy, 'ci', [], 'web')).tried, []);
  });

  test('groups are worked out only where a rule demands one', () => {
    const subject = {
      ...subjectFor(policyOf([]), 'ana@a.org', [], 'web/x'),
      get groups(): string[] {
        throw new Error('groups were worked out');
      },
    };
    assert.equal(search(policyOf([{ account: 'bo@b.org' }, { name: 'web/x' }]).rules, subject).found, 2);
    assert.throws(() => search(policyOf([{ group: 'web' }]).rules, subject), /worked out/);
  });
});

test('a condition leads to the rules that demand its first word', () => {
  const { rules } = policyOf([
    { account: 'ana' },
    { account: 'ana', name: 'web/*' },
    { name: 'web/*' },
    { name: 'web' },
    { group: ['data', 'web'] },
    { domain: 'a.org' },
    { service: 'web' },
  ]);
  const index = createRuleIndex(rules);
  const led = (written: object) => {
    const [condition] = policyOf([written]).rules[0]?.conditions ?? [];
    return condition ? rulesDemandingSame(condition, index).map(({ number }) => number) : null;
  };
  assert.deepEqual(led({ account: 'ana' }), [1, 2]);
  assert.deepEqual(led({ account: 'a*' }), []);
  assert.deepEqual(led({ account: 'bo' }), []);
  assert.deepEqual(led({ name: 'web/x/y' }), [3, 4]);
  assert.deepEqual(led({ group: ['web', 'ops'] }), [5]);
  assert.deepEqual(led({ group: ['ops', 'web'] }), []);
  assert.deepEqual(led({ domain: 'A.org' }), [6]);
  assert.deepEqual(led({ service: 'web' }), []);
  assert.deepEqual(
    index.others.map(({ number }) => number),
    [7],
  );
});
