/** What a manifest is called on a page, from the manifests that clients push. */
import assert from 'node:assert/strict';
import { describe as group, test } from 'node:test';
import { belongsTo, describe } from '../../src/repositories/artifact.ts';
import { parseManifest } from '../../src/repositories/manifest.ts';

const oci = 'application/vnd.oci.image.manifest.v1+json';
const index = 'application/vnd.oci.image.index.v1+json';
const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;
const blob = (mediaType: string, size = 1, letter = 'a') => ({ mediaType, size, digest: digestOf(letter) });
const imageConfig = blob('application/vnd.oci.image.config.v1+json', 10, 'c');
const layer = blob('application/vnd.oci.image.layer.v1.tar+gzip', 100, 'd');

function described(content: object, mediaType = oci) {
  return describe(parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...content })), mediaType));
}

group('kinds', () => {
  const cases: Record<string, readonly [content: object, mediaType?: string]> = {
    Image: [{ config: imageConfig, layers: [layer] }],
    'Image (schema 1)': [{ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    Index: [{ manifests: [] }, index],
    'Helm chart': [{ config: blob('application/vnd.cncf.helm.config.v1+json'), layers: [layer] }],
    'Signature (cosign)': [{ config: imageConfig, layers: [blob('application/vnd.dev.cosign.simplesigning.v1+json')] }],
    'Signature (sigstore)': [{ artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json', config: blob('x') }],
    'SBOM (SPDX)': [{ artifactType: 'application/spdx+json', config: blob('application/vnd.oci.empty.v1+json') }],
    'Docker plugin': [{ config: blob('application/vnd.docker.plugin.v1+json') }],
  };
  for (const [kind, [content, mediaType]] of Object.entries(cases)) {
    test(kind, () => assert.equal(described(content, mediaType).kind, kind));
  }
  test('what has no words is an artifact with its type, and no name of a property is taken for words', () => {
    for (const type of ['application/vnd.example+json', 'constructor', '__proto__']) {
      const { kind, type: shown } = described({ artifactType: type, config: blob('x') });
      assert.deepEqual([kind, shown], ['Artifact', type]);
    }
  });
});

test('the size counts a layer once, and an index has the sizes of its entries', () => {
  assert.equal(described({ config: imageConfig, layers: [layer, layer] }).size, 110);
  const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  const manifests = [
    { ...blob(oci, 5, '1'), platform },
    { ...blob(oci, 5, '2'), platform: { os: 'unknown', architecture: 'unknown' } },
    { ...blob(oci, 5, '3') },
  ];
  const { size, entries } = described({ manifests }, index);
  assert.equal(size, null);
  assert.deepEqual(
    entries.map(({ what }) => what),
    ['linux/arm64/v8', 'Attestation', 'Platform not said'],
  );
});

test('a signature belongs to a digest, by its subject or by the name of its tag', () => {
  const subject = blob(oci, 1, 'e');
  assert.equal(described({ config: imageConfig, layers: [layer], subject }).subject, subject.digest);
  assert.deepEqual(belongsTo(`sha256-${'f'.repeat(64)}.sig`), { digest: digestOf('f'), what: 'Signature' });
  assert.equal(belongsTo(`sha256-${'f'.repeat(64)}`)?.what, 'Referrers');
  assert.equal(belongsTo('1.2.3'), null);
});
