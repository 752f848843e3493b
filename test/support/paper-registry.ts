/** Owns a registry on paper: it has manifests for every tag of the made-up company, for pages that read and delete one. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const image = 'application/vnd.oci.image.manifest.v1+json';
const index = 'application/vnd.oci.image.index.v1+json';

/** What a person can write into an index: the names of platforms are free, and so are types. */
const strange = [
  { artifactType: `application/${'w'.repeat(200)}` },
  { platform: { os: 'مريم', architecture: 'W'.repeat(200), variant: '<b>' } },
];

/** The manifest under a tag: of "latest" and "strange" an index, of a chart a chart. */
function manifestOf(name: string, tag: string): { readonly mediaType: string; readonly body: string } {
  const blob = (mediaType: string, size: number) => ({
    mediaType,
    size,
    digest: digestOf(`${name}:${tag}:${mediaType}`),
  });
  const entry = (os: string, architecture: string, more: object = {}) => {
    const part = { mediaType: image, size: 1_200, digest: digestOf(`${name}:${tag}:${architecture}`) };
    return { ...part, platform: { os, architecture }, ...more };
  };
  const isChart = name.endsWith('charts');
  const config = isChart ? 'application/vnd.cncf.helm.config.v1+json' : 'application/vnd.oci.image.config.v1+json';
  const manifests = [entry('linux', 'amd64'), entry('linux', 'arm64'), entry('unknown', 'unknown')];
  const odd = strange.map((more, at) => entry('linux', `odd-${at}`, more));
  const content =
    tag === 'latest' || tag === 'strange'
      ? { mediaType: index, manifests: tag === 'strange' ? odd : manifests }
      : {
          mediaType: image,
          config: blob(config, 2_000),
          layers: [blob('application/vnd.oci.image.layer.v1.tar+gzip', 84_000_000)],
        };
  return { mediaType: content.mediaType, body: JSON.stringify({ schemaVersion: 2, ...content }) };
}

/** The digest under a tag. */
export function pushedImage(name: string, tag: string): string {
  return digestOf(manifestOf(name, tag).body);
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** @param tagsOf what a repository has */
export function paperRegistry(tagsOf: (name: string) => readonly string[]) {
  return ({ method, url = '' }: IncomingMessage, response: ServerResponse): void => {
    const [, name = '', what, reference = ''] = /^\/v2\/(.+)\/(manifests|tags)\/([^?]+)/.exec(url) ?? [];
    if (what === 'tags') {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ name, tags: tagsOf(name) }));
    } else if (method === 'DELETE') response.writeHead(reference.startsWith('sha256:') ? 404 : 400).end('{}');
    else if (!tagsOf(name).includes(reference) && reference !== 'strange') response.writeHead(404).end('{}');
    else {
      const { mediaType, body } = manifestOf(name, reference);
      response.writeHead(200, { 'Content-Type': mediaType, 'Docker-Content-Digest': digestOf(body) });
      response.end(method === 'HEAD' ? undefined : body);
    }
  };
}
