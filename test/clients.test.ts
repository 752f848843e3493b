/** The same service with the clients that need no engine: login, push, pull, a denied push, a revoked password. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startDemo } from '../script/demo-services.ts';
import { missing } from './support/parts.ts';
import { createPassword, revokePassword } from './support/person.ts';
import { createPodman } from './support/podman.ts';
import type { Finished } from './support/process.ts';
import { createSkopeo } from './support/skopeo.ts';
import { createVisitor, signInAs } from './support/visitor.ts';

/** What the clients have in common; `push` makes an image of its own. */
type RegistryClient = {
  login(registry: string, user: string, secret: string): Promise<Finished>;
  push(reference: string): Promise<Finished>;
  pull(reference: string): Promise<Finished>;
};

test('skopeo', { skip: missing('skopeo', 'docker-registry') }, (t) => story(t, createSkopeo));
test('podman', { skip: missing('root', 'podman', 'docker-registry') }, (t) => story(t, createPodman));

async function story(t: TestContext, createClient: (folder: string) => RegistryClient): Promise<void> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo({ folder: join(folder, 'demo') }, stack);
  const bo = createVisitor();
  await signInAs(bo, `${demo.url}/sign-in/google`, 'bo@example.com');
  const { secret } = await createPassword(bo, demo.url);
  assert.ok(secret, 'the page shows a secret');
  const client = createClient(folder);
  const login = (word: string): Promise<Finished> => client.login(demo.registry, 'bo@example.com', word);

  await t.test('logs in', async () => {
    const { code, output } = await login(secret);
    assert.equal(code, 0, output);
    assert.match(output, /Login Succeeded/);
  });
  await t.test('pushes to the place that bears his name, and pulls', async () => {
    const pushed = await client.push(`${demo.registry}/people/bo/tools/cli:1`);
    assert.equal(pushed.code, 0, pushed.output);
    const pulled = await client.pull(`${demo.registry}/people/bo/tools/cli:1`);
    assert.equal(pulled.code, 0, pulled.output);
  });
  await t.test('is denied a push to the place of a group that bo is not in', async () => {
    const { code, output } = await client.push(`${demo.registry}/platform/web:1`);
    assert.notEqual(code, 0);
    assert.match(output, /denied/);
  });
  await t.test('is refused once the password is revoked', async () => {
    await revokePassword(bo, demo.url);
    const { code, output } = await login(secret);
    assert.notEqual(code, 0);
    assert.match(output, /invalid username\/password|unauthorized/);
  });
}
