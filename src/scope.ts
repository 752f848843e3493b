/** Owns the registry's words for access: "repository:team/app:pull,push" <-> Access. */
import { Refusal } from './lib/errors.ts';

/** One resource and the actions on it, as in the `access` claim of a registry token. */
export type Access = {
  readonly type: string;
  /** What a registry with `policy.repository.classes` asks for, where the client named one: "plugin". */
  readonly class?: string;
  readonly name: string;
  readonly actions: readonly string[];
};

/**
 * How much one request can ask for. `oc image mirror` sends the scopes of a whole catalog in each request. In a GET about a
 * thousand fit into the 64 KB of headers that the listener reads; what is beyond a limit is refused, never cut.
 */
export const scopeLimits = { scopes: 2_000, characters: 64 * 1_024, charactersOfOne: 1_024 };

/** type, an optional class, a name that can hold `host:port/`, comma-separated actions. */
const grammar = /^([a-z0-9]+)(?:\(([a-z0-9]+)\))?:(.+):([^:]*)$/s;

/** What distribution's grammar has (spec/auth/scope.md), and the catalog's `*`. Nothing else reaches a log, a token or a table. */
const possibleAction = /^(?:[a-z]+|\*)$/;

/**
 * What no registry has in the path of a request, and a proxy in front of it can read as another repository: control
 * characters, and empty, `.` and `..` segments. `*` isn't a pattern to a registry, but someone who reads a token could take it
 * for one.
 */
const impossibleName = /[\p{Cc}*]|(?:^|\/)\.{0,2}(?:\/|$)/u;

/**
 * The characters of distribution's reference grammar, with a host and its port in front, and capitals, which no registry has
 * either. What reads a token or a log must not take `%2f`, `?` or `#` for something.
 */
const repositoryName = /^(?:[\w.-]+:\d{1,5}\/|\[[\da-f:.]+\](?::\d{1,5})?\/)?[\w./-]+$/i;

function isPossibleName(type: string, name: string): boolean {
  return !impossibleName.test(name) && (type !== 'repository' || repositoryName.test(name));
}

/** What could be read of some scopes, and whether that's all of them. */
export type ReadScopes = { readonly scopes: readonly Access[]; readonly isAll: boolean };

/**
 * Reads the `scope` parameters of a token request: repeated, space-joined and duplicated ones become one entry for each
 * resource, with the union of the actions. A scope that can't be read can't be granted, so it is left out, not refused.
 * @param values each `scope` parameter, decoded
 * @throws {Refusal} `bad_request` beyond the limits
 */
export function readScopes(values: readonly string[]): ReadScopes {
  let isAll = true;
  const actionsOf = new Map<string, { readonly resource: Omit<Access, 'actions'>; readonly actions: Set<string> }>();
  for (const item of splitScopes(values)) {
    const [, type, className, name, actions] = grammar.exec(item) ?? [];
    const isNamed = type !== undefined && name !== undefined && isPossibleName(type, name);
    const wanted = actions?.split(',') ?? [];
    const possible = isNamed ? wanted.filter((action) => possibleAction.test(action)) : [];
    if (possible.length === 0 || possible.length < wanted.length) isAll = false;
    if (!isNamed || possible.length === 0) continue;
    const resource = className === undefined ? { type, name } : { type, class: className, name };
    const key = resourceOf(resource);
    const entry = actionsOf.get(key) ?? { resource, actions: new Set() };
    for (const action of possible) entry.actions.add(action);
    actionsOf.set(key, entry);
  }
  const scopes = [...actionsOf.values()].map(({ resource, actions }) => ({ ...resource, actions: [...actions] }));
  return { scopes, isAll };
}

/** Only what could be read of them. @throws {Refusal} `bad_request` beyond the limits */
export function parseScopes(values: readonly string[]): readonly Access[] {
  return readScopes(values).scopes;
}

/** Lengths are looked at before anything is split: a stranger's request must not cost more than it is long. */
function splitScopes(values: readonly string[]): string[] {
  const characters = values.reduce((sum, value) => sum + value.length, 0);
  if (characters > scopeLimits.characters) throw tooMuch(`${scopeLimits.characters / 1_024} KB of scopes`);
  const items = values.flatMap((value) => value.split(' ')).filter((item) => item !== '');
  if (items.length > scopeLimits.scopes) throw tooMuch(`${scopeLimits.scopes} scopes`);
  if (items.some((item) => item.length > scopeLimits.charactersOfOne)) {
    throw tooMuch(`${scopeLimits.charactersOfOne} characters in one scope`);
  }
  return items;
}

function tooMuch(limit: string): Refusal {
  return new Refusal(
    'bad_request',
    `The request asks for more than ${limit}. Ask for fewer at a time; \`oc image mirror\` does with --skip-multiple-scopes.`,
  );
}

/** What a registry knows to do with a repository, in the order in which people think of it. */
export const repositoryActions: readonly string[] = ['pull', 'push', 'delete'];

/**
 * The access with the actions that a registry knows; none are left where no registry could mean it. skopeo asks for `*`
 * to delete; not every registry understands it in a token (zot), so it becomes each action that there is. The
 * catalog's one action is `*` itself (distribution, app.go appendCatalogAccessRecord).
 */
export function withKnownActions(access: Access): Access {
  const { type, actions } = access;
  if (type === 'repository') {
    const known = repositoryActions.filter((action) => actions.includes(action) || actions.includes('*'));
    return { ...access, actions: known };
  }
  return { ...access, actions: isCatalog(access) && actions.includes('*') ? ['*'] : [] };
}

/** The list of all repositories. */
export function isCatalog({ type, name }: Pick<Access, 'type' | 'name'>): boolean {
  return type === 'registry' && name === 'catalog';
}

/** "repository:team/app:pull,push". */
export function formatScope(access: Access): string {
  return `${resourceOf(access)}:${access.actions.join(',')}`;
}

/** "repository:team/app", "repository(plugin):team/plug". */
function resourceOf({ type, class: className, name }: Omit<Access, 'actions'>): string {
  return `${className === undefined ? type : `${type}(${className})`}:${name}`;
}
