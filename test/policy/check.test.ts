/** Warnings about a policy that loads: what can never decide, what nothing defines, what stands for nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { warningsOf } from '../../src/policy/check.ts';
import { decide } from '../../src/policy/decide.ts';
import { findShadowedRules } from '../../src/policy/shadowed-rules.ts';
import { somebody } from './asking.ts';

function warnings(acl: string, groups = '{}'): string[] {
  return warningsOf(parsePolicy(`groups: ${groups}\nacl: ${acl}`, 'policy.yml')).map(({ message }) => message);
}

test('the one rule among 10,000 that an earlier one leaves nothing is found, whatever they look at', () => {
  const kinds: readonly ((index: number) => string)[] = [
    (index) => `{ip: 10.${index >> 8}.${index & 255}.0/24}`,
    (index) => `{name: "*a${index}*/**"}`,
    (index) => `{name: "a${index}-*"}`,
    (index) => `{account: u${index}, name: "\${account}/*"}`,
    (index) => `{labels: {team: a${index}}}`,
  ];
  for (const match of kinds) {
    const matches = [...Array.from({ length: 10_000 }, (_, index) => match(index)), match(7)];
    const { rules } = parsePolicy(
      `acl: [${matches.map((one) => `{match: ${one}, actions: []}`).join(', ')}]`,
      'policy.yml',
    );
    assert.deepEqual(
      [...findShadowedRules(rules)].map(([rule, cover]) => [rule.number, cover.number]),
      [[10_001, 8]],
    );
  }
});

