/** Owns the story that each registry client must be able to live through with Dockpass. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ana, bo, type ClientWorld, startClientWorld } from './client-world.ts';
import { type RegistryClient, succeed } from './registry-client.ts';

/** @param start the client, with an empty folder for its own files */
export function clientStory(
  name: string,
  options: { readonly skip: string | false },
  start: (folder: string) => Promise<RegistryClient>,
): void {
  test(name, options, async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const world = await startClientWorld(stack);
    const client = await start(world.folder);
    stack.defer(() => client.stop());
    await tell(t, client, world);
  });
}

/** How the clients say no, each in its own words: docs/clients.md has them. */
const refused = /denied|unauthorized|insufficient_scope|authentication required|invalid username|was revoked/i;

async function tell(t: TestContext, client: RegistryClient, world: ClientWorld): Promise<void> {
  const { registry } = world;
  const at = (repository: string): string => `${registry}/${repository}:1`;
  const made = await client.make();

  await t.test('does not get in with a wrong password', async () => {
    const secret = `dkp_${'0'.repeat(36)}`;
    const login = await client.login(registry, ana, secret);
    const outcome = client.checksLogins ? login : await client.pull(at('platform/web'));
    assert.notEqual(outcome.code, 0);
    assert.match(outcome.output, /401|unauthorized|invalid username/i);
  });
  const password = await world.newPassword(ana);
  await t.test('logs in', async () => {
    await succeed(client.login(registry, ana, password.secret));
  });
  await t.test('pushes, pulls, and pushes to a second repository, most without sending the layer again', async () => {
    await succeed(client.push(made, at('platform/base')));
    await succeed(client.pull(at('platform/base')));
    await succeed(client.push(at('platform/base'), at('platform/app')));
    const mounts = world.requests().filter((line) => /^POST .*\bfrom=platform(\/|%2F)base\b.* 201$/.test(line));
    assert.equal(mounts.length > 0, client.mountsLayers !== false, world.requests().join('\n'));
    await succeed(client.pull(at('platform/app')));
  });
  const { build } = client;
  if (build)
    await t.test('builds on an image that takes a login to pull, and pushes what it built', async () => {
      await succeed(build(at('platform/base'), at('platform/built')));
      await succeed(client.pull(at('platform/built')));
    });
  await t.test('is denied in whole: bo neither pulls nor pushes there', async () => {
    for (const repository of ['shared/tool', 'public/hello']) await succeed(client.push(made, at(repository)));
    await client.logout(registry);
    await succeed(client.login(registry, bo, (await world.newPassword(bo)).secret));
    const [pulled, pushed] = [await client.pull(at('platform/app')), await client.push(made, at('finance/ledger'))];
    for (const { code, output } of [pulled, pushed]) {
      assert.notEqual(code, 0);
      assert.match(output, refused);
    }
  });
  await t.test('is denied in part: bo pulls where he may not push', async () => {
    await succeed(client.pull(at('shared/tool')));
    const pushed = await client.push(made, at('shared/other'));
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.output, refused);
  });
  await t.test('sends the layer where the repository that has it is closed to bo', async () => {
    await succeed(client.push(made, at('people/bo/copy')));
    await succeed(client.pull(at('people/bo/copy')));
  });
  await t.test('pulls without a login what is open to everybody, and nothing else', async () => {
    await client.logout(registry);
    await succeed(client.pull(at('public/hello')));
    assert.notEqual((await client.pull(at('shared/tool'))).code, 0);
  });
  if (client.catalog || client.remove)
    await t.test('lists and deletes', () => lookAfter(client, world, password.secret));
  await t.test('is refused once the password is revoked', async () => {
    await client.login(registry, ana, password.secret);
    await world.revoke(password.id);
    const { code, output } = await client.pull(at('platform/base'));
    assert.notEqual(code, 0);
    assert.match(output, refused);
  });
}

async function lookAfter(client: RegistryClient, { registry }: ClientWorld, secret: string): Promise<void> {
  await succeed(client.login(registry, ana, secret));
  const listed = await client.catalog?.(registry);
  if (listed) assert.match((await succeed(Promise.resolve(listed))).stdout, /platform\/app/);
  if (!client.remove) return;
  await succeed(client.remove(`${registry}/platform/app:1`));
  const gone = await client.pull(`${registry}/platform/app:1`);
  assert.match(gone.output, /manifest unknown|not found/);
}
