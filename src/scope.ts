/** Owns the registry's words for access: "repository:team/app:pull,push" <-> Access. */

/** One resource and the actions on it, as in the `access` claim of a registry token. */
export type Access = {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
};

/** More scopes than any client sends; what is beyond, or longer than all of them may be together, is dropped, because a scope is never an error (scope.md). */
export const maximumScopes = 100;
/** Characters of all items. go-containerregistry reads no answer beyond 64 KB, and the token stands in it twice. */
const maximumLength = 12 * 1_024;
/** Repository names end at 255 characters; an item beyond this length names nothing that could be granted. */
const maximumItemLength = 1_024;

/** type, an optional class that tokens do not carry, a name that may hold `host:port/`, comma-separated actions. */
const grammar = /^([a-z0-9]+)(?:\([a-z0-9]+\))?:(.+):([^:]*)$/s;

/** What distribution's grammar has (spec/auth/scope.md), and the catalog's `*`. Nothing else reaches a log, a token or a table. */
const possibleAction = /^(?:[a-z]+|\*)$/;

/**
 * What no registry has in the path of a request, and a proxy in front of it may read as another repository: control
 * characters, and empty, `.` and `..` segments. `*` is no pattern to a registry, but to whoever reads a token it may be.
 */
const impossibleName = /[\p{Cc}*]|(?:^|\/)\.{0,2}(?:\/|$)/u;

/**
 * Reads the `scope` parameters of a token request: repeated, space-joined and duplicated ones become one entry
 * a resource, with the union of the actions. What cannot be read cannot be granted, so it is left out, not refused.
 * @param values each `scope` parameter, decoded
 */
export function parseScopes(values: readonly string[]): Access[] {
  const actionsOf = new Map<string, { type: string; name: string; actions: Set<string> }>();
  const items = values.flatMap((value) => value.split(' ')).filter((item) => item !== '');
  let length = 0;
  for (const item of items.slice(0, maximumScopes)) {
    if (item.length > maximumItemLength) continue;
    length += item.length;
    if (length > maximumLength) break;
    const parts = grammar.exec(item)?.slice(1) as [type: string, name: string, actions: string] | undefined;
    if (parts === undefined || impossibleName.test(parts[1])) continue;
    const [type, name, actions] = parts;
    const key = `${type}:${name}`;
    const entry = actionsOf.get(key) ?? { type, name, actions: new Set() };
    for (const action of actions.split(',')) if (possibleAction.test(action)) entry.actions.add(action);
    if (entry.actions.size > 0) actionsOf.set(key, entry);
  }
  return [...actionsOf.values()].map((entry) => ({ ...entry, actions: [...entry.actions] }));
}

const repositoryActions = ['pull', 'push', 'delete'];

/**
 * The access with the actions that a registry knows; none are left where no registry could mean it. skopeo asks for `*`
 * to delete; not every registry understands it in a token (zot), so it becomes each action that there is. The
 * catalog's one action is `*` itself (distribution, app.go appendCatalogAccessRecord).
 */
export function withKnownActions(access: Access): Access {
  const { type, name, actions } = access;
  if (type === 'repository') {
    const known = repositoryActions.filter((action) => actions.includes(action) || actions.includes('*'));
    return { type, name, actions: known };
  }
  const isCatalog = type === 'registry' && name === 'catalog' && actions.includes('*');
  return { type, name, actions: isCatalog ? ['*'] : [] };
}

/** "repository:team/app:pull,push". */
export function formatScope(access: Access): string {
  return `${access.type}:${access.name}:${access.actions.join(',')}`;
}
