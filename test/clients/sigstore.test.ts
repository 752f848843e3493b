/** @sigstore/oci, by which GitHub's `actions/attest` pushes attestations: it sends docker's identity token as a password. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { attachArtifactToImage, getImageDigest, type OCIError } from '@sigstore/oci';
import { ana, startClientWorld } from '../support/client-world.ts';
import { missing } from '../support/parts.ts';
import { succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';

const skip = missing('docker-registry', 'skopeo');

test('an attestation is attached with an identity token, whichever name it comes with', { skip }, async (t) => {
  const { imageName, identityToken } = await start(t);
  for (const username of [ana, '<token>']) {
    const credentials = { username, password: identityToken };
    const imageDigest = await getImageDigest({ imageName, imageTag: '1', credentials });
    const { digest } = await attachArtifactToImage({
      ...{ imageName, imageDigest, credentials },
      artifact: Buffer.from('{"attested":true}'),
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      annotations: {},
    });
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  }
});

test('an identity token with the name of another person is refused', { skip }, async (t) => {
  const { imageName, identityToken } = await start(t);
  const credentials = { username: 'bo@example.com', password: identityToken };
  await assert.rejects(getImageDigest({ imageName, imageTag: '1', credentials }), (error: OCIError) => {
    assert.match(String(error.cause), /received 401/);
    return true;
  });
});

async function start(t: TestContext) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const world = await startClientWorld(stack, { IDENTITY_TOKENS: 'true' });
  const { secret } = await world.newPassword(ana);
  const skopeo = createSkopeo(join(world.folder));
  await succeed(skopeo.login(world.registry, ana, secret));
  const imageName = `${world.registry}/platform/web`;
  await succeed(skopeo.push(await skopeo.make(), `${imageName}:1`));
  return { imageName, identityToken: await world.identityToken(ana, secret) };
}
