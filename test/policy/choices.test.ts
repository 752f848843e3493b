/** Values of labels and groups in patterns: which combinations are tried, and what comes of too many. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anonymous } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { type Choice, type Setting, someChoice } from '../../src/policy/choices.ts';
import { decide } from '../../src/policy/decide.ts';
import { effectivePermissionsOf } from '../../src/policy/effective-permissions.ts';
import { createEvaluator } from '../../src/policy/eval.ts';
import { explain, formatExplanation } from '../../src/policy/explain.ts';
import { noGroups } from '../../src/policy/groups.ts';
import { type Subject, subjectOf } from '../../src/policy/subject.ts';
import type { Dialect } from '../../src/policy/template.ts';
import { conditionsOf } from './asking.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const many = Array.from({ length: 12 }, (_, index) => `v${index}`);
const labels = Object.fromEntries(names.map((name) => [name, many]));
const glob = names.map((name) => `\${labels:${name}}`).join('-');
const identity = { ...anonymous, account: 'ana', kind: 'static', labels } as const;
const ask = (name: string) => ({ type: 'repository', name, actions: ['pull'] });
const context = { service: '', address: '' };
const policyOf = (pattern: string) =>
  parsePolicy(`acl: [{match: {name: '${pattern}'}, actions: []}, {match: {}, actions: ['*']}]`, 'policy.yml');

test('values that do not occur do not count: 12^6 combinations are decided', () => {
  const policy = policyOf(glob);
  assert.deepEqual(decide(policy, identity, ask('team/app'), context).granted, ['pull']);
  assert.equal(decide(policy, identity, ask('v1-v1-v1-v1-v1-v1'), context).rule?.number, 1);
});

test('where too many are left nothing is granted, not even by a rule below, and the explanation says why', () => {
  const policy = policyOf(`/^(${glob})$/`);
  const { granted, rule } = decide(policy, identity, ask('team/app'), context);
  assert.deepEqual([granted, rule], [[], null]);
  const explanation = explain(policy, identity, ask('team/app'), context);
  assert.deepEqual([explanation.granted, explanation.decidedBy?.number], [[], 1]);
  assert.match(
    formatExplanation(explanation, 'policy.yml'),
    /rule 1 \(policy\.yml:1\) cannot be decided, so nothing is allowed: .* has 2985984 combinations of values \(12 for \$\{labels:a\}, .*at most 1000 are tried/,
  );
  assert.equal(effectivePermissionsOf(policy, identity).candidateRules.length, 2);
  const line = { acl: [{ match: { name: `/^(${glob})$/` }, actions: [] }], request: { name: 'x', labels } };
  assert.match(createEvaluator({ dockerAuth: false })(JSON.stringify(line)), /"error":.*at most 1000/);
});

test('a rule that another condition rules out is not undecidable', () => {
  const acl = `acl: [{match: {name: '/^(${glob})$/', labels: {a: none}}, actions: []}, {match: {}, actions: ['*']}]`;
  const policy = parsePolicy(acl, 'policy.yml');
  assert.equal(decide(policy, identity, ask('x'), context).rule?.number, 2);
  assert.equal(explain(policy, identity, ask('x'), context).decidedBy?.number, 2);
});

/** The three ways to read a pattern, and what means the same in each as a label of one value. */
const dialects = {
  ours: { extended: true, raw: false, instead: () => ['${service}', '${type}'] },
  raw: { extended: true, raw: true, instead: (x, y) => [x, y] },
  dockerAuth: { extended: false, raw: true, instead: (x, y) => [x, y] },
} as const satisfies Record<
  string,
  Dialect & { readonly instead: (x: string, y: string) => readonly [string, string] }
>;
type Read = keyof typeof dialects;

/** Whether a rule for the pattern holds, `null`: it is malformed. All of the account can be captured. */
function readAs(read: Read, pattern: string): ((asking: Partial<Subject>) => boolean) | null {
  let malformed = false;
  const conditions = conditionsOf({ account: '/^((?s:.*))$/', name: pattern }, dialects[read], () => {
    malformed = true;
  });
  const nobody = subjectOf(noGroups, anonymous, { type: '', name: '', actions: [] }, context);
  return malformed ? null : (asking) => conditions.every(({ holds }) => holds({ ...nobody, ...asking }));
}

