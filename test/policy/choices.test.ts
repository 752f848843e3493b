/** Values of labels and groups in patterns: which combinations are tried, and what comes of too many. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anonymous } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { type Choice, type Setting, someChoice } from '../../src/policy/choices.ts';
import { decide } from '../../src/policy/decide.ts';
import { createEvaluator } from '../../src/policy/eval.ts';
import { explain, formatExplanation } from '../../src/policy/explain.ts';
import { outlookOf } from '../../src/policy/outlook.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const many = Array.from({ length: 12 }, (_, index) => `v${index}`);
const labels = Object.fromEntries(names.map((name) => [name, many]));
const glob = names.map((name) => `\${labels:${name}}`).join('-');
const identity = { ...anonymous, account: 'ana', kind: 'static', labels } as const;
const ask = (name: string) => ({ type: 'repository', name, actions: ['pull'] });
const context = { service: '', address: '' };
const policyOf = (pattern: string) =>
  parsePolicy(`acl: [{match: {name: '${pattern}'}, actions: []}, {match: {}, actions: ['*']}]`, 'policy.yml');

test('values that do not occur are not tried: 12^6 combinations take no time', () => {
  const policy = policyOf(glob);
  const begun = performance.now();
  assert.deepEqual(decide(policy, identity, ask('team/app'), context).granted, ['pull']);
  assert.equal(decide(policy, identity, ask('v1-v1-v1-v1-v1-v1'), context).rule?.number, 1);
  assert.ok(performance.now() - begun < 2_000);
});

test('where too many are left nothing is granted, not even by a rule below, and the explanation says why', () => {
  const policy = policyOf(`/^(${glob})$/`);
  assert.deepEqual(decide(policy, identity, ask('team/app'), context), {
    ...{ access: ask('team/app'), granted: [], rule: null },
  });
  const explanation = explain(policy, identity, ask('team/app'), context);
  assert.deepEqual([explanation.granted, explanation.decidedBy?.number], [[], 1]);
  assert.match(
    formatExplanation(explanation, 'policy.yml'),
    /rule 1 \(policy\.yml:1\) cannot be decided, so nothing is allowed: .* has 2985984 combinations of values \(12 for \$\{labels:a\}, .*at most 1000 are tried/,
  );
  assert.equal(outlookOf(policy, identity).prospects.length, 2);
  const line = { acl: [{ match: { name: `/^(${glob})$/` }, actions: [] }], request: { name: 'x', labels } };
  assert.match(createEvaluator({ dockerAuth: false })(JSON.stringify(line)), /"error":.*at most 1000/);
});

test('a rule that another condition keeps out is no problem', () => {
  const acl = `acl: [{match: {name: '/^(${glob})$/', labels: {a: none}}, actions: []}, {match: {}, actions: ['*']}]`;
  const policy = parsePolicy(acl, 'policy.yml');
  assert.equal(decide(policy, identity, ask('x'), context).rule?.number, 2);
  assert.equal(explain(policy, identity, ask('x'), context).decidedBy?.number, 2);
});

describe('leaving out what does not occur changes no decision', () => {
  const piece = fc.constantFrom('${labels:x}', '${labels:y}', '*', '?', 'a', 'b', '/', '[^a]', '.', '${account}');
  const pattern = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
  const word = fc
    .array(fc.constantFrom('a', 'b', '/', '.', '*', '[', 'A'), { maxLength: 3 })
    .map((all) => all.join(''));
  const wrap = fc.constantFrom(
    (text: string) => text,
    (text: string) => `/^${text}$/`,
    (text: string) => `/(?i)${text}|b/`,
  );
  for (const dockerAuth of [true, false]) {
    test(dockerAuth ? 'as docker_auth' : 'ours', () => {
      const evaluate = createEvaluator({ dockerAuth });
      const property = fc.property(pattern, wrap, word, word, word, word, (inner, around, x, x2, y, name) => {
        const decideWith = (one: string, two: string[]): boolean => {
          const given = { x: [one], y: two };
          const acl = [{ match: { name: around(inner) }, actions: ['*'] }];
          const line = { acl, request: { account: 'a', name, labels: given, actions: ['pull'] } };
          return evaluate(JSON.stringify(line)).includes('pull');
        };
        const together = { acl: [{ match: { name: around(inner) }, actions: ['*'] }] };
        const both = evaluate(
          JSON.stringify({
            ...together,
            request: { account: 'a', name, labels: { x: [x, x2], y: [y] }, actions: ['pull'] },
          }),
        ).includes('pull');
        return both === (decideWith(x, [y]) || decideWith(x2, [y]));
      });
      fc.assert(property, { numRuns: 3_000 });
    });
  }
});

test('what is left out could not have fitted', () => {
  const setting: Setting = {
    ...{ pattern: '${labels:x}/*', texts: ['/*'], isExpression: false, mayBecomeExpression: false, raw: false },
    limit: 2,
  };
  const choice: Choice = { written: '${labels:x}', values: ['a', 'b', 'c', 'd'] };
  const tried: (string | undefined)[] = [];
  someChoice([choice], setting, 'b/x', (chosen) => tried.push(chosen.get('${labels:x}')) < 0);
  assert.deepEqual(tried, ['b']);
  assert.throws(() => someChoice([choice], { ...setting, texts: ['[a]'] }, 'b/x', () => false), /4 combinations/);
});
