import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config/config.ts';

const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'localhost:5000' };
const google = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com' };
const keycloak = {
  OIDC_PROVIDERS: 'kc',
  OIDC_KC_ISSUER: 'https://kc.example.com/realms/a',
  OIDC_KC_CLIENT_ID: 'id',
  OIDC_KC_CLIENT_SECRET: 'secret',
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

test('two settings are enough, and the rest has defaults', () => {
  const config = readConfig(least);
  assert.deepEqual(
    config.services.map(({ name, issuer }) => ({ name, issuer })),
    [{ name: 'localhost:5000', issuer: 'localhost:5001' }],
  );
  assert.equal(config.databaseUrl, `sqlite:${join(process.cwd(), 'data/dockpass.db')}`);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 5001);
  assert.equal(config.google, null);
  assert.ok(Object.isFrozen(config));
});

test('a path of the public URL becomes the prefix', () => {
  assert.equal(readConfig({ ...least, PUBLIC_URL: 'http://localhost:5001/dockpass/' }).prefix, '/dockpass');
  assert.equal(readConfig(least).prefix, '');
});

test('Google and other providers are read, with the defaults of each', () => {
  const config = readConfig({
    ...{ ...least, ...google, ...keycloak },
    ...{ OIDC_KC_GROUPS_CLAIM: 'realm_access.roles', OIDC_KC_DOMAINS: 'Other.Example.,b\u00FCcher.example' },
  });
  assert.deepEqual(config.oidc[0]?.domains, ['other.example', 'xn--bcher-kva.example'], 'as domains are compared');
  assert.deepEqual(config.google?.domains, ['example.com']);
  assert.equal(config.google?.tokenUrl, 'https://oauth2.googleapis.com/token');
  assert.deepEqual(config.google?.issuers, ['https://accounts.google.com', 'accounts.google.com']);
  assert.equal(config.oidc[0]?.issuer, 'https://kc.example.com/realms/a', 'letter by letter, no slash added');
  assert.deepEqual(config.oidc[0]?.scopes, ['openid', 'email', 'profile']);
  assert.equal(config.oidc[0]?.groupsClaim, 'realm_access.roles');
});

test('a secret can come from a file, without its line end', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-config-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, `${'s'.repeat(40)}\n`);
  assert.equal(readConfig({ ...least, SESSION_SECRET_FILE: file }).sessionSecret, 's'.repeat(40));
});

test('all mistakes are reported together', () => {
  const problems = problemsOf({
    PUBLIC_URL: 'auth.example.com',
    PORT: 'http',
    LOG_LEVEL: 'loud',
    OIDC_PROVIDERS: 'kc',
  });
  const names = [
    'PUBLIC_URL',
    'PORT',
    'LOG_LEVEL',
    'SERVICES',
    'OIDC_KC_ISSUER',
    'OIDC_KC_CLIENT_ID',
    'OIDC_KC_CLIENT_SECRET',
  ];
  for (const name of names)
    assert.ok(
      problems.some((problem) => problem.startsWith(name)),
      `${name}: ${problems}`,
    );
});

