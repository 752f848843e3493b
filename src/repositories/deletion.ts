/** Owns deleting a tag or a manifest: the preview of what goes with it, read from the registry, and deleting exactly that. */
import { createHash, randomBytes } from 'node:crypto';
import type { Actor, Audit, AuditEvent } from '../audit/audit.ts';
import { eachOf } from '../lib/each-of.ts';
import { Refusal } from '../lib/errors.ts';
import { rights } from '../policy/repository-rights.ts';
import type { RepositoryTagStore } from '../store/repository-tags.ts';
import { describe, isIndex } from './artifact.ts';
import { isRepositoryName, isTag } from './names.ts';
import type { Deleted, DeletionAnswer, Registry } from './registry.ts';
import type { Viewer, Visibility } from './visibility.ts';

type DeletionTarget = { readonly registry: Registry; readonly service: string; readonly repository: string };

export type DeletionPreview = {
  readonly tag: string;
  /** What the tag names now. */
  readonly digest: string;
  readonly kind: string;
  /** Every tag that names the digest, this one included; `null` where there are too many tags to look at each. */
  readonly tags: readonly string[] | null;
  /** The indexes that hold the manifest: a tag each, or the digest of one without a tag. */
  readonly indexes: readonly string[];
  /** Whether the registry can delete a tag by itself: 2.8 can't. */
  readonly canDeleteTag: boolean;
  /** Stands for everything above: what has changed since isn't deleted. */
  readonly seen: string;
};

export type DeletionRequest = {
  readonly what: 'tag' | 'manifest';
  readonly tag: string;
  /** Of the preview. */
  readonly digest: string;
  readonly seen: string;
};

export type Deletion = {
  /** @throws {Refusal} `not_found`, `denied`; `conflict` where the registry deletes nothing */
  preview(viewer: Viewer, name: string, tag: string): Promise<DeletionPreview>;
  /** @throws {Refusal} as the preview; `conflict` where something has changed since it was shown */
  act(viewer: Viewer, name: string, request: DeletionRequest, by: Actor): Promise<void>;
};

export type DeletionParts = {
  /** `null` for a service whose registry Dockpass can't reach. */
  readonly registryOf: (service: string) => Registry | null;
  readonly visibility: Pick<Visibility, 'at'>;
  readonly tags: Pick<RepositoryTagStore, 'parents'>;
  readonly audit: Pick<Audit, 'write'>;
  /** Told of what was deleted, so that lists don't wait for the registry's event. It must not throw. */
  readonly onDeleted: (deleted: {
    readonly service: string;
    readonly repository: string;
    readonly tag: string | null;
    readonly digest: string;
    /** By the registry's clock; epoch milliseconds. */
    readonly at: number;
  }) => Promise<void>;
};

/** Tags that are looked at one by one to say which share a digest. */
const maximumTags = 1_000;
/** Requests to the registry at the same time. */
const asked = 8;

export function createDeletion(parts: DeletionParts): Deletion {
  const preview = async (viewer: Viewer, name: string, tag: string): Promise<DeletionPreview> => {
    const target = targetFor(parts, viewer, name);
    const found = isTag(tag) ? await target.registry.manifest(name, tag) : null;
    if (found === null) throw new Refusal('not_found', `The registry has no tag ${tag.slice(0, 128)} here now.`);
    const canDeleteTag = await tagDeletion(target);
    const shared = await sharedWith(parts, target, found.digest);
    const seen = fingerprint([found.digest, shared.tags, shared.indexes]);
    return { tag, digest: found.digest, kind: describe(found).kind, ...shared, canDeleteTag, seen };
  };
  return {
    preview,
    async act(viewer, name, request, by) {
      const now = await preview(viewer, name, request.tag);
      refuseChanged(now, request);
      const target = targetFor(parts, viewer, name);
      if (request.what === 'tag') await deleteTag(parts, target, now, by);
      else await deleteManifest(parts, target, now, by);
    },
  };
}

/** @throws {Refusal} `not_found` for what someone can't pull, so that it reveals nothing; `denied`; `conflict` */
function targetFor({ visibility, registryOf }: DeletionParts, viewer: Viewer, name: string): DeletionTarget {
  const { service } = viewer.context;
  const bits = visibility.at(viewer, name);
  if (!isRepositoryName(name) || (bits & rights.pull) === 0) {
    throw new Refusal('not_found', 'There is no such repository that you can pull.');
  }
  if ((bits & rights.delete) === 0)
    throw new Refusal('denied', 'The policy doesn’t allow you to delete in this repository.');
  const registry = registryOf(service);
  if (registry !== null) return { registry, service, repository: name };
  throw new Refusal('conflict', 'Dockpass can’t reach this registry: SERVICE_<NAME>_URL isn’t set.');
}

