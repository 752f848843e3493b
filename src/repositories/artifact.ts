/** Owns what a manifest is, in words: an image, an index of platforms, a chart, a signature, any other artifact. */
import { contentOf, type Descriptor, type Manifest } from './manifest.ts';

/** One entry of an index. */
export type Entry = {
  readonly digest: string;
  /** "linux/arm64/v8", or what it is where it's no image: "Attestation". */
  readonly what: string;
};

export type Artifact = {
  /** "Image", "Helm chart", "Signature (cosign)". */
  readonly kind: string;
  /** The type that a program gave it, where the words don't say it: "application/vnd.example+json". */
  readonly type: string | null;
  /** Bytes of its layers and config; `null` for an index, whose entries have sizes of their own. */
  readonly size: number | null;
  readonly entries: readonly Entry[];
  /** The manifest that it belongs to, as a signature does to an image. */
  readonly subject: string | null;
};

const imageConfigs = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];

/** Types of artifacts, of their configs and layers. */
const kinds: ReadonlyMap<string, string> = new Map([
  ['application/vnd.cncf.helm.config.v1+json', 'Helm chart'],
  ['application/vnd.cncf.flux.config.v1+json', 'Flux artifact'],
  ['application/vnd.dev.cosign.artifact.sig.v1+json', 'Signature (cosign)'],
  ['application/vnd.dev.cosign.simplesigning.v1+json', 'Signature (cosign)'],
  ['application/vnd.dev.sigstore.bundle.v0.3+json', 'Signature (sigstore)'],
  ['application/vnd.cncf.notary.signature', 'Signature (notation)'],
  ['application/vnd.dsse.envelope.v1+json', 'Attestation'],
  ['application/vnd.in-toto+json', 'Attestation'],
  ['application/spdx+json', 'SBOM (SPDX)'],
  ['text/spdx', 'SBOM (SPDX)'],
  ['application/vnd.cyclonedx+json', 'SBOM (CycloneDX)'],
  ['application/vnd.docker.plugin.v1+json', 'Docker plugin'],
  ['application/vnd.wasm.config.v0+json', 'WebAssembly module'],
]);

/** By its media type: the OCI's, and Docker's manifest list. */
export function isIndex(mediaType: string): boolean {
  return /^application\/vnd\.(?:oci\.image\.index\.v1|docker\.distribution\.manifest\.list\.v2)\+json$/.test(mediaType);
}

export function describe(manifest: Manifest): Artifact {
  const { mediaType, artifactType, config, layers, children, subject } = manifest;
  const size = contentOf(manifest)?.reduce((sum, part) => sum + part.size, 0) ?? null;
  if (isIndex(mediaType)) {
    const entries = children.map((child) => ({ digest: child.digest, what: entryWords(child) }));
    const kind = artifactType === null ? 'Index' : (kinds.get(artifactType) ?? 'Artifact index');
    return { kind, type: unworded(artifactType), size: null, entries, subject };
  }
  const ofLayers = layers.map((layer) => kinds.get(layer.mediaType)).find((kind) => kind !== undefined);
  // cosign gives signatures an image's config, so their layers say what they are.
  const isImage = artifactType === null && imageConfigs.includes(config?.mediaType ?? '') && ofLayers === undefined;
  if (isImage) return { kind: 'Image', type: null, size, entries: [], subject };
  if (/^application\/vnd\.docker\.distribution\.manifest\.v1\+/.test(mediaType)) {
    return { kind: 'Image (schema 1)', type: null, size: null, entries: [], subject };
  }
  const type = artifactType ?? config?.mediaType ?? null;
  const kind = (type !== null && kinds.get(type)) || ofLayers || 'Artifact';
  return { kind, type: kind === 'Artifact' ? type : null, size, entries: [], subject };
}

/** BuildKit hangs attestations under an image, as a platform "unknown". */
function entryWords({ platform, artifactType }: Descriptor): string {
  if (artifactType !== null) return kinds.get(artifactType) ?? artifactType;
  if (platform === 'unknown/unknown') return 'Attestation';
  return platform ?? 'Platform not said';
}

function unworded(type: string | null): string | null {
  return type === null || kinds.has(type) ? null : type;
}

/** `sha256-HEX.sig` is how cosign names the signature of a digest. */
export function belongsTo(tag: string): { readonly digest: string; readonly what: string } | null {
  const [, hex, suffix = ''] = /^sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?$/.exec(tag) ?? [];
  if (hex === undefined) return null;
  return { digest: `sha256:${hex}`, what: suffixes.get(suffix) ?? 'Referrers' };
}

const suffixes: ReadonlyMap<string, string> = new Map([
  ['sig', 'Signature'],
  ['att', 'Attestation'],
  ['sbom', 'SBOM'],
]);
