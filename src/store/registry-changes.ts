/** Owns how a push or a deletion changes a repository's rows, statement by statement, in the transaction of its caller. */
import type { Sql, Statement, Steps, Value } from './sql.ts';

export type Layer = { readonly digest: string; readonly size: number };

type Common = {
  readonly repository: string;
  readonly tag: string | null;
  /** Registry's time, epoch milliseconds. */
  readonly at: number;
  /** Days since 1970-01-01, UTC. */
  readonly day: number;
  /** An id of `repository_actor`. */
  readonly actor: string;
};
export type Push = Common & {
  readonly action: 'push';
  readonly digest: string;
  readonly mediaType: string | null;
  /** Distinct layers and the config; null: unknown, or an index. */
  readonly layers: readonly Layer[] | null;
  /** Digests that an index holds. */
  readonly children: readonly string[];
};
/** What a sync read. `at`: when it did, by the registry's clock; who pushed it is unknown. */
export type Found = Omit<Push, 'action' | 'actor' | 'day'> & { readonly action: 'found' };
/** With a tag: that tag alone. With a digest only: the manifest and all its tags. */
export type Deletion = Common & { readonly action: 'delete'; readonly digest: string | null };
/** What Dockpass itself deleted: no event of it may ever arrive, so it's no activity that the registry reported. */
export type Gone = Omit<Deletion, 'action' | 'actor' | 'day'> & { readonly action: 'gone' };
export type Change = Push | Deletion | Found | Gone;

/** Layers and configs of a repository that are counted; beyond that its size is "at least". */
const maximumLayers = 10_000;

const touch = `
  insert into repository (service, name, first_seen_at, heard_at, tags, layers, recent_pulls)
  values ($1, $2, $3, $3, 0, 0, 0) on conflict (service, name) do update set heard_at = excluded.heard_at`;
const pushed = `
  update repository set pushed_at = $3, pushed_by = $4
  where service = $1 and name = $2 and coalesce(pushed_at, 0) < $3`;
const countTags = 'update repository set tags = tags + $3 where service = $1 and name = $2';
const measure = `
  update repository set
    layers = (select count(*) from repository_layer l where l.service = $1 and l.repository = $2),
    size = (select sum(l.size) from repository_layer l where l.service = $1 and l.repository = $2)
  where service = $1 and name = $2`;

const key = 'service = $1 and repository = $2 and digest = $3';
const addManifest = `
  insert into repository_manifest (service, repository, digest, counted, pushed_at, deleted_at, heard_at)
  values ($1, $2, $3, 0, 0, 0, $4) on conflict do nothing`;
const pushManifest = `
  update repository_manifest set pushed_at = $4, pushed_by = $5, heard_at = $6 where ${key} and pushed_at < $4`;
const isPushedThen = `update repository_manifest set counted = counted where ${key} and pushed_at = $4`;
const describe = `
  update repository_manifest set media_type = coalesce(media_type, $4), size = coalesce(size, $5),
    layers_json = coalesce(layers_json, $6)
  where ${key} and (media_type is null or (layers_json is null and cast($6 as text) is not null))`;
const isDeletedSince = `update repository_manifest set counted = counted where ${key} and deleted_at >= $4`;
const deleteManifest = `
  update repository_manifest set deleted_at = $4, heard_at = $5 where ${key} and deleted_at < $4`;
const count = `
  update repository_manifest set counted = 1
  where ${key} and counted = 0 and layers_json is not null and pushed_at > deleted_at`;
const uncount = `
  update repository_manifest set counted = 0 where ${key} and counted = 1 and pushed_at <= deleted_at`;
const addChild = `
  insert into repository_child (service, repository, parent, child)
  select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text)
  from repository_manifest where ${key} and pushed_at > deleted_at
  on conflict do nothing`;
const removeChildren = `
  delete from repository_child where service = $1 and repository = $2 and parent = $3 and exists (
    select 1 from repository_manifest where ${key} and pushed_at <= deleted_at)`;

/** Layers of a manifest as its row has them now: a push that was stored meanwhile can have brought them. */
const layersIn: Readonly<
  Record<Sql['engine'], { readonly from: string; readonly digest: string; readonly size: string }>
