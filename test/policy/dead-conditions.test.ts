/** Rules that nothing can ever meet, as people write them by mistake, and rules like them that are right. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { warningsOf } from '../../src/policy/check.ts';

const users = `users:
  olaf: {labels: {team: [web], none: []}}
  Bob: {}
`;

/** What is said of one rule, but that anyone can log in as a user without a password. */
function said(rule: string, also = users): string[] {
  const policy = parsePolicy(`${also}acl:\n  - ${rule}\n`, 'policy.yml');
  return warningsOf(policy)
    .map(({ message }) => message)
    .filter((message) => !message.startsWith('anyone can log in'));
}

describe('a rule that never matches', () => {
  const table: readonly [rule: string, said: RegExp][] = [
    [
      '{match: {account: oalf}, actions: []}',
      /^match\.account "oalf" never matches: no user of this file is called that; people/,
    ],
    ['{match: {account: bob}, actions: []}', /^match\.account "bob" never matches: .*did you mean "Bob"\?/],
    [
      '{match: {account: user}, actions: []}',
      /^match\.account "user" never matches: .*people are called by their e-mail/,
    ],
    ['{match: {account: ""}, actions: []}', /no one comes without credentials, because users has no ""/],
    ['{match: {account: "/.+"}, actions: []}', /no account begins with "\/"; an expression has one at both ends/],
    ['{match: {account: Ana@example.com}, actions: []}', /e-mails are compared in lower case/],
    ['{match: {domain: "@example.com"}, actions: []}', /a domain has no "@"/],
    [
      '{match: {labels: {group: web}}, actions: []}',
      /^match\.labels\.group "web" never matches: no user of this file has/,
    ],
    ['{match: {labels: {none: "*"}}, actions: []}', /no user of this file has the label "none"/],
    ['{match: {name: "${labels:project}/*"}, actions: []}', /^\$\{labels:project\} has no value: no user of this file/],
    [
      '{match: {type: pull}, actions: []}',
      /^match\.type "pull" never matches: a registry asks for repository or registry/,
    ],
    ['{match: {type: repositry}, actions: []}', /did you mean "repository"\?/],
    ['{match: {type: registry, name: "team/app"}, actions: []}', /"team\/app" never matches with type "registry"/],
    ['{match: {name: "namespace/image:beta3"}, actions: []}', /a repository name has no tag/],
    ['{match: {name: "team/{a,b}/*"}, actions: []}', /no braces.*write a rule for each/],
    ['{match: {name: "!secret/*"}, actions: []}', /can't be negated/],
    ['{match: {name: "/team/*"}, actions: []}', /no repository name begins with "\/"/],
    ['{match: {name: "Team/*"}, actions: []}', /repository names are in lower case/],
    ['{match: {name: "a/*, b/*"}, actions: []}', /write a rule for each/],
    ['{match: {name: "app@sha256"}, actions: []}', /a repository name has no "@"/],
    ['{match: {name: ""}, actions: []}', /a repository name is never empty/],
    ['{match: {name: "team/"}, actions: []}', /doesn't end with "\/"; write "\/\*\*"/],
    ['{match: {name: "*team/"}, actions: []}', /doesn't end with "\/"/],
    ['{match: {name: "team//*"}, actions: []}', /has no empty part/],
    ['{match: {name: "-x/*"}, actions: []}', /begins and ends with a letter or digit/],
    ['{match: {name: "team/x-"}, actions: []}', /begins and ends with a letter or digit/],
    ['{match: {name: "a/../b"}, actions: []}', /begins and ends with a letter or digit/],
    ['{match: {name: "a..b"}, actions: []}', /only one of "\. _ -" in one place/],
    ['{match: {type: registry, name: "team/*"}, actions: []}', /"team\/\*" never matches with type "registry"/],
    ['{match: {type: registry, name: "/^team/"}, actions: []}', /never matches with type "registry"/],
    ['{match: {kind: person, account: robot-ci}, actions: []}', /"robot-ci" never matches with kind person/],
    ['{match: {kind: [robot, ci], account: olaf}, actions: []}', /"olaf" never matches with kind robot or ci/],
    ['{match: {domain: ""}, actions: []}', /match\.domain "" never matches: that isn't a domain/],
    ['{match: {domain: "https://example.com"}, actions: []}', /that isn't a domain/],
    [
      '{match: {domain: example.com, name: "${account}/*"}, actions: []}',
      /which no repository name holds; write \$\{user\}/,
    ],
    ['{match: {account: "*@example.com", name: "${account}/*"}, actions: []}', /write \$\{user\}/],
    ['{match: {}, actions: [pull, "*"]}', /"\*" beside other actions doesn't mean all of them/],
    ['{match: {}, actions: [Pull]}', /the action "Pull" grants nothing: .*did you mean "pull"\?/],
    ['{match: {}, actions: [read]}', /the action "read" grants nothing: a registry knows pull, push, delete$/],
  ];
  for (const [rule, expected] of table) {
    test(rule, () => {
      const [message = '', ...others] = said(rule);
      assert.match(message, expected);
      assert.deepEqual(others, []);
    });
  }
});

describe('a rule that can match', () => {
  const rules = [
    '{match: {account: olaf}, actions: [pull]}',
    '{match: {account: "o*"}, actions: [pull, push, delete]}',
    '{match: {account: "ana@example.com"}, actions: ["*"]}',
    '{match: {account: "robot-ci"}, actions: []}',
    '{match: {account: "github:*"}, actions: []}',
    '{match: {account: "/^Bob$/"}, actions: []}',
    '{match: {labels: {team: web}}, actions: []}',
    '{match: {kind: ci, labels: {repository: web}}, actions: []}',
    '{match: {name: "${labels:team}/*"}, actions: []}',
    '{match: {name: "${account}/*"}, actions: []}',
    '{match: {kind: person, name: "${user}/*"}, actions: []}',
    '{match: {type: "*", name: catalog}, actions: ["*"]}',
    '{match: {type: registry, name: catalog}, actions: ["*"]}',
    '{match: {type: registry}, actions: ["*"]}',
    '{match: {name: "[A-Za-z]*/x"}, actions: []}',
    '{match: {name: "host:5000/team/*"}, actions: []}',
    '{match: {name: "/^Team|team/"}, actions: []}',
    '{match: {domain: [example.com, "@x"]}, actions: []}',
    '{match: {domain: ["Bücher.example", "*.example", "/x/"]}, actions: []}',
    '{match: {name: "team/*-x/*.y"}, actions: []}',
    '{match: {name: "a--b__c.d/[.]*"}, actions: []}',
    '{match: {name: "${group}/**"}, actions: []}',
    '{match: {type: registry, name: "cat*"}, actions: []}',
    '{match: {kind: person, account: "robot-*"}, actions: []}',
    '{match: {kind: [person, static], account: olaf}, actions: []}',
    '{match: {kind: ci, account: "github:web/app"}, actions: []}',
    '{match: {account: "ana@example.com", domain: example.org}, actions: []}',
  ];
  for (const rule of rules) test(rule, () => assert.deepEqual(said(rule), []));
  test('for those without credentials, where users has ""', () => {
    assert.deepEqual(said('{match: {account: ""}, actions: []}', 'users: {"": {}}\n'), []);
  });
});
