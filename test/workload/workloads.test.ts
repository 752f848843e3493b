/** The workloads file: what loads, and what is refused with the place and the claim to use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyError } from '../../src/policy/acl.ts';
import { filesOfPresets, githubFile, workloadsOf } from '../support/workload.ts';

test('the example of the documentation loads without a warning', () => {
  const { audience, issuers, rules, warnings } = workloadsOf(githubFile);
  assert.deepEqual(warnings, []);
  assert.equal(audience, 'https://auth.example.com');
  assert.equal(issuers.get('github')?.issuer, 'https://token.actions.githubusercontent.com');
  assert.deepEqual(
    rules.map(({ groups, lifetime, limit, comment, line }) => ({ groups, lifetime, limit, comment, line })),
    [{ groups: ['deployers'], lifetime: 3600, limit: 500, comment: 'Release builds of the web shop', line: 5 }],
  );
});

for (const [preset, file] of Object.entries(filesOfPresets)) {
  test(`preset ${preset} loads a rule that pins what it asks for`, () => {
    assert.equal(workloadsOf(file).rules.length, 1);
  });
}

const issuersOf = (more: string) => `issuers: { github: { preset: github }, ${more} }\nrules:\n`;
const github = (match: string, more = '') =>
  `${issuersOf('')}  - { issuer: github, match: { repository_id: "1", repository_owner_id: "2", event_name: push, ref: main, ${match} } ${more} }`;
const own = (settings: string) =>
  `issuers:\n  own: { preset: oidc, issuer: "https://ci.example.com", ${settings} }\nrules: []`;
const gitlab = (match: string, more = '') =>
  `issuers: { gitlab: { preset: gitlab, issuer: "https://gitlab.com" } }\nrules:\n  - { issuer: gitlab, match: { ${match} } ${more} }`;

const refused: readonly (readonly [what: string, file: string, problem: RegExp])[] = [
  [
    'no repository id',
    `${issuersOf('')}  - { issuer: github, match: { repository_owner_id: "2", event_name: push } }`,
    /:3:\d+: match needs repository_id/,
  ],
  [
    'no owner id',
    `${issuersOf('')}  - { issuer: github, match: { repository_id: "1", event_name: push } }`,
    /match needs repository_owner_id/,
  ],
  [
    'a pattern of ids',
    `${issuersOf('')}  - { issuer: github, match: { repository_id: "1*", repository_owner_id: "2", event_name: push } }`,
    /repository_id is an id: write it in full/,
  ],
  [
    'no event',
    `${issuersOf('')}  - { issuer: github, match: { repository_id: "1", repository_owner_id: "2" } }`,
    /match needs event_name/,
  ],
  [
    'a pattern of events',
    `${issuersOf('')}  - { issuer: github, match: { repository_id: "1", repository_owner_id: "2", event_name: "*" } }`,
    /match needs event_name without a pattern/,
  ],
  ...[
    'pull_request',
    'pull_request_target',
    'workflow_run',
    'issue_comment',
    'pull_request_review',
    'issues',
    'fork',
    'made_up',
  ].map(
    (event) =>
      [
        `the event ${event}`,
        `${issuersOf('')}  - { issuer: github, match: { repository_id: "1", repository_owner_id: "2", event_name: [push, ${event}] } }`,
        new RegExp(`event_name: ${event} can run .*untrusted_triggers`),
      ] as const,
  ),
  [
    'merge requests of GitLab',
    gitlab('project_id: 1, namespace_id: 2, pipeline_source: merge_request_event'),
    /merge_request_event can run/,
  ],
  ['no source at GitLab', gitlab('project_id: 1, namespace_id: 2, ref: main'), /match needs pipeline_source/],
  [
    'an unprotected ref at GitLab',
    gitlab('project_id: 1, namespace_id: 2, ref_protected: "false"'),
    /match needs pipeline_source/,
  ],
  [
    'an address at Google',
    'issuers: { gcp: { preset: gcp } }\nrules: [{ issuer: gcp, match: { sub: a@b.iam.gserviceaccount.com } }]',
    /numeric id/,
  ],
  [
    'a whole cluster',
    'issuers: { k: { preset: kubernetes, issuer: "https://k" } }\nrules: [{ issuer: k, match: { kubernetes.io.serviceaccount.name: default } }]',
    /match needs kubernetes.io.namespace/,
  ],
  [
    'a namespace that is not said to be meant',
    'issuers: { k: { preset: kubernetes, issuer: "https://k" } }\nrules: [{ issuer: k, match: { kubernetes.io.namespace: shop } }]',
    /write "\*" as the name/,
  ],
  [
    'a namespace by pattern',
    'issuers: { k: { preset: kubernetes, issuer: "https://k" } }\nrules: [{ issuer: k, match: { sub: "system:serviceaccount:*:puller" } }]',
    /match needs kubernetes.io.namespace/,
  ],
  [
    'reruns with SSH at CircleCI',
    'issuers: { c: { preset: circleci, issuer: "https://oidc.circleci.com/org/1" } }\nrules: [{ issuer: c, match: { oidc.circleci.com/project-id: 1 } }]',
    /ssh-rerun/,
  ],
  [
    'the shared issuer of CircleCI without the organization',
    'issuers: { c: { preset: circleci, issuer: "https://oidc.circleci.com" } }\nrules: [{ issuer: c, match: { oidc.circleci.com/project-id: 1, oidc.circleci.com/ssh-rerun: "false" } }]',
    /match needs oidc.circleci.com\/org-id/,
  ],
  [
    'everyone whom an issuer knows',
    `${own('')}`.replace('[]', '[{ issuer: own, match: { iss: "https://ci.example.com" } }]'),
    /match needs the exact value/,
  ],
  ...['email_verified: "true"', 'scope: openid', 'typ: Bearer', 'token_type: id', 'nonce: x', 'aud: y'].map(
    (claim) =>
      [
        `a claim that tells no one apart: ${claim}`,
        own('').replace('[]', `[{ issuer: own, match: { ${claim} } }]`),
        /match needs the exact value .* that tells people and programs apart/,
      ] as const,
  ),
  ['an empty condition', github('actor:'), /match.actor is empty/],
  ['an expression', github('actor: "/.+/"'), /expressions between slashes are not for claims/],
  ['a variable in a condition', github('actor: "${claims:actor}"'), /a variable means nothing here/],
  ['a malformed pattern', github('actor: "[a"'), /match.actor: /],
  ['a nested map', github('actor: { is: ana }'), /unknown key "is"/],
  ['a misspelt key', github('', ', lifetme: 1h'), /unknown key "lifetme".*did you mean "lifetime"/],
  [
    'an unknown issuer',
    `${issuersOf('')}  - { issuer: gihub, match: { sub: x } }`,
    /issuer "gihub".*did you mean "github"/,
  ],
  ['a group of a provider', github('', ', groups: ["google:admins"]'), /without spaces, colons/],
  ['an account of a preset that makes it', github('', ', account: "ci:x"'), /preset github makes it from the claims/],
  [
    'an account of a person',
    `${own('')}`.replace('[]', '[{ issuer: own, match: { sub: x }, account: "ana@example.com" }]'),
    /must begin with "ci:"/,
  ],
  [
    'an account with odd characters',
    `${own('')}`.replace('[]', '[{ issuer: own, match: { sub: x }, account: "ci:a b" }]'),
    /must begin with "ci:"/,
  ],
  ['an unknown variable in a label', github('', ', labels: { owner: "${claim:actor}" }'), /write \$\{claims:NAME\}/],
  ['a lifetime without a unit', github('', ', lifetime: 3600'), /time from 1m to 24h, such as 90s/],
  ['a lifetime that is too long', github('', ', lifetime: 48h'), /time from 1m to 24h/],
  ['a lifetime that clients would not believe', github('', ', lifetime: 30s'), /time from 1m to 24h/],
  ['an unknown service', github('', ', services: [registry.exmaple.com]'), /isn't one of SERVICES.*did you mean/],
  ['a limit of none', github('', ', limit: 0'), /limit must be a whole number/],
  ['an issuer over http', own('').replace('https://ci', 'http://ci'), /must begin with https/],
  ['a pattern of issuers', own('').replace('https://ci', 'https://*'), /must be one exact URL/],
  ['an issuer that is no URL', own('').replace('https://ci.example.com', 'ci.example.com'), /isn't a URL/],
  [
    'no issuer where the preset has none',
    'issuers: { gitlab: { preset: gitlab } }\nrules: []',
    /issuer is missing: preset gitlab needs/,
  ],
  ['an unknown preset', 'issuers: { x: { preset: gitea } }\nrules: []', /preset "gitea" isn't one of/],
  ['HMAC', own('algorithms: [HS256]'), /algorithm "HS256" isn't one of/],
  ['no signature', own('algorithms: [none]'), /algorithm "none" isn't one of/],
  [
    'the name for every issuer',
    'issuers: { oidc: { preset: github } }\nrules: []',
    /"oidc" is the user name for every issuer/,
  ],
  ['the name of a robot', 'issuers: { robot-ci: { preset: github } }\nrules: []', /a name that a robot can have/],
  [
    'a name that Basic can not carry',
    'issuers: { "a:b": { preset: github } }\nrules: []',
    /lower-case letters, digits and dashes/,
  ],
  [
    'a name that could be an address',
    'issuers: { "a@b": { preset: github } }\nrules: []',
    /lower-case letters, digits and dashes/,
  ],
  ...[
    'sigstore',
    'sts.amazonaws.com',
    'api://AzureADTokenExchange',
    'https://github.com/acme',
    'people-client',
    '*',
  ].map(
    (audience) =>
      [`the audience ${audience}`, `audience: "${audience}"\n${githubFile}`, /^workloads.yml:1:11: audience /] as const,
  ),
  [
    'the audience that Forgejo gives every service of an owner',
    filesOfPresets.forgejo.replace('preset: forgejo', 'preset: forgejo, audience: "https://forge.example.com/acme"'),
    /audience "https:\/\/forge.example.com\/acme" is what this issuer writes into tokens for every service/,
  ],
  [
    'the same of a GitHub server, as the default',
    'audience: https://git.example.com/dockpass\nissuers: { ghes: { preset: github, issuer: "https://git.example.com/_services/token" } }\nrules: []',
    /^workloads.yml:2:\d+: audience "https:\/\/git.example.com\/dockpass" is what this issuer writes/,
  ],
  ['a foreign audience of one issuer', own('audience: sigstore'), /audience "sigstore"/],
  ['keys over http', own('jwks_url: "http://ci.example.com/keys"'), /must begin with https/],
  [
    'two sources of keys',
    own('jwks_file: a.json, jwks_url: "https://ci.example.com/keys"'),
    /means nothing beside jwks_file/,
  ],
  ...[
    ...['issuer', 'audience', 'algorithms', 'jwks_file', 'jwks_url', 'ca_file', 'max_age', 'exchange', 'single_use'],
    'services',
  ].map(
    (field) =>
      [
        `an issuer's empty ${field}`,
        `issuers:\n  github: { preset: github, ${field}: }\nrules: []`,
        new RegExp(`:2:\\d+: ${field} is empty`),
      ] as const,
  ),
  ['an empty audience of the file', `audience:\n${githubFile}`, /:1:1: audience is empty/],
  ['no algorithm', own('algorithms: []'), /:2:\d+: issuers.own.algorithms has no value/],
  ['an issuer for no service', own('services: []'), /:2:\d+: issuers.own.services has no value/],
  ['a rule for no service', github('', ', services: []'), /rules\[1\].services has no value/],
  ['a docker_auth section', 'acl: []', /unknown key "acl"/],
  ['an empty file', '', /issuers is missing/],
];

for (const [what, file, problem] of refused) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => workloadsOf(file),
      (error) => error instanceof PolicyError && problem.test(error.message),
    );
  });
}

test('tokens are for one exchange, but for those that serve an hour; the file can say otherwise', () => {
  const singleUse = Object.values(filesOfPresets).flatMap((file) =>
    [...workloadsOf(file).issuers.values()].map((issuer) => [issuer.preset.name, issuer.singleUse]),
  );
  assert.deepEqual(Object.fromEntries(singleUse), {
    ...{ github: true, forgejo: true, gitlab: true, buildkite: true, circleci: true, oidc: true },
    ...{ gcp: false, kubernetes: false },
  });
  assert.equal(workloadsOf(own('single_use: false')).issuers.get('own')?.singleUse, false);
});

test('says every mistake at once, in the order of the file', () => {
  const file = 'audience: sigstore\nissuers:\n  a: { preset: x }\n  b: { preset: gitlab }\nrules: [{ issuer: c }]\n';
  assert.throws(
    () => workloadsOf(file),
    (error) => error instanceof PolicyError && error.problems.map(({ line }) => line).join() === '1,3,4,5,5',
  );
});

test('untrusted triggers load where the rule says so', () => {
  const text = `${issuersOf('')}  - { issuer: github, untrusted_triggers: true, match: { repository_id: "1", repository_owner_id: "2", event_name: pull_request, ref: "refs/pull/**" } }`;
  assert.deepEqual(workloadsOf(text).warnings, []);
});

const warned: readonly (readonly [what: string, file: string, warning: RegExp])[] = [
  ['every branch', githubFile.replace(/ +ref: .*\n/, ''), /covers every branch and tag/],
  [
    'a branch of GitLab by a name that a tag can have',
    gitlab('project_id: 1, namespace_id: 2, pipeline_source: push, ref: main'),
    /a tag can be called like the branch: match ref_path/,
  ],
  ...['main', 'v*', 'heads/main', '*'].map(
    (ref) =>
      [
        `the ref ${ref}, which GitHub never writes`,
        githubFile.replace(/( +ref: ).*\n/, `$1"${ref}"\n`),
        /ref .* never matches: write refs\/heads\/NAME/,
      ] as const,
  ),
  ...Object.entries({
    github: 'https://token.actions.githubusercontent.com/acme',
    gitlab: 'https://gitlab.com',
    buildkite: 'https://agent.buildkite.com',
    circleci: 'https://oidc.circleci.com/org/1',
  }).map(
    ([preset, issuer]) =>
      [
        `the issuer of ${preset} without its preset`,
        `issuers: { own: { preset: oidc, issuer: "${issuer}" } }\nrules: [{ issuer: own, match: { sub: "repo:acme/web" } }]`,
        new RegExp(`write preset: ${preset} for this issuer`),
      ] as const,
  ),
  ['what Buildkite does not tell', filesOfPresets.buildkite, /whether a fork or a pull request/],
  ['what Google does not tell', filesOfPresets.gcp, /which code the service account runs/],
  ['what any other issuer does not tell', filesOfPresets.oidc, /who can trigger a run/],
  [
    'an issuer without a rule',
    githubFile.replace('issuers:', 'issuers:\n  gcp: { preset: gcp }'),
    /no rule is for the issuer "gcp"/,
  ],
  ['passwords that never work', github('', ', lifetime: 1m'), /rules\[1\]\.lifetime 1m leaves 0 seconds for a login/],
  ['tokens that are always too old', own('max_age: 75s'), /max_age 75s leaves 15 seconds for a login.* Write 2m/],
  [
    'a rule that never decides',
    `${githubFile}${githubFile.slice(githubFile.indexOf('  - issuer'))}`,
    /rules\[2\] never decides/,
  ],
];

test('refs of GitHub that are written in full are as meant', () => {
  for (const ref of ['refs/heads/main', 'refs/tags/v*', 'refs/**', '**', '*/*/main', 'refs/pull/*/merge']) {
    assert.deepEqual(workloadsOf(githubFile.replace(/( +ref: ).*\n/, `$1"${ref}"\n`)).warnings, [], ref);
  }
});

test('a branch of GitLab that no tag passes for is as meant', () => {
  for (const branch of [
    'ref_path: refs/heads/main',
    'ref: main, ref_type: branch',
    'ref: main, ref_protected: "true"',
  ]) {
    const match = `project_id: 1, namespace_id: 2, pipeline_source: push, ${branch}`;
    assert.deepEqual(workloadsOf(gitlab(match)).warnings, [], branch);
  }
});

for (const [what, file, warning] of warned) {
  test(`warns of ${what}`, () => {
    const found = workloadsOf(file).warnings;
    assert.ok(
      found.some(({ message }) => warning.test(message)),
      JSON.stringify(found),
    );
  });
}
