/** Owns the page of someone's repositories: what they can pull and push, searched, sorted, in pages. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Requester } from '../identity/requester.ts';
import type { ListQuery, RepositorySort } from '../repositories/listing.ts';
import type { ListedRepository, OwnRepositories } from '../repositories/own.ts';
import type { Viewer } from '../repositories/visibility.ts';
import type { Account } from '../store/accounts.ts';
import { fieldsOf, queryOf } from './fields.ts';
import {
  createSortLinks,
  orderOf,
  type Pager,
  pageIn,
  pagerOf,
  readSorting,
  type Sorting,
  sortingFields,
} from './list-view.ts';
import { sections } from './navigation.ts';
import { personOf } from './session.ts';
import { formatSize } from './size-view.ts';
import { type FormattedTime, formatTime } from './time-view.ts';
import type { Views } from './views.ts';

/** A registry whose repositories are known. */
export type ListedService = { readonly name: string; readonly registryHost: string };

export type RepositoryPageParts = {
  readonly repositories: OwnRepositories;
  /** Those that have a list; empty: the feature is off. */
  readonly services: readonly ListedService[];
  readonly viewerOf: (account: Account, context: Viewer['context']) => Viewer;
  readonly views: Views;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly now: () => number;
};

type RowView = ReturnType<typeof rowOf>;

declare module './views.ts' {
  interface ViewData {
    /** `service`: whose repositories are shown, `null` where no registry reports any. */
    repositories: {
      section: string;
      service: ListedService | null;
      services: readonly (ListedService & { readonly isChosen: boolean })[];
      query: ListQuery;
      order: 'up' | 'down' | null;
      rows: readonly RowView[];
      total: number;
      pager: Pager;
      columns: Readonly<Record<RepositorySort, ViewData['sort-link']>>;
    };
  }
}

const sorting: Sorting<RepositorySort> = {
  sorts: ['pushed', 'name', 'size', 'pulls'],
  downFirst: ['pushed', 'size', 'pulls'],
};

/** GET /repositories */
export function createRepositoryList(parts: RepositoryPageParts): RequestHandler {
  return async (request, response) => list(parts, request, response);
}

async function list(parts: RepositoryPageParts, request: Request, response: Response): Promise<void> {
  const { services, now, views } = parts;
  const query = readQuery(request.query);
  const wanted = fieldsOf(request.query)('service');
  const service = services.find(({ name }) => name === wanted) ?? services[0] ?? null;
  const found =
    service === null
      ? { rows: [], total: 0, page: 1, pages: 1 }
      : await parts.repositories.list(...readerOf(parts, request, service), query);
  const address = (change: Partial<ListQuery>) => hrefOf(query, service, change);
  views.page(response, 'repositories', {
    section: sections.repositories,
    service,
    services: services.map((one) => ({ ...one, isChosen: one === service })),
    query,
    order: orderOf(sorting, query),
    rows: found.rows.map((row) => rowOf(row, service?.name ?? '', now())),
    total: found.total,
    pager: pagerOf(found, (page) => address({ page: page ?? 1 })),
    columns: columnsOf(query, address),
  });
}

/** Who looks, from where, and whose name is no secret to them. */
export function readerOf(
  { viewerOf, requesterOf }: Pick<RepositoryPageParts, 'viewerOf' | 'requesterOf'>,
  request: Request,
  service: ListedService,
): [Viewer, { readonly accountId: string }] {
  const person = personOf(request);
  const context = { service: service.name, address: requesterOf(request).address };
  return [viewerOf(person, context), { accountId: person.id }];
}

function readQuery(source: unknown): ListQuery {
  const field = fieldsOf(source);
  return {
    search: field('q').toLowerCase().slice(0, 255),
    ...readSorting(sorting, field),
    empty: field('empty') === '1',
    page: pageIn(field),
  };
}

/** The address of the same list, with what is changed. A list in another order begins at its first page. */
function hrefOf(query: ListQuery, service: ListedService | null, change: Partial<ListQuery>): string {
  const { search, empty, page, ...sorted } = { ...query, page: 1, ...change };
  const values = { service: service?.name ?? null, q: search, ...sortingFields(sorting, sorted) };
  return queryOf({ ...values, empty: empty ? 1 : null, page: page === 1 ? null : page }) || '?';
}

function columnsOf(query: ListQuery, address: (change: Partial<ListQuery>) => string) {
  const column = createSortLinks(sorting, query, address);
  return {
    name: column('name', 'Repository'),
    size: column('size', 'Size'),
    pushed: column('pushed', 'Last push'),
    pulls: column('pulls', 'Pulls, 30 days'),
  };
}

/** `/repositories/SERVICE/NAME`; both can have characters that mean something in an address. */
export function repositoryPath(service: string, name: string): string {
  return `/repositories/${encodeURIComponent(service)}/${name.split('/').map(encodeURIComponent).join('/')}`;
}

function rowOf({ name, canPush, canPull, facts }: ListedRepository, service: string, now: number) {
  return {
    name,
    href: repositoryPath(service, name),
    can: canPull ? (canPush ? 'Pull and push' : 'Pull') : 'Push only',
    facts: facts && {
      tags: facts.tags,
      size: formatSize(facts.size),
      pulls: facts.recentPulls,
      pushed: timeOf(facts.pushedAt, now),
      pushedBy: facts.pushedBy,
    },
  };
}

/** `null`: unknown. @param at epoch milliseconds */
export function timeOf(at: number | null, now: number): FormattedTime | null {
  return at === null ? null : formatTime(at, now);
}
