/** 26: a client that sends a wrong password twice, as POST and as GET, makes one mistake by it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ana, startClientWorld } from '../support/client-world.ts';
import { startContainerd } from '../support/containerd.ts';
import { missing } from '../support/parts.ts';

const skip = missing('root', 'containerd', 'ctr', 'docker-registry');

test('containerd is told to wait after as many wrong passwords as are allowed, not after half', { skip }, async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const world = await startClientWorld(stack, { WRONG_PASSWORDS: '2' });
  const containerd = await startContainerd(join(world.folder, 'containerd'));
  stack.defer(() => containerd.stop());
  const pullWith = async (secret: string): Promise<string> => {
    await containerd.login(world.registry, ana, secret);
    return (await containerd.pull(`${world.registry}/platform/web:1`)).output;
  };
  for (const secret of ['first', 'second']) assert.match(await pullWith(secret), /401 Unauthorized/);
  assert.match(await pullWith('third'), /429 Too Many Requests/);
  const { secret } = await world.newPassword(ana);
  assert.match(await pullWith(secret), /not found/, 'the right one is let in: there is no such image');
});