describe('each of these is refused by name', () => {
  const https = { ...least, PUBLIC_URL: 'https://auth.example.com' };
  const cases: [string, Record<string, string>, RegExp][] = [
    ['http on a public name', { ...least, PUBLIC_URL: 'http://auth.example.com' }, /^PUBLIC_URL is http/],
    ['https that nobody speaks', https, /TRUSTED_PROXIES/],
    ['TLS here, http outside', { ...least, TLS_CERTIFICATE_FILE: 'a', TLS_KEY_FILE: 'b' }, /PUBLIC_URL is http/],
    ['half of the TLS files', { ...https, TLS_CERTIFICATE_FILE: 'a' }, /TLS_KEY_FILE/],
    ['a proxy block that is everybody', { ...https, TRUSTED_PROXIES: '0.0.0.0/0' }, /trusts everyone/],
    ['an IPv4-mapped proxy block', { ...https, TRUSTED_PROXIES: '::ffff:10.0.0.0/104' }, /IPv4-mapped/],
    ['a proxy that is no address', { ...https, TRUSTED_PROXIES: 'nginx' }, /"nginx" is not an address/],
    ['a proxy block that is too long', { ...https, TRUSTED_PROXIES: '10.0.0.0/33' }, /prefix length/],
    ['a short session secret', { ...least, SESSION_SECRET: 'short' }, /SESSION_SECRET is too short/],
    [
      'two providers with one group prefix',
      { ...least, ...keycloak, OIDC_KC_GROUPS_PREFIX: 'google' },
      /"google" belongs to/,
    ],
    [
      'a group prefix of the policy',
      { ...least, ...keycloak, OIDC_KC_GROUPS_PREFIX: 'domain' },
      /"domain" is not usable/,
    ],
    ['a broken group pattern', { ...least, ...keycloak, OIDC_KC_GROUPS_ALLOW: '/(/' }, /OIDC_KC_GROUPS_ALLOW: /],
    [
      'delegation without an account',
      { ...least, ...google, GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_ADMIN: 'a@b.c' },
      /domain-wide delegation/,
    ],
    [
      'a directory that is off but set up',
      { ...least, ...google, GOOGLE_DIRECTORY_ADMIN: 'a@b.c' },
      /GOOGLE_DIRECTORY is off/,
    ],
    [
      'a key that is none',
      { ...least, ...google, GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_KEY: '{}' },
      /not the JSON key file/,
    ],
    [
      'a key file whose key was cut off',
      {
        ...{ ...least, ...google, GOOGLE_DIRECTORY: 'direct' },
        GOOGLE_DIRECTORY_KEY: JSON.stringify({
          client_email: 'a@b.c',
          private_key: '-----BEGIN PRIVATE KEY-----\nMII',
        }),
      },
      /not the JSON key file of a service account, whole/,
    ],
    [
      'a directory of people who may not sign in',
      { ...least, ...google, GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_DOMAINS: 'example.org' },
      /example.org is not in GOOGLE_DOMAINS/,
    ],
    ['a short encryption key', { ...least, ENCRYPTION_KEYS: `${'k'.repeat(32)},short` }, /ENCRYPTION_KEYS: each key/],
    ['groups that are stale before they are due', { ...least, GROUPS_TTL: '61', GROUPS_MAX_STALE: '1' }, /GROUPS_TTL/],
    ['a shorter grace for pulls', { ...least, OFFBOARDING_GRACE_PULL: '23' }, /OFFBOARDING_GRACE_PULL is shorter/],
    ['a short pepper', { ...least, PASSWORD_PEPPER: 'short' }, /PASSWORD_PEPPER is too short/],
    ['a secret twice', { ...least, SESSION_SECRET: 's'.repeat(32), SESSION_SECRET_FILE: '/x' }, /both set/],
    [
      'a secret file that is not there',
      { ...least, SESSION_SECRET_FILE: '/nowhere' },
      /\/nowhere cannot be read \(ENOENT\)/,
    ],
    [
      'PostgreSQL without shared secrets',
      { ...least, DATABASE_URL: 'postgres://x/y' },
      /SESSION_SECRET or .* is required with/,
    ],
    ['another database', { ...least, DATABASE_URL: 'mysql://x' }, /sqlite: or postgres:/],
    ['Google without domains', { ...least, ...google, GOOGLE_DOMAINS: '' }, /GOOGLE_DOMAINS is required/],
    ...['gmail.com', 'GoogleMail.com', 'gmail.com,googlemail.com'].map(
      (domains): [string, Record<string, string>, RegExp] => [
        `only domains of personal accounts: ${domains}`,
        { ...least, ...google, GOOGLE_DOMAINS: domains },
        /GOOGLE_DOMAINS: no one has a Workspace at (gmail|googlemail)\.com.*set GOOGLE_ANY_ACCOUNT=true/,
      ],
    ),
    [
      'the file of the Google console as the secret',
      { ...least, ...google, GOOGLE_CLIENT_SECRET: '{"web": {"client_id": "id", "client_secret": "secret"}}' },
      /GOOGLE_CLIENT_SECRET is a JSON file: give only the client_secret in it/,
    ],
    [
      'a client secret of two lines',
      { ...least, ...keycloak, OIDC_KC_CLIENT_SECRET: 'id\nsecret' },
      /OIDC_KC_CLIENT_SECRET has several lines/,
    ],
    ['Google with both', { ...least, ...google, GOOGLE_ANY_ACCOUNT: 'true' }, /contradict/],
    ['Google without a secret', { ...least, GOOGLE_CLIENT_ID: 'a', GOOGLE_DOMAINS: 'b' }, /GOOGLE_CLIENT_SECRET or/],
    [
      'a Google endpoint over http',
      { ...least, ...google, GOOGLE_TOKEN_URL: 'http://evil.example/t' },
      /GOOGLE_TOKEN_URL is http/,
    ],
    [
      'an issuer over http',
      { ...least, ...keycloak, OIDC_KC_ISSUER: 'http://kc.example.com' },
      /OIDC_KC_ISSUER is http/,
    ],
    [
      'several providers, one without domains',
      { ...least, ...google, ...keycloak },
      /OIDC_KC_DOMAINS is required with/,
    ],
    [
      'several providers, Google open to all',
      {
        ...{ ...least, ...google, ...keycloak, OIDC_KC_DOMAINS: 'a.example' },
        ...{ GOOGLE_DOMAINS: '', GOOGLE_ANY_ACCOUNT: 'true' },
      },
      /GOOGLE_DOMAINS is required with several/,
    ],
    [
      'a domain of two providers',
      { ...least, ...google, ...keycloak, OIDC_KC_DOMAINS: 'EXAMPLE.com.' },
      /GOOGLE_DOMAINS and OIDC_KC_DOMAINS both list example\.com/,
    ],
    [
      'one issuer twice',
      {
        ...{ ...least, ...keycloak, OIDC_PROVIDERS: 'kc,two', OIDC_KC_DOMAINS: 'a.example' },
        ...{ OIDC_TWO_ISSUER: 'https://KC.example.com/realms/a/', OIDC_TWO_CLIENT_ID: 'id' },
        ...{ OIDC_TWO_CLIENT_SECRET: 'secret', OIDC_TWO_DOMAINS: 'b.example' },
      },
      /OIDC_TWO_ISSUER is the issuer of OIDC_KC_ISSUER too/,
    ],
    [
      "Google's issuer",
      { ...least, ...keycloak, OIDC_KC_ISSUER: 'https://accounts.google.com' },
      /is Google: use GOOGLE/,
    ],
    [
      'the discovery document',
      { ...least, ...keycloak, OIDC_KC_ISSUER: 'https://kc.example.com/realms/a/.well-known/openid-configuration' },
      /OIDC_KC_ISSUER is the address of the discovery document: write https:\/\/kc\.example\.com\/realms\/a$/,
    ],
    ...['common', 'organizations', 'consumers', '9188040d-6c67-4c5b-b112-36a304b66dad'].map(
      (tenant): [string, Record<string, string>, RegExp] => [
        `the tenant ${tenant}`,
        { ...least, ...keycloak, OIDC_KC_ISSUER: `https://login.microsoftonline.com/${tenant}/v2.0` },
        /OIDC_KC_ISSUER is for every tenant .* write https:\/\/login\.microsoftonline\.com\/TENANT-ID\/v2\.0/,
      ],
    ),
    ['a misspelt provider setting', { ...least, ...keycloak, OIDC_KC_ISUER: 'x' }, /OIDC_KC_ISUER is not a setting/],
    ['a provider named google', { ...least, OIDC_PROVIDERS: 'google' }, /not "google"/],
    ['a lifetime below what clients accept', { ...least, TOKEN_LIFETIME: '59' }, /from 60 to/],
    ['a service twice', { ...least, SERVICES: 'a,a' }, /twice/],
    ['idle longer than absolute', { ...least, SESSION_IDLE_MINUTES: '120', SESSION_MAX_HOURS: '1' }, /longer than/],
    [
      'a misspelt setting',
      { ...least, ...google, GOOGLE_DOMANS: 'x' },
      /GOOGLE_DOMANS is not a setting; did you mean GOOGLE_DOMAINS/,
    ],
    ['a provider twice', { ...least, ...keycloak, OIDC_PROVIDERS: 'kc,kc' }, /OIDC_PROVIDERS names one provider twice/],
    ['a path with a wildcard', { ...least, PUBLIC_URL: 'http://localhost/*a' }, /PUBLIC_URL: its path/],
    [
      'a path that leaves no room for the name of a provider in a cookie',
      { ...least, ...keycloak, PUBLIC_URL: `http://localhost/${'p'.repeat(126)}` },
      /PUBLIC_URL: its path has 127 characters, and the name of the provider kc has 2\. Together they can have 128/,
    ],
    ['a path with empty segments', { ...least, PUBLIC_URL: 'http://localhost/a//b' }, /PUBLIC_URL: its path/],
    [
      'a database address with a raw password',
      { ...least, DATABASE_URL: 'postgres://u:p#w@[h/d' },
      /DATABASE_URL is not a URL/,
    ],
    ...[
      '@example.com',
      '*.example.com',
      '"example.com"',
      'https://example.com',
      'example/com',
      'a.example;b.example',
    ].map((domain): [string, Record<string, string>, RegExp] => [
      `the domain ${domain}`,
      { ...least, ...google, GOOGLE_DOMAINS: `example.com,${domain}` },
      /GOOGLE_DOMAINS: .* is not a domain such as example\.com/,
    ]),
    ['a domain of another provider', { ...least, ...keycloak, OIDC_KC_DOMAINS: '*' }, /OIDC_KC_DOMAINS: \* is not a/],
    ...['"ana@example.com"', "'ana@example.com'", 'ana', 'a@example.com;b@example.com', 'Ana <ana@example.com>'].map(
      (email): [string, Record<string, string>, RegExp] => [
        `the administrator ${email}`,
        { ...least, ADMIN_EMAILS: email },
        /ADMIN_EMAILS: .* is not an address such as ana@example\.com/,
      ],
    ),
    ['a service in quotes', { ...least, SERVICES: '"registry.example.com"' }, /SERVICES: .* is in quotes/],
    ['services that differ in case', { ...least, SERVICES: 'a,A' }, /, or in case;/],
    ['a public URL with a query', { ...least, PUBLIC_URL: 'http://localhost/?a=1' }, /no query/],
  ];
  for (const [name, environment, expected] of cases) {
    test(name, () => assert.match(problemsOf(environment).join('\n'), expected));
  }
});

