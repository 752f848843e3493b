/** The policy file: what it holds, and that each mistake is named with its line, column and a hint. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PolicyError, parsePolicy, rulesFrom } from '../../src/policy/acl.ts';
import { ask } from './asking.ts';

const hash = '$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC';

test('users are those of docker_auth', () => {
  const { users } = parsePolicy(
    `
users:
  "": {}
  ci:
    password: "${hash}"
    labels: {team: [web, 12], empty: []}
acl: []
`,
    'policy.yml',
  );
  assert.deepEqual(
    [...users],
    [
      ['', { passwordHash: null, labels: {} }],
      ['ci', { passwordHash: hash, labels: { team: ['web', '12'], empty: [] } }],
    ],
  );
});

test('a user name is one name in every Unicode form, wherever it is written', () => {
  const forms = ['NFC', 'NFD'] as const;
  for (const [inUsers, inRule] of forms.flatMap((one) => forms.map((other) => [one, other] as const))) {
    const name = (form: 'NFC' | 'NFD') => 'jörg'.normalize(form);
    const text = `
users: {"${name(inUsers)}": {password: "${hash}"}}
groups: {builders: ["account:${name(inRule)}"]}
acl:
  - {match: {account: "${name(inRule)}", name: a}, actions: [pull]}
  - {match: {group: builders, name: b}, actions: [pull]}
`;
    assert.deepEqual([...parsePolicy(text, 'policy.yml').users.keys()], [name('NFC')]);
    for (const repository of ['a', 'b']) assert.equal(ask(text, { account: name('NFC'), name: repository }), 'pull');
  }
  const twice = `users: {"${'é'.normalize('NFC')}": {}, "${'é'.normalize('NFD')}": {}}\nacl: []`;
  assert.throws(() => parsePolicy(twice, 'policy.yml'), /is there twice, in two Unicode forms/);
});

test("no user can be called what Dockpass calls itself at a registry: its pulls wouldn't be counted", () => {
  assert.throws(() => parsePolicy('users: {dockpass: {}}\nacl: []', 'policy.yml'), /"dockpass" is Dockpass itself/);
});

test('a rule whose conditions are all empty would match everyone, and is an error', () => {
  for (const match of ['{account: }', '{account: , name: null}', '{<<: {ip: ~}}']) {
    const text = `acl: [{match: ${match}, actions: ["*"]}]`;
    assert.throws(
      () => parsePolicy(text, 'policy.yml'),
      /acl\[1\]\.match has no condition besides .*it would match everyone/,
    );
  }
  assert.doesNotThrow(() =>
    parsePolicy('acl: [{match: {account: , name: a}, actions: []}, {match: {}, actions: []}]', 'p'),
  );
});

test('a space that is missing after a colon is said to be', () => {
  const text = 'acl: [{match: {account:"ana"}, actions: []}]';
  assert.throws(
    () => parsePolicy(text, 'policy.yml'),
    /unknown key "account:"ana"" .*is a space missing after "account:"\?/,
  );
});

test('anchors and merges are followed, the own keys of a map win', () => {
  const { rules } = parsePolicy(
    `
acl:
  - &base {match: &all {account: "a*", name: "x"}, actions: [pull]}
  - match: {<<: *all, name: "y"}
    actions: &both [pull, push]
  - {<<: *base, actions: *both}
`,
    'policy.yml',
  );
  const shown = rules.map(({ line, actions, conditions }) => [
    line,
    actions,
    conditions.flatMap(({ patterns }) => patterns),
  ]);
  assert.deepEqual(shown, [
    [3, ['pull'], ['a*', 'x']],
    [4, ['pull', 'push'], ['a*', 'y']],
    [6, ['pull', 'push'], ['a*', 'x']],
  ]);
});

test('a map that is merged through many others keeps each of its conditions', () => {
  const merged = Array.from({ length: 30 }, (_, number) => {
    return `  - {match: &m${number} {${number === 0 ? 'account: a' : `<<: *m${number - 1}`}, type: t${number}}, actions: []}`;
  });
  const { rules } = parsePolicy(`acl:\n${merged.join('\n')}`, 'policy.yml');
  assert.deepEqual(
    rules.at(-1)?.conditions.map(({ field, patterns }) => [field, ...patterns]),
    [
      ['account', 'a'],
      ['type', 't29'],
    ],
  );
});

test('several maps are merged, the first of them before the others', () => {
  const { rules } = parsePolicy(
    `acl:
  - {match: &a {account: a, name: x}, actions: []}
  - {match: &b {account: b, type: t}, actions: []}
  - {match: {<<: [*a, *b, {service: s}]}, actions: []}`,
    'policy.yml',
  );
  assert.deepEqual(
    rules[2]?.conditions.flatMap(({ patterns }) => patterns),
    ['a', 't', 'x', 's'],
  );
});

test('an alias is the last anchor of its name before it', () => {
  const { rules } = parsePolicy(
    `acl:
  - {match: {name: &n a}, actions: []}
  - {match: {name: *n}, actions: []}
  - {match: {name: &n b}, actions: []}
  - {match: {name: *n}, actions: []}`,
    'policy.yml',
  );
  assert.deepEqual(
    rules.flatMap(({ conditions }) => conditions.flatMap(({ patterns }) => patterns)),
    ['a', 'a', 'b', 'b'],
  );
});

test('ten thousand rules that share their maps through anchors are read in one walk', () => {
  const shared = 'acl:\n  - {match: &m {account: a}, actions: &a [pull]}\n';
  const { rules } = parsePolicy(shared + '  - {match: {<<: *m, name: n}, actions: *a}\n'.repeat(10_000), 'policy.yml');
  assert.equal(rules.length, 10_001);
  assert.deepEqual(rules.at(-1)?.actions, ['pull']);
});

test('a byte order mark and the line ends of Windows are no part of the policy', () => {
  const { rules } = parsePolicy('\ufeffacl:\r\n  - match: {name: a}\r\n    actions: [pull]\r\n', 'policy.yml');
  assert.deepEqual(
    rules.map(({ line, actions, conditions }) => [line, actions, conditions[0]?.patterns]),
    [[2, ['pull'], ['a']]],
  );
});

describe('mistakes', () => {
  const table: readonly [title: string, text: string, problems: readonly (string | RegExp)[]][] = [
    ['broken YAML', 'acl: [', [/^policy\.yml:1:\d+: /]],
    [
      'tabs, without what follows from them',
      'acl:\n\t- match: {}\n\t  actions: []\n',
      [/^policy\.yml:2:1: a tab indents this line: use spaces/, /^policy\.yml:3:1: a tab indents/],
    ],
    ['depth', `acl: ${'['.repeat(20_000)}`, [/^policy\.yml:1:\d+: the YAML is nested too deeply from here$/]],
    [
      'depth in blocks',
      `acl:\n  ${'- '.repeat(20_000)}`,
      [/^policy\.yml:2:\d+: the YAML is nested too deeply from here$/],
    ],
    [
      'a merge of what is no map, which would leave a rule without its conditions',
      'acl:\n  - {match: {<<: base, name: x}, actions: []}\n  - {match: {<<: [x], name: x}, actions: []}\n  - {match: {<<: , name: x}, actions: []}',
      [2, 3, 4].map((line) => new RegExp(`^policy\\.yml:${line}:1\\d: "<<" must name a map, or a list of maps$`)),
    ],
    [
      'a map that merges itself',
      'acl: [{match: &m {<<: *m, name: x}, actions: []}]',
      ['policy.yml:1:23: "<<" must name a map, or a list of maps, and not the one it stands in'],
    ],
    [
      'tags that change what a value means',
      'acl: [{match: {name: !!binary aGVsbG8=, account: !name ana}, actions: []}]',
      ['policy.yml:1:31: acl[1].match.name must be a text', 'policy.yml:1:50: Unresolved tag: !name'],
    ],
    [
      'a key that is written in two ways',
      'acl:\n  - {match: {labels: {"1": y, 1: x}}, actions: []}',
      ['policy.yml:2:31: 1 is a second time in this map: keep one'],
    ],
    ['a duplicate key', 'acl: []\nacl: []', ['policy.yml:2:1: acl is a second time in this map: keep one']],
    [
      'a duplicate key in quotes',
      'acl: []\nusers: {"a b": {}, "a b": {}}',
      ['policy.yml:2:20: "a b" is a second time in this map: keep one'],
    ],
    [
      'duplicate keys in inner maps, between other mistakes, from top to bottom',
      'acl: [{match: {name: x, name: y}, actions: []}]\nacl: []\nusers: }',
      [
        'policy.yml:1:25: name is a second time in this map: keep one',
        'policy.yml:2:1: acl is a second time in this map: keep one',
        /^policy\.yml:3:8: this does not belong here/,
      ],
    ],
    ['nothing', '', [/^policy\.yml:1:1: acl is missing/]],
    ['no acl', 'users: {}', [/^policy\.yml:1:1: acl is missing/]],
    ['a key of the file', 'acls: []', ['policy.yml:1:1: unknown key "acls" in the file; did you mean "acl"?']],
    ['a whole docker_auth file', 'token: {}\nacl: []', [/^policy\.yml:1:1: .*dockpass import docker-auth/]],
    [
      'a key of a rule',
      'acl: [{match: {}, actions: [], coment: x}]',
      ['policy.yml:1:32: unknown key "coment" in acl[1]; did you mean "comment"?'],
    ],
    [
      'a key of match',
      'acl:\n  - match:\n      acount: x\n    actions: []',
      ['policy.yml:3:7: unknown key "acount" in acl[1].match; did you mean "account"?'],
    ],
    [
      'a key in the wrong case',
      'acl: [{match: {Account: x}, actions: []}]',
      ['policy.yml:1:16: unknown key "Account" in acl[1].match; did you mean "account"?'],
    ],
    [
      'a key like no other',
      'acl: [{match: {team: x}, actions: []}]',
      ['policy.yml:1:16: unknown key "team" in acl[1].match'],
    ],
    ['no match', 'acl:\n  - actions: [pull]', [/^policy\.yml:2:5: acl\[1\]: match is missing/]],
    ['an empty match', 'acl:\n  - match:\n    actions: [pull]', [/^policy\.yml:2:5: acl\[1\]: match is missing/]],
    ['no actions', 'acl: [{match: {}}]', [/^policy\.yml:1:7: acl\[1\]: actions is missing/]],
    [
      'actions that are no list',
      'acl: [{match: {}, actions: pull}]',
      ['policy.yml:1:28: acl[1].actions must be a list'],
    ],
    [
      'a match that is no map',
      'acl: [{match: [], actions: []}]',
      ['policy.yml:1:15: acl[1].match must be a map (key: value)'],
    ],
    [
      'a pattern that is no text',
      'acl: [{match: {name: [a]}, actions: []}]',
      ['policy.yml:1:22: acl[1].match.name must be a text'],
    ],
    [
      'a glob',
      'acl: [{match: {name: "a["}, actions: []}]',
      ['policy.yml:1:22: match.name "a[" is malformed: "[" has no "]"'],
    ],
    [
      'an expression',
      'acl: [{match: {name: "/a(/"}, actions: []}]',
      [/^policy\.yml:1:22: match\.name "\/a\(\/" is malformed: .*missing closing \).*RE2/],
    ],
    [
      'a label pattern',
      'acl: [{match: {labels: {a: "[", b: }}, actions: []}]',
      [/^policy\.yml:1:28: match\.labels\.a "\[" is malformed/, /^policy\.yml:1:33: match\.labels\.b is empty/],
    ],
    [
      'an address',
      'acl: [{match: {ip: 10.0.0.*}, actions: []}]',
      [/^policy\.yml:1:20: match\.ip: "10\.0\.0\.\*" is neither/],
    ],
    ['a prefix that is too long', 'acl: [{match: {ip: 10.0.0.1/33}, actions: []}]', [/^policy\.yml:1:20: match\.ip/]],
    [
      'a kind',
      'acl: [{match: {kind: persons}, actions: []}]',
      [/^policy\.yml:1:22: kind "persons" is none of .*did you mean "person"\?/],
    ],
    ['raw', 'acl: [{match: {}, actions: [], raw: yes}]', ['policy.yml:1:37: acl[1].raw must be true or false']],
    [
      'a password in clear',
      'users: {ci: {password: secret}}\nacl: []',
      [/^policy\.yml:1:24: users\.ci\.password must be a bcrypt hash/],
    ],
    ...['$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00', '{SHA}ypo2KFDoTy4C2wxPXMcZyIMDRUw='].map(
      (old): [string, string, (string | RegExp)[]] => [
        `a line of htpasswd without bcrypt: ${old}`,
        `users: {ci: {password: "${old}"}}\nacl: []`,
        [
          /users\.ci\.password must be a bcrypt hash .*the older \$apr1\$ and \{SHA\}.*make one with "htpasswd -nB NAME"/,
        ],
      ],
    ),
    ['an empty user', 'users: {ci: }\nacl: []', [/^policy\.yml:1:9: users\."ci" is empty/]],
    [
      'an empty password',
      'users: {ci: {password: }}\nacl: []',
      [/^policy\.yml:1:14: users\."ci"\.password is empty; leave it out/],
    ],
    [
      'a member that is nothing',
      'groups: {web: [ann]}\nacl: []',
      [/^policy\.yml:1:16: "ann" isn't a group of this file/],
    ],
    [
      'a group that is not there',
      'groups: {backend: ["group:backedn", a@b]}\nacl: []',
      [/^policy\.yml:1:20: "group:backedn" .*did you mean "backend"\?/],
    ],
    [
      'groups in a loop',
      'groups:\n  a: [b]\n  b: [c]\n  c: [a]\nacl: []',
      ['policy.yml:2:3: the group holds itself: a -> b -> c -> a'],
    ],
    [
      'the place of a loop',
      'groups:\n  x: []\n  a: [b]\n  b: [a]\nacl: []',
      [/^policy\.yml:3:3: the group holds itself: a -> b -> a$/],
    ],
    [
      'the place of a second label',
      'acl: [{match: {labels: {a: x, b: "["}}, actions: []}]',
      [/^policy\.yml:1:34: match\.labels\.b "\[" is malformed/],
    ],
    [
      'a list among actions',
      'acl: [{match: {}, actions: [[pull]]}]',
      ['policy.yml:1:29: acl[1].actions[1] must be a text'],
    ],
    ['something before a hash', `users: {ci: {password: "x${hash}"}}\nacl: []`, [/must be a bcrypt hash/]],
    ['something after a hash', `users: {ci: {password: "${hash}x"}}\nacl: []`, [/must be a bcrypt hash/]],
    [
      'a password that is no text',
      'users: {ci: {password: [x]}}\nacl: []',
      [/^policy\.yml:1:24: users\.ci\.password must be a text$/],
    ],
    [
      'a member that is no text',
      'groups: {web: [[x]]}\nacl: []',
      [/^policy\.yml:1:16: groups\.web\[1\] must be a text$/],
    ],
    [
      'all kinds are named',
      'acl: [{match: {kind: x}, actions: []}]',
      [/kind "x" is none of person, static, robot, ci, anonymous$/],
    ],
    ['an alias of nothing', 'acl: *x', [/^policy\.yml:1:6: .*alias/]],
  ];
  for (const [title, text, problems] of table) {
    test(title, () => {
      assert.throws(
        () => parsePolicy(text, 'policy.yml'),
        (error) => {
          assert.ok(error instanceof PolicyError);
          const lines = error.message.split('\n');
          assert.equal(lines.length, problems.length, error.message);
          for (const [index, expected] of problems.entries()) {
            if (typeof expected === 'string') assert.equal(lines[index], expected);
            else assert.match(lines[index] ?? '', expected);
          }
          return true;
        },
      );
    });
  }
});

for (const section of ['server', 'token', 'google_auth', 'oidc_auth', 'github_auth', 'ldap_auth', 'ext_auth']) {
  test(`a file with "${section}" is one for the importer`, () => {
    assert.throws(() => parsePolicy(`acl: []\n${section}: {}`, 'policy.yml'), {
      name: 'PolicyError',
      message: `policy.yml:2:1: "${section}" is a section of docker_auth: run "dockpass import docker-auth" on this file`,
    });
  });
}

describe('values that are parsed already are read as strictly', () => {
  const rule = (match: unknown) => ({ acl: [{ match, actions: [] }] });
  const table: readonly [values: unknown, problem: string][] = [
    [{ acl: 'x' }, 'acl must be a list'],
    [{ acl: {} }, 'acl must be a list'],
    [{ acl: [5] }, 'acl[1] must be a map (key: value)'],
    [rule('x'), 'acl[1].match must be a map (key: value)'],
    [rule(['x']), 'acl[1].match must be a map (key: value)'],
    [rule({ name: ['a'] }), 'acl[1].match.name must be a text'],
    [rule({ name: {} }), 'acl[1].match.name must be a text'],
    [{ acl: [null] }, 'acl[1] is empty'],
    [[], 'the file must be a map (key: value)'],
  ];
  for (const [values, problem] of table) {
    test(problem, () => {
      assert.throws(
        () => rulesFrom(values, 'acl'),
        ({ problems }: PolicyError) => {
          assert.equal(problems[0]?.message, problem);
          return true;
        },
      );
    });
  }

  test('numbers and booleans are their text', () => {
    const rules = rulesFrom(rule({ account: 5, name: true }), 'acl');
    assert.deepEqual(
      rules[0]?.conditions.map(({ patterns }) => patterns),
      [['5'], ['true']],
    );
  });
});

test('every kind can be asked for', () => {
  const kinds = ['person', 'static', 'robot', 'ci', 'anonymous'];
  const { rules } = parsePolicy(`acl: [{match: {kind: [${kinds}]}, actions: []}]`, 'policy.yml');
  assert.deepEqual(rules[0]?.conditions[0]?.patterns, kinds);
});

test('raw: false takes the value of a label as text, as without it', () => {
  const rule = (raw: string) => `acl: [{match: {name: "\${labels:l}"}, actions: ["*"], raw: ${raw}}]`;
  const asking = { name: 'ab', also: { labels: { l: ['a*'] } } };
  assert.deepEqual([ask(rule('false'), asking), ask(rule('true'), asking)], ['', 'pull,push']);
});

test('what is allowed and probably not meant is a warning', () => {
  const { warnings } = parsePolicy(
    'users: {guest: {}}\nacl: [{match: {account: , name: a}, actions: []}]',
    'policy.yml',
  );
  assert.deepEqual(
    warnings.map(({ line, column, severity, message }) => `${line}:${column} ${severity} ${message}`),
    [
      '1:9 warning anyone can log in as "guest": it has no password',
      "2:16 warning match.account is empty, so it isn't a condition",
    ],
  );
});

test('a user who is called like a robot or a workload is a warning', () => {
  const { warnings } = parsePolicy('users: {robot-x: {}, "ci:y": {}, robots: {}}\nacl: []', 'policy.yml');
  assert.deepEqual(
    warnings.map(({ message }) => message).filter((message) => message.includes('called like')),
    [
      'the user "robot-x" is called like a robot: a rule with this account also matches a robot of this name',
      'the user "ci:y" is called like a workload: a rule with this account also matches a workload of this name',
    ],
  );
});
