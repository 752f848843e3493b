/** Owns finding a nested value by a dotted path. */

/**
 * The value at `path`, or `undefined`. Names can have dots themselves, as URLs (`https://example.com/groups`) and client
 * ids (`resource_access.my.app.roles`) do, so the longest name is tried first at each step. A path goes through objects, never
 * into a list.
 */
export function claimAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (Object.hasOwn(value, path)) return Reflect.get(value, path);
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    const name = path.slice(0, end);
    if (!Object.hasOwn(value, name)) continue;
    const found = claimAt(Reflect.get(value, name), path.slice(end + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