describe('a rule that an earlier one leaves nothing', () => {
  const table: readonly [earlier: string, later: string, unreachable: boolean][] = [
    ['{}', '{account: a}', true],
    ['{account: a}', '{}', false],
    ['{account: a}', '{account: a, name: x}', true],
    ['{account: a, name: x}', '{account: a}', false],
    ['{name: "**"}', '{account: a}', true],
    ['{name: "/.*/"}', '{account: a}', true],
    ['{name: "/^/"}', '{account: a}', true],
    ['{name: "/$/"}', '{account: a}', true],
    ['{name: "**", account: a}', '{account: a}', true],
    ['{name: "*"}', '{account: a}', false],
    ['{name: "**"}', '{}', true],
    ['{group: "**"}', '{}', false],
    ['{name: "/a/"}', '{name: "/a/", account: b}', true],
    ['{name: "/a/"}', '{name: "/b/"}', false],
    ['{account: "/a/"}', '{account: xax, name: b}', true],
    ['{account: "/a/", name: "/b/"}', '{account: xax, name: "/b/"}', true],
    ['{name: "/a*/"}', '{name: "/a*"}', false],
    ['{name: "t*m/**"}', '{name: "t*m/a*"}', false],
    ['{name: "t*m/**"}', '{name: "m/a*"}', false],
    ['{name: "a/**/b"}', '{name: "a/x*"}', false],
    ['{name: "*"}', '{name: "${account}"}', false],
    ['{name: "*/*/*"}', '{name: "/a/"}', false],
    ['{name: "/**"}', '{name: "/a/"}', false],
    ['{name: "/a|${account}/"}', '{name: a}', false],
    ['{name: "team/*"}', '{name: "team/x/**"}', false],
    ['{name: "team/**"}', '{name: "team/[^a]"}', true],
    ['{name: "team/**"}', '{name: "x-team/*"}', false],
    ['{name: "team/*"}', '{name: "te*"}', false],
    ['{domain: "**"}', '{domain: "a/b"}', true],
    ['{group: "google:*"}', '{group: "google:dev"}', true],
    ['{group: "google:*"}', '{group: "google:dev@example.com"}', false],
    ['{group: "google:*"}', '{group: "google:dev-*@example.com"}', false],
    ['{group: "google:*@example.com"}', '{group: "google:dev@example.com"}', true],
    ['{ip: 10.0.0.0/8}', '{ip: 10.0.0.0/8}', true],
    ['{ip: 10.0.0.0/8}', '{ip: 11.0.0.0/16}', false],
    ['{ip: 10.0.0.0/16}', '{ip: 10.0.0.0/15}', false],
    ['{ip: "2001:db8::/32"}', '{ip: "2001:db8:1::1"}', true],
    ['{domain: "**"}', '{account: a}', false],
    ['{name: "team/**"}', '{name: "team/x/*"}', true],
    ['{name: "team/**"}', '{name: "teams/*"}', false],
    ['{name: "team/*"}', '{name: "team/x-*"}', true],
    ['{name: "team/*"}', '{name: "team/x/*"}', false],
    ['{name: "team/*"}', '{name: "team/**"}', false],
    ['{name: "team/*"}', '{name: "team/[^a]"}', false],
    ['{name: "team/*"}', '{name: "team/x"}', true],
    ['{name: "/^team/"}', '{name: "team/x"}', true],
    ['{name: "team/x"}', '{name: "/^team/"}', false],
    ['{account: "/.+/"}', '{account: a}', true],
    ['{account: "/.+/"}', '{account: ""}', false],
    ['{account: "/.+/"}', '{account: "*@a.org"}', true],
    ['{account: "/^.+$/"}', '{account: "/^(.+)@a\\\\.org$/", name: a}', true],
    ['{account: "/.+/"}', '{account: "/^ci-/"}', true],
    ['{account: "/.+/", name: b}', '{account: "/^ci-/"}', false],
    ['{account: "/.+/"}', '{account: "/ci/"}', false],
    ['{account: "/.+/"}', '{account: "/^a|/"}', false],
    ['{account: "/.+/"}', '{account: "*"}', false],
    ['{account: "/.+/"}', '{account: "[^a]"}', false],
    ['{account: "/.+/"}', '{account: "?"}', false],
    ['{account: "/.+/"}', '{account: "${name}x"}', false],
    ['{account: "/.+/"}', '{name: a}', false],
    ['{account: "/^a/"}', '{account: "a*"}', false],
    ['{name: "${account}/*"}', '{name: "${account}/*", type: repository}', true],
    ['{account: "/(.)/", name: "${account:1}"}', '{account: "/(.)/", name: "${account:1}"}', false],
    ['{group: [a, b]}', '{group: b}', true],
    ['{group: "/a/"}', '{group: "/a/"}', true],
    ['{domain: "/a/"}', '{domain: "/a/", name: "a*"}', true],
    ['{group: a}', '{group: [a, b]}', false],
    ['{domain: "X.*"}', '{domain: x.com}', true],
    ['{domain: "/X/"}', '{domain: X.com}', false],
    ['{ip: 10.0.0.0/8}', '{ip: 10.1.0.0/16}', true],
    ['{ip: 10.0.0.0/8}', '{ip: 10.0.0.9}', true],
    ['{ip: 10.1.0.0/16}', '{ip: 10.0.0.0/8}', false],
    ['{ip: 10.0.0.0/8}', '{ip: "::/0"}', false],
    ['{labels: {a: "*"}}', '{labels: {a: x, b: y}}', true],
    ['{labels: {a: "*"}}', '{labels: {b: x}}', false],
  ];
  for (const [earlier, later, unreachable] of table) {
    test(`${later} after ${earlier}: ${unreachable ? 'never' : 'can decide'}`, () => {
      const acl = `[{match: ${earlier}, actions: []}, {match: ${later}, actions: []}]`;
      const found = warnings(acl, '{a: [], b: []}').filter((message) => message.includes('can never decide'));
      assert.equal(found.length, unreachable ? 1 : 0);
    });
  }

  test('never decides, whatever is asked', () => {
    const globs = ['a', 'a*', '*', '**', 'a/*', 'a/**', '[ab]', 'a/[^b]', '?', '?*'];
    const pattern = fc.constantFrom(...globs, '/a/', '/.*/', '/.+/', '/^a|^$/', '/^a/', '/^\\n*$/', '${account}');
    const match = fc.record({ account: pattern, name: pattern }, { requiredKeys: [] });
    const account = fc.constantFrom('', 'a', 'ab', 'b', 'a/b', '\n');
    const name = fc.constantFrom('a', 'b', 'ab', 'a/b', 'a/b/c', 'a//');
    fc.assert(
      fc.property(fc.array(match, { maxLength: 4 }), account, name, (matches, who, what) => {
        const acl = matches.map((written) => ({ match: written, actions: ['*'] }));
        const policy = parsePolicy(JSON.stringify({ acl }), 'policy.json');
        const access = { type: 'repository', name: what, actions: ['pull'] };
        const { rule } = decide(policy, somebody(who), access, { service: '', address: '' });
        const never = warningsOf(policy).filter(({ message }) => message.startsWith(`rule ${rule?.number} can never`));
        assert.deepEqual(never, []);
      }),
      { numRuns: 500 },
    );
  });
});

