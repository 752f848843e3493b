/** docs/policy.md teaches by examples: each of them loads without a warning and decides as its cases say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { parseCases, runCase } from '../../src/policy/cases.ts';
import { warningsOf } from '../../src/policy/check.ts';
import { formatExplanation } from '../../src/policy/explain.ts';

const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^### (.+?)$([\s\S]*?)(?=^##)/gm)].map(([, title = '', body = '']) => ({
  title,
  policies: blocks(body, 'policy.yml'),
  cases: blocks(body, 'cases.yml'),
}));

function blocks(text: string, name: string): string[] {
  return [...text.matchAll(/^```yaml (\S+)\n([\s\S]*?)^```$/gm)].flatMap(([, kind, block = '']) =>
    kind === name ? block : [],
  );
}

test('there are ten examples, each with one policy and its cases', () => {
  assert.deepEqual(
    examples.map(({ policies, cases }) => [policies.length, cases.length]),
    Array(10).fill([1, 1]),
  );
});

for (const { title, policies, cases } of examples) {
  test(title, () => {
    const policy = parsePolicy(policies.join(), 'policy.yml');
    assert.deepEqual(warningsOf(policy), []);
    const found = parseCases(cases.join(), 'cases.yml');
    assert.ok(found.length >= 2);
    for (const one of found) {
      const { passed, explanation } = runCase(policy, one);
      assert.ok(passed, formatExplanation(explanation, 'policy.yml'));
    }
  });
}
