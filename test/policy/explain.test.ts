/** Explanations: each step of a decision, and that they always tell what `decide` does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Limits } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { explain, formatExplanation } from '../../src/policy/explain.ts';
import { identityOf } from '../../src/policy/named-account.ts';
import { somebody } from './asking.ts';

const policy = parsePolicy(
  `
groups:
  platform: [ana@example.com]
  everyone: [platform, "domain:example.com"]
  ops: ["google:ops@example.com"]
acl:
  - {match: {account: ci, ip: 192.0.2.0/24}, actions: ["*"]}
  - {match: {group: [ops, "web*"], domain: other.org}, actions: ["*"]}
  - {match: {labels: {tier: prod}, kind: static}, actions: ["*"]}
  - {match: {group: platform, name: "team/**"}, actions: [pull, push], comment: Teams push to their own}
`,
  'policy.yml',
);
const context = { service: 'registry', address: '10.0.0.7' };
const access = { type: 'repository', name: 'team/app', actions: ['pull', 'push', 'delete'] };
const limits = { actions: ['pull'], repositories: ['team/*'] };
const ana = somebody('ana@example.com', { limits, credential: { id: 'p1', name: 'laptop' } });

test('unknown groups of the provider are named as unknown, with the time of the last report', () => {
  const toldAt = Date.UTC(2026, 10, 22, 9, 30);
  const stale = { ...ana, groupsKnown: false, groupsAt: toldAt };
  const text = formatExplanation(explain(policy, stale, access, context), 'policy.yml');
  assert.match(
    text,
    /^ {2}the provider's groups are unknown: .* last reported them at 2026-11-22T09:30:00.000Z, which/m,
  );
  const never = explain(policy, { ...stale, groupsAt: null }, access, context);
  assert.deepEqual(never.groupsUnknown, { toldAt: null, undecided: [] });
  assert.match(
    formatExplanation(never, 'policy.yml'),
    /has never reported them\. Only what every possible answer allows is granted\./,
  );
});

test('the text has groups and their origin, each rule passed over and why, the rule that decides, the narrowing', () => {
  assert.equal(
    formatExplanation(explain(policy, ana, access, context), 'policy.yml'),
    `ana@example.com (person, domain example.com) asks for repository:team/app:pull,push,delete
  at service "registry", from 10.0.0.7
groups: platform (by e-mail), everyone (through platform)
rule 1 (policy.yml:7) passed over: account "ci" does not match "ana@example.com"; ip "192.0.2.0/24" does not contain 10.0.0.7
rule 2 (policy.yml:8) passed over: domain "other.org" does not match "example.com"; in no group "ops" or "web*"
rule 3 (policy.yml:9) passed over: kind "static" does not match "person"; labels.tier "prod": there is none
rule 4 (policy.yml:10) decides: "Teams push to their own"
allowed by the policy: pull, push
narrowed by the password "laptop": only pull on team/*
granted: pull
refused: push, delete`,
  );
});

describe('what narrows a decision is said in words', () => {
  const table: readonly [limits: Limits, line: string][] = [
    [{ actions: null, repositories: null }, 'any action everywhere'],
    [{ actions: ['pull', 'push'], repositories: null }, 'only pull, push everywhere'],
    [{ actions: null, repositories: ['a', 'b/*'] }, 'any action on a, b/*'],
    [{ actions: [], repositories: [] }, 'only nothing on nothing'],
  ];
  for (const [own, line] of table) {
    test(line, () => {
      const text = formatExplanation(explain(policy, { ...ana, limits: own }, access, context), 'policy.yml');
      assert.ok(text.includes(`\nnarrowed by the password "laptop": ${line}\n`), text);
    });
  }
});

test('every label and group that a rule was compared with is shown', () => {
  const ci = somebody('ci', { labels: { tier: ['test', 'dev'] }, groups: ['a:x', 'b:y'] });
  const { passedOver } = explain(policy, ci, access, context);
  assert.deepEqual(passedOver[1]?.mismatches, [
    { field: 'domain', patterns: ['other.org'], actual: [] },
    { field: 'group', patterns: ['ops', 'web*'], actual: ['a:x', 'b:y'] },
  ]);
  assert.deepEqual(passedOver[2]?.mismatches, [{ field: 'labels.tier', patterns: ['prod'], actual: ['test', 'dev'] }]);
  assert.match(
    formatExplanation(explain(policy, ci, access, context), 'policy.yml'),
    /labels\.tier "prod" does not match "test", "dev"/,
  );
});

test('a rule without a comment, all that was asked, no registry named', () => {
  const plain = parsePolicy('acl:\n  - {match: {}, actions: ["*"]}\n', 'policy.yml');
  const identity = somebody('ana@example.com');
  assert.equal(
    formatExplanation(explain(plain, identity, access, { service: '', address: '' }), 'p.yml'),
    `ana@example.com (person, domain example.com) asks for repository:team/app:pull,push,delete
  at no registry in particular, from an unknown address
groups: none
rule 1 (p.yml:2) decides
allowed by the policy: pull, push, delete
granted: pull, push, delete`,
  );
});

test('where no rule matches the text says so', () => {
  const nobody = somebody('');
  const text = formatExplanation(explain(policy, nobody, access, { service: '', address: '' }), 'policy.yml');
  assert.match(text, /^anonymous \(anonymous\) asks for/);
  assert.match(text, /from an unknown address\ngroups: none\n/);
  assert.match(text, /domain "other\.org": there is none/);
  assert.match(text, /ip "192\.0\.2\.0\/24" does not contain an unknown address/);
  assert.match(text, /\nno rule matches, so nothing is allowed\nallowed by the policy: nothing\ngranted: nothing\n/);
});

test('without a user "" in the policy no rule applies to requests without credentials', () => {
  const open = parsePolicy('acl:\n  - match: {}\n    actions: ["*"]\n', 'policy.yml');
  const explanation = explain(open, identityOf(open.users, { account: '' }), access, { service: '', address: '' });
  assert.deepEqual(explanation.granted, []);
  assert.match(
    formatExplanation(explanation, 'policy.yml'),
    /users: has no "", so anyone who sends no credentials gets/,
  );
});

test("groups come by e-mail, domain, another group or the provider's group", () => {
  const origins = (identity: typeof ana) =>
    explain(policy, identity, access, context).groups.map(({ name, origin }) => `${name}: ${origin}`);
  assert.deepEqual(origins(somebody('bo@example.com')), ['everyone: by domain example.com']);
  assert.deepEqual(origins(somebody('x@y.z', { groups: ['google:ops@example.com'] })), [
    'google:ops@example.com: from the provider',
    'ops: via google:ops@example.com',
  ]);
  const robot = somebody('robot-ci', { kind: 'robot', groups: ['google:ops@example.com', 'builders'] });
  assert.deepEqual(origins(robot), [
    "google:ops@example.com: from the robot's record",
    "builders: from the robot's record",
    'ops: via google:ops@example.com',
  ]);
  // A static user of that name has not proved the e-mail.
  assert.deepEqual(origins({ ...somebody('ana@example.com'), kind: 'static', email: null, domain: null }), []);
});

test('an explanation always agrees with the decision', () => {
  const pattern = fc.constantFrom('a', '*', '**', '/b/', '${account}');
  const rule = fc.record({
    match: fc.record({ account: pattern, name: pattern }, { requiredKeys: [] }),
    actions: fc.constantFrom(['*'], ['pull'], []),
  });
  const who = fc.record({ account: fc.constantFrom('a', 'b', ''), pullOnly: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      who,
      fc.constantFrom('a', 'b', 'a/b'),
      (rules, { account, pullOnly }, name) => {
        const other = parsePolicy(JSON.stringify({ acl: rules }), 'policy.json');
        const identity = somebody(account, { limits: pullOnly ? { actions: ['pull'], repositories: null } : null });
        const input = { type: 'repository', name, actions: ['pull', 'push'] };
        const decision = decide(other, identity, input, context);
        const { granted, decidedBy, passedOver } = explain(other, identity, input, context);
        assert.deepEqual([granted, decidedBy?.number], [decision.granted, decision.rule?.number]);
        assert.equal(passedOver.length, decision.rule ? decision.rule.number - 1 : rules.length);
        assert.ok(passedOver.every(({ mismatches }) => mismatches.length > 0));
      },
    ),
  );
});