test('the first of several rules that leave it nothing is named, wherever it is', () => {
  const shadowed = (acl: string) =>
    warnings(acl, '{a: []}').flatMap(
      (message) => /rule (\d) can never decide: .* rule (\d) \(line/.exec(message)?.slice(1).join() ?? [],
    );
  const rules = (...matches: string[]) => `[${matches.map((match) => `{match: ${match}, actions: []}`).join(', ')}]`;
  assert.deepEqual(shadowed(rules('{account: x}', '{name: "a/**"}', '{type: t}', '{name: a/b, type: t}')), ['4,2']);
  assert.deepEqual(shadowed(rules('{type: t}', '{name: "a/**"}', '{name: a/b, type: t}')), ['3,1']);
  assert.deepEqual(shadowed(rules('{name: "/b/"}', '{name: "a/**"}', '{type: t}', '{name: a/b, type: t}')), ['4,1']);
  assert.deepEqual(shadowed(rules('{}', '{}', '{}')), ['2,1', '3,1']);
});

test('ten thousand rules are searched as one would be: the same covers are found', () => {
  const pattern = fc.constantFrom(
    'a',
    'a/*',
    'a/b',
    '**',
    'a/**',
    '/a/',
    '/b/',
    '/.+/',
    '/^b/',
    '${account}',
    '[ab]',
    'b*',
  );
  const group = fc.oneof(fc.constantFrom('a', 'b', 'a*'), fc.subarray(['a', 'b', '/a/'], { minLength: 1 }));
  const match = fc.record({ account: pattern, name: pattern, group, domain: group }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(match, { maxLength: 8 }), (matches) => {
      const acl = matches.map((written) => ({ match: written, actions: [] }));
      const { rules } = parsePolicy(JSON.stringify({ acl }), 'policy.json');
      const covers = findShadowedRules(rules);
      for (const [index, rule] of rules.entries()) {
        const first = rules.slice(0, index).find((earlier) => findShadowedRules([earlier, rule]).has(rule));
        assert.equal(covers.get(rule)?.number, first?.number);
      }
    }),
    { numRuns: 500 },
  );
});

describe('of many rules few are looked at for each', () => {
  const table: readonly [title: string, match: (index: number) => object][] = [
    ['names of their own', (index) => ({ name: `p${index}/x` })],
    ['expressions for the name', (index) => ({ name: `/^p${index}-/` })],
    ['expressions for the account', (index) => ({ account: `/^p${index}-/` })],
    ['expressions for the name, in one group', (index) => ({ name: `/^p${index}-/`, group: 'web' })],
    ['variables in the name, in one domain', (index) => ({ name: `p${index}-\${user}`, domain: 'a.org' })],
  ];
  for (const [title, match] of table) {
    test(title, () => {
      const acl = Array.from({ length: 200 }, (_, index) => ({ match: match(index), actions: [] }));
      const { rules } = parsePolicy(JSON.stringify({ acl }), 'policy.json');
      let looks = 0;
      // Whoever looks at a rule first asks whether it stands before the other.
      const probed = rules.map((rule) => ({
        ...rule,
        get number() {
          looks += 1;
          return rule.number;
        },
      }));
      assert.equal(findShadowedRules(probed).size, 0);
      assert.ok(looks < 10 * rules.length, `${looks} looks at ${rules.length} rules`);
    });
  }
});

