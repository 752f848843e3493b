/** Docker, BuildKit and containerd with an identity token instead of the password. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ana, startClientWorld } from '../support/client-world.ts';
import { startContainerd } from '../support/containerd.ts';
import { asRegistryClient, type ImageStore, noContainerdStore, startDockerEngine } from '../support/docker-engine.ts';
import { missing } from '../support/parts.ts';
import { succeed } from '../support/registry-client.ts';

async function start(t: TestContext, store: ImageStore) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const world = await startClientWorld(stack, { IDENTITY_TOKENS: 'true' });
  const engine = await startDockerEngine(join(world.folder, 'engine'), store);
  const docker = asRegistryClient(engine);
  stack.defer(() => docker.stop());
  const config = join(world.folder, 'engine', 'client', 'config.json');
  const keptBy = async () =>
    JSON.parse(await readFile(config, 'utf8')).auths[world.registry] as { auth: string; identitytoken?: string };
  return { stack, world, docker, keptBy };
}

const skip = missing('root', 'dockerd', 'docker', 'docker-registry', 'containerd', 'ctr');

test(
  'docker login keeps a token, and no password; engine and containerd work with it until the password is revoked',
  {
    skip,
  },
  (t) => tell(t, 'graph driver'),
);
test('the same with the containerd image store', { skip: skip || noContainerdStore() }, (t) => tell(t, 'containerd'));

async function tell(t: TestContext, store: ImageStore): Promise<void> {
  const { stack, world, docker, keptBy } = await start(t, store);
  const image = `${world.registry}/platform/web:1`;
  const { id, secret } = await world.newPassword(ana);
  const made = await docker.make();
  let token = '';

  await t.test('docker login', async () => {
    await succeed(docker.login(world.registry, ana, secret));
    const { auth, identitytoken = '' } = await keptBy();
    assert.equal(Buffer.from(auth, 'base64').toString(), `${ana}:`);
    assert.match(identitytoken, /^dki_/);
    token = identitytoken;
  });
  await t.test('pushes and pulls, again and again, with the same token', async () => {
    await succeed(docker.push(made, image));
    for (const _ of [1, 2]) await succeed(docker.pull(image));
    await succeed(docker.login(world.registry, ana, secret));
    assert.equal((await keptBy()).identitytoken, token);
  });
  const { build } = docker;
  if (build)
    await t.test('BuildKit builds on an image that takes a login', async () => {
      await succeed(build(image, `${world.registry}/platform/built:1`));
    });
  const containerd = await startContainerd(join(world.folder, 'containerd'));
  stack.defer(() => containerd.stop());
  await containerd.loginWithToken(token);
  await t.test('containerd pulls with it', async () => {
    await succeed(containerd.pull(image));
  });
  await t.test('both are refused once the password is revoked', async () => {
    await world.revoke(id);
    const [byDocker, byContainerd] = [await docker.pull(image), await containerd.pull(image)];
    for (const { code } of [byDocker, byContainerd]) assert.notEqual(code, 0);
    // Both image stores: containerd's POST is refused, then its GET, whose reason Docker shows.
    assert.match(byDocker.output, /password "test" was revoked on/);
    assert.match(byContainerd.output, /401/);
  });
}
