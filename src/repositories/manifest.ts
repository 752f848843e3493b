/** Owns what a manifest says: layers and sizes of an image, and what an index holds. */
import { createHash } from 'node:crypto';
import { fieldsIn } from '../lib/json.ts';
import { isDigest } from './names.ts';

/** A manifest, layer or config as something else refers to it. */
export type Descriptor = {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** "linux/arm64/v8"; `null` where it isn't said. */
  readonly platform: string | null;
  readonly artifactType: string | null;
};

export type Manifest = {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  /** Digest of what it's about: signatures and attestations. */
  readonly subject: string | null;
  /** `null` for an index. */
  readonly config: Descriptor | null;
  readonly layers: readonly Descriptor[];
  /** What an index holds; empty for an image. */
  readonly children: readonly Descriptor[];
};

/** References that are read of one manifest: an image has at most 127 layers, an index some platforms. */
const maximumReferences = 500;
/**
 * Bytes, half a TB: no registry takes larger layers, but the person who pushes a manifest writes their sizes. A repository's sum stays
 * below 2^53, so that one such manifest doesn't keep the sizes of all others from being stored.
 */
const largestPart = 2 ** 39;

const indexes = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/** What a registry is asked for: whatever it has. */
export const manifestTypes = [
  ...indexes,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

export function isIndexType(mediaType: string | null): boolean {
  return mediaType !== null && indexes.has(mediaType);
}

/** Of manifests and indexes of any kind, and not of layers. */
export function isManifestType(mediaType: string): boolean {
  return /manifest|\.index\./.test(mediaType);
}

/** @param mediaType of the answer's header, which counts where the document doesn't say it @throws {SyntaxError} */
export function parseManifest(body: Buffer, mediaType: string): Manifest {
  const fields = fieldsIn(JSON.parse(body.toString('utf8')));
  const config = descriptorIn(fields['config']);
  return {
    digest: `sha256:${createHash('sha256').update(body).digest('hex')}`,
    mediaType: mediaTypeIn(fields['mediaType']) ?? mediaType,
    artifactType: textIn(fields['artifactType']),
    subject: descriptorIn(fields['subject'])?.digest ?? null,
    config,
    layers: descriptorsIn(fields['layers']),
    children: descriptorsIn(fields['manifests']),
  };
}

/** Distinct layers and the config, of which a repository's size is the sum; `null` where the manifest names none, as an index. */
export function contentOf({ config, layers }: Pick<Manifest, 'config' | 'layers'>): Descriptor[] | null {
  const all = config === null ? layers : [config, ...layers];
  return all.length === 0 ? null : [...new Map(all.map((one) => [one.digest, one])).values()];
}

export function descriptorsIn(value: unknown): Descriptor[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maximumReferences).flatMap((one: unknown) => descriptorIn(one) ?? []);
}

function descriptorIn(value: unknown): Descriptor | null {
  const { digest, mediaType, size, platform, artifactType } = fieldsIn(value);
  if (typeof digest !== 'string' || !isDigest(digest)) return null;
  const bytes = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? Math.min(size, largestPart) : 0;
  return {
    ...{ digest, size: bytes, mediaType: textIn(mediaType) ?? '' },
    ...{ platform: platformIn(platform), artifactType: textIn(artifactType) },
  };
}

function platformIn(value: unknown): string | null {
  const { os, architecture, variant } = fieldsIn(value);
  const parts = [os, architecture, variant].filter((part) => typeof part === 'string' && part !== '');
  return parts.length === 0 ? null : parts.join('/').slice(0, longestText);
}

const longestText = 255;

/** Printable ASCII, as every media type is (RFC 6838, section 4.2): others couldn't be stored everywhere. */
export function mediaTypeIn(value: unknown): string | null {
  const text = textIn(value);
  return text !== null && /^[!-~]+$/.test(text) ? text : null;
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, longestText) : null;
}