test('a group that nothing defines', () => {
  const acl = '[{match: {group: [backend, backedn, "web*", "google:dev@x.y", "/^kc:a/"]}, actions: []}]';
  assert.deepEqual(warnings(acl, '{backend: []}'), [
    'nothing defines the group "backedn"; did you mean "backend"?; groups of a provider are written PROVIDER:NAME',
  ]);
});

test('warnings come in the order of the file, each as one, and none for what is right', () => {
  const text = `users: {guest: {}}
groups: {devs: []}
acl:
  - match: {account: guest, name: "\${type}/\${name}/\${service}/\${domain}/\${account}", type: "t*", group: [devs]}
    actions: []
  - {match: {group: [ops], account: }, actions: []}
  - {match: {group: [dev]}, actions: []}
  - {match: {group: [ops], ip: }, actions: []}`;
  assert.deepEqual(
    warningsOf(parsePolicy(text, 'policy.yml')).map(({ line, column, severity }) => [line, column, severity]),
    [
      [1, 9, 'warning'],
      [6, 5, 'warning'],
      [6, 28, 'warning'],
      [7, 5, 'warning'],
      [8, 5, 'warning'],
      [8, 5, 'warning'],
      [8, 28, 'warning'],
    ],
  );
});

test('a placeholder that stands for nothing', () => {
  const good =
    '{account: "/^(.+)@x$/", name: "${account:1}/${user}/${labels:a}/${group}", labels: {a: "${account:1}"}, kind: ci}';
  assert.deepEqual(warnings(`[{match: ${good}, actions: []}]`), []);
  const bad = '{name: "${acount}/${account:1}/${ip}", labels: {a: "${labels:b}"}, kind: ci}';
  const found = warnings(`[{match: ${bad}, actions: []}]`);
  assert.equal(found.length, 4);
  assert.match(found[0] ?? '', /^\$\{acount\} in match\.name means nothing .*did you mean "account"\?$/);
  assert.match(found[1] ?? '', /^\$\{account:1\} .*needs match\.account to be an expression/);
  const odd = warnings('[{match: {name: "${xaccount:1}/${account:x}/${account:12}/${grup}"}, actions: []}]');
  assert.deepEqual(
    odd.map((message) => message.replace(/^(\S+) .* as it is written/, '$1')),
    [
      '${xaccount:1}; a capture needs match.xaccount to be an expression between slashes, and no variable before it in the same pattern',
      '${account:x}; did you mean "account"?',
      '${account:12}; a capture needs match.account to be an expression between slashes, and no variable before it in the same pattern',
      '${grup}; did you mean "group"?',
    ],
  );
  const bug = '{account: "/^(.+)$/", name: "${type}/${account:1}"}';
  assert.match(warnings(`[{match: ${bug}, actions: []}]`).join(), /\$\{account:1\} .*no variable before it/);
});

describe('a pattern of groups that leaves the domain open', () => {
  const table: readonly [pattern: string, isOpen: boolean][] = [
    ['google:team-*@*', true],
    ['google:team-*@*.example.com', true],
    ['*@*', true],
    ['/^google:team-.*/', true],
    ['/^google:team-.*@example/', true],
    ['google:team-*', false],
    ['google:team-*@example.com', false],
    ['google:dev@example.com', false],
    ['/^google:team-.*@example\\\\.com$/', false],
    ['keycloak:*@*', false],
  ];
  for (const [pattern, isOpen] of table) {
    test(`${pattern}: ${isOpen ? 'warned about' : 'fine'}`, () => {
      const found = warnings(`[{match: {group: "${pattern}"}, actions: [pull]}]`);
      assert.equal(
        found.some((message) => /leaves the domain open/.test(message)),
        isOpen,
        found.join(),
      );
    });
  }
});

