/** Owns the administrators' list of people: search, filters, order, pages. */
import type { Request, RequestHandler, Response } from 'express';
import type { People, PeopleQuery, PeopleSort, Person } from '../../accounts/people.ts';
import { normalizeDomain } from '../../lib/domain.ts';
import type { AccountState } from '../../store/accounts.ts';
import { fieldsOf, oneOf, queryOf } from '../fields.ts';
import {
  createSortLinks,
  orderOf,
  type Pager,
  pageIn,
  pagerOf,
  readSorting,
  type Sorting,
  sortingFields,
} from '../list-view.ts';
import { sections } from '../navigation.ts';
import { formatTime } from '../time-view.ts';
import { initials } from '../views.ts';
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
      order: 'up' | 'down' | null;
      isFiltered: boolean;
      rows: readonly ReturnType<typeof rowOf>[];
      total: number;
      pager: Pager;
      columns: Readonly<Record<'login' | 'signed-in' | 'created', ViewData['sort-link']>>;
      states: readonly { readonly value: string; readonly label: string; readonly isChosen: boolean }[];
      providers: readonly string[];
    };
  }
}

export const stateLabels: Readonly<Record<AccountState, string>> = {
  active: 'Active',
  reauth_required: 'Must sign in again',
  disabled: 'Disabled',
};

/** Chosen like a state: suspended because the provider isn't the authority for the address. */
const unvouched = 'unvouched';
const states = ['active', 'reauth_required', 'disabled'] as const;
const sorting: Sorting<PeopleSort> = {
  sorts: ['login', 'name', 'signed-in', 'created'],
  downFirst: ['signed-in', 'created'],
};

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
    order: orderOf(sorting, query),
    isFiltered:
      query.search !== '' ||
      query.state !== null ||
      query.unvouched === true ||
      query.provider !== null ||
      query.domain !== null ||
      query.group !== null,
    rows: found.people.map((person) => rowOf(person, now())),
    total: found.total,
    pager: pagerOf(found, (page) => hrefOf(query, { page: page ?? 1 })),
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
  return {
    search: field('q').slice(0, 200),
    state: oneOf(states, field('state')),
    unvouched: field('state') === unvouched,
    provider: field('provider') || null,
    domain: normalizeDomain(field('domain')) || null,
    group: field('group') || null,
    ...readSorting(sorting, field),
    page: pageIn(field),
  };
}

/** The address of the same list, with what is changed. A list in another order begins at its first page. */
function hrefOf(query: PeopleQuery, change: Partial<PeopleQuery>): string {
  const wanted = { ...query, page: 1, ...change };
  const { search, provider, domain, group, page } = wanted;
  const state = wanted.unvouched === true ? unvouched : wanted.state;
  const values = { q: search, state, provider, domain, group, ...sortingFields(sorting, wanted) };
  return queryOf({ ...values, page: page === 1 ? null : page }) || '?';
}

function columnsOf(query: PeopleQuery) {
  const column = createSortLinks(sorting, query, (sorted) => hrefOf(query, sorted));
  return {
    login: column('login', 'Person'),
    'signed-in': column('signed-in', 'Last sign-in'),
    created: column('created', 'First sign-in'),
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
