/** Owns pushing small images and indexes over the registry's API, as clients do, without a client. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Pushed = { readonly digest: string; readonly mediaType: string; readonly size: number };

const types = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/** @param target `http://127.0.0.1:5000/v2/team/app` @param headers with the token @param layers what they hold; random where not said */
export async function pushImage(
  target: string,
  headers: Readonly<Record<string, string>>,
  tag: string | null,
  layers: readonly string[] = [randomUUID()],
): Promise<Pushed> {
  const config = await pushBlob(target, headers, types.config, Buffer.from('{"architecture":"amd64","os":"linux"}'));
  const pushed: Pushed[] = [];
  for (const layer of layers) pushed.push(await pushBlob(target, headers, types.layer, Buffer.from(layer)));
  return pushManifest(target, headers, tag, { mediaType: types.manifest, config, layers: pushed });
}

/** Pushes an image that `writeImage` wrote, as it is: a client can unpack it. @returns its digest */
export async function pushLayout(
  target: string,
  headers: Readonly<Record<string, string>>,
  tag: string,
  layout: string,
): Promise<string> {
  const blob = (digest: string) => readFile(join(layout, 'blobs', 'sha256', digest.replace('sha256:', '')));
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = await blob(index.manifests[0].digest);
  const { config, layers } = JSON.parse(manifest.toString());
  for (const { mediaType, digest } of [config, ...layers]) {
    await pushBlob(target, headers, mediaType, await blob(digest));
  }
  return (await putManifest(target, headers, tag, types.manifest, manifest)).digest;
}

export function pushIndex(
  target: string,
  headers: Readonly<Record<string, string>>,
  tag: string,
  children: readonly Pushed[],
): Promise<Pushed> {
  const manifests = children.map((child, at) => ({
    ...child,
    platform: { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' },
  }));
  return pushManifest(target, headers, tag, { mediaType: types.index, manifests });
}

async function pushManifest(
  target: string,
  headers: Readonly<Record<string, string>>,
  tag: string | null,
  content: { readonly mediaType: string } & Readonly<Record<string, unknown>>,
): Promise<Pushed> {
  return putManifest(
    target,
    headers,
    tag,
    content.mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, ...content })),
  );
}

async function putManifest(
  target: string,
  headers: Readonly<Record<string, string>>,
  tag: string | null,
  mediaType: string,
  body: Buffer,
): Promise<Pushed> {
  const digest = digestOf(body);
  const response = await fetch(`${target}/manifests/${tag ?? digest}`, {
    method: 'PUT',
    headers: { ...headers, 'Content-Type': mediaType },
    body: new Uint8Array(body),
  });
  if (response.status !== 201) throw new Error(`PUT manifest: ${response.status} ${await response.text()}`);
  return { digest, mediaType, size: body.length };
}

async function pushBlob(
  target: string,
  headers: Readonly<Record<string, string>>,
  mediaType: string,
  body: Buffer,
): Promise<Pushed> {
  const begun = await fetch(`${target}/blobs/uploads/`, { method: 'POST', headers });
  if (begun.status !== 202) throw new Error(`POST uploads: ${begun.status} ${await begun.text()}`);
  const location = new URL(begun.headers.get('location') ?? '', target);
  const digest = digestOf(body);
  location.searchParams.set('digest', digest);
  const response = await fetch(location, {
    method: 'PUT',
    headers: { ...headers, 'Content-Type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });
  if (response.status !== 201) throw new Error(`PUT blob: ${response.status} ${await response.text()}`);
  return { digest, mediaType, size: body.length };
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}
