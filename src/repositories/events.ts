/** Owns what a registry's notification says (distribution, notifications/event.go): each event read, sorted out and bounded. */
import { fieldsIn } from '../lib/json.ts';
import { dayNumber } from '../lib/time.ts';
import { contentOf, type Descriptor, descriptorsIn, isIndexType, isManifestType, mediaTypeIn } from './manifest.ts';
import { isDigest, isRepositoryName, isTag } from './names.ts';
import { ownSubject } from './registry.ts';
import { atMostAhead } from './registry-clock.ts';

type Common = {
  /** Of the registry, for duplicates; '' where it gives none. */
  readonly id: string;
  readonly repository: string;
  readonly tag: string | null;
  /** Registry's time, at most five minutes after ours; epoch milliseconds. */
  readonly at: number;
  /** Of `at`: days since 1970-01-01, UTC. */
  readonly day: number;
  /** The docker user name; '' where no one is named. */
  readonly login: string;
};
export type PushEvent = Common & {
  readonly action: 'push';
  readonly digest: string;
  readonly mediaType: string | null;
  /** `null`: unknown, or an index. */
  readonly layers: readonly Descriptor[] | null;
  /** Digests. */
  readonly children: readonly string[];
};
export type PullEvent = Common & { readonly action: 'pull'; readonly digest: string | null };
/** At least one of tag and digest isn't `null`. */
export type DeleteEvent = Common & { readonly action: 'delete'; readonly digest: string | null };
export type RegistryEvent = PushEvent | PullEvent | DeleteEvent;

/**
 * Why an event isn't kept. `ignored`: a layer, a HEAD, a mount, what Dockpass reads itself; `invalid`: it can never be
 * stored.
 */
export type Dropped = 'ignored' | 'invalid';

export type ReadEvent = { readonly action: EventAction; readonly read: RegistryEvent | Dropped };
export type EventAction = 'push' | 'pull' | 'delete' | 'other';

/** Events of one request: a registry sends one, and 1 MB has room for some thousands. More count as invalid. */
const maximumEvents = 10_000;
const maximumId = 255;

/**
 * @param now epoch milliseconds
 * @returns `null` for what isn't a notification
 */
export function readEvents(body: string, now: number): ReadEvent[] | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  const { events } = fieldsIn(value);
  if (!Array.isArray(events)) return null;
  return events.map((event: unknown, at) =>
    at < maximumEvents ? readEvent(event, now) : { action: 'other', read: 'invalid' },
  );
}

function readEvent(value: unknown, now: number): ReadEvent {
  const event = fieldsIn(value);
  const { action } = event;
  if (action !== 'push' && action !== 'pull' && action !== 'delete') return { action: 'other', read: 'ignored' };
  const target = fieldsIn(event['target']);
  const login = textOf(fieldsIn(event['actor'])['name']);
  const isOfLayer = action !== 'delete' && !isManifestType(textOf(target['mediaType']));
  const isHead = fieldsIn(event['request'])['method'] === 'HEAD';
  // Its own deletions count: one that the registry took too long to answer is known from here alone.
  const isOwnRead = login === ownSubject && action !== 'delete';
  if (isOfLayer || isOwnRead || (action === 'pull' && isHead)) return { action, read: 'ignored' };
  return { action, read: keep(action, event, target, login, now) ?? 'invalid' };
}

type Fields = Readonly<Record<string, unknown>>;

function keep(action: RegistryEvent['action'], event: Fields, target: Fields, login: string, now: number) {
  const repository = textOf(target['repository']);
  const [tag, digest] = [textOf(target['tag']) || null, textOf(target['digest']) || null];
  if (!isRepositoryName(repository) || !(tag === null || isTag(tag)) || !(digest === null || isDigest(digest))) {
    return null;
  }
  const at = timeOf(event['timestamp'], now);
  const id = textOf(event['id']).slice(0, maximumId);
  const common = { id, repository, tag, at, day: dayNumber(at), login: login.slice(0, maximumId) };
  if (action === 'push') return digest === null ? null : { ...common, ...contentIn(target), action, digest };
  return tag === null && digest === null ? null : { ...common, action, digest };
}

/** Of `references`, which a registry sends with `includereferences: true`. */
function contentIn(target: Fields): Pick<PushEvent, 'mediaType' | 'layers' | 'children'> {
  const mediaType = mediaTypeIn(target['mediaType']);
  const references = descriptorsIn(target['references']);
  if (isIndexType(mediaType)) return { mediaType, layers: null, children: references.map(({ digest }) => digest) };
  return { mediaType, layers: contentOf({ config: null, layers: references }), children: [] };
}

function timeOf(value: unknown, now: number): number {
  const at = Date.parse(textOf(value));
  // 0 is what a manifest has that was never pushed.
  return Number.isNaN(at) || at <= 0 ? now : atMostAhead(at, now);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
