/** Every form in which a registry's configuration is found, and what is said of one that can't be read. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeTypes, parseRegistryFile } from '../../src/doctor/registry-file.ts';

const token = { realm: 'https://a.example/auth', service: 'Docker registry', issuer: 'a', rootcertbundle: '/b.pem' };

describe('the same settings', () => {
  const forms: Readonly<Record<string, string>> = {
    'config.yml': `
version: 0.1
auth:
  token: {realm: https://a.example/auth, service: "Docker registry", issuer: a, rootcertbundle: /b.pem}
`,
    'what env prints': `
PATH=/bin
REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth
REGISTRY_AUTH_TOKEN_SERVICE=Docker registry
REGISTRY_AUTH_TOKEN_ISSUER=a
REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem
`,
    'a compose file with a map': `
services:
  web: {image: nginx, environment: {A: b}}
  registry:
    image: registry:3
    environment:
      REGISTRY_AUTH: token
      REGISTRY_AUTH_TOKEN_REALM: https://a.example/auth
      REGISTRY_AUTH_TOKEN_SERVICE: Docker registry
      REGISTRY_AUTH_TOKEN_ISSUER: a
      REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE: /b.pem
`,
    'a compose file with a list': `
services:
  registry:
    environment:
      - REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth
      - "REGISTRY_AUTH_TOKEN_SERVICE=Docker registry"
      - REGISTRY_AUTH_TOKEN_ISSUER=a
      - REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem
`,
    'a docker run line': `docker run -d -p 5000:5000 -e REGISTRY_AUTH=token -e REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth -eREGISTRY_AUTH_TOKEN_SERVICE="Docker registry" --env REGISTRY_AUTH_TOKEN_ISSUER=a --env=REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem registry:2`,
    'a script with quotes and continued lines': `#!/bin/sh
sudo podman run --name registry \\
  -e 'REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth' \\
  -e "REGISTRY_AUTH_TOKEN_SERVICE=Docker registry" \\
  -e REGISTRY_AUTH_TOKEN_ISSUER='a' \\
  -e REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem registry:2
`,
    'a compose file that merges its environment': `
x-auth: &auth
  REGISTRY_AUTH_TOKEN_REALM: https://a.example/auth
  REGISTRY_AUTH_TOKEN_SERVICE: Docker registry
services:
  registry:
    environment:
      <<: *auth
      REGISTRY_AUTH_TOKEN_ISSUER: a
      REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE: /b.pem
`,
    'a systemd unit': `
[Service]
Environment=REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth "REGISTRY_AUTH_TOKEN_SERVICE=Docker registry"
Environment="REGISTRY_AUTH_TOKEN_ISSUER=a"
Environment=REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem
ExecStart=/usr/bin/registry serve /etc/registry.yml
`,
    'a script that exports': `
export REGISTRY_AUTH_TOKEN_REALM=https://a.example/auth
export REGISTRY_AUTH_TOKEN_SERVICE='Docker registry' REGISTRY_AUTH_TOKEN_ISSUER=a
export REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b.pem
`,
    'the environment in a Kubernetes manifest': `
apiVersion: v1
kind: Service
---
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
        - name: registry
          env:
            - {name: REGISTRY_HTTP_SECRET, valueFrom: {secretKeyRef: {name: a, key: b}}}
            - {name: REGISTRY_AUTH_TOKEN_REALM, value: https://a.example/auth}
            - {name: REGISTRY_AUTH_TOKEN_SERVICE, value: Docker registry}
            - {name: REGISTRY_AUTH_TOKEN_ISSUER, value: a}
            - {name: REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE, value: /b.pem}
`,
    'a config.yml in a Kubernetes manifest': `
kind: ConfigMap
data:
  other: text
  config.yml: |
    version: 0.1
    auth:
      token: {realm: https://a.example/auth, service: "Docker registry", issuer: a, rootcertbundle: /b.pem}
`,
  };
  for (const [form, text] of Object.entries(forms)) test(form, () => assert.deepEqual(parseRegistryFile(text), token));
});

test('settings of a 3.x are read as the registry reads them', () => {
  const read = { jwks: '/j.json', signingalgorithms: ['ES256', 'RS256'], autoredirect: true };
  assert.deepEqual(
    parseRegistryFile('auth: {token: {jwks: /j.json, signingalgorithms: [ES256, RS256], autoredirect: true}}'),
    read,
  );
  const variables = ['JWKS=/j.json', 'SIGNINGALGORITHMS=[ES256, RS256]', 'AUTOREDIRECT=true'];
  assert.deepEqual(parseRegistryFile(variables.map((one) => `REGISTRY_AUTH_TOKEN_${one}`).join('\n')), read);
  assert.deepEqual(parseRegistryFile('auth: {token: {autoredirect: false}}'), {});
});

test('an auth section of something else is passed over', () => {
  const text = 'auth: {enabled: true}\nenv: [{name: REGISTRY_AUTH_TOKEN_ISSUER, value: a}]';
  assert.deepEqual(parseRegistryFile(text), { issuer: 'a' });
  assert.throws(() => parseRegistryFile('auth: {}'), /neither an auth\.token section/);
});

test('a dollar that compose escapes is one', () => {
  const text = 'services: {r: {environment: {REGISTRY_AUTH_TOKEN_ISSUER: "a$$b"}}}';
  assert.deepEqual(parseRegistryFile(text), { issuer: 'a$b' });
});

describe('another type of auth', () => {
  const forms: readonly [form: string, text: string, token: object][] = [
    ['config.yml', 'auth: {htpasswd: {realm: x, path: /x}}', {}],
    ['config.yml, beside token', 'auth: {htpasswd: {realm: x}, token: {issuer: a}}', { issuer: 'a' }],
    ['what env prints', 'REGISTRY_AUTH=htpasswd\nREGISTRY_AUTH_TOKEN_ISSUER=a', { issuer: 'a' }],
    ['what env prints, without its own name', 'REGISTRY_AUTH=token\nREGISTRY_AUTH_HTPASSWD_PATH=/x', {}],
    [
      'a compose file',
      'services: {r: {environment: {REGISTRY_AUTH: htpasswd, REGISTRY_AUTH_HTPASSWD_PATH: "${X}"}}}',
      {},
    ],
    ['a docker run line', 'docker run -e REGISTRY_AUTH=htpasswd -e "REGISTRY_AUTH_HTPASSWD_REALM=a b" registry:3', {}],
    ['a manifest', 'spec: {env: [{name: REGISTRY_AUTH, value: htpasswd}]}', {}],
  ];
  for (const [form, text, given] of forms) {
    test(form, () => assert.deepEqual(parseRegistryFile(text), { ...given, otherType: 'htpasswd' }));
  }
  test('is said with what to do, unless the registry runs with tokens all the same', () => {
    const told = (file: object, asksForTokens = false) =>
      judgeTypes(file, asksForTokens).map(({ status, message }) => `${status}: ${message}`);
    assert.deepEqual(told({ issuer: 'a' }), []);
    assert.match(`${told({ otherType: 'htpasswd' })}`, /^wrong: .*auth\.htpasswd: put the section below in its place/);
    assert.match(`${told({ otherType: 'htpasswd', issuer: 'a' })}`, /^wrong: .* takes only one type: keep only/);
    assert.match(`${told({ otherType: 'htpasswd' }, true)}`, /^unknown: .*the registry that runs asks for tokens/);
  });
});

describe('what cannot be read says what to give instead', () => {
  const table: readonly [title: string, text: string, message: RegExp][] = [
    ['neither', 'version: 0.1', /neither an auth\.token section nor REGISTRY_AUTH_TOKEN_ variables/],
    [
      'a compose file that mounts config.yml',
      'services: {r: {image: registry}}',
      /give the config\.yml that its registry mounts, or what `docker compose exec/,
    ],
    [
      'a compose file with two registries',
      'services: {a: {environment: [REGISTRY_AUTH_TOKEN_ISSUER=a]}, b: {environment: [REGISTRY_AUTH_TOKEN_ISSUER=b]}}',
      /several registries \(a, b\): give what `docker compose exec NAME env`/,
    ],
    [
      'a compose file with variables of its own',
      'services: {hub: {environment: {REGISTRY_AUTH_TOKEN_ISSUER: "${ISSUER:-a}"}}}',
      /REGISTRY_AUTH_TOKEN_ISSUER=\$\{ISSUER:-a\} is filled in when it is started: give what `docker compose exec hub env`/,
    ],
    [
      'a compose file that passes a variable on',
      'services: {hub: {environment: [REGISTRY_AUTH_TOKEN_ISSUER]}}',
      /REGISTRY_AUTH_TOKEN_ISSUER is filled in when it is started/,
    ],
    [
      'a compose file that passes a variable on, as a map',
      'services: {hub: {environment: {REGISTRY_AUTH_TOKEN_ISSUER: }}}',
      /REGISTRY_AUTH_TOKEN_ISSUER is filled in when it is started/,
    ],
    [
      'a script with variables of its own',
      'docker run -e REGISTRY_AUTH_TOKEN_ISSUER="$ISSUER" registry:3',
      /REGISTRY_AUTH_TOKEN_ISSUER=\$ISSUER is filled in when it is started: give what `docker exec NAME env` prints/,
    ],
  ];
  for (const [title, text, message] of table)
    test(title, () => assert.throws(() => parseRegistryFile(text), { message }));
});