describe('a rule that takes everything away, and whose stars can meet', () => {
  const table: readonly [rule: string, isWarned: boolean][] = [
    ['{match: {name: "private/*${account}*"}, actions: []}', true],
    ['{match: {group: ["x", "private/*${account}${user}*/x"]}, actions: []}', true],
    ['{match: {name: "private/*${account}*"}, actions: [pull]}', false],
    ['{match: {name: "private/**${account}*"}, actions: []}', false],
    ['{match: {name: "private/*${account}**"}, actions: []}', false],
    ['{match: {name: "private/*${account}"}, actions: []}', false],
    ['{match: {name: "private/*-${account}-*"}, actions: []}', false],
    ['{match: {name: "private/\\\\*${account}*"}, actions: []}', false],
    ['{match: {name: "private/*${group}*"}, actions: []}', false],
    ['{match: {name: "/^private/.*${account}*/"}, actions: []}', false],
    ['{match: {name: "private/*${labels:a}"}, actions: [], raw: true}', true],
    ['{match: {name: "private/${labels:a}*"}, actions: [], raw: true}', true],
    ['{match: {account: "/^(.*)@/", name: "private/${account:1}*"}, actions: [], raw: true}', true],
    ['{match: {name: "private/${labels:a}**"}, actions: [], raw: true}', false],
    ['{match: {name: "private/*${account}"}, actions: [], raw: true}', false],
    ['{match: {name: "private/*${labels:a}"}, actions: []}', false],
  ];
  for (const [rule, isWarned] of table) {
    test(`${rule}: ${isWarned ? 'warned about' : 'fine'}`, () => {
      const found = warnings(`[${rule}]`).filter((message) => message.includes("doesn't cross slashes"));
      assert.equal(found.length, isWarned ? 1 : 0);
    });
  }

  test('what is warned about is granted by the next rule, and denied once it is written with two stars', () => {
    const granted = (pattern: string) => {
      const acl = [
        { match: { name: pattern }, actions: [] },
        { match: {}, actions: ['pull'] },
      ];
      const policy = parsePolicy(JSON.stringify({ acl }), 'policy.json');
      const access = { type: 'repository', name: 'private/a/b', actions: ['pull'] };
      return decide(policy, somebody(''), access, { service: '', address: '' }).granted;
    };
    assert.deepEqual(granted('private/*${account}*'), ['pull']);
    assert.deepEqual(granted('private/**${account}**'), []);
  });
});

test('where several domains can sign in, what only says the part before the @ needs a domain', () => {
  const policy = parsePolicy(
    [
      'acl:',
      '  - {match: {kind: person, name: "people/${user}/**"}, actions: ["*"]}',
      '  - {match: {domain: example.com, name: "home/${user}/**"}, actions: ["*"]}',
      '  - {match: {account: "bo@*", name: a}, actions: [pull]}',
      '  - {match: {account: "bo@example.com", name: b}, actions: [pull]}',
      '  - {match: {account: "/^(.+)@/", name: "x/${account:1}"}, actions: [pull]}',
    ].join('\n'),
    'p',
  );
  const about = (severalDomains: boolean) =>
    warningsOf(policy, { severalDomains }).flatMap(({ line, message }) =>
      message.includes('add match.domain') ? [`${line}: ${message.split(' ')[0]}`] : [],
    );
  assert.deepEqual(about(true), ['2: ${user}', '4: bo@*', '6: ${account:1}']);
  assert.deepEqual(about(false), []);
});
