/** Writes an OCI image layout from the layers that script/image made. Usage: image-layout.ts FOLDER WORK ARCH ... (WORK/ARCH has the layers) */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };

const [folder = '', work = '', ...architectures] = process.argv.slice(2);
const root = join(import.meta.dirname, '..');
const { version, license, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  license: string;
  repository: { url: string };
};
const source = repository.url.replace(/^git\+|\.git$/g, '');
const created = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000).toISOString();
/** image-spec, annotations.md: as labels for Docker, as annotations for registries. */
const labels = {
  'org.opencontainers.image.created': created,
  'org.opencontainers.image.description': 'The sign-in and token service for a self-hosted container registry',
  'org.opencontainers.image.documentation': `${source}/blob/v${version}/README.md`,
  'org.opencontainers.image.licenses': license,
  'org.opencontainers.image.source': source,
  'org.opencontainers.image.title': 'Dockpass',
  'org.opencontainers.image.version': version,
};
/** image-spec, config.md, with Docker's Healthcheck (moby/docker-image-spec), whose times are nanoseconds. */
const runtime = { ...JSON.parse(readFileSync(join(root, 'deploy', 'image', 'config.json'), 'utf8')), Labels: labels };

const blobs = join(folder, 'blobs', 'sha256');
mkdirSync(blobs, { recursive: true });
const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

function addBlob(mediaType: string, content: Buffer): Descriptor {
  const hash = digestOf(content);
  writeFileSync(join(blobs, hash), content);
  return { mediaType, digest: `sha256:${hash}`, size: content.length };
}

const addJson = (mediaType: string, value: object): Descriptor =>
  addBlob(mediaType, Buffer.from(JSON.stringify(value)));

function addImage(architecture: string): Descriptor & { platform: { os: string; architecture: string } } {
  const place = join(work, architecture);
  const files = readdirSync(place).filter((name) => name.endsWith('.tar'));
  const layers = files.sort().map((name) => {
    const tar = readFileSync(join(place, name));
    const layer = addBlob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar));
    return { layer, diffId: `sha256:${digestOf(tar)}`, name };
  });
  const config = addJson('application/vnd.oci.image.config.v1+json', {
    created,
    architecture,
    os: 'linux',
    config: runtime,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ name }) => ({ created, created_by: `script/image: ${name}` })),
  });
  const manifest = addJson('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ layer }) => layer),
    annotations: labels,
  });
  return { ...manifest, platform: { os: 'linux', architecture } };
}

const mediaType = 'application/vnd.oci.image.index.v1+json';
const manifests = architectures.map(addImage);
const index = addJson(mediaType, { schemaVersion: 2, mediaType, manifests, annotations: labels });
const tagged = { ...index, annotations: { 'org.opencontainers.image.ref.name': version } };
writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType, manifests: [tagged] }));
writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
console.log(`${index.digest} ${version}`);
