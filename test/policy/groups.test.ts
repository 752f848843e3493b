/** Groups of the policy file: who is in them, by what, and which files are refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { groupsOf, membersOf } from '../../src/policy/groups.ts';
import { somebody } from './asking.ts';

/** "name (origin)" of each group, in the order of the list. */
function groupsIn(yaml: string, identity: Identity): string[] {
  const { groups } = parsePolicy(`groups: ${yaml}\nacl: []`, 'policy.yml');
  return groupsOf(groups, identity).map(({ name, origin }) => `${name} (${origin})`);
}

const hash = '$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC';
const ana = somebody('ana@example.com');
const asciiAna = somebody('ana@xn--bcher-kva.example');

describe('someone is in a group', () => {
  const table: readonly [title: string, yaml: string, identity: Identity, groups: readonly string[]][] = [
    ['by e-mail, however it is written', '{a: [ANA@Example.com]}', ana, ['a (by e-mail)']],
    ['not by another e-mail', '{a: [xana@example.com, ana@example.com.org, "ana@example.co"]}', ana, []],
    [
      'by domain, in its ASCII form',
      '{a: ["domain:Bücher.example."]}',
      { ...ana, domain: 'xn--bcher-kva.example' },
      ['a (by domain xn--bcher-kva.example)'],
    ],
    ['by e-mail, with its domain in either form', '{a: [ana@Bücher.example]}', asciiAna, ['a (by e-mail)']],
    [
      'so too where the file has the other',
      `{a: [${asciiAna.account}]}`,
      somebody('ana@bücher.example'),
      ['a (by e-mail)'],
    ],
    ['by domain, however it is written', '{a: ["domain:Example.COM"]}', ana, ['a (by domain example.com)']],
    [
      'not by the domain of an e-mail that nobody verified',
      '{a: ["domain:example.com"]}',
      { ...ana, domain: null },
      [],
    ],
    ['by the name of a user', '{a: ["account:ci"]}', somebody('ci'), ['a (by account ci)']],
    ['not by the name of a user in another case', '{a: ["account:CI"]}', somebody('ci'), []],
    ['never as anonymous', '{a: ["account: "]}', { ...somebody(''), account: ' ' }, []],
    [
      "by a group of the provider's",
      '{a: ["google:dev@example.com"]}',
      somebody('x@y.z', { groups: ['google:dev@example.com'] }),
      ['google:dev@example.com (from the provider)', 'a (via google:dev@example.com)'],
    ],
    [
      'once, as the provider tells it, where the file says so too',
      '{a: [x@y.z], b: [a]}',
      somebody('x@y.z', { groups: ['a'] }),
      ['a (from the provider)', 'b (through a)'],
    ],
    ['through another group, by its name', '{a: [ana@example.com], b: [a]}', ana, ['a (by e-mail)', 'b (through a)']],
    ['or by its name after group:', '{a: [ana@example.com], b: ["group:a"]}', ana, ['a (by e-mail)', 'b (through a)']],
    [
      'through groups in groups',
      '{c: [b], b: [a], a: [ana@example.com]}',
      ana,
      ['a (by e-mail)', 'b (through a)', 'c (through b)'],
    ],
    [
      'once, by the first way, where several lead there',
      '{a: [ana@example.com], b: [a], c: [a], d: [c, b]}',
      ana,
      ['a (by e-mail)', 'b (through a)', 'c (through a)', 'd (through b)'],
    ],
    ['by e-mail rather than by domain', '{a: ["domain:example.com", ana@example.com]}', ana, ['a (by e-mail)']],
    [
      'a domain is no group of the same name',
      '{example.com: [bo@x.y], a: ["domain:example.com"]}',
      ana,
      ['a (by domain example.com)'],
    ],
    ['an empty group has nobody', '{a: [], b: }', ana, []],
  ];
  for (const [title, yaml, identity, groups] of table) {
    test(title, () => assert.deepEqual(groupsIn(yaml, identity), groups));
  }

  test("a group that a provider calls as one of the file does not lead into the file's groups", () => {
    assert.deepEqual(groupsIn('{a: [bo@x.y], b: [a]}', somebody('x@y.z', { groups: ['a'] })), [
      'a (from the provider)',
    ]);
  });
});

describe('the members of a group', () => {
  const table: readonly [title: string, yaml: string, group: string, members: readonly string[]][] = [
    [
      'of every kind, as they are compared',
      '{a: [Ana@Example.com, "domain:Example.com", "account:CI bot", "google:dev@example.com"]}',
      'a',
      ['email ana@example.com', 'domain example.com', 'account CI bot', 'group google:dev@example.com'],
    ],
    [
      'those of the groups in it too, each once',
      '{c: [b, d], b: [a], d: [a, bo@x.y], a: [ana@example.com, bo@x.y]}',
      'c',
      ['email bo@x.y', 'email ana@example.com'],
    ],
    ['whoever is in another group too', '{a: [ana@example.com], b: [ana@example.com]}', 'a', ['email ana@example.com']],
    ['none that only a group above it has', '{a: [ana@example.com], b: [a, bo@x.y]}', 'a', ['email ana@example.com']],
    ['nobody where the file has no such group', '{a: [ana@example.com]}', 'b', []],
  ];
  for (const [title, yaml, group, members] of table) {
    test(title, () => {
      const { groups } = parsePolicy(`groups: ${yaml}\nacl: []`, 'policy.yml');
      assert.deepEqual(
        membersOf(groups, group).map(({ kind, value }) => `${kind} ${value}`),
        members,
      );
    });
  }
});

