/** Owns the small images that tests and the demo push: one layer with one file of random words. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './process.ts';

/** Writes a layer (a plain tar) into the folder. @returns its path */
export async function writeLayer(folder: string): Promise<string> {
  const content = join(folder, `layer-${randomUUID()}`);
  await mkdir(content, { recursive: true });
  await writeFile(join(content, 'hello.txt'), `Hello from Dockpass, ${randomUUID()}\n`);
  const packed = await runProgram('tar', ['-cf', `${content}.tar`, '-C', content, 'hello.txt']);
  if (packed.code !== 0) throw new Error(`tar: ${packed.output}`);
  return `${content}.tar`;
}

/** Writes an OCI image layout (image-spec, image-layout.md), which skopeo reads as `oci:FOLDER`. @returns its folder */
export async function writeImage(folder: string): Promise<string> {
  const layout = join(folder, `image-${randomUUID()}`);
  const blobs = join(layout, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, content: Buffer): Promise<object> => {
    const digest = createHash('sha256').update(content).digest('hex');
    await writeFile(join(blobs, digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const putJson = (mediaType: string, content: object): Promise<object> =>
    put(mediaType, Buffer.from(JSON.stringify(content)));

  const tar = await readFile(await writeLayer(folder));
  const layer = await put('application/vnd.oci.image.layer.v1.tar', tar);
  const config = await putJson('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(tar).digest('hex')}`] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await putJson(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return layout;
}
