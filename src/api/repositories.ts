/** Owns the operations of the API on repositories: the administrators' list, and as a file. */

import { begun } from '../lib/begun.ts';
import { Refusal } from '../lib/errors.ts';
import { csvLines, jsonLines, recordOf, recordsOf } from '../repositories/records.ts';
import type { RepositoryFilter, RepositoryOrder, RepositoryStore } from '../store/repositories.ts';
import { oneOf, readPage } from './checks.ts';
import type { ApiField, Input } from './input.ts';
import type { ApiRoute } from './route.ts';

type RepositoryParts = {
  readonly repositories: RepositoryStore;
  /** Names of all services. */
  readonly services: readonly string[];
};

const pageSize = 100;
/** Pages of an order other than by name: for a later one the database would sort a hundred thousand rows, and others wait. */
const sortedPages = 200;
/** The order in which each is asked for. */
const orders: Readonly<Record<string, RepositoryOrder>> = {
  name: { by: 'name', descending: false },
  size: { by: 'size', descending: true },
  pulls: { by: 'pulls', descending: true },
  pulled: { by: 'pulled', descending: false },
  pushed: { by: 'pushed', descending: true },
};
const service: ApiField = { name: 'service', type: 'string', about: 'one of SERVICES; without it, all' };
const listFields: readonly ApiField[] = [
  service,
  { name: 'search', type: 'string', about: 'part of the name, any case' },
  { name: 'never_pulled', type: 'boolean', about: 'only those of which no pull was reported' },
  { name: 'without_tags', type: 'boolean', about: 'also those without tags' },
  {
    name: 'order',
    type: 'string',
    about: `${Object.keys(orders).join(', ')}: the largest, latest or longest unpulled first`,
  },
  { name: 'page', type: 'integer', about: `from 1; at most ${sortedPages} in an order other than by name` },
];

export function repositoryRoutes({ repositories, services }: RepositoryParts): ApiRoute[] {
  const exported = (query: Input) => {
    const named = serviceOf(query, services);
    return begun(recordsOf(repositories, named === null ? services : [named]));
  };
  return [
    {
      method: 'get',
      path: '/repositories',
      scope: 'repositories:read',
      summary: 'Repositories with size, tags, last push and pull; a hundred a page',
      query: listFields,
      async run({ query }) {
        const filter = filterOf(query, services);
        const order = orderOf(query);
        const range = { limit: pageSize, offset: (pageOf(query, order) - 1) * pageSize };
        const rows = await repositories.list(filter, order, range);
        return { count: await repositories.count(filter), repositories: rows.map(recordOf) };
      },
    },
    {
      method: 'get',
      path: '/repositories.csv',
      scope: 'repositories:read',
      summary: 'All repositories that have tags, as a file',
      query: [service],
      run: () => ({}),
      download: {
        ...{ type: 'text/csv; charset=utf-8', fileName: 'repositories.csv' },
        lines: async ({ query }) => csvLines(await exported(query)),
      },
    },
    {
      method: 'get',
      path: '/repositories.jsonl',
      scope: 'repositories:read',
      summary: 'All repositories that have tags, as a file of one JSON object a line',
      query: [service],
      run: () => ({}),
      download: {
        ...{ type: 'application/jsonl', fileName: 'repositories.jsonl' },
        lines: async ({ query }) => jsonLines(await exported(query)),
      },
    },
  ];
}

/** @returns `null` for all. @throws {Refusal} for a name that is none: an empty list would say that it has no repositories */
function serviceOf(query: Input, services: readonly string[]): string | null {
  return oneOf(services, 'service', query.text('service')) ?? null;
}

function filterOf(query: Input, services: readonly string[]): RepositoryFilter {
  return {
    service: serviceOf(query, services),
    search: query.text('search')?.toLowerCase() ?? '',
    neverPulled: query.flag('never_pulled'),
    withoutTags: query.flag('without_tags'),
  };
}

function pageOf(query: Input, { by }: RepositoryOrder): number {
  const page = readPage(query);
  if (by === 'name' || page <= sortedPages) return page;
  const message = `"page" is at most ${sortedPages} in this order. Leave "order" out, or get all as /repositories.csv or .jsonl.`;
  throw new Refusal('bad_request', message, { field: 'page' });
}

function orderOf(query: Input): RepositoryOrder {
  const name = query.text('order') ?? 'name';
  const order = Object.hasOwn(orders, name) ? orders[name] : undefined;
  if (order !== undefined) return order;
  const message = `"order" must be one of ${Object.keys(orders).join(', ')}.`;
  throw new Refusal('bad_request', message, { field: 'order' });
}
