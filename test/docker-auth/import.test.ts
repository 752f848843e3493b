/** The import of a docker_auth configuration: what it writes, what it says, and that decisions stay what they were. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import { importDockerAuth } from '../../src/docker-auth/import.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { identityOf } from '../../src/policy/who.ts';

const hash = '$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC';

const configuration = `
server:
  addr: "10.0.0.7:5001"
  path_prefix: /docker
  certificate: /ssl/server.pem
  key: /ssl/server.key
token:
  issuer: "Acme auth server"
  expiration: 900
  certificate: /ssl/token.pem
  key: /ssl/token.key
# People without a Google account
users:
  "": {}
  admin: # the boss
    password: "${hash}"
google_auth:
  domain: example.com
  client_id: "1.apps.googleusercontent.com"
  client_secret: "a b'c"
acl:
  # Admins first
  - match: &admin {account: admin}
    actions: &all ["*"]
    comment: Admin has full access
  - match: {<<: *admin, type: registry}
    actions: *all
  # Everybody else
  - match: {account: "/.+/", name: "public/**"}
    actions: [pull]
`;

function problemsOf(text: string): string[] {
  return importDockerAuth(text, 'auth_config.yml').problems.map(
    ({ line, severity, message }) => `${line} ${severity} ${message}`,
  );
}

test('users and acl keep their comments, their order and their places', () => {
  const { policy } = importDockerAuth(configuration, 'auth_config.yml');
  assert.equal(
    policy,
    `# People without a Google account
users:
  "": {}
  admin:
    # the boss
    password: "${hash}"
acl:
  # Admins first
  - match: { account: admin }
    actions: [ "*" ]
    comment: Admin has full access
  - match: { <<: { account: admin }, type: registry }
    actions: [ "*" ]
  # Everybody else
  - match: { account: "/.+/", name: "public/*" }
    actions: [ pull ]
`,
  );
});

test('settings come out as Node.js reads them', () => {
  const { environment } = importDockerAuth(configuration, 'auth_config.yml');
  assert.deepEqual(
    { ...parseEnv(environment) },
    {
      PUBLIC_URL: 'https://auth.example.com/docker',
      SERVICES: 'registry.example.com',
      POLICY_FILE: 'policy.yml',
      LISTEN_ADDRESS: '10.0.0.7',
      PORT: '5001',
      TLS_CERTIFICATE_FILE: '/ssl/server.pem',
      TOKEN_CERTIFICATE_FILE: '/ssl/token.pem',
      TOKEN_KEY_FILE: '/ssl/token.key',
      TLS_KEY_FILE: '/ssl/server.key',
      TOKEN_ISSUER: 'Acme auth server',
      TOKEN_LIFETIME: '900',
      GOOGLE_DOMAINS: 'example.com',
      GOOGLE_CLIENT_ID: '1.apps.googleusercontent.com',
      GOOGLE_CLIENT_SECRET: "a b'c",
    },
  );
});

test('another OpenID Connect provider', () => {
  const { environment } = importDockerAuth(
    'oidc_auth: {issuer: "https://sso.example.com", client_id: x, client_secret_file: /s, scopes: [openid, email]}\nacl: []',
    'auth_config.yml',
  );
  const { OIDC_PROVIDERS, OIDC_OIDC_ISSUER, OIDC_OIDC_CLIENT_SECRET_FILE, OIDC_OIDC_SCOPES } = parseEnv(environment);
  assert.deepEqual(
    [OIDC_PROVIDERS, OIDC_OIDC_ISSUER, OIDC_OIDC_CLIENT_SECRET_FILE, OIDC_OIDC_SCOPES],
    ['oidc', 'https://sso.example.com', '/s', 'openid,email'],
  );
});

describe('what has to be looked at', () => {
  const table: readonly [title: string, text: string, problem: RegExp][] = [
    [
      'a back end that is not there',
      'ldap_auth: {addr: x}\nacl: []',
      /^1 error ldap_auth: Dockpass has no such back end; put an OpenID/,
    ],
    ['rules from a back end', 'acl_mongo: {}', /error acl is missing/],
    [
      'a section that is misspelt',
      'gogle_auth: {}\nacl: []',
      /^1 warning docker_auth ignores "gogle_auth"; did you mean "google_auth"\?/,
    ],
    [
      'a key that is misspelt',
      'oidc_auth:\n  label_claim: x\nacl: []',
      /^2 warning docker_auth ignores "oidc_auth.label_claim"; did you mean "label_claims"\?/,
    ],
    [
      'a key of match that it does not know',
      'acl:\n  - {match: {team: infra}, actions: []}',
      /^2 warning acl\[1\]\.match\.team: docker_auth ignores this key, so the rule is wider/,
    ],
    ['a rule without match', 'acl:\n  - {actions: []}', /^2 error acl\[1\] has no match/],
    ['a rule without actions', 'acl:\n  - {match: {}}', /^2 warning acl\[1\] has no actions/],
    ['a malformed glob', 'acl:\n  - {match: {name: "a["}, actions: []}', /^2 warning acl\[1\] is left out/],
    [
      'a malformed expression',
      'acl:\n  - {match: {name: "/(/"}, actions: []}',
      /error in the converted policy: .*missing closing/,
    ],
    ['"**"', 'acl:\n  - {match: {name: "a/**"}, actions: []}', /^2 warning acl\[1\]: "\*\*" becomes "\*"/],
    [
      'an account with capitals',
      'acl:\n  - {match: {account: "Bob@x.com"}, actions: []}',
      /^2 warning acl\[1\]: .*"Bob@x.com" becomes "bob@x.com"/,
    ],
    [
      'an expression with capitals',
      'acl:\n  - {match: {account: "/^.+@Example\\\\.com$/"}, actions: []}',
      /^2 warning acl\[1\]: .*"\/\^\.\+@Example.*" may miss; begin it with "\(\?i\)" if it means people/,
    ],
    [
      'a glob with capitals that fits a user of the file',
      `users: {Ci@Corp: {password: "${hash}"}}\nacl:\n  - {match: {account: "*@Corp"}, actions: []}`,
      /^3 warning acl\[1\]: .*"\*@Corp" may miss; add a rule for "\*@corp"/,
    ],
    [
      'a capture',
      'acl:\n  - {match: {account: "/(.+)/", name: "${account:1}"}, actions: []}',
      /^2 warning acl\[1\]: what a capture catches/,
    ],
    [
      'labels that are patterns',
      'users: {a: {labels: {l: ["x/*"]}}}\nacl:\n  - {match: {name: "${labels:l}"}, actions: []}',
      /^3 warning acl\[1\] is marked "raw: true"/,
    ],
    ['a password that is no hash', 'users: {a: {password: x}}\nacl: []', /^1 warning users\."a" is left out/],
    [
      'a proxy header',
      'server: {real_ip_header: X-Forwarded-For}\nacl: []',
      /^1 warning server\.real_ip_header: name your proxies in TRUSTED_PROXIES/,
    ],
    ['a second document', 'acl: []\n---\nusers: {}', /^[23] error a second YAML document begins here; only one/],
    ['broken YAML', 'acl: [', /^1 error /],
  ];
  for (const [title, text, problem] of table) {
    test(title, () => assert.match(problemsOf(text).join('\n'), new RegExp(problem.source, 'm')));
  }
});

test('names under users: keep their case in the rules', () => {
  const text = `users: {Ci@Corp: {password: "${hash}"}, Bot: {password: "${hash}"}}
acl: [{match: {account: Ci@Corp}, actions: []}, {match: {account: "*@Corp"}, actions: []}, {match: {account: "/^Bo/"}, actions: []}]`;
  const policy = parsePolicy(importDockerAuth(text, 'auth_config.yml').policy, 'policy.yml');
  const ruleOf = (account: string) =>
    decide(
      policy,
      identityOf(policy.users, { account }),
      { type: 'repository', name: 'x', actions: ['pull'] },
      { service: '', address: '' },
    ).rule?.number;
  assert.deepEqual([ruleOf('Ci@Corp'), ruleOf('Bot')], [1, 3]);
  assert.doesNotMatch(problemsOf(text).join('\n'), /acl\[[13]\]/);
});

test('classes, escapes and names are no capitals of an expression', () => {
  for (const account of ['/^[a-zA-Z.]+@x\\S$/', '/(?i)^Ana@/', '/^(?P<Who>.+)@${labels:Team}$/']) {
    assert.doesNotMatch(
      problemsOf(JSON.stringify({ acl: [{ match: { account }, actions: [] }] })).join(),
      /lower case/,
    );
  }
});

test('a key that docker_auth ignores is named where it stood', () => {
  const { policy } = importDockerAuth('acl:\n  - match: {team: infra, name: a}\n    actions: []', 'auth_config.yml');
  assert.equal(policy, 'acl:\n  - match: { name: a } # ignored by docker_auth: team\n    actions: []\n');
});

for (const gap of ['', '\n']) {
  test(`the head of the file stays, with ${gap === '' ? 'no' : 'a'} blank line after it`, () => {
    const { policy } = importDockerAuth(`# Kept by ops\n${gap}server: {addr: ":5001"}\nacl: []\n`, 'auth_config.yml');
    assert.match(policy, /^# Kept by ops\n+acl: \[\]\n$/);
  });
}

test('labels without patterns in them stay quoted', () => {
  const text = 'users: {a: {labels: {l: ["x.y"]}}}\nacl: [{match: {name: "${labels:l}"}, actions: []}]';
  assert.doesNotMatch(importDockerAuth(text, 'auth_config.yml').policy, /raw/);
});

test('what docker_auth decided is decided the same after the import', () => {
  const lines = readFileSync(new URL('../policy/recorded/docker-auth.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  let compared = 0;
  for (const line of lines) {
    const { acl, request, decision } = JSON.parse(line);
    // What a capture catches means itself after the import: the one difference that is meant.
    if (decision.error || /:\d+\}/.test(JSON.stringify(acl))) continue;
    const imported = importDockerAuth(
      JSON.stringify({ oidc_auth: { labels_claims: ['team'] }, acl }),
      'auth_config.yml',
    );
    const { account, type, name, service, ip, labels, actions } = request;
    // The ACL alone is compared: whether anonymous may ask at all is a matter of `users:`.
    const identity = { ...identityOf(new Map(), { account, labels }), account, limits: null };
    const policy = parsePolicy(imported.policy, 'policy.yml');
    const { granted } = decide(policy, identity, { type, name, actions }, { service, address: ip });
    assert.deepEqual([...new Set(granted)].sort(), [...new Set(decision.actions ?? [])].sort(), line);
    compared += 1;
  }
  assert.ok(compared > 40, `${compared}`);
});

test('without a certificate of its own, tokens go on being signed as the server, whom registries trust', () => {
  const { environment } = importDockerAuth(
    'server: {addr: ":5001", certificate: /s.pem, key: /s.key}\ntoken: {issuer: a}\nacl: []\n',
    'a.yml',
  );
  const { TOKEN_CERTIFICATE_FILE: certificate, TOKEN_KEY_FILE: key } = parseEnv(environment);
  assert.deepEqual([certificate, key], ['/s.pem', '/s.key']);
});

test('the former name of the token database leads to its import, too', () => {
  const [problem = ''] = problemsOf('google_auth: {token_db: /tokens.ldb}\nacl: []\n').filter((one) =>
    /token_db/.test(one),
  );
  assert.match(problem, /called once; .*"dockpass import token-db" takes/);
});

test('without a TLS certificate, the proxy that speaks TLS is asked for', () => {
  const behind = importDockerAuth('server: {addr: ":5001"}\nacl: []\n', 'a.yml').environment;
  assert.match(behind, /proxy in front.*: fill in\.\nTRUSTED_PROXIES=\n/);
  assert.doesNotMatch(importDockerAuth(configuration, 'a.yml').environment, /TRUSTED_PROXIES/);
});
