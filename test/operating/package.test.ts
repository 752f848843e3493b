/** The package: what `npm pack` makes is installed with `npm install -g` by someone who has no clone, and serves. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { createInstallation, type Installation } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { runProgram, startProgram } from '../support/process.ts';

const pull = {
  ...{ id: '1', timestamp: new Date().toISOString(), action: 'pull', actor: { name: 'builder' } },
  target: {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...{ repository: 'team/app', digest: `sha256:${'0'.repeat(64)}`, size: 1 },
  },
};

describe('the package', { skip: missing('npm') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-package-'));
  const prefix = join(folder, 'prefix');
  const dockpass = join(prefix, 'bin', 'dockpass');
  let installation: Installation;

  before(async () => {
    installation = createInstallation();
    const packed = await runProgram('npm', ['pack', '--pack-destination', folder]);
    assert.equal(packed.code, 0, packed.output);
    const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    const options = ['--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund'];
    const installed = await runProgram('npm', ['install', '--global', ...options, join(folder, file)]);
    assert.equal(installed.code, 0, installed.output);
  });
  after(() => {
    installation.remove();
    rmSync(folder, { recursive: true });
  });

  test('has the versions of the lock file', () => {
    const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
    const { packages } = read('package-lock.json');
    const modules = join(prefix, 'lib', 'node_modules', 'dockpass', 'node_modules');
    for (const name of ['express', 'body-parser', 'pg-protocol']) {
      const { version } = read(join(modules, name, 'package.json'));
      assert.equal(version, packages[`node_modules/${name}`].version, name);
    }
  });

  test('brings the manual page to where man looks', async () => {
    const page = readFileSync(join(prefix, 'share', 'man', 'man1', 'dockpass.1'), 'utf8');
    assert.match(page, /^\.TH DOCKPASS 1 /);
    assert.equal(
      (await runProgram(dockpass, ['--version'])).stdout.trim(),
      JSON.parse(readFileSync('package.json', 'utf8')).version,
    );
  });

  test('serves, and installs nothing when it starts', async () => {
    const env = { ...installation.environment, PATH: '/usr/bin:/bin' };
    const server = await startProgram(dockpass, ['serve'], { cwd: installation.folder, env, ready: /"listening"/ });
    const [, url = ''] = /"url":"([^"]+)"/.exec(server.output()) ?? [];
    const answers = await Promise.all(
      ['/healthz', '/readyz', '/auth?service=registry.example.com&scope=repository:a:pull'].map(async (path) => {
        return (await fetch(url + path)).status;
      }),
    );
    await server.stop();
    assert.deepEqual(answers, [200, 200, 200]);
    assert.doesNotMatch(server.output(), /npm|Installing/);
  });

  test('has its pages, and the threads that compare passwords and store events', async () => {
    const hash = bcrypt.hashSync('a password', 4);
    writeFileSync(
      join(installation.folder, 'policy.yml'),
      `users: { builder: { password: "${hash}" } }\nacl: [{ match: { account: builder }, actions: ["*"] }]\n`,
    );
    const env = {
      ...installation.environment,
      PATH: '/usr/bin:/bin',
      SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'a-token-of-thirty-two-characters-or-more',
    };
    const server = await startProgram(dockpass, ['serve'], { cwd: installation.folder, env, ready: /"listening"/ });
    const [, url = ''] = /"url":"([^"]+)"/.exec(server.output()) ?? [];
    const statusOf = async (path: string, options: RequestInit = {}) => (await fetch(url + path, options)).status;
    const answers = [
      await statusOf('/'),
      await statusOf('/auth?service=registry.example.com', {
        headers: { Authorization: `Basic ${Buffer.from('builder:a password').toString('base64')}` },
      }),
      await statusOf('/registry-events/registry.example.com', {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${env.SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN}`,
          'Content-Type': 'application/vnd.docker.distribution.events.v1+json',
        },
        body: JSON.stringify({ events: [pull] }),
      }),
    ];
    await server.stop();
    assert.deepEqual(answers, [200, 200, 200], server.output());
  });

  test('without its packages says what to run', async () => {
    const clone = join(folder, 'clone');
    await runProgram('sh', ['-c', `mkdir -p ${clone}/script && cp script/dockpass ${clone}/script/`]);
    const { code, output } = await runProgram(join(clone, 'script', 'dockpass'), ['serve']);
    assert.equal(code, 1);
    assert.match(output, /the packages are missing\. Run in .*clone: npm ci --omit=dev --ignore-scripts/);
  });
});
