/** Owns reading one repository: its tags, what they name, and what of it isn't there any more. */
import { eachOf } from '../lib/each-of.ts';
import { type Change, type Found, inShortPieces } from '../store/registry-changes.ts';
import { keyOf } from '../store/registry-events.ts';
import type { Store } from '../store/store.ts';
import { contentOf, type Manifest } from './manifest.ts';
import type { ReadManifest, Registry, Resolved } from './registry.ts';

type Parts = {
  readonly store: Pick<Store, 'repositoryTags' | 'repositorySyncs' | 'registryEvents'>;
  readonly registry: Registry;
  readonly service: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Requests at the same time: a sync must not be what makes a registry slow. */
const atOnce = 4;
/** Tags that are read, and stored, together. */
const pieceSize = 100;
/** Manifests of an index that are read for their size. */
const maximumChildren = 50;

/**
 * @param began when the sync began: what was pushed since stays
 * @throws {Refusal} `bad_gateway` where anything couldn't be read: then nothing is removed
 */
export async function readRepository(
  parts: Parts,
  repository: string,
  began: number,
): Promise<{ tags: number; removed: number }> {
  const { store, service, now } = parts;
  const there = new Set<string>();
  const tags = await parts.registry.tags(repository);
  for (let start = 0; start < tags.length; start += pieceSize) {
    const changes = await readTags(parts, repository, tags.slice(start, start + pieceSize));
    for (const { tag } of changes) if (tag !== null) there.add(tag);
    for (const piece of inShortPieces(changes)) await store.registryEvents.write(service, piece, now());
  }
  const removed = await removeMissing(parts, repository, there, began);
  await store.repositorySyncs.noteRead(service, repository, now());
  return { tags: there.size, removed };
}

async function readTags(parts: Parts, repository: string, tags: readonly string[]): Promise<Change[]> {
  const { registry, store, service } = parts;
  const resolved = new Map<string, Resolved>();
  await eachOf(tags, atOnce, async (tag) => {
    const found = await registry.resolve(repository, tag);
    // Gone since the list was read.
    if (found !== null) resolved.set(tag, found);
  });
  const manifests = [...new Set([...resolved.values()].map(({ digest }) => digest))].map((digest) => ({
    repository,
    digest,
  }));
  const known = await store.registryEvents.described(service, manifests);
  const read = new Map<string, ReadManifest>();
  await eachOf(manifests, atOnce, async ({ digest }) => {
    if (!known.has(keyOf({ repository, digest }))) await readManifest(registry, repository, digest, read);
  });
  const ofTags = [...resolved].map(([tag, { digest, mediaType, at }]) =>
    foundAs(repository, tag, digest, at, read.get(digest) ?? mediaType),
  );
  const named = new Set(manifests.map(({ digest }) => digest));
  const ofChildren = [...read.values()].filter(({ digest }) => !named.has(digest));
  return [...ofChildren.map((child) => foundAs(repository, null, child.digest, child.at, child)), ...ofTags];
}

/** With what an index holds, whose layers are part of the size. */
async function readManifest(
  registry: Registry,
  repository: string,
  digest: string,
  read: Map<string, ReadManifest>,
): Promise<void> {
  const manifest = await registry.manifest(repository, digest);
  if (manifest === null) return;
  read.set(digest, manifest);
  for (const child of manifest.children.slice(0, maximumChildren)) {
    if (read.has(child.digest)) continue;
    const part = await registry.manifest(repository, child.digest);
    if (part !== null) read.set(child.digest, part);
  }
}

/** @param manifest or its media type, where its content is known already */
function foundAs(
  repository: string,
  tag: string | null,
  digest: string,
  at: number,
  manifest: Manifest | string,
): Found {
  const common = { action: 'found', repository, tag, digest, at } as const;
  if (typeof manifest === 'string') return { ...common, mediaType: manifest, layers: null, children: [] };
  const children = manifest.children.map((child) => child.digest);
  return { ...common, mediaType: manifest.mediaType, layers: contentOf(manifest), children };
}

async function removeMissing(
  { store, service, now }: Parts,
  repository: string,
  there: ReadonlySet<string>,
  began: number,
): Promise<number> {
  let removed = 0;
  for (let last: string | undefined = ''; last !== undefined; ) {
    const page = await store.repositoryTags.after(service, repository, last, pieceSize);
    const missing = page.map(({ tag }) => tag).filter((tag) => !there.has(tag));
    if (missing.length > 0) {
      removed += await store.repositorySyncs.removeTags(service, repository, missing, began, now());
    }
    last = page.at(-1)?.tag;
  }
  return removed;
}
