/** Owns the page of one repository: its tags, its pulls, how to pull it; and the page of one tag, which the registry is asked about. */
import type { Request, RequestHandler, Response } from 'express';
import { Refusal } from '../lib/errors.ts';
import { pageOf } from '../lib/paging.ts';
import { type Artifact, belongsTo } from '../repositories/artifact.ts';
import { isTag } from '../repositories/names.ts';
import { type RepositoryDetail, type Tag, tagsOfPage } from '../repositories/own.ts';
import type { TagReading } from '../repositories/reading.ts';
import type { Viewer } from '../repositories/visibility.ts';
import { type ChartView, chartOf } from './activity-chart.ts';
import { fieldsOf, queryOf } from './fields.ts';
import { type Pager, pageIn, pagerOf } from './list-view.ts';
import { sections } from './navigation.ts';
import { type PullCommand, pullCommands } from './pull-commands.ts';
import { type ListedService, type RepositoryPageParts, readerOf, repositoryPath, timeOf } from './repositories.ts';
import { formatSize } from './size-view.ts';
import { type FormattedTime, formatTime } from './time-view.ts';

export type RepositoryDetailParts = RepositoryPageParts & {
  /** Asks the registry what a tag is now. */
  readonly readTag: (service: string, repository: string, tag: string) => Promise<TagReading>;
};

type RepositoryFrame = {
  readonly section: string;
  readonly service: ListedService;
  readonly name: string;
  readonly href: string;
  readonly can: readonly string[];
};

type TagRowView = ReturnType<typeof tagRowOf>;

declare module './views.ts' {
  interface ViewData {
    /** `facts`: `null` for someone who can push and not pull. */
    repository: RepositoryFrame & {
      facts: (ReturnType<typeof factsOf> & { readonly chart: ChartView }) | null;
      pullers: RepositoryDetail['pullers'];
      tags: readonly TagRowView[];
      pager: Pager;
      commands: readonly PullCommand[];
      wanted: string;
      deleted: string | null;
    };
    'repository-tag': RepositoryFrame & {
      tag: string;
      known: TagRowView | null;
      reading: ReturnType<typeof readingOf>;
      commands: readonly PullCommand[];
      deletion: string | null;
    };
    'pull-commands': { commands: readonly PullCommand[] };
  }
}

/** GET /repositories/SERVICE/NAME...?tag= */
export function createRepositoryPage(parts: RepositoryDetailParts): RequestHandler {
  return async (request, response) => {
    const { service, name } = targetOf(parts.services, request);
    const who = readerOf(parts, request, service);
    const detail = await parts.repositories.open(...who, name);
    const tag = fieldsOf(request.query)('tag');
    const frame = { ...frameOf(service, detail), section: sections.repositories };
    if (tag === '' || !detail.canPull) await showRepository(parts, request, response, frame, detail, who);
    else await showTag(parts, response, frame, detail, who, tag);
  };
}

/** @throws {Refusal} `not_found` */
export function targetOf(
  services: readonly ListedService[],
  { params }: Request,
): { service: ListedService; name: string } {
  const service = services.find((candidate) => candidate.name === params['service']);
  const rest: unknown = params['name'];
  const name = Array.isArray(rest) ? rest.join('/') : String(rest ?? '');
  if (service !== undefined) return { service, name };
  throw new Refusal(
    'not_found',
    'No registry of this name reports its repositories. Choose one from the list of repositories.',
  );
}

export function frameOf(service: ListedService, { name, canPull, canPush, canDelete }: RepositoryDetail) {
  const can = [...(canPull ? ['Pull'] : []), ...(canPush ? ['Push'] : []), ...(canDelete ? ['Delete'] : [])];
  return { service, name, href: repositoryPath(service.name, name), can };
}

