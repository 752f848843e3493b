/** Owns the administrators' list of people: search, filters, order, pages. */
import type { Request, RequestHandler, Response } from 'express';
import type { People, PeopleQuery, PeopleSort, Person } from '../../accounts/people.ts';
import type { AccountState } from '../../store/accounts.ts';
import { fieldsOf, numberIn, oneOf, queryOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { formatTime } from '../time-view.ts';
import { initials, type ViewData } from '../views.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type PeoplePageParts = AdminParts & {
  readonly people: Pick<People, 'list' | 'providers'>;
};

declare module '../views.ts' {
  interface ViewData {
    'admin-people': AdminFrame & {
      /** A person was just removed. */
      removed: boolean;
      query: PeopleQuery;
      order: ReturnType<typeof orderOf>;
      isFiltered: boolean;
      rows: readonly ReturnType<typeof rowOf>[];
      total: number;
      pager: Pager;
      columns: Readonly<Record<'login' | 'signed-in' | 'created', ViewData['sort-link']>>;
      states: readonly { readonly value: string; readonly label: string; readonly isChosen: boolean }[];
      providers: readonly string[];
    };
    /** The head of a column by which the list can be sorted. */
    'sort-link': { label: string; href: string; order: 'ascending' | 'descending' | null };
    pager: { pager: Pager; what: string };
  }
}

/** Addresses of the other pages of a list; `null` where there is none. */
export type Pager = ReturnType<typeof pagerOf>;

export const stateLabels: Readonly<Record<AccountState, string>> = {
  active: 'Active',
  reauth_required: 'Must sign in again',
  disabled: 'Disabled',
};

/** Chosen like a state: suspended because the provider isn't the authority for the address. */
const unvouched = 'unvouched';
const states = ['active', 'reauth_required', 'disabled'] as const;
const sorts = ['login', 'name', 'signed-in', 'created'] as const;
/** The direction that a first click on a column means: names from A, times from the latest. */
const downFirst: readonly PeopleSort[] = ['signed-in', 'created'];

/** GET /admin/people */
export function createPeopleList(parts: PeoplePageParts): RequestHandler {
  return async (request, response) => list(parts, request, response);
}

async function list(parts: PeoplePageParts, request: Request, response: Response): Promise<void> {
  const { people, views, now } = parts;
  const query = readQuery(request.query);
  const [found, providers] = await Promise.all([people.list(query), people.providers()]);
  views.page(response, 'admin-people', {
    section: sections.administration,
    tab: tabs.people,
    removed: request.query['done'] === 'removed',
    query,
    order: orderOf(query),
    isFiltered:
      query.search !== '' ||
      query.state !== null ||
      query.unvouched === true ||
      query.provider !== null ||
      query.domain !== null ||
      query.group !== null,
    rows: found.people.map((person) => rowOf(person, now())),
    total: found.total,
    pager: pagerOf(found, query),
    columns: columnsOf(query),
    states: [
      ...states.map((state) => ({ value: state, label: stateLabels[state], isChosen: state === query.state })),
      { value: unvouched, label: 'Address not vouched for', isChosen: query.unvouched === true },
    ],
    providers,
  });
}

function readQuery(source: unknown): PeopleQuery {
  const field = fieldsOf(source);
  const sort = oneOf(sorts, field('sort')) ?? 'login';
  const order = field('order');
  const page = numberIn(field('page'));
  return {
    search: field('q').slice(0, 200),
    state: oneOf(states, field('state')),
    unvouched: field('state') === unvouched,
    provider: field('provider') || null,
    domain: field('domain').toLowerCase() || null,
    group: field('group') || null,
    sort,
    descending: order === '' ? downFirst.includes(sort) : order === 'down',
    page: page > 0 ? page : 1,
  };
}

/** The direction as it's written in an address; `null` for the one that the column begins with. */
function orderOf({ sort, descending }: Pick<PeopleQuery, 'sort' | 'descending'>): 'up' | 'down' | null {
  return descending === downFirst.includes(sort) ? null : descending ? 'down' : 'up';
}

/** The address of the same list, with what is changed. A list in another order begins at its first page. */
function hrefOf(query: PeopleQuery, change: Partial<PeopleQuery>): string {
  const wanted = { ...query, page: 1, ...change };
  const { search, provider, domain, group, sort, descending, page } = wanted;
  const state = wanted.unvouched === true ? unvouched : wanted.state;
  const order = orderOf({ sort, descending });
  const values = { q: search, state, provider, domain, group, sort: sort === 'login' ? null : sort, order };
  return queryOf({ ...values, page: page === 1 ? null : page }) || '?';
}

function columnsOf(query: PeopleQuery) {
  return {
    login: columnOf(query, 'login', 'Person'),
    'signed-in': columnOf(query, 'signed-in', 'Last sign-in'),
    created: columnOf(query, 'created', 'First sign-in'),
  };
}

function columnOf(query: PeopleQuery, sort: PeopleSort, label: string): ViewData['sort-link'] {
  const current = query.sort === sort;
  const descending = current ? !query.descending : downFirst.includes(sort);
  const order = current ? (query.descending ? 'descending' : 'ascending') : null;
  return { label, order, href: hrefOf(query, { sort, descending }) };
}

function pagerOf({ page, pages }: { page: number; pages: number }, query: PeopleQuery) {
  const to = (target: number) => (target < 1 || target > pages ? null : hrefOf(query, { page: target }));
  return {
    page,
    pages,
    first: hrefOf(query, { page: 1 }),
    previous: to(page - 1),
    next: to(page + 1),
    last: hrefOf(query, { page: pages }),
  };
}

function rowOf(person: Person, now: number) {
  const { id, login, displayName, provider, domain, groups, groupsAt, state, activePasswords } = person;
  return {
    ...{ id, login, displayName, provider, domain, groups, state, activePasswords },
    stateLabel: stateLabels[state],
    initials: initials({ login, display_name: displayName }),
    groupsReported: groupsAt === null ? null : formatTime(groupsAt, now),
    signedIn: person.signedInAt === null ? null : formatTime(person.signedInAt, now),
    created: formatTime(person.createdAt, now),
  };
}
