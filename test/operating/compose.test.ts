/** compose.yaml: its settings fit the image and each other, nothing is reachable from elsewhere, and an upgrade keeps its volumes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { composeProgram, noCompose } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';

type Service = Readonly<Record<string, unknown>> & { readonly environment: Readonly<Record<string, string>> };
type Compose = {
  readonly services: Record<string, Service>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

const read = (file: string): string => readFileSync(file, 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };
const { Env } = JSON.parse(read('deploy/image/config.json')) as { Env: readonly string[] };
/** What the image sets. */
const imageSettings = Object.fromEntries(Env.map((pair) => pair.split('=')));

const values: Readonly<Record<string, string>> = {
  PUBLIC_URL: 'https://auth.example.com',
  REGISTRY_HOST: 'registry.example.com',
  TOKEN_ISSUER: 'auth.example.com',
  GOOGLE_CLIENT_ID: 'x',
  GOOGLE_DOMAINS: 'example.com',
};
const text = read('compose.yaml');
const compose = parse(
  text.replaceAll(/\$\{(\w+)-\}/g, (_, name: string) => values[name] ?? ''),
  { merge: true },
) as Compose;
const service = (name: string): Service => compose.services[name] ?? assert.fail(name);

/** Production, and the first look. */
const pairs = [
  { dockpass: 'dockpass', registry: 'registry' },
  { dockpass: 'demo-dockpass', registry: 'demo' },
];

test('its first lines name every setting that it reads', () => {
  const asked = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
  const named = new Set([...text.matchAll(/^# +(\w+)=/gm)].map(([, name]) => name));
  assert.deepEqual([...asked].sort(), [...named].sort());
});

for (const pair of pairs) {
  test(`${pair.dockpass} starts with its settings, and ${pair.registry} has the ones that the doctor would print`, () => {
    const { GOOGLE_CLIENT_SECRET_FILE: secretFile, ...settings } = service(pair.dockpass).environment;
    const secret = secretFile === undefined ? {} : { GOOGLE_CLIENT_SECRET: 'x' };
    const config = readConfig({ ...imageSettings, ...settings, ...secret });
    const [first] = config.services;
    const registry = service(pair.registry).environment;
    assert.deepEqual(
      ['REALM', 'SERVICE', 'ISSUER', 'ROOTCERTBUNDLE'].map((name) => registry[`REGISTRY_AUTH_TOKEN_${name}`]),
      [`${config.publicUrl.origin}/auth`, first?.name, first?.issuer, config.keyRings[0]?.bundleFile],
    );
    assert.equal(service(pair.dockpass)['image'], `ghcr.io/dockpass/dockpass:${version}`);
  });
}

test('without a profile it means production, with the volumes that 0.1.0 had', () => {
  const always = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined);
  assert.deepEqual(
    always.map(([name]) => name),
    ['dockpass', 'registry', 'images-owner'],
  );
  for (const volume of ['data', 'certificates', 'images']) assert.ok(volume in compose.volumes, volume);
  assert.ok((service('dockpass')['volumes'] as string[]).includes('certificates:/certs'));
});

test('no container of ours writes to itself, gains anything, or is reached from elsewhere', () => {
  for (const [name, own] of Object.entries(compose.services)) {
    assert.deepEqual(own['security_opt'], ['no-new-privileges:true'], name);
    for (const port of (own['ports'] ?? []) as string[]) assert.match(port, /^127\.0\.0\.1:/);
    if (name === 'postgres') continue;
    assert.equal(own['read_only'], true, name);
    assert.deepEqual(own['cap_drop'], ['ALL'], name);
  }
});

test('the policy is mounted as a folder, so that a file that replaces it is seen', () => {
  const folder = dirname(imageSettings['POLICY_FILE'] ?? '');
  assert.ok((service('dockpass')['volumes'] as string[]).includes(`./policy:${folder}:ro`));
  assert.ok((service('demo-dockpass')['volumes'] as string[]).includes(`./deploy/compose/demo:${folder}:ro`));
});

test('the policy of the first look is valid', () => {
  const policy = parsePolicy(read('deploy/compose/demo/policy.yml'), 'policy.yml');
  assert.deepEqual([...policy.users.keys()], ['demo', '']);
});

describe('Docker Compose', { skip: noCompose() }, () => {
  for (const profile of ['', 'postgres', 'demo']) {
    test(`accepts it with the profile "${profile}"`, async () => {
      const [program = '', ...words] = composeProgram() ?? [];
      const options = profile === '' ? [] : ['--profile', profile];
      const env = { ...process.env, ...values };
      const done = await runProgram(program, [...words, '-f', 'compose.yaml', ...options, 'config', '-q'], { env });
      assert.equal(done.code, 0, done.output);
    });
  }
});