test('groups in groups cost no more than there are, however many ways lead up and however long they are', () => {
  const levels = Array.from({ length: 60 }, (_, level) => {
    const below = level === 0 ? ['ana@example.com'] : [`left${level - 1}`, `right${level - 1}`];
    return { [`left${level}`]: below, [`right${level}`]: below };
  });
  const chain = Array.from({ length: 12_000 }, (_, level) => [
    `g${level}`,
    [level === 0 ? 'ana@example.com' : `g${level - 1}`],
  ]);
  assert.equal(groupsIn(JSON.stringify(Object.assign({}, ...levels)), ana).length, 120);
  assert.equal(groupsIn(JSON.stringify(Object.fromEntries(chain)), ana).at(-1), 'g11999 (through g11998)');
});

test('a large group in many groups is listed once', () => {
  const large = Array.from({ length: 20_000 }, (_, number) => `person${number}@example.com`);
  const above = Array.from({ length: 2_000 }, (_, number) => [`above${number}`, ['large']]);
  const found = groupsIn(JSON.stringify({ large, ...Object.fromEntries(above) }), somebody('person7@example.com'));
  assert.equal(found.length, 2_001);
});

describe('a member that is no one is a warning: the file still loads', () => {
  const said = (member: string) =>
    parsePolicy(
      `users: {ci: {password: "${hash}"}}\ngroups: {team: [], a: [${member}]}\nacl: []`,
      'policy.yml',
    ).warnings.map(({ line, column, message }) => `${line}:${column} ${message}`);
  const table: readonly [member: string, why: string][] = [
    ['"domain:*.partner.example"', 'members aren\'t patterns; write match.domain: "*.partner.example" in the rule'],
    [
      '"google:ext-*@example.com"',
      'members aren\'t patterns; write match.group: "google:ext-*@example.com" in the rule',
    ],
    [
      '"google:ext[12]@example.com"',
      'members aren\'t patterns; write match.group: "google:ext[12]@example.com" in the rule',
    ],
    ['"keycloak:/^ext/"', 'members aren\'t patterns; write match.group: "keycloak:/^ext/" in the rule'],
    ['"*@partner.example"', 'members aren\'t patterns; write match.account: "*@partner.example" in the rule'],
    ['"/@partner.example/"', 'members aren\'t patterns; write match.account: "/@partner.example/" in the rule'],
    ['"account:robot-*"', 'members aren\'t patterns; write match.account: "robot-*" in the rule'],
    ['"domain:${domain}"', 'members aren\'t patterns; write match.domain: "${domain}" in the rule'],
    ['"account:nina"', 'no user of this file is called that; people are called by their e-mail, robots robot-NAME'],
    ['"account:Ana@example.com"', 'e-mails are compared in lower case'],
    ['"domain:@partner.example"', 'a domain has no "@"'],
    ['"domain: partner.example"', "that isn't a domain"],
  ];
  for (const [member, why] of table) {
    test(member, () => assert.deepEqual(said(member), [`2:24 groups.a[1]: ${member} is no one: ${why}`]));
  }
  const members = ['ci', 'robot-ci', 'ana@example.com', 'github:web/app'].map((name) => `"account:${name}"`);
  for (const member of [
    ...members,
    'team',
    '"domain:Bücher.example."',
    '"entra:[APP] Developers"',
    'ANA@example.com',
  ]) {
    test(`nothing is said of ${member}`, () => assert.deepEqual(said(member), []));
  }
});

describe('refused', () => {
  const table: readonly [title: string, yaml: string, problem: RegExp][] = [
    ['a group that holds itself', '{a: [a]}', /1:10: the group holds itself: a -> a$/],
    [
      'a loop that another group only stands before',
      '{a: [], b: [a, c], c: [b]}',
      /the group holds itself: b -> c -> b$/,
    ],
    [
      'a loop that hangs below others',
      '{a: [b, x], x: [ana@example.com], b: [c], c: [d, x], d: [c]}',
      /the group holds itself: c -> d -> c$/,
    ],
    [
      'a loop beside groups in groups that are in none',
      '{a: [b, c], b: [d, e], d: [], e: [d], c: [a]}',
      /1:10: the group holds itself: a -> c -> a$/,
    ],
    ['a word', '{a: [ana]}', /"ana" isn't a group of this file/],
    ['two @', '{a: [a@b@c]}', /"a@b@c" isn't a group of this file/],
    ['a space', '{a: ["a b@c"]}', /"a b@c" isn't a group of this file/],
    ['an e-mail with a space after it', '{a: ["b@c d"]}', /"b@c d" isn't a group of this file/],
    ['a prefix without a name', '{a: ["google:"]}', /"google:" isn't a group of this file/],
    ['a prefix in capitals', '{a: ["Google:x"]}', /"Google:x" isn't a group of this file/],
    ['groups that are no map', '[a]', /groups must be a map/],
    ['members that are no list', '{a: ana@example.com}', /groups\.a must be a list/],
  ];
  for (const [title, yaml, problem] of table) {
    test(title, () => assert.throws(() => groupsIn(yaml, ana), { message: problem }));
  }
});
