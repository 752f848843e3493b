/** What relative paths count from, and variables of the environment that are no settings. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config/config.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { refuseNetworkFileSystem } from '../../src/store/sqlite-place.ts';

const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'localhost:5000' };

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-paths-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('relative paths count from the folder of the .env file that is named', (context) => {
  const folder = newFolder(context);
  writeFileSync(join(folder, 'secret'), 's'.repeat(40));
  const config = readConfig({
    ...least,
    DOCKPASS_ENV_FILE: join(folder, 'dockpass.env'),
    DATA_DIR: 'state',
    POLICY_CANDIDATE_FILE: 'next.yml',
    CERTIFICATE_BUNDLE_FILE: '../certs/registry-bundle.pem',
    SESSION_SECRET_FILE: 'secret',
    PASSWORD_PEPPER_FILE: join(folder, 'secret'),
  });
  assert.equal(config.dataFolder, join(folder, 'state'));
  assert.equal(config.databaseUrl, `sqlite:${join(folder, 'state', 'dockpass.db')}`);
  assert.equal(config.policyFile, join(folder, 'policy.yml'));
  assert.equal(config.policyCandidateFile, join(folder, 'next.yml'));
  assert.equal(config.keyRings[0]?.bundleFile, join(folder, '../certs/registry-bundle.pem'));
  assert.equal(config.sessionSecret, 's'.repeat(40));
});

test('a path in DATABASE_URL is one of them', (context) => {
  const folder = newFolder(context);
  const environment = { ...least, DOCKPASS_ENV_FILE: join(folder, '.env'), DATABASE_URL: 'sqlite:d.db' };
  assert.equal(readConfig(environment).databaseUrl, `sqlite:${join(folder, 'd.db')}`);
  assert.equal(
    readConfig({ ...least, DATABASE_URL: 'sqlite:d.db' }).databaseUrl,
    `sqlite:${join(process.cwd(), 'd.db')}`,
  );
});

test('a DATA_DIR whose old meaning has the data is refused', (context) => {
  const folder = newFolder(context);
  const old = join(folder, 'working-folder', 'data');
  mkdirSync(old, { recursive: true });
  writeFileSync(join(old, 'dockpass.db'), '');
  const before = process.cwd();
  process.chdir(join(folder, 'working-folder'));
  context.after(() => process.chdir(before));
  const environment = { ...least, DOCKPASS_ENV_FILE: join(folder, 'dockpass.env'), DATA_DIR: 'data' };
  assert.throws(
    () => readConfig(environment),
    (error) => error instanceof ConfigError && error.message.includes(`${old} has one: set DATA_DIR to that path`),
  );
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'dockpass.db'), '');
  assert.equal(readConfig(environment).dataFolder, join(folder, 'data'));
});

/** As kubelet makes them of Services called "service-x", "oidc" and "dockpass". */
const serviceLinks: Readonly<Record<string, string>> = {
  SERVICE_X_SERVICE_HOST: '10.0.0.1',
  SERVICE_X_SERVICE_PORT_HTTP: '80',
  OIDC_PORT: 'tcp://10.0.0.2:80',
  OIDC_PORT_80_TCP_ADDR: '10.0.0.2',
  OIDC_SERVICE_HOST: 'fd00::2',
  DOCKPASS_PORT_5001_TCP_PROTO: 'tcp',
  METRICS_LISTE_PORT: 'tcp://10.0.0.3:9464',
};

for (const [name, value] of Object.entries(serviceLinks)) {
  test(`${name}, which Kubernetes sets, is no mistake`, () => {
    assert.equal(readConfig({ ...least, [name]: value }).services.length, 1);
  });
}

test('the variables of a Service never count as settings of a registry of that name', () => {
  const links = {
    SERVICE_TEAM_SERVICE_HOST: '10.0.0.1',
    SERVICE_TEAM_SERVICE_PORT: '80',
    SERVICE_TEAM_PORT: 'tcp://10.0.0.1:80',
  };
  const services = { ...least, SERVICES: 'team-service' };
  assert.equal(readConfig({ ...services, ...links }).services[0]?.registryHost, 'team-service');
  const setting = { SERVICE_TEAM_SERVICE_HOST: 'registry.example.com' };
  assert.equal(readConfig({ ...services, ...setting }).services[0]?.registryHost, 'registry.example.com');
});

test('a misspelled setting still is a mistake', () => {
  assert.throws(() => readConfig({ ...least, SERVICE_LOCALHOST_5000_HOTS: 'x' }), /not a setting of a service/);
});

test('a SQLite file on NFS or SMB is refused, with what to do', () => {
  for (const type of [0x6969, 0x517b, 0xff534d42, 0xfe534d42]) {
    assert.throws(
      () => refuseNetworkFileSystem('/data/dockpass.db', () => type),
      (error) => error instanceof Refusal && /on (NFS|SMB).*DATABASE_URL=postgres/.test(error.message),
    );
  }
  refuseNetworkFileSystem(join(tmpdir(), 'dockpass.db'));
});
