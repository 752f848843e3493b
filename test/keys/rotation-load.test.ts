/** Rotation in front of real registries under load: they were started once, and no pull fails. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { unrecorded } from '../support/key-place.ts';
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
  const input = { folder, port, realm: `${tokens.url}/auth`, service: service.name, issuer: service.issuer };
  const running = await startRegistry({ ...input, certificateBundleFile });
  stack.defer(() => running.stop());

  const url = `http://127.0.0.1:${port}/v2/team/app/blobs/`;
  const tokenOf = async (user: string, scope: string): Promise<string> => {
    const { body } = await tokens.get(
      [
        ['service', service.name],
        ['scope', scope],
      ],
      { user },
    );
    return String(body['token']);
  };
  const layer = randomBytes(64 * 1024);
  const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const headers = { Authorization: `Bearer ${await tokenOf('ana', 'repository:team/app:pull,push')}` };
  const begun = await fetch(`${url}uploads/`, { method: 'POST', headers });
  const place = `${begun.headers.get('location')}&digest=${digest}`;
  assert.equal((await fetch(place, { method: 'PUT', headers, body: layer })).status, 201);

  const kids = new Set<string>();
  let pulls = 0;
  let asked = 0;
  /** As a client: a token, then the layer with it. The second repository makes it a token that was not made before. */
  const pull = async (): Promise<void> => {
    const token = await tokenOf('bo', `repository:team/app:pull repository:team/other${++asked}:pull`);
    kids.add(decodeProtectedHeader(token).kid ?? '');
    const response = await fetch(url + digest, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(response.status, 200, running.output());
    assert.equal((await response.arrayBuffer()).byteLength, layer.length);
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
    await Promise.race([ring.rotate(true, unrecorded), ...clients]);
    await pullMore();
    assert.equal(kids.size, rotations + 1);
  }
  rotating = false;
  await Promise.all(clients);
});
