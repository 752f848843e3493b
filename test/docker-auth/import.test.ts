/** The import of a docker_auth configuration: what it writes, what it says, and that decisions stay what they were. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import { importDockerAuth } from '../../src/docker-auth/import.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { identityOf } from '../../src/policy/named-account.ts';

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
  return importDockerAuth(text).problems.map(({ line, severity, message }) => `${line} ${severity} ${message}`);
}

test('users and acl keep their comments, their order and their places', () => {
  const { policy } = importDockerAuth(configuration);
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
  - match: { account: admin, type: registry }
    actions: [ "*" ]
  # Everybody else
  - match: { account: "/.+/", name: "public/*" }
    actions: [ pull ]
`,
  );
});

test('settings come out as Node.js reads them', () => {
  const { environment } = importDockerAuth(configuration);
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

test('a value is read back from .env as docker_auth reads it, or is an error', () => {
  const imported = (issuer: string, secret: string) =>
    importDockerAuth(
      JSON.stringify({
        token: { issuer },
        google_auth: { domain: 'a.org', client_id: 'x', client_secret: secret },
        acl: [],
      }),
    );
  for (const value of ["it's \\n", 'a\\nb', 'a\nb', "a'\\n#b", ' a # b ', '"a', 'a\'"b', '$X']) {
    const { TOKEN_ISSUER, GOOGLE_CLIENT_SECRET } = parseEnv(imported(value, value).environment);
    assert.deepEqual([TOKEN_ISSUER, GOOGLE_CLIENT_SECRET], [value, value]);
  }
  for (const value of ['s3c\'r`e"t', 'a\r\nb', 'a\0b', "a'`\\nb"]) {
    const errors = imported(value, value).problems.flatMap(({ severity, message }) =>
      severity === 'error' ? message : [],
    );
    assert.deepEqual(errors, [
      "token.issuer has characters that .env can't hold: write another value here, and then set TOKEN_ISSUER in the environment of the service",
      "google_auth.client_secret has characters that .env can't hold: put it into a file, and name that in client_secret_file instead",
    ]);
  }
  const { environment } = importDockerAuth('server: {path_prefix: "/a #b"}\nacl: []');
  assert.equal(parseEnv(environment)['PUBLIC_URL'], 'https://auth.example.com/a #b');
});

test('another OpenID Connect provider', () => {
  const { environment } = importDockerAuth(
    'oidc_auth: {issuer: "https://sso.example.com", client_id: x, client_secret_file: /s, scopes: [openid, email]}\nacl: []',
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
      /^1 error gogle_auth: Dockpass has no such back end; did you mean "google_auth"\?; or import the rest with --without/,
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
      /^2 error match\.name .*missing closing/,
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
      /^2 warning acl\[1\]: .*"\/\^\.\+@Example.*" can miss; begin it with "\(\?i\)" if it means people/,
    ],
    [
      'a glob with capitals that fits a user of the file',
      `users: {Ci@Corp: {password: "${hash}"}}\nacl:\n  - {match: {account: "*@Corp"}, actions: []}`,
      /^3 warning acl\[1\]: .*"\*@Corp" can miss; add a rule for "\*@corp"/,
    ],
    [
      'an account that in lower case would be a user of the file',
      `users: {ana@x.com: {password: "${hash}"}}\nacl:\n  - {match: {account: "Ana@X.com"}, actions: ["*"]}`,
      /^3 warning acl\[1\]: "Ana@X\.com" does not match the user "ana@x\.com" of the file, and in lower case/,
    ],
    [
      'the same, where people sign in, too',
      `google_auth: {domain: x.com}\nusers: {ana@x.com: {password: "${hash}"}}\nacl:\n  - {match: {account: "*@X.com"}, actions: []}`,
      /^4 error acl\[1\]: "\*@X\.com" does not match the user "ana@x\.com" of the file, and in lower case/,
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
      'a user without anything',
      'users:\n  a:\nacl: []',
      /^2 warning users\."a" is left out: it is empty, so no one could/,
    ],
    [
      'a proxy header',
      'server: {real_ip_header: X-Forwarded-For}\nacl: []',
      /^1 warning server\.real_ip_header: name your proxies in TRUSTED_PROXIES/,
    ],
    [
      'a back end of a fork',
      'kubernetes_auth: {}\nacl: []',
      /^1 error kubernetes_auth: .*none either, so this is a fork/,
    ],
    ['rules from a fork', 'acl_couchdb: {}\nacl: []', /^1 error acl_couchdb: Dockpass has no such back end/],
    [
      'a rule that loses its last condition',
      'acl:\n  - {match: {team: infra}, actions: ["*"]}',
      /^2 error acl\[1\]\.match has no condition besides "team", .*would match everyone\. Write "match: {}" if/,
    ],
    [
      'a rule whose last condition is empty',
      'acl:\n  - {match: {account: , origin: cr}, actions: [pull]}',
      /^2 error acl\[1\]\.match has no condition besides "account", "origin"/,
    ],
    [
      'a rule whose merged conditions are unknown',
      'acl:\n  - {match: {<<: {team: x}, tier: y}, actions: [pull]}',
      /^2 error acl\[1\]\.match has no condition besides/,
    ],
    [
      'a space that is missing in a flow map',
      'acl:\n  - {match: {account:"admin"}, actions: ["*"]}',
      /^2 warning acl\[1\]\.match\.account:"admin": .*is a space missing after "account:"\?/,
    ],
    [
      'a space that is missing in a block',
      'token:\n  expiration:900\nacl: []',
      /^2 error token must be a map .*is a space missing after "expiration:"\?/,
    ],
    [
      'a space that is missing in a long value',
      'ldap_auth:\n  addr: x\n  base:uid=x,dc=y\nacl: []',
      /^3 error a space is missing after "base:"/,
    ],
    ['a list of users', 'users:\n  - ana\nacl: []', /^2 error users must be a map/],
    [
      'a label that is a text',
      `users:\n  a:\n    password: "${hash}"\n    labels: {l: x}\nacl: []`,
      /^4 error users\.a\.labels\.l must be a list/,
    ],
    [
      'actions that are a text',
      'acl:\n\n  - match: {name: a}\n    actions: pull',
      /^4 error acl\[1\]\.actions must be a list/,
    ],
    [
      'an account that is a list',
      'acl:\n  - match:\n      account: [a]\n    actions: []',
      /^3 error acl\[1\]\.match\.account must be a text/,
    ],
    [
      'a condition outside match',
      'acl:\n  - {account: admin, actions: ["*"]}',
      /^2 error acl\[1\]\.account belongs under match/,
    ],
    [
      'an account that nobody has',
      'oidc_auth: {user_claim: preferred_username}\nacl:\n  - {match: {account: ana}, actions: [pull]}',
      /^3 warning match\.account "ana" never matches: .*people are called by their e-mail/,
    ],
    [
      '${account} where people sign in with a provider',
      'google_auth: {domain: x.com}\nacl:\n  - {match: {name: "${account}/*"}, actions: [pull]}',
      /^3 warning acl\[1\]: \$\{account\} of people is their e-mail.*write \$\{user\}, as in name: "\$\{user\}\/\*"/,
    ],
    [
      'labels of a provider in names',
      'oidc_auth: {labels_claims: [groups]}\nacl:\n  - {match: {name: "${labels:groups}/*"}, actions: [pull]}',
      /^3 warning acl\[1\]: people have groups instead .*as in name: "\$\{group:oidc\}\/\*"/,
    ],
    [
      'labels of a provider as a condition',
      'oidc_auth: {labels_claims: [team]}\nacl:\n  - {match: {labels: {team: web}}, actions: [pull]}',
      /^3 warning acl\[1\]: people have groups .*as in group: "oidc:web"/,
    ],
    [
      'nobody who can log in',
      'token: {issuer: a}\nusers: {"": {}}\nacl: []',
      /^1 warning no one can log in: there are no users/,
    ],
    [
      'a short life of tokens',
      'token: {issuer: a, expiration: 30}\nacl: []',
      /^1 warning token\.expiration: .*TOKEN_LIFETIME becomes 60/,
    ],
    ['a long life of tokens', 'token: {issuer: a, expiration: 99999}\nacl: []', /TOKEN_LIFETIME becomes 86400/],
    [
      'a life that is no number',
      'token: {issuer: a, expiration: 15m}\nacl: []',
      /"15m" is no number of seconds.*TOKEN_LIFETIME becomes 900/,
    ],
    [
      'a life with its unit',
      'token: {issuer: a, expiration: 900s}\nacl: []',
      /"900s" is no number of seconds.*TOKEN_LIFETIME becomes 900/,
    ],
    [
      'a life that is a word',
      'token: {issuer: a, expiration: long}\nacl: []',
      /"long" is no number of seconds.*TOKEN_LIFETIME is left out: set it/,
    ],
    ['no issuer', 'token: {expiration: 90}\nacl: []', /^1 warning token\.issuer is missing, without which docker_auth/],
    [
      'a variable of envsubst',
      'token:\n  issuer: "${AUTH_ISSUER}"\nacl: []',
      /^2 error token\.issuer is "\$\{AUTH_ISSUER\}", a variable that no one/,
    ],
    ['a template of Helm', 'token:\n  issuer: {{ .Values.issuer }}\nacl: []', /^2 error this is a template/],
    ['a template of Jinja', '{% if x %}\nacl: []\n{% endif %}', /^1 error this is a template/],
    [
      'a Kubernetes manifest',
      'apiVersion: v1\nkind: ConfigMap\ndata: {auth_config.yml: "acl: []"}',
      /^1 error this is a Kubernetes manifest/,
    ],
    ['values of a chart', 'replicaCount: 1\nconfigmap: {data: {acl: []}}', /^1 error these are values of a Helm chart/],
    [
      'text after the end of the document',
      'acl: []\n...\nusers: {}',
      /^3 error the YAML document ends at the line "\.\.\." above; what follows/,
    ],
    ...['{ip: fd00::, name: a}', '{name: a, ip: 2001:db8::}', '\n      ip: ::'].map(
      (match): [string, string, RegExp] => [
        `an address that is no text: ${match.trim()}`,
        `acl:\n  - match: ${match}\n    actions: []`,
        /^[23] error the address [\da-f:]+ ends in a ":", as a key does: put it in quotes$/,
      ],
    ),
    ['an address that is a key, with nothing before it', 'acl: ::', /^1 error the address :: ends in a ":"/],
    ['a second document', 'acl: []\n---\nusers: {}', /^[23] error a second YAML document begins here; only one/],
    ['broken YAML', 'acl: [', /^1 error /],
    [
      'a pattern that YAML reads as an alias',
      'acl:\n  - {match: {name: *foo}, actions: []}',
      /^2 error the alias \*foo refers to nothing; put a text that begins with \* in quotes$/,
    ],
    [
      'actions that are not there',
      'acl:\n  - match: {}\n    actions: *pull',
      /^3 error the alias \*pull refers to noth/,
    ],
    ['an alias inside of its map', 'a: &a {<<: *a}\nacl: [{match: *a}]', /^1 error the alias \*a is inside of what it/],
    [
      'an alias inside of its rule',
      'acl:\n  - &r\n    match: {}\n    actions: &b [{c: *r}]\n  - *b',
      /^4 error the alias \*r is inside of what it refers to$/,
    ],
  ];
  for (const [title, text, problem] of table) {
    test(title, () => assert.match(problemsOf(text).join('\n'), new RegExp(problem.source, 'm')));
  }
});

describe('what "<<" merges is read as docker_auth reads it', () => {
  const rule = (match: string) =>
    `x: &x {account: ana, labels: {a: b}}\ny: &y {name: "team/**"}\nacl:\n  - {match: ${match}, actions: [pull]}`;
  const table: readonly [title: string, text: string, policy: RegExp][] = [
    [
      'a list of maps',
      rule('{type: repository, <<: [*y, *x]}'),
      /match: \{ type: repository, account: ana, labels: \{ a: b \}, name: "team\/\*" \}/,
    ],
    [
      'of a list, the first map wins',
      rule('{<<: [*x, {account: bo}]}'),
      /match: \{ account: ana, labels: \{ a: b \} \}/,
    ],
    ['a key after it wins', rule('{<<: *x, account: bo}'), /match: \{ account: bo, labels: \{ a: b \} \}/],
    ['a key before it loses', rule('{account: bo, <<: *x}'), /match: \{ account: ana, labels: \{ a: b \} \}/],
    ['labels are added to', rule('{<<: *x, labels: {c: d}}'), /labels: \{ a: b, c: d \}/],
    [
      'maps that merge others',
      'x: &x {account: ana}\ny: &y {<<: *x, name: a}\nacl:\n  - {match: {<<: *y}, actions: []}',
      /match: \{ account: ana, name: a \}/,
    ],
    [
      'a rule, whose match is added to',
      'r: &r {match: {account: ana}, actions: ["*"]}\nacl:\n  - *r\n  - {<<: *r, match: {name: a}, comment: c}',
      /- \{ match: \{ account: ana \}, actions: \[ "\*" \] \}\n {2}- \{ match: \{ account: ana, name: a \}, actions: \[ "\*" \], comment: c \}/,
    ],
    [
      'a user: without its password anyone could log in',
      `u: &u {password: "${hash}", labels: {a: [b]}}\nusers:\n  ana: {<<: *u}\n  bo: {<<: *u, labels: {c: [d]}}\nacl: []`,
      /ana: \{ password: "\$2y[^}]*labels: \{ a: \[ b \] \} \}\n {2}bo: \{ password: "\$2y[^}]*labels: \{ a: \[ b \], c: \[ d \] \} \}/,
    ],
    [
      'all users',
      `u: &u {ana: {password: "${hash}"}}\nusers: {<<: *u, bo: {}}\nacl: []`,
      /users: \{ ana: \{ password: "\$2y.*" \}, bo: \{\} \}/,
    ],
    [
      'a section beside which the file has users of its own',
      `x: &x {users: {ana: {password: "${hash}"}, cy: {}}}\n<<: *x\nusers: {bo: {password: "${hash}"}, cy: {password: "${hash}"}}\nacl: []`,
      /users: \{ ana: \{ password: "\$2y[^}]*" \}, cy: \{ password: "\$2y[^}]*" \}, bo: \{ password: "\$2y[^}]*" \} \}/,
    ],
    [
      'a match that merges another, merged by its rule',
      'm: &m {type: repository}\nr: &r {match: {<<: *m, service: s}, actions: [pull]}\nacl:\n  - {<<: *r, match: {name: a}}',
      /- \{ match: \{ type: repository, service: s, name: a \}, actions: \[ pull \] \}/,
    ],
    [
      'a rule, after a match that merges another',
      'm: &m {type: repository}\nr: &r {match: {name: a}, actions: [pull]}\nacl:\n  - {match: {<<: *m}, <<: *r}',
      /- \{ match: \{ type: repository, name: a \}, actions: \[ pull \] \}/,
    ],
    [
      'a match that merges another on both sides',
      'm: &m {type: repository}\nr: &r {match: {<<: *m, service: s}, actions: []}\nacl:\n  - {<<: *r, match: {<<: {name: a}}}',
      /- \{ match: \{ type: repository, service: s, name: a \}, actions: \[\] \}/,
    ],
  ];
  for (const [title, text, policy] of table) {
    test(title, () => {
      const imported = importDockerAuth(text);
      assert.match(imported.policy, policy);
      assert.deepEqual(
        imported.problems.filter(({ severity }) => severity === 'error'),
        [],
      );
      assert.doesNotMatch(problemsOf(text).join('\n'), /<</);
    });
  }
  test('a merge key that names no map is an error', () => {
    for (const text of [rule('{<<: ana}'), rule('{<<: [*x, ana]}'), 'users: {a: {<<: [b]}}\nacl: []'])
      assert.match(problemsOf(text).join('\n'), /error "<<" must name a map/);
  });
});

test('a section without anything in it is none: all of it has been commented out', () => {
  const text = `google_auth:\noidc_auth:\nldap_auth:\ncasbin_authz: ~\nusers: {ana: {password: "${hash}"}}\nacl:\n  - {match: {account: ana, name: "\${account}/*"}, actions: []}`;
  assert.doesNotMatch(problemsOf(text).join('\n'), /error|google_auth|oidc_auth|ldap_auth|casbin|people/);
  assert.doesNotMatch(importDockerAuth(text).environment, /OIDC_PROVIDERS|GOOGLE/);
  assert.match(problemsOf('google_auth:\nacl: []').join('\n'), /no one can log in/);
});

test('what is mended is imported: nothing but warnings remains', () => {
  for (const text of [
    'acl:\n  - {match: {name: a}}',
    'users: {a: }\nacl: []',
    'users: {a: {labels: {l: ["x/*"]}}}\nacl:\n  - {match: {name: "${labels:l}"}, actions: []}',
    'acl:\n  - {match: {name: "a["}, actions: []}',
    'acl:\n  - {match: {name: a, team: b}, actions: [~], tags: [x]}',
  ]) {
    const { policy } = importDockerAuth(text);
    assert.doesNotMatch(problemsOf(text).join('\n'), /error/, text);
    assert.doesNotThrow(() => parsePolicy(policy, 'policy.yml'), policy);
  }
});

test('a user without anything lets no one in, not even those who send no credentials', () => {
  const text = `users: {admin: , "": , ci: {password: "${hash}"}}\nacl: [{match: {account: admin}, actions: ["*"]}]`;
  const imported = importDockerAuth(text);
  assert.deepEqual([...parsePolicy(imported.policy, 'policy.yml').users.keys()], ['ci']);
  assert.match(imported.environment, /#ANONYMOUS_ACCESS=false/);
});

test('an action without anything is one that no one asks for: "*" beside it is not alone', () => {
  const actionsOf = (written: string) => {
    const { policy } = importDockerAuth(`acl: [{match: {name: a}, actions: ${written}}]`);
    const access = { type: 'repository', name: 'a', actions: ['pull', 'push'] };
    const parsed = parsePolicy(policy, 'policy.yml');
    return decide(parsed, identityOf(parsed.users, { account: 'a' }), access, { service: '', address: '' }).granted;
  };
  assert.deepEqual(actionsOf('["*", null]'), []);
  assert.deepEqual(actionsOf('[~, pull]'), ['pull']);
  assert.deepEqual(actionsOf('["*"]'), ['pull', 'push']);
});

test('names and values stay as they are written, where YAML would make numbers, booleans or bytes of them', () => {
  const words = ['0x1F', '1_000', '010', '1.50', 'yes', 'Off', '12:30', '2024-01-02', '.5'];
  const users = words.map((word) => `  ${word}: {password: "${hash}", labels: {${word}: [${word}]}}`).join('\n');
  const rules = words
    .map((word) => `  - {match: {account: ${word}, labels: {${word}: ${word}}}, actions: [pull]}`)
    .join('\n');
  const text = `users:\n${users}\nacl:\n${rules}\n  - {match: {name: !!binary dGVhbS94}, actions: [pull]}`;
  assert.doesNotMatch(problemsOf(text).join('\n'), /error|never/);
  const policy = parsePolicy(importDockerAuth(text).policy, 'policy.yml');
  const pulls = (account: string, name: string) => {
    const access = { type: 'repository', name, actions: ['pull'] };
    return decide(policy, identityOf(policy.users, { account }), access, { service: '', address: '' }).granted;
  };
  for (const word of words) {
    assert.deepEqual(policy.users.get(word)?.labels, { [word]: [word] });
    assert.deepEqual(pulls(word, 'a'), ['pull'], word);
  }
  assert.deepEqual(pulls('other', 'team/x'), ['pull']);
});

test('a user "" with a password lets no one in who sends none, as in docker_auth', () => {
  const text = `users: {"": {password: "${hash}"}}\nacl:\n  - {match: {account: ""}, actions: [pull]}`;
  const problems = problemsOf(text).join('\n');
  assert.match(problems, /there is no user "" without a password, so docker_auth answered .* with 401/);
  assert.match(problems, /the user "" has a password, which requests without credentials don't send/);
  const policy = parsePolicy(importDockerAuth(text).policy, 'policy.yml');
  const access = { type: 'repository', name: 'a', actions: ['pull'] };
  const asked = decide(policy, identityOf(policy.users, { account: '' }), access, { service: '', address: '' });
  assert.deepEqual(asked.granted, []);
});

test('what is proposed for a label matches the groups that it means, and no others', () => {
  const proposed = (pattern: string) => {
    const rule = JSON.stringify({ match: { labels: { groups: pattern } }, actions: ['pull'] });
    const { policy } = importDockerAuth(`oidc_auth: {issuer: "https://x", labels_claims: [groups]}\nacl:\n  - ${rule}`);
    const [, group = ''] = /for people: (group: .*), where oidc/.exec(policy) ?? [];
    const written = parsePolicy(`acl:\n  - {match: {${group}}, actions: [pull]}`, 'policy.yml');
    return ['dev', 'dev-a', 'dev/a/b', 'x-dev-a'].filter((name) => {
      const identity = identityOf(new Map(), { account: 'ana@a.org', groups: [`oidc:${name}`] });
      const access = { type: 'repository', name: 'a', actions: ['pull'] };
      return decide(written, identity, access, { service: '', address: '' }).granted.length > 0;
    });
  };
  assert.deepEqual(proposed('/^dev-/'), ['dev-a']);
  assert.deepEqual(proposed('/dev-\\w/'), ['dev-a', 'x-dev-a']);
  assert.deepEqual(proposed('dev**'), ['dev', 'dev-a']);
  assert.deepEqual(proposed('/dev$/'), ['dev']);
  const text =
    'oidc_auth: {labels_claims: [groups]}\nacl:\n  - {match: {labels: {groups: "/^dev|^ops/"}}, actions: []}';
  assert.match(problemsOf(text).join('\n'), /with the rest of the name in the parentheses/);
});

test('whole numbers are those of docker_auth, and an empty text is no setting', () => {
  const lifetimeOf = (written: string) =>
    parseEnv(importDockerAuth(`token: {issuer: a, expiration: ${written}}\nacl: []`).environment)['TOKEN_LIFETIME'];
  const written = ['900', '1_000', '0x384', '01604', '900.5', '!!int 900', '!!int "900"'];
  assert.deepEqual(written.map(lifetimeOf), ['900', '1000', '900', '900', '900', '900', '900']);
  const { environment } = importDockerAuth(
    'server: {certificate: s.pem, key: s.key}\ntoken: {issuer: a, certificate: "", key: ""}\nacl: []',
  );
  const { TOKEN_CERTIFICATE_FILE, TOKEN_KEY_FILE } = parseEnv(environment);
  assert.deepEqual([TOKEN_CERTIFICATE_FILE, TOKEN_KEY_FILE], ['s.pem', 's.key']);
  assert.match(importDockerAuth('server: {certificate: ""}\nacl: []').environment, /TRUSTED_PROXIES=/);
});

test('after a mistake of YAML, or in a template, nothing else is reported', () => {
  const others = 'ldap_auth: {}\nacl: [{match: {team: x}}]';
  for (const text of [`${others}\n  b:c\n`, `a: {{ b }}\n${others}`, `apiVersion: v1\nkind: ConfigMap\n${others}`]) {
    assert.equal(problemsOf(text).length, 1, text);
  }
});

test('a rule that is wider and still has a condition, or grants nothing, is a warning', () => {
  const rules = [
    '{match: {team: x, name: a}, actions: ["*"]}',
    '{match: {team: x}, actions: []}',
    '{match: {}, actions: ["*"]}',
  ];
  for (const rule of rules) assert.doesNotMatch(problemsOf(`acl: [${rule}]`).join('\n'), / error /, rule);
});

test('--without leaves sections out, and says where one is not there', () => {
  const text = `ldap_auth: {}\next_auth: {}\nusers: {ci: {password: "${hash}"}}\nacl: [{match: {name: "\${account}/*"}, actions: [pull]}]`;
  const said = (...without: string[]) =>
    importDockerAuth(text, { without })
      .problems.map(({ severity, message }) => `${severity} ${message}`)
      .join('\n');
  assert.match(said('ldap_auth'), /^error ext_auth: /);
  const rest = said('ldap_auth', 'ext_auth');
  assert.doesNotMatch(rest, /^error /m);
  assert.match(rest, /\$\{account\} of people is their e-mail/);
  assert.match(said('ldap_auth', 'ext_auth', 'mongo_auth'), /error --without mongo_auth: the file has no such section/);
  assert.match(said('acl'), /error --without acl: the policy is made from it/);
  const { policy } = importDockerAuth(text, { without: ['ldap_auth', 'ext_auth'] });
  assert.match(policy, /# for people: name: "\$\{user\}\/\*"\n/);
});

test('a rule of a user of the file keeps ${account} without a word', () => {
  const text = `google_auth: {}\nusers: {ci: {password: "${hash}"}}\nacl: [{match: {account: ci, name: "\${account}/*"}, actions: [pull]}]`;
  assert.doesNotMatch(problemsOf(text).join('\n'), /people/);
});

test('an expired certificate is left out, and one that cannot be looked at is not', () => {
  const text = 'token: {issuer: a, certificate: /c.pem, key: /k.pem}\nacl: []';
  const at = Date.UTC(2026, 10, 28);
  const settingsAt = (now: number, end: number | null) => {
    const { environment, problems } = importDockerAuth(text, { certificateEnd: () => end, now });
    return [
      parseEnv(environment)['TOKEN_CERTIFICATE_FILE'],
      problems.filter(({ message }) => /expired on/.test(message)).length,
    ];
  };
  assert.deepEqual(settingsAt(at, at), [undefined, 1]);
  assert.deepEqual(settingsAt(at, at + 1), ['/c.pem', 0]);
  assert.deepEqual(settingsAt(at, null), ['/c.pem', 0]);
});

test('the answer to requests without credentials is reported and in .env, where docker_auth had no user ""', () => {
  assert.match(problemsOf('acl: []').join('\n'), /warning there is no user "", .*ANONYMOUS_ACCESS=false in \.env/);
  assert.doesNotMatch(problemsOf('users: {"": {}}\nacl: []').join('\n'), /there is no user ""/);
  assert.match(importDockerAuth('acl: []').environment, /\n#ANONYMOUS_ACCESS=false\n$/);
  assert.doesNotMatch(importDockerAuth('users: {"": {}}\nacl: []').environment, /ANONYMOUS_ACCESS/);
});

test('names under users: keep their case in the rules', () => {
  const text = `users: {Ci@Corp: {password: "${hash}"}, Bot: {password: "${hash}"}}
acl: [{match: {account: Ci@Corp}, actions: []}, {match: {account: "*@Corp"}, actions: []}, {match: {account: "/^Bo/"}, actions: []}]`;
  const policy = parsePolicy(importDockerAuth(text).policy, 'policy.yml');
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
  const { policy } = importDockerAuth('acl:\n  - match: {team: infra, name: a}\n    actions: []');
  assert.equal(policy, 'acl:\n  - match: { name: a } # ignored by docker_auth: team\n    actions: []\n');
});

for (const gap of ['', '\n']) {
  test(`the head of the file stays, with ${gap === '' ? 'no' : 'a'} blank line after it`, () => {
    const { policy } = importDockerAuth(`# Kept by ops\n${gap}server: {addr: ":5001"}\nacl: []\n`);
    assert.match(policy, /^# Kept by ops\n+acl: \[\]\n$/);
  });
}

describe('labels are put in as patterns where they are patterns, and else stay quoted', () => {
  const table: readonly [value: string, name: string, raw: boolean][] = [
    ['x.y', '${labels:l}', false],
    ['x.y', '/^${labels:l}$/', true],
    ['secret|private', '/^(${labels:l})\\//', true],
    ['x-y/z', '/^${labels:l}$/', false],
    ['x*', '${labels:l}/a', true],
    ['x*', '${labels:other}/a', false],
    ['/x/', '${labels:l}', true],
    ['x/', '/${labels:l}', true],
  ];
  for (const [value, name, raw] of table) {
    test(`${value} in ${name}`, () => {
      const text = JSON.stringify({
        users: { a: { labels: { l: [value] } } },
        acl: [{ match: { name }, actions: [] }],
      });
      assert.equal(/raw: true/.test(importDockerAuth(text).policy), raw);
    });
  }
});

test('labels of a provider may be patterns, however its section is written', () => {
  const rest = 'acl: [{match: {name: "${labels:team}/*"}, actions: []}]';
  for (const section of ['*p', '{<<: *p}', '{labels_claims: [team]}']) {
    const text = `p: &p {labels_claims: [team]}\noidc_auth: ${section}\n${rest}`;
    assert.match(importDockerAuth(text).policy, /raw: true/, section);
  }
  assert.doesNotMatch(importDockerAuth(`oidc_auth: {labels_claims: }\n${rest}`).policy, /raw/);
});

test('a key that is twice in a section is a mistake, but not in one that is left out', () => {
  const text = 'ldap_auth:\n  bind_dn: a\n  bind_dn: b\nacl:\n  - {match: {name: a, name: b}, actions: []}\nldap: {}';
  const said = (without: readonly string[]) =>
    importDockerAuth(text, { without }).problems.flatMap(({ line, message }) =>
      /second time/.test(message) ? `${line} ${message}` : [],
    );
  const ofRule = '5 name is a second time in this map: keep one';
  assert.deepEqual(said(['ldap_auth']), [ofRule]);
  const { policy } = importDockerAuth('ldap_auth: &m {name: a, name: b}\nacl:\n  - {match: *m, actions: []}', {
    without: ['ldap_auth'],
  });
  assert.match(policy, /match: \{ name: b \}/);
  assert.deepEqual(said(['ldap']), ['3 bind_dn is a second time in this map: keep one', ofRule]);
});

test('keys are compared as texts, which docker_auth reads them into', () => {
  const repeated = [
    'acl:\n  - {match: {labels: {"1": y, 1: x}}, actions: []}',
    `users:\n  {"10": {password: "${hash}"}, 10: {}}\nacl: []`,
    `users:\n  {"": {password: "${hash}"}, ~: {}}\nacl: []`,
    `users:\n  {hello: {password: "${hash}"}, !!str hello: {}}\nacl: []`,
  ];
  for (const text of repeated) assert.match(problemsOf(text).join('\n'), /^2 error .* is a second time/m, text);
  const names = ['1.1', '1.10', '012', '10', 'on', 'true', '0xA', '1_0'];
  const text = `users:\n${names.map((name) => `  ${name}: {password: "${hash}"}\n`).join('')}acl: []`;
  assert.doesNotMatch(problemsOf(text).join('\n'), /error/);
  assert.deepEqual([...parsePolicy(importDockerAuth(text).policy, 'policy.yml').users.keys()].sort(), names.sort());
});

test('a key that is nothing is the empty text: it opens to requests without credentials', () => {
  const { policy, problems } = importDockerAuth('users: {~: {}}\nacl: []');
  assert.deepEqual([...parsePolicy(policy, 'policy.yml').users.keys()], ['']);
  assert.ok(problems.every(({ severity }) => severity === 'warning'));
});

test('what comes after a hash is cut off, as bcrypt in Go ignores it', () => {
  const written = [`"${hash} "`, `|\n      ${hash}`, `>\n      ${hash}\n      # old`, `"${hash}"`];
  for (const password of written) {
    const text = `users:\n  a:\n    password: ${password}\nacl: []`;
    assert.match(importDockerAuth(text).policy, new RegExp(`password: "${hash.replaceAll('$', '\\$')}"\n`), text);
    assert.doesNotMatch(problemsOf(text).join('\n'), /left out/);
  }
});

test('rules that are commented out at the end stay, and what follows another section does not', () => {
  const rule = '  - match: { name: a }\n    actions: []\n';
  const end = '# - match: {name: old}\n#   actions: ["*"]\n';
  assert.equal(importDockerAuth(`acl:\n${rule}${end}`).policy, `acl:\n${rule}\n${end}`);
  assert.equal(importDockerAuth(`acl:\n${rule}server: {}\n# path_prefix: /x\n`).policy, `acl:\n${rule}`);
});

test('an account is not put in lower case where a user of the file would begin to match', () => {
  const text = `users: {ana@x.com: {password: "${hash}"}}\nacl: [{match: {account: "Ana@X.com"}, actions: ["*"]}]`;
  assert.match(importDockerAuth(text).policy, /account: "?Ana@X\.com/);
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
    const imported = importDockerAuth(JSON.stringify({ oidc_auth: { labels_claims: ['team'] }, acl }));
    const { account, type, name, service, ip, labels, actions } = request;
    // The ACL alone is compared: whether anonymous may ask at all is a matter of `users:`.
    const identity = { ...identityOf(new Map(), { account }), account, labels: labels ?? {}, limits: null };
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
  );
  const { TOKEN_CERTIFICATE_FILE: certificate, TOKEN_KEY_FILE: key } = parseEnv(environment);
  assert.deepEqual([certificate, key], ['/s.pem', '/s.key']);
});

test('the former name of the token database leads to its import, too', () => {
  const [problem = ''] = problemsOf('google_auth: {token_db: /tokens.ldb}\nacl: []\n').filter((one) =>
    /token_db/.test(one),
  );
  assert.match(problem, /called once; .*"dockpass import token-db" imports/);
});

test('without a TLS certificate, the proxy that speaks TLS is asked for', () => {
  const behind = importDockerAuth('server: {addr: ":5001"}\nacl: []\n').environment;
  assert.match(behind, /proxy in front.*: fill in\.\nTRUSTED_PROXIES=\n/);
  assert.doesNotMatch(importDockerAuth(configuration).environment, /TRUSTED_PROXIES/);
});

test('a password that is empty to docker_auth is none, and anyone can log in, as there', () => {
  const text = `users:\n  guest:\n    password:\nacl: []\n`;
  assert.deepEqual(parsePolicy(importDockerAuth(text).policy, 'policy.yml').users.get('guest'), {
    passwordHash: null,
    labels: {},
  });
  assert.ok(problemsOf(text).some((problem) => problem.includes('anyone can log in as "guest"')));
});

test('aliases that stand for billions of values are refused, also where no one reads them', () => {
  const levels = Array.from({ length: 30 }, (_, level) => {
    const value = level === 0 ? 'x' : `*x${level - 1}`;
    return `x${level}: &x${level} [${value}, ${value}, ${value}]`;
  });
  const { policy, problems } = importDockerAuth(`token: {issuer: A}\nusers: {"": {}}\n${levels.join('\n')}\nacl: []\n`);
  assert.equal(policy, '');
  assert.match(
    problems.map(({ message }) => message).join('\n'),
    /the alias \*x\d+ is one of too many: .*take some out/,
  );
});

test('an alias means the last anchor before it, also after an alias for something that has that anchor inside', () => {
  const { policy } = importDockerAuth(`
token: {issuer: A}
users: {"": {}}
acl:
  - &rule {match: {name: &name a}, actions: [pull]}
  - {match: {name: &name b}, actions: [pull]}
  - *rule
  - {match: {name: *name}, actions: []}
`);
  const names = parsePolicy(policy, 'policy.yml').rules.map(({ conditions }) => conditions[0]?.patterns[0]);
  assert.deepEqual(names, ['a', 'b', 'a', 'b']);
});

test('thousands of users with labels and thousands of rules with their names are imported', () => {
  const numbers = Array.from({ length: 5_000 }, (_, index) => index);
  const users = numbers.map(
    (number) => `  U${number}@example.com: {password: "${hash}", labels: {team: [t${number}]}}`,
  );
  const rules = numbers.map(
    (number) => `  - {match: {account: X${number}@Example.com, name: "\${labels:team}/${number}/*"}, actions: [pull]}`,
  );
  const text = `token: {issuer: A}\ngoogle_auth: {domain: example.com}\nusers:\n${users.join('\n')}\nacl:\n${rules.join('\n')}\n`;
  const { rules: imported } = parsePolicy(importDockerAuth(text).policy, 'policy.yml');
  assert.equal(imported.length, 5_000);
  assert.ok(imported.every(({ raw }) => !raw));
});

test('of users that are wrong it is not said as well that there are none', () => {
  const text = `token: {issuer: a}\nusers:\n  null: {password: "${hash}"}\n  "": {}\nacl: []`;
  assert.deepEqual(
    problemsOf(text).filter((problem) => !problem.includes('ANONYMOUS_ACCESS')),
    ['4 error "" is a second time in this map: keep one'],
  );
});