describe('a label matches if one of its values does, put in by itself', () => {
  const variable = fc.constantFrom('${labels:x}', '${labels:y}', '${account}');
  const special = fc.constantFrom('*', '?', '+', '[^c]', '.', '|', '\\', '\\d', '\\Q', '{2}', '{0}');
  const piece = fc.oneof(variable, fc.constantFrom('c', 'd', '/'), special);
  const pieces = fc.tuple(fc.constantFrom('', '${account:01}'), fc.array(piece, { maxLength: 5 }));
  const around = fc.constantFrom(['', ''], ['/^', '$/'], ['/(?i)', '|d/'], ['/', '']);
  const pattern = fc
    .tuple(around, pieces)
    .map(([[before, after], [first, rest]]) => before + first + rest.join('') + after);
  const letter = fc.constantFrom('c', 'd', '/', '.', '*', '[', '|', '\\', 'D', '5');
  const text = fc.array(letter, { maxLength: 3 }).map((letters) => letters.join(''));
  const given = fc.record({ account: text, name: text, x: fc.array(text, { minLength: 1, maxLength: 2 }), y: text });
  for (const read of Object.keys(dialects) as Read[]) {
    test(read, () => {
      const property = fc.property(pattern, given, (written, { account, name, x, y }) => {
        const fits = readAs(read, written);
        fc.pre(fits !== null);
        const byItself = x.some((value) => {
          const [forX, forY] = dialects[read].instead(value, y);
          const filled = written.replaceAll('${labels:x}', () => forX).replaceAll('${labels:y}', () => forY);
          const fitsFilled = readAs(read, filled);
          // What is malformed as it is written need not be with the account in it: "${account:1}**" where that is a backslash.
          fc.pre(fitsFilled !== null || !filled.includes('${account'));
          return fitsFilled?.({ account, name, service: value, type: y });
        });
        const asWritten = fits({ account, name });
        assert.equal(fits({ account, name, labels: { x, y: [y] } }), asWritten || byItself);
      });
      fc.assert(property, { numRuns: 3_000 });
    });
  }
});

describe('more values than are tried are decided if those that do not occur cannot match', () => {
  const surplus = Array.from({ length: 1_001 }, (_, index) => `v${index}`);
  type Row = readonly [title: string, pattern: string, ours: boolean, raw: boolean, labels?: Subject['labels']];
  const table: readonly Row[] = [
    ['a glob', '${labels:x}/*', true, true],
    ['a glob that ends in the label', 'team/${labels:x}', true, true],
    ['a glob that a value of slashes makes an expression', '/${labels:x}', true, false],
    ['a label and nothing else', '${labels:x}', true, false],
    ['a class in a glob', '[ab]${labels:x}/*', false, false],
    ['an escape in a glob, not of the label', 'a\\*-${labels:x}/*', true, true],
    ['an escaped first letter in a glob', '\\${labels:x}/*', false, false],
    ['an expression', '/^team-${labels:x}$/', true, true],
    ['an expression with repetitions, not of the label', '/^a?b*${labels:x}-c+d{2}/', true, true],
    ['an expression with the classes of a letter', '/^\\w+-${labels:x}-\\d+\\.\\d$/', true, true],
    ['any other class in an expression', '/[ab]${labels:x}-/', false, false],
    ['alternatives', '/^${labels:x}|b$/', false, false],
    ['a label that may be left out', '/^b${labels:x}?$/', false, false],
    ['a quoted label', '/^\\Q${labels:x}\\E$/', false, false],
    ['an escaped first letter in an expression', '/^\\${labels:x}-/', false, false],
    ['a capture', '${account:1}/${labels:x}/*', true, false],
    ['a capture of two digits', '${account:01}/${labels:x}/*', true, false],
    ['one value that is a glob', 'team/${labels:x}', true, false, { x: [...surplus, 'a*'] }],
    ['one value that is an expression', '/^team-${labels:x}$/', true, false, { x: [...surplus, 'a.'] }],
    ['a dot in a glob means itself', 'team/${labels:x}', true, true, { x: [...surplus, 'a.'] }],
    ['another label whose value is a glob', '${labels:x}-${labels:y}/*', true, false, { x: surplus, y: ['*'] }],
  ];
  for (const [title, pattern, ours, raw, labels = { x: surplus }] of table) {
    for (const [read, decided] of Object.entries({ ours, raw })) {
      test(`${read}, ${title}: ${decided ? 'decided' : 'undecided'}`, () => {
        const ask = () => readAs(read as Read, pattern)?.({ name: '!', labels });
        if (decided) assert.equal(ask(), false);
        else assert.throws(ask, { name: 'TooManyCombinations', message: /100[12] combinations of values/ });
      });
    }
  }

  test('as many as are tried are no problem anywhere', () => {
    assert.equal(readAs('ours', '[ab]${labels:x}')?.({ name: 'av9', labels: { x: surplus.slice(0, 1_000) } }), true);
  });
});

test('what does not occur is not tried, and nothing is where there is no choice', () => {
  const setting: Setting = { pattern: '${labels:x}/*', texts: ['/*'], isExpression: false, raw: false, limit: null };
  const choice: Choice = { written: '${labels:x}', values: ['a', 'b', 'c', 'd'] };
  const tried: (string | undefined)[] = [];
  const fits = (chosen: ReadonlyMap<string, string>) => tried.push(chosen.get('${labels:x}')) < 0;
  someChoice([choice], setting, 'b/x', fits);
  someChoice([], setting, 'b/x', fits);
  assert.deepEqual(tried, ['b']);
});
