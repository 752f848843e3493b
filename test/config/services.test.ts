/** The settings of the services: what each inherits, what it may set for itself, and what is refused by name. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config/config.ts';

const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com, my registry:5000' };
const [plain, own] = ['registry.example.com', 'my registry:5000'];

function servicesOf(environment: Record<string, string>) {
  const { services } = readConfig({ ...least, ...environment });
  return new Map(services.map((service) => [service.name, service]));
}

function problemsOf(environment: Record<string, string>): string {
  try {
    readConfig({ ...least, ...environment });
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}

test('a service has the host of its name, the issuer of the public URL, five minutes, and lets anyone ask', () => {
  assert.deepEqual(servicesOf({}).get(plain), {
    name: plain,
    registryHost: plain,
    label: null,
    issuer: 'localhost:5001',
    lifetime: 300,
    anonymous: true,
    identityTokens: false,
    tokenHeader: 'x5c',
    ring: '',
    url: null,
    authorityFile: null,
    eventsTokens: [],
    prefix: 'SERVICE_REGISTRY_EXAMPLE_COM_',
  });
});

test('what is set for all counts for each; what a service sets for itself counts for it alone', () => {
  const services = servicesOf({
    TOKEN_ISSUER: 'dockpass',
    ANONYMOUS_ACCESS: 'false',
    SERVICE_MY_REGISTRY_5000_HOST: 'lab.example.com',
    SERVICE_MY_REGISTRY_5000_LIFETIME: '900',
    SERVICE_MY_REGISTRY_5000_ISSUER: 'lab',
    SERVICE_MY_REGISTRY_5000_ANONYMOUS_ACCESS: 'true',
  });
  assert.partialDeepStrictEqual(services.get(plain), { issuer: 'dockpass', lifetime: 300, anonymous: false });
  assert.partialDeepStrictEqual(services.get(own), {
    registryHost: 'lab.example.com',
    issuer: 'lab',
    lifetime: 900,
    anonymous: true,
  });
});

test('a registry reports with one or two tokens that nobody guesses', () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)];
  const tokensOf = (value: string) =>
    servicesOf({ SERVICE_MY_REGISTRY_5000_EVENTS_TOKEN: value }).get(own)?.eventsTokens;
  assert.deepEqual(tokensOf(`${first}, ${second}`), [first, second]);
  assert.deepEqual(tokensOf(first), [first]);
  for (const value of ['short', `${first},short`, `${first},${second},${'c'.repeat(32)}`, `${first} ${second}`]) {
    const message = problemsOf({ SERVICE_MY_REGISTRY_5000_EVENTS_TOKEN: value });
    assert.match(message, /EVENTS_TOKEN must be one or two comma-separated values/);
    assert.ok(!message.includes(value));
  }
});

test('a setting of no service, or none that there is, is named', () => {
  const message = problemsOf({ SERVICE_OTHER_ISSUER: 'x', SERVICE_MY_REGISTRY_5000_ISUER: 'x' });
  assert.match(message, /SERVICE_OTHER_ISSUER is not a setting of a service/);
  assert.match(message, /SERVICE_MY_REGISTRY_5000_ISUER is not a setting of a service/);
});

test('names whose settings could not be distinguished are refused', () => {
  assert.match(problemsOf({ SERVICES: 'a.b,a-b' }), /differ only in characters/);
  assert.match(problemsOf({ SERVICES: 'a,a' }), /twice/);
  assert.match(problemsOf({ SERVICES: '' }), /SERVICES is required/);
});

function ringsOf(environment: Record<string, string>) {
  return readConfig({ ...least, DATA_DIR: '/data', ...environment }).keyRings;
}

test('services share their keys, which live as long as the longest token', () => {
  assert.deepEqual(ringsOf({ SERVICE_MY_REGISTRY_5000_LIFETIME: '900' }), [
    {
      name: '',
      algorithm: 'ES256',
      rotation: 90 * 86_400,
      tokenLife: 900,
      headers: ['x5c'],
      own: null,
      bundleFile: '/data/registry-bundle.pem',
      jwksFile: '/data/registry-jwks.json',
    },
  ]);
});

test('a service with a separate key has files and settings of its own', () => {
  const rings = ringsOf({
    SERVICE_MY_REGISTRY_5000_SEPARATE_KEY: 'true',
    SERVICE_MY_REGISTRY_5000_TOKEN_ALGORITHM: 'RS256',
    TOKEN_CERTIFICATE_FILE: '/etc/token.crt',
    TOKEN_KEY_FILE: '/etc/token.key',
  });
  assert.partialDeepStrictEqual(rings, [
    { name: '', own: { certificateFile: '/etc/token.crt', keyFile: '/etc/token.key' } },
    {
      name: own,
      algorithm: 'RS256',
      own: null,
      bundleFile: '/data/registry-bundle-my-registry-5000.pem',
      jwksFile: '/data/registry-jwks-my-registry-5000.json',
    },
  ]);
});

test('keys do not rotate by themselves where a registry knows them one by one', () => {
  const header = { SERVICE_MY_REGISTRY_5000_TOKEN_HEADER: 'kid' };
  assert.equal(ringsOf(header)[0]?.rotation, null);
  assert.equal(ringsOf({ ...header, KEY_ROTATION_DAYS: '30' })[0]?.rotation, 30 * 86_400);
  assert.equal(ringsOf({ KEY_ROTATION_DAYS: '0' })[0]?.rotation, null);
});

test('settings of keys that contradict each other are named', () => {
  const half = problemsOf({ TOKEN_KEY_FILE: '/etc/token.key' });
  assert.match(half, /TOKEN_CERTIFICATE_FILE and TOKEN_KEY_FILE belong together/);
  const both = { TOKEN_KEY_FILE: 'k', TOKEN_CERTIFICATE_FILE: 'c', KEY_ROTATION_DAYS: '3' };
  assert.match(problemsOf(both), /KEY_ROTATION_DAYS is for keys that Dockpass makes/);
  const shared = problemsOf({ SERVICE_MY_REGISTRY_5000_KEY_ROTATION_DAYS: '3' });
  assert.match(shared, /SERVICE_MY_REGISTRY_5000_KEY_ROTATION_DAYS needs SERVICE_MY_REGISTRY_5000_SEPARATE_KEY=true/);
});

test('settings of shared keys that no service uses are named', () => {
  const all = { SERVICE_REGISTRY_EXAMPLE_COM_SEPARATE_KEY: 'true', SERVICE_MY_REGISTRY_5000_SEPARATE_KEY: 'true' };
  assert.equal(problemsOf(all), '');
  assert.match(
    problemsOf({ ...all, TOKEN_ALGORITHM: 'RS256' }),
    /TOKEN_ALGORITHM is for services that share their keys, and none does: set SERVICE_<NAME>_TOKEN_ALGORITHM/,
  );
  assert.equal(problemsOf({ SERVICE_MY_REGISTRY_5000_SEPARATE_KEY: 'true', TOKEN_ALGORITHM: 'RS256' }), '');
});

test('a host with a scheme or a path is refused', () => {
  const problem = problemsOf({ SERVICE_MY_REGISTRY_5000_HOST: 'https://registry.example.com/' });
  assert.match(problem, /SERVICE_MY_REGISTRY_5000_HOST must be what follows `docker login`.*not "https:/);
});

test('no two purposes share a file, and separate bundles lie beside the shared one', () => {
  const separate = { SERVICE_MY_REGISTRY_5000_SEPARATE_KEY: 'true', CERTIFICATE_BUNDLE_FILE: '/certs/bundle.pem' };
  assert.equal(ringsOf(separate)[1]?.bundleFile, '/certs/registry-bundle-my-registry-5000.pem');
  const bundles = problemsOf({ ...separate, SERVICE_MY_REGISTRY_5000_CERTIFICATE_BUNDLE_FILE: '/certs/bundle.pem' });
  assert.match(bundles, /\/certs\/bundle\.pem is named for two purposes/);
  const key = { TOKEN_KEY_FILE: '/k.pem', TOKEN_CERTIFICATE_FILE: '/c.pem' };
  const own = {
    SERVICE_MY_REGISTRY_5000_TOKEN_KEY_FILE: '/k.pem',
    SERVICE_MY_REGISTRY_5000_TOKEN_CERTIFICATE_FILE: '/d.pem',
  };
  assert.match(problemsOf({ ...separate, ...key, ...own }), /\/k\.pem is named for two purposes/);
});

test('what registries read is written over nothing that another setting, or Dockpass, needs', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-overwritten-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(folder, join(folder, 'link'));
  const file = (name: string) => join(folder, name);
  const given = {
    DATA_DIR: folder,
    TOKEN_CERTIFICATE_FILE: file('token.crt'),
    TOKEN_KEY_FILE: file('token.key'),
    POLICY_FILE: file('policy.yml'),
    DOCKPASS_ENV_FILE: file('dockpass.env'),
    SESSION_SECRET_FILE: file('session'),
  };
  writeFileSync(given.SESSION_SECRET_FILE, 's'.repeat(40));
  assert.equal(problemsOf({ ...given, CERTIFICATE_BUNDLE_FILE: file('bundle.pem') }), '');
  for (const [name, purpose] of [
    ['token.crt', 'what TOKEN_CERTIFICATE_FILE names'],
    ['token.key', 'what TOKEN_KEY_FILE names'],
    ['policy.yml', 'what POLICY_FILE names'],
    ['session', 'what SESSION_SECRET_FILE names'],
    ['workloads.yml', 'the workloads file'],
    ['dockpass.env', 'the .env file'],
    ['encryption-key', 'a secret of DATA_DIR'],
    ['dockpass.db', 'the database'],
    ['link/./token.crt', 'what TOKEN_CERTIFICATE_FILE names'],
  ] as const) {
    for (const setting of ['CERTIFICATE_BUNDLE_FILE', 'JWKS_FILE']) {
      const expected = `${setting}: ${file(name)} is ${purpose}, and would be overwritten: name another file`;
      const problems = problemsOf({ ...given, [setting]: file(name) });
      assert.ok(problems.includes(expected), `${expected}: ${problems}`);
    }
  }
  const byDefault = { ...given, CERTIFICATE_BUNDLE_FILE: '', TOKEN_CERTIFICATE_FILE: file('registry-bundle.pem') };
  assert.match(problemsOf(byDefault), /registry-bundle\.pem is what TOKEN_CERTIFICATE_FILE names/);
});
