/** Each field of `match`: it can be written, given by a test case and by `policy eval`, explained and previewed, and is documented. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { parseCases, runCase } from '../../src/policy/cases.ts';
import { effectivePermissionsOf } from '../../src/policy/effective-permissions.ts';
import { createEvaluator } from '../../src/policy/eval.ts';
import { formatExplanation } from '../../src/policy/explain.ts';
import { type MatchFieldName, matchFieldNames } from '../../src/policy/match-fields.ts';
import { identityOf } from '../../src/policy/named-account.ts';
import { candidateRulesOf } from '../../src/web/access-view.ts';

type Example = {
  /** In YAML and in JSON. */
  readonly match: string;
  /** What a case and a request need so that it matches; `name` and `type` are in the scope. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly request?: Readonly<Record<string, unknown>>;
  /** What the explanation says where it does not match. */
  readonly mismatch: string;
  /** What the preview of a person's rules says: why it applies, or what it still requires. */
  readonly preview: string;
};

const examples: Readonly<Record<MatchFieldName, Example>> = {
  kind: {
    match: '"ci"',
    given: { kind: 'ci' },
    mismatch: 'kind "ci" does not match "person"',
    preview: 'every CI job',
  },
  domain: {
    match: '"*.test"',
    given: { domain: 'a.test' },
    mismatch: 'domain "*.test" does not match "example.com"',
    preview: 'domain is *.test',
  },
  account: {
    match: '"bo@*"',
    given: { who: 'bo@example.com' },
    request: { account: 'bo@example.com' },
    mismatch: 'account "bo@*" does not match "ana@example.com"',
    preview: 'the user name matches bo@*',
  },
  type: {
    match: '"registry"',
    given: { scope: 'registry:catalog:*', expect: '*' },
    request: { type: 'registry', name: 'catalog', actions: ['*'] },
    mismatch: 'type "registry" does not match "repository"',
    preview: 'the list of all repositories',
  },
  name: {
    match: '"b/*"',
    given: { scope: 'repository:b/x:pull' },
    request: { name: 'b/x' },
    mismatch: 'name "b/*" does not match "a/x"',
    preview: 'b/*',
  },
  service: {
    match: '"prod"',
    given: { service: 'prod' },
    mismatch: 'service "prod" does not match ""',
    preview: 'only at prod',
  },
  group: {
    match: '"google:dev"',
    given: { groups: ['google:dev'] },
    mismatch: 'in no group "google:dev"',
    preview: 'in google:dev (from the provider)',
  },
  ip: {
    match: '"10.0.0.0/8"',
    given: { ip: '10.1.2.3' },
    mismatch: 'ip "10.0.0.0/8" does not contain an unknown address',
    preview: 'only from 10.0.0.0/8',
  },
  labels: {
    match: '{"team": "web"}',
    given: { labels: { team: ['web'] } },
    mismatch: 'labels.team "web": there is none',
    preview: 'label team is web',
  },
};

const base = { who: 'ana@example.com', scope: 'repository:a/x:pull', expect: 'pull' };
const baseRequest = { account: 'ana@example.com', type: 'repository', name: 'a/x', actions: ['pull'] };

test('a domain is written in any form, and compared in its ASCII form', () => {
  const forms = ['bücher.example', 'BÜCHER.example.', 'xn--bcher-kva.example', '*.example', '/^xn--bcher-kva/'];
  for (const form of forms) {
    const policy = parsePolicy(
      `groups: {g: ["domain:Bücher.example"]}\nacl: [{match: {domain: "${form}", group: g}, actions: ["*"]}]`,
      'policy.yml',
    );
    for (const domain of ['xn--bcher-kva.example', 'Bücher.example']) {
      const cases = parseCases(
        JSON.stringify([
          { ...base, who: `ana@${domain}` },
          { ...base, domain },
        ]),
        'cases.yml',
      );
      assert.deepEqual(
        cases.map((one) => runCase(policy, one).passed),
        [true, true],
        `${form} ${domain}`,
      );
    }
  }
});

for (const name of matchFieldNames) {
  const { match, given, request = given, mismatch, preview } = examples[name];
  describe(name, () => {
    const policy = parsePolicy(`acl: [{match: {${name}: ${match}}, actions: ["*"]}]`, 'policy.yml');
    const run = (one: object) => parseCases(JSON.stringify([one]), 'cases.yml').map((each) => runCase(policy, each))[0];

    test('a test case gives it', () => {
      assert.equal(run({ ...base, ...given })?.passed, true);
      assert.equal(run({ ...base, expect: 'nothing' })?.passed, true);
    });

    test('a request of policy eval gives it', () => {
      const acl = [{ match: { [name]: JSON.parse(match) }, actions: ['*'] }];
      const evaluate = createEvaluator({ dockerAuth: false });
      const answer = (asked: object) => JSON.parse(evaluate(JSON.stringify({ acl, request: asked })));
      const merged = { ...baseRequest, ...request };
      assert.deepEqual(answer(merged), { actions: merged.actions });
      assert.deepEqual(answer({ ...baseRequest, domain: 'example.com', kind: 'person' }), { nomatch: true });
    });

    test('an explanation says why it does not match', () => {
      const explanation = run({ ...base, expect: 'nothing' })?.explanation;
      assert.match(JSON.stringify(explanation), new RegExp(`"field":"${name}`));
      assert.ok(explanation && formatExplanation(explanation, 'policy.yml').includes(mismatch));
    });

    test('a preview says what it means', () => {
      const [one] = parseCases(JSON.stringify([{ ...base, ...given }]), 'cases.yml');
      assert.ok(one);
      const rules = candidateRulesOf(effectivePermissionsOf(policy, identityOf(policy.users, one.who)));
      assert.ok(JSON.stringify(rules).includes(preview), JSON.stringify(rules));
    });
  });
}

test('docs/policy.md has a row for every field', () => {
  const page = readFileSync('docs/policy.md', 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  for (const name of matchFieldNames)
    assert.ok(
      rows.some((row) => row.split('|')[1]?.includes(`\`${name}\``)),
      name,
    );
});
