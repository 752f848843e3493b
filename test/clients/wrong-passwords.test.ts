/** 26: a client that sends a wrong password twice, as POST and as GET, makes one mistake by it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ana, startClientWorld } from '../support/client-world.ts';
import { startContainerd } from '../support/containerd.ts';
import { createCrane } from '../support/crane.ts';
import { asRegistryClient, noContainerdStore, startDockerEngine } from '../support/docker-engine.ts';
import { missing, notPackaged } from '../support/parts.ts';
import type { RegistryClient } from '../support/registry-client.ts';

/** Docker's `login` does not keep a wrong password: one that was right when it was kept stands in its file all the same. */
async function startDocker(folder: string): Promise<RegistryClient> {
  const client = asRegistryClient(await startDockerEngine(folder, 'containerd'));
  return {
    ...client,
    async login(registry, user, secret) {
      const auths = { [registry]: { auth: Buffer.from(`${user}:${secret}`).toString('base64') } };
      await writeFile(join(folder, 'client', 'config.json'), JSON.stringify({ auths }));
      return { code: 0, stdout: '', output: '' };
    },
  };
}

type Case = {
  readonly skip: string | false;
  readonly start: (folder: string) => RegistryClient | Promise<RegistryClient>;
};
const cases: Readonly<Record<string, Case>> = {
  ctr: { skip: missing('root', 'containerd', 'ctr', 'docker-registry'), start: startContainerd },
  'Docker Engine with the containerd image store': {
    skip: missing('root', 'dockerd', 'docker', 'docker-registry') || noContainerdStore(),
    start: startDocker,
  },
  crane: { skip: missing('docker-registry') || notPackaged('crane'), start: createCrane },
};

for (const [name, { skip, start }] of Object.entries(cases)) {
  test(`${name} is told to wait after as many wrong passwords as are allowed, not after half`, { skip }, async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const world = await startClientWorld(stack, { WRONG_PASSWORDS: '2' });
    const client = await start(join(world.folder, 'client'));
    stack.defer(() => client.stop());
    const pullWith = async (secret: string): Promise<string> => {
      await client.login(world.registry, ana, secret);
      return (await client.pull(`${world.registry}/platform/web:1`)).output;
    };
    for (const secret of ['first', 'second']) assert.match(await pullWith(secret), /401|invalid user name or password/);
    assert.match(await pullWith('third'), /429|too many/i);
    const { secret } = await world.newPassword(ana);
    assert.match(await pullWith(secret), /not found|unknown/i, 'the right one is let in: there is no such image');
  });
}