test('a secret in a file that can’t be used is one mistake, not two', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-config-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  const { GOOGLE_CLIENT_SECRET: _, ...withoutSecret } = google;
  const { OIDC_KC_CLIENT_SECRET: __, ...keycloakWithoutSecret } = keycloak;
  const given: Record<string, Record<string, string>> = {
    GOOGLE_CLIENT_SECRET: withoutSecret,
    OIDC_KC_CLIENT_SECRET: keycloakWithoutSecret,
    GOOGLE_DIRECTORY_KEY: { ...google, GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_ADMIN: 'a@example.com' },
    PASSWORD_PEPPER: {},
    DATABASE_URL: {},
    SMTP_URL: { SMTP_FROM: 'a@example.com' },
  };
  for (const [name, others] of Object.entries(given)) {
    for (const [file, why] of [
      ['/nowhere', /_FILE: \/nowhere cannot be read \(ENOENT\)/],
      [empty, /_FILE: \S+ is empty/],
    ] as const) {
      const problems = problemsOf({ ...least, ...others, [`${name}_FILE`]: file });
      assert.match(problems.join('\n'), why);
      assert.equal(problems.length, 1, problems.join('\n'));
    }
  }
  const secrets = { SESSION_SECRET: 's'.repeat(32), ENCRYPTION_KEYS: 'k'.repeat(32), PASSWORD_PEPPER_FILE: '/nowhere' };
  assert.equal(problemsOf({ ...least, DATABASE_URL: 'postgres://x/y', ...secrets }).length, 1);
});

test('.env.example names every setting, and is itself a configuration once its secret is filled in', () => {
  const example = readFileSync('.env.example', 'utf8');
  const named = [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
  const active = Object.fromEntries(named.filter(([name]) => example.includes(`\n${name}=`)));
  const seen = new Set<string>();
  const environment = new Proxy<Record<string, string>>(
    { ...active, TRUSTED_PROXIES: '127.0.0.1', OIDC_PROVIDERS: 'keycloak', WEBHOOKS: 'chat' },
    {
      get(target, name) {
        seen.add(String(name));
        return target[String(name)];
      },
    },
  );
  const problems = problemsOf(environment).filter((line) => !/required$/.test(line));
  assert.deepEqual(problems, []);
  const undocumented = [...seen].filter((name) => !name.endsWith('_FILE') || name.startsWith('TLS_'));
  assert.deepEqual(
    undocumented.filter((name) => !named.some(([known]) => known === name)),
    [],
  );
});