> = {
  sqlite: {
    from: 'repository_manifest m, json_each(m.layers_json) one',
    digest: "json_extract(one.value, '$[0]')",
    size: "json_extract(one.value, '$[1]')",
  },
  postgres: {
    from: 'repository_manifest m, json_array_elements(cast(m.layers_json as json)) one',
    digest: 'one.value ->> 0',
    size: 'one.value ->> 1',
  },
};
const ofManifest = 'm.service = $1 and m.repository = $2 and m.digest = $3';
const addLayersOn = (engine: Sql['engine']) => `
  insert into repository_layer (service, repository, digest, size, manifests)
  select m.service, m.repository, ${layersIn[engine].digest}, cast(${layersIn[engine].size} as bigint), 1
  from ${layersIn[engine].from}
  where ${ofManifest} and (select layers from repository where service = $1 and name = $2) < ${maximumLayers}
  on conflict (service, repository, digest) do update set manifests = repository_layer.manifests + 1`;
const dropLayersOn = (engine: Sql['engine']) => `
  update repository_layer set manifests = manifests - 1
  where service = $1 and repository = $2
    and digest in (select ${layersIn[engine].digest} from ${layersIn[engine].from} where ${ofManifest})`;
const layerStatements = {
  sqlite: { add: addLayersOn('sqlite'), drop: dropLayersOn('sqlite') },
  postgres: { add: addLayersOn('postgres'), drop: dropLayersOn('postgres') },
};
const removeLayers = 'delete from repository_layer where service = $1 and repository = $2 and manifests <= 0';

const tagKey = 'service = $1 and repository = $2 and tag = $3';
const setTag = (there: string) => `
  update repository_tag set digest = $4, at = $5, heard_at = $6, pushed_at = $7, pushed_by = $8
  where ${tagKey} and digest is ${there} and (at < $5 or (at = $5 and coalesce(digest, '') < coalesce($4, '')))`;
const moveTag = setTag('not null');
const reviveTag = setTag('null');
const addTag = `
  insert into repository_tag (service, repository, tag, digest, at, heard_at, pushed_at, pushed_by)
  values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`;
/** A sync found it before the event of its push came. */
const completeTag = `
  update repository_tag set pushed_at = $5, pushed_by = $6 where ${tagKey} and digest = $4 and pushed_at is null`;
const isTaggedThen = `
  update repository_tag set heard_at = heard_at
  where ${tagKey} and (digest = $4 or digest is null) and pushed_at = $5`;
const isTagged = `update repository_tag set heard_at = heard_at where ${tagKey} and digest = $4`;
const untagDigest = `
  update repository_tag set digest = null, heard_at = $5 where service = $1 and repository = $2 and digest = $3 and at <= $4`;

/** Statements of one transaction, about: so many take some milliseconds, in which SQLite answers nothing else. */
const statementsAtOnce = 300;
/** Statements of any change; what an index holds comes on top, and each layer, a row, counts as one as well. */
const statementsEach = 10;
/** A deletion takes away layers that aren't known before; most images have fewer. */
const layersOfDeletion = 40;

type Sized =
  | { readonly action: 'delete' | 'gone' }
  | {
      readonly action: 'push' | 'found';
      readonly layers: readonly unknown[] | null;
      readonly children: readonly unknown[];
    };

/** The changes in pieces, in order, each of which is short enough for one transaction. */
export function inShortPieces<Item extends Sized>(changes: readonly Item[]): Item[][] {
  const pieces: Item[][] = [];
  let room = 0;
  for (const change of changes) {
    const isThere = change.action === 'push' || change.action === 'found';
    const parts = isThere ? (change.layers?.length ?? 0) + change.children.length : layersOfDeletion;
    room -= statementsEach + parts;
    const piece = room < 0 ? undefined : pieces.at(-1);
    if (piece !== undefined) {
      piece.push(change);
      continue;
    }
    pieces.push([change]);
    room = statementsAtOnce - statementsEach - parts;
  }
  return pieces;
}

/** @returns for each change in its place whether it is to be counted */
export function* writeChanges(
  engine: Sql['engine'],
  service: string,
  changes: readonly Change[],
  now: number,
): Steps<boolean[]> {
  const outcomes = new Map<Change, boolean>();
  const byName = Map.groupBy(changes, ({ repository }) => repository);
  for (const name of [...byName.keys()].sort()) {
    const place: Place = { engine, key: [service, name], now };
    // Locks the row: what others do at the same repository waits until this transaction ends.
    yield { text: touch, values: [service, name, now] };
    let tags = 0;
    let isMeasured = true;
    for (const change of byName.get(name) ?? []) {
      const done = yield* isRemoval(change) ? remove(place, change) : push(place, change);
      tags += done.tags;
      isMeasured &&= !done.layers;
      outcomes.set(change, done.isCounted);
    }
    if (tags !== 0) yield { text: countTags, values: [service, name, tags] };
    if (!isMeasured) yield { text: measure, values: [service, name] };
  }
  return changes.map((change) => outcomes.get(change) === true);
}

