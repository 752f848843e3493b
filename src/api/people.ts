/** Owns the operations of the API on people. */
import type { People, PeopleQuery } from '../accounts/people.ts';
import { foldCase } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { AccountState, AccountStore } from '../store/accounts.ts';
import { givenText, oneOf, readPage } from './checks.ts';
import type { ApiField, Input } from './input.ts';
import type { ApiRoute } from './route.ts';

const states: readonly AccountState[] = ['active', 'reauth_required', 'disabled'];
const sorts = ['login', 'name', 'signed-in', 'created'] as const;

const listFields: readonly ApiField[] = [
  { name: 'search', type: 'string', about: 'part of a login or name, any case' },
  { name: 'state', type: 'string', about: states.join(', ') },
  { name: 'provider', type: 'string', about: 'the configured name of the provider' },
  { name: 'domain', type: 'string', about: 'the verified domain' },
  { name: 'unvouched', type: 'boolean', about: 'suspended because the provider is not the authority for the address' },
  { name: 'group', type: 'string', about: 'of the provider with its prefix, or of the policy file' },
  { name: 'sort', type: 'string', about: sorts.join(', ') },
  { name: 'descending', type: 'boolean', about: 'the other way round' },
  { name: 'page', type: 'integer', about: 'from 1' },
];

/** Off-boarding knows the e-mail, so that is as good as the id. */
export type PersonFinder = (idOrLogin: string) => Promise<string>;

/** @returns the id of a person; robots have operations and scopes of their own */
export function createPersonFinder(accounts: Pick<AccountStore, 'byLogin' | 'byId'>): PersonFinder {
  return async (idOrLogin) => {
    const account = (await accounts.byId(idOrLogin)) ?? (await accounts.byLogin(foldCase(idOrLogin)));
    if (account?.kind === 'person') return account.id;
    throw new Refusal('not_found', `${idOrLogin} is neither an id nor an e-mail of someone who has signed in.`);
  };
}

type PeopleParts = {
  readonly people: People;
  readonly idOf: PersonFinder;
  /** Names of the configured providers; people can be of others, too, which were configured once. */
  readonly configuredProviders: () => readonly string[];
};

export function peopleRoutes(parts: PeopleParts): ApiRoute[] {
  return [...readingRoutes(parts), ...changingRoutes(parts), removalRoute(parts)];
}

function readingRoutes({ people, idOf, configuredProviders }: PeopleParts): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/people',
      scope: 'people:read',
      summary: 'Search people; 50 a page',
      query: listFields,
      async run({ query }) {
        const asked = readQuery(query);
        if (asked.provider !== null) {
          oneOf([...new Set([...configuredProviders(), ...(await people.providers())])], 'provider', asked.provider);
        }
        const found = await people.list(asked);
        // A program that reads page after page would get the last one again and again.
        return found.page === asked.page ? found : { ...found, page: asked.page, people: [] };
      },
    },
    {
      method: 'get',
      path: '/people/{id}',
      scope: 'people:read',
      summary: 'One person by id or e-mail: groups, passwords and what used them, sessions',
      run: async ({ param }) => people.detail(await idOf(param('id'))),
    },
  ];
}

function changingRoutes({ people, idOf }: PeopleParts): ApiRoute[] {
  return [
    {
      method: 'post',
      path: '/people/{id}/disable',
      scope: 'people:write',
      summary:
        'Stop passwords and sessions immediately and refuse sign-in, until enabled again. An account that an administrator has disabled already keeps that reason, which the answer has',
      body: [
        { name: 'reason', type: 'string', about: 'told to the person' },
        { name: 'forSecurity', type: 'boolean', about: "robots' passwords that the person made stop immediately" },
      ],
      async run({ param, body, by }) {
        const id = await idOf(param('id'));
        await people.disable(id, body.text('reason') ?? '', by, { forSecurity: body.flag('forSecurity') });
        return (await people.detail(id)).person;
      },
    },
    {
      method: 'post',
      path: '/people/{id}/enable',
      scope: 'people:write',
      summary: 'Let the passwords work and the person sign in again',
      async run({ param, by }) {
        const id = await idOf(param('id'));
        await people.enable(id, by);
        return (await people.detail(id)).person;
      },
    },
    {
      method: 'post',
      path: '/people/{id}/end-sessions',
      scope: 'people:write',
      summary: 'End all sessions in browsers',
      run: async ({ param, by }) => ({ ended: await people.endSessions(await idOf(param('id')), by) }),
    },
  ];
}

function removalRoute({ people, idOf }: PeopleParts): ApiRoute {
  return {
    method: 'post',
    path: '/people/{id}/remove',
    scope: 'people:write',
    summary: 'Delete the account, its passwords and sessions, for good. To keep someone out, disable them',
    body: [
      {
        name: 'release',
        type: 'boolean',
        about: 'let anyone who signs in with the e-mail next have it; else it is kept',
      },
    ],
    async run({ param, body, by }) {
      await people.remove(await idOf(param('id')), by, { releasesLogin: body.flag('release') });
      return { removed: true };
    },
  };
}

function readQuery(query: Input): PeopleQuery {
  return {
    search: query.text('search') ?? '',
    state: oneOf(states, 'state', query.text('state')) ?? null,
    provider: givenText(query, 'provider') ?? null,
    domain: givenText(query, 'domain') ?? null,
    group: givenText(query, 'group') ?? null,
    unvouched: query.flag('unvouched'),
    sort: oneOf(sorts, 'sort', query.text('sort')) ?? 'login',
    descending: query.flag('descending'),
    page: readPage(query),
  };
}