async function showRepository(
  parts: RepositoryDetailParts,
  request: Request,
  response: Response,
  frame: RepositoryFrame,
  detail: RepositoryDetail,
  who: [Viewer, { readonly accountId: string }],
): Promise<void> {
  const { repositories, now } = parts;
  const { page, pages } = pageOf(detail.facts?.tags ?? 0, tagsOfPage, pageIn(fieldsOf(request.query)));
  const tags = detail.canPull ? await repositories.tags(...who, detail.name, page) : [];
  const reference = tags[0] === undefined ? '' : `:${tags[0].tag}`;
  parts.views.page(response, 'repository', {
    ...frame,
    facts: detail.facts && {
      ...factsOf(detail.facts, now()),
      chart: chartOf('Pulls', ['pull', 'pulls'], detail.pulls),
    },
    pullers: detail.pullers,
    tags: tags.map((tag) => tagRowOf(tag, frame.href, now())),
    pager: pagerOf({ page, pages }, (to) => queryOf({ page: to }) || '?'),
    commands:
      reference === '' ? [] : pullCommands({ host: frame.service.registryHost, name: detail.name, reference }, null),
    wanted: '',
    deleted: await deletedIn(fieldsOf(request.query)('deleted'), tags, (tag) =>
      repositories.tag(...who, detail.name, tag),
    ),
  });
}

async function showTag(
  parts: RepositoryDetailParts,
  response: Response,
  frame: RepositoryFrame,
  detail: RepositoryDetail,
  who: [Viewer, { readonly accountId: string }],
  tag: string,
): Promise<void> {
  const known = await parts.repositories.tag(...who, detail.name, tag);
  const reading = await parts.readTag(frame.service.name, detail.name, tag);
  if (known === null && reading.outcome !== 'read') {
    throw new Refusal(
      'not_found',
      `No tag ${tag.slice(0, 128)} is known here. The page of the repository lists its tags.`,
    );
  }
  const kind = reading.outcome === 'read' ? reading.artifact.kind : null;
  parts.views.page(response, 'repository-tag', {
    ...frame,
    tag,
    known: known && tagRowOf(known, frame.href, parts.now()),
    reading: readingOf(reading),
    commands: pullCommands({ host: frame.service.registryHost, name: detail.name, reference: `:${tag}` }, kind),
    deletion:
      detail.canDelete && reading.outcome === 'read' ? deletionPath(frame.service.name, detail.name, tag) : null,
  });
}

/**
 * What was just deleted: the name of a tag, or the beginning of a digest; nothing else that an address says is repeated.
 * @param tags of the page. @param find `null`: the repository has no such tag
 */
async function deletedIn(
  text: string,
  tags: readonly Tag[],
  find: (tag: string) => Promise<Tag | null>,
): Promise<string | null> {
  const isThere = isTag(text)
    ? (await find(text)) !== null
    : !/^sha256:[0-9a-f]{12}$/.test(text) || tags.some(({ digest }) => digest.startsWith(text));
  return isThere ? null : text;
}

/** `-` can't be a part of a repository's name (distribution, reference grammar), so this is never the page of one. */
export function deletionPath(service: string, name: string, tag: string): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  return `/repositories/${encodeURIComponent(service)}/-/delete/${path}${queryOf({ tag })}`;
}

function factsOf(facts: NonNullable<RepositoryDetail['facts']>, now: number) {
  return {
    tags: facts.tags,
    size: formatSize(facts.size),
    pushed: timeOf(facts.pushedAt, now),
    pushedBy: facts.pushedBy,
    pulled: timeOf(facts.pulledAt, now),
    recentPulls: facts.recentPulls,
    isWhole: facts.isWhole,
    firstSeen: formatTime(facts.firstSeenAt, now),
  };
}

function tagRowOf({ tag, digest, size, pushedAt, pushedBy }: Tag, href: string, now: number) {
  const pushed: FormattedTime | null = timeOf(pushedAt, now);
  const belongs = belongsTo(tag);
  return {
    ...{ tag, digest, short: shortDigest(digest), size: formatSize(size), pushed, pushedBy },
    href: `${href}${queryOf({ tag })}`,
    belongs: belongs && `${belongs.what} of ${shortDigest(belongs.digest)}`,
  };
}

/** "sha256:0a1b2c3d4e5f" */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}

function readingOf(reading: TagReading) {
  if (reading.outcome !== 'read') return { ...reading, artifact: null, digest: null, size: null };
  const { outcome, digest, artifact } = reading;
  return { outcome, problem: null, digest, size: formatSize(artifact.size), artifact: artifactView(artifact) };
}

function artifactView({ kind, type, entries, subject }: Artifact) {
  return { kind, type, subject, entries: entries.map((entry) => ({ ...entry, short: shortDigest(entry.digest) })) };
}
