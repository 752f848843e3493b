/** Rotation in front of real registries under load: they were started once, and no pull fails. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { startRegistry } from '../support/registry.ts';
import { registry as service, startTokenService } from '../support/token-service.ts';

test('pulls go on while keys rotate, three times', { skip: missing('docker-registry') }, async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const tokens = await startTokenService();
  stack.defer(() => tokens.stop());
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-registry-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const [port = 0] = await freePorts(1);
  const { bundleFile: certificateBundleFile } = tokens;
  const wish = { folder, port, realm: `${tokens.url}/auth`, service: service.name, issuer: service.issuer };
  const running = await startRegistry({ ...wish, certificateBundleFile });
  stack.defer(() => running.stop());

  const kids = new Set<string>();
  let pulls = 0;
  let asked = 0;
  /** As a client: a token for a repository that nobody asked for yet, then the registry with it, which has none of the name. */
  const pull = async (): Promise<void> => {
    const name = `team/r${++asked}`;
    const { body } = await tokens.get(
      [
        ['service', service.name],
        ['scope', `repository:${name}:pull`],
      ],
      { user: 'bo' },
    );
    const token = String(body['token']);
    kids.add(decodeProtectedHeader(token).kid ?? '');
    const response = await fetch(`http://127.0.0.1:${port}/v2/${name}/tags/list`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    assert.equal(response.status, 404, await response.text());
    pulls += 1;
  };
  const ring = tokens.keys.ring('');
  let rotating = true;
  const clients = [1, 2, 3, 4].map(async () => {
    while (rotating) await pull();
  });
  const pullMore = async (): Promise<void> => {
    for (const end = pulls + 12; pulls < end; ) await Promise.race([pull(), ...clients]);
  };
  await pullMore();
  for (const rotations of [1, 2, 3]) {
    await Promise.race([ring.rotate(true), ...clients]);
    await pullMore();
    assert.equal(kids.size, rotations + 1);
  }
  rotating = false;
  await Promise.all(clients);
});
