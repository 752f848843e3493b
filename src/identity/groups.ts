/** Owns how group names are read from a claim. What cannot be read wholly is unknown, never "no groups". */

/** A directory with more than this for one person is misconfigured; Entra ID itself stops at 200. */
const maximumGroups = 1_000;
/** Characters. */
const maximumLength = 256;

/**
 * The groups that a claim names, each with the provider's name before it, so that a provider cannot name a group of
 * another one or of the policy file.
 * @param path the claim's name, or a path into nested claims: `groups`, `realm_access.roles`
 * @returns `null` when the claim is missing, is no text or list of texts, or goes beyond the limits. A missing claim may
 *   be an overage (Entra ID leaves `groups` out beyond 200), so it must not count as "in no group".
 */
export function readGroups(claims: object, path: string, provider: string): string[] | null {
  const value = claimAt(claims, path);
  const names = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(names) || names.length > maximumGroups) return null;
  const groups = new Set<string>();
  for (const name of names) {
    if (typeof name !== 'string' || name.length > maximumLength || hasControl(name)) return null;
    if (name.trim() !== '') groups.add(`${provider}:${name.trim()}`);
  }
  return [...groups];
}

/** A claim may be named by a URL with dots in it, so the whole path is tried as one name first. */
function claimAt(claims: object, path: string): unknown {
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