/** @throws {Refusal} `conflict` */
function refuseChanged(now: DeletionPreview, { digest, seen, what }: DeletionRequest): void {
  if (now.digest !== digest) {
    throw new Refusal('conflict', `The tag has moved: it names ${now.digest} now. Nothing was deleted; look again.`);
  }
  if (what === 'manifest' && now.seen !== seen) {
    throw new Refusal(
      'conflict',
      'The tags or indexes that use it have changed since the preview. Nothing was deleted; look again.',
    );
  }
}

/**
 * Whether the registry can delete a tag by itself. It's asked to delete what isn't there: a digest that nothing has, to see
 * whether it deletes at all, then a tag, which 2.8 answers with 400.
 * @throws {Refusal} `conflict` where it deletes nothing
 */
async function tagDeletion({ registry, repository }: DeletionTarget): Promise<boolean> {
  const random = randomBytes(32).toString('hex');
  const manifest = await registry.deleteManifest(repository, `sha256:${random}`);
  if (manifest.outcome === 'disabled') throw deletesNothing();
  const tag = await registry.deleteTag(repository, `dockpass-asks-${random.slice(0, 32)}`);
  return tag.outcome !== 'unsupported';
}

function deletesNothing(): Refusal {
  return new Refusal(
    'conflict',
    'This registry deletes nothing: set storage.delete.enabled to true in its configuration (REGISTRY_STORAGE_DELETE_ENABLED=true) and restart it.',
  );
}

/** What shares the digest: every tag is read, because events can be missing of some. */
async function sharedWith(
  { tags: stored }: DeletionParts,
  { registry, service, repository }: DeletionTarget,
  digest: string,
): Promise<Pick<DeletionPreview, 'tags' | 'indexes'>> {
  const known = await stored.parents(service, repository, digest);
  const all = await registry.tags(repository);
  if (all.length > maximumTags) return { tags: null, indexes: known };
  const tags: string[] = [];
  const indexes = new Map(known.map((parent) => [parent, parent]));
  await eachOf(all, asked, async (tag) => {
    const found = await registry.resolve(repository, tag);
    if (found?.digest === digest) tags.push(tag);
    else if (found !== null && isIndex(found.mediaType)) {
      const index = await registry.manifest(repository, found.digest);
      if (index?.children.some((child) => child.digest === digest) === true) indexes.set(found.digest, tag);
    }
  });
  return { tags: tags.sort(), indexes: [...indexes.values()].sort() };
}

function fingerprint(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url');
}

/** @throws {Refusal} */
async function deleteTag(parts: DeletionParts, target: DeletionTarget, now: DeletionPreview, by: Actor): Promise<void> {
  const { tag, digest } = now;
  const { registry, service, repository } = target;
  if (!now.canDeleteTag) throw tagsOnly();
  const event = { action: 'repository.delete-tag', ...by, subject: `${repository}:${tag}`, repository } as const;
  const whole = { ...event, detail: { service, digest } };
  const at = await recorded(parts, whole, () => registry.deleteTag(repository, tag));
  await parts.onDeleted({ service, repository, tag, digest, at });
}

function tagsOnly(): Refusal {
  return new Refusal('conflict', 'This registry can’t delete a single tag. Delete the manifest, with all its tags.');
}

/** @throws {Refusal} */
async function deleteManifest(
  parts: DeletionParts,
  { registry, service, repository }: DeletionTarget,
  { digest, tags, indexes }: DeletionPreview,
  by: Actor,
): Promise<void> {
  if (tags === null) {
    const message = `With more than ${maximumTags} tags here, Dockpass can’t tell which go with the manifest. Use a client for it.`;
    throw new Refusal('conflict', message);
  }
  const event = {
    action: 'repository.delete-manifest',
    ...by,
    subject: `${repository}@${digest}`,
    repository,
  } as const;
  const whole = { ...event, detail: { service, tags, indexes } };
  const at = await recorded(parts, whole, () => registry.deleteManifest(repository, digest));
  await parts.onDeleted({ service, repository, tag: null, digest, at });
}

/**
 * The event is stored before the registry is asked: a deletion that no one recorded would be worse than a record of one that
 * failed, which a second event says.
 * @returns when it was deleted, by the registry's clock
 * @throws {Refusal}
 */
async function recorded(
  { audit }: DeletionParts,
  event: AuditEvent,
  remove: () => Promise<DeletionAnswer>,
): Promise<number> {
  await audit.write(event);
  const failed = async (why: string, error: unknown): Promise<never> => {
    await audit.write({ ...event, detail: { ...event.detail, failed: why } });
    throw error;
  };
  const { outcome, at } = await remove().catch((error: unknown) => failed('no answer', error));
  if (outcome !== 'deleted') await failed(outcome, refusals[outcome]());
  return at;
}

const refusals: Readonly<Record<Exclude<Deleted, 'deleted'>, () => Refusal>> = {
  disabled: deletesNothing,
  unsupported: tagsOnly,
  absent: () => new Refusal('conflict', 'It was gone already. Nothing was deleted.'),
};