function isRemoval(change: Change): change is Deletion | Gone {
  return change.action === 'delete' || change.action === 'gone';
}

type Place = { readonly engine: Sql['engine']; readonly key: readonly [string, string]; readonly now: number };
/** How the number of tags changed, and whether layers did. */
type Done = { readonly tags: number; readonly layers: boolean; readonly isCounted: boolean };

function* push({ engine, key, now }: Place, change: Push | Found): Steps<Done> {
  const { digest, at, tag } = change;
  const actor = change.action === 'push' ? change.actor : null;
  const manifest = [...key, digest];
  const run = (text: string, ...more: Value[]): Statement => ({ text, values: [...manifest, ...more] });
  yield run(addManifest, now);
  const isNewest = (yield run(pushManifest, at, actor, now)) > 0;
  const repeated = isNewest ? 0 : yield run(isPushedThen, at);
  if (change.action === 'push') yield { text: pushed, values: [...key, at, actor] };
  const { layers } = change;
  yield run(describe, change.mediaType, layers && sizeOf(layers), layers && JSON.stringify([...bytesOf(layers)]));
  for (const child of change.children) yield run(addChild, child);
  const isCounted = (yield run(count)) > 0;
  if (isCounted) yield run(layerStatements[engine].add);
  const isGone = (yield run(isDeletedSince, at)) > 0;
  if (tag === null) return { tags: 0, layers: isCounted, isCounted: isNewest || repeated === 0 };
  const tags = yield* putTag(key, tag, isGone ? null : digest, change, now);
  return { tags: tags.change, layers: isCounted, isCounted: !tags.isDuplicate };
}

function* putTag(
  key: Place['key'],
  tag: string,
  digest: string | null,
  change: Push | Found,
  now: number,
): Steps<{ change: number; isDuplicate: boolean }> {
  const { at } = change;
  const place = [...key, tag];
  const isFound = change.action === 'found';
  if (isFound && (yield { text: isTagged, values: [...place, digest] }) > 0) return { change: 0, isDuplicate: true };
  const pushedBy = isFound ? null : change.actor;
  const values = [...place, digest, at, now, isFound ? null : at, pushedBy];
  if ((yield { text: moveTag, values }) > 0) return { change: digest === null ? -1 : 0, isDuplicate: false };
  const isThere = (yield { text: reviveTag, values }) > 0 || (yield { text: addTag, values }) > 0;
  if (isThere) return { change: digest === null ? 0 : 1, isDuplicate: false };
  if (isFound) return { change: 0, isDuplicate: true };
  if ((yield { text: completeTag, values: [...place, digest, at, pushedBy] }) > 0) {
    return { change: 0, isDuplicate: false };
  }
  return { change: 0, isDuplicate: (yield { text: isTaggedThen, values: [...place, digest, at] }) > 0 };
}

function* remove(place: Place, change: Deletion | Gone): Steps<Done> {
  const { key, now } = place;
  if (change.tag === null) {
    if (change.digest !== null) return yield* removeManifest(place, change.digest, change);
    return { tags: 0, layers: false, isCounted: false };
  }
  const values = [...key, change.tag, null, change.at, now, null, null];
  if ((yield { text: moveTag, values }) > 0) return { tags: -1, layers: false, isCounted: true };
  if ((yield { text: reviveTag, values }) === 0) yield { text: addTag, values };
  return { tags: 0, layers: false, isCounted: false };
}

function* removeManifest({ engine, key, now }: Place, digest: string, change: Deletion | Gone): Steps<Done> {
  const run = (text: string, ...more: Value[]): Statement => ({ text, values: [...key, digest, ...more] });
  yield run(addManifest, now);
  const isNew = (yield run(deleteManifest, change.at, now)) > 0;
  const tags = yield run(untagDigest, change.at, now);
  yield run(removeChildren);
  const isUncounted = (yield run(uncount)) > 0;
  if (isUncounted) {
    yield run(layerStatements[engine].drop);
    yield { text: removeLayers, values: [...key] };
  }
  return { tags: -tags, layers: isUncounted, isCounted: isNew };
}

const keptOfDigest = 'sha256:'.length + 32;

/** Bytes by digest, as `layers_json` has them: the beginning of the digest is enough to tell layers apart, and half as long. */
function bytesOf(layers: readonly Layer[]): ReadonlyMap<string, number> {
  return new Map(layers.map(({ digest, size }) => [digest.slice(0, keptOfDigest), size]));
}

function sizeOf(layers: readonly Layer[]): number {
  return [...bytesOf(layers).values()].reduce((sum, size) => sum + size, 0);
}
