/** Owns how group names are read from a claim. What cannot be read wholly is unknown, never "no groups". */
import { claimAt } from '../lib/claim-at.ts';

/** A directory with more than this for one person is misconfigured; Entra ID itself stops at 200. */
export const maximumGroups = 1_000;
/** Characters. */
const maximumLength = 256;

export type GroupsClaim = {
  /** The claim's name, or a path into nested claims: `groups`, `realm_access.roles`. */
  readonly path: string;
  /** Before each name, so that a provider cannot name a group of another one or of the policy file: `keycloak`. */
  readonly prefix: string;
  /** Says of a name without its prefix whether it is wanted at all; others are left out. */
  readonly allow?: ((name: string) => boolean) | undefined;
};

/**
 * The groups that a claim names, each with its prefix.
 * @returns `null` when the claim is missing, is no text or list of texts, or goes beyond the limits. A missing claim may
 *   be an overage (Entra ID leaves `groups` out beyond 200), so it must not count as "in no group".
 */
export function readGroups(claims: object, { path, prefix, allow = () => true }: GroupsClaim): string[] | null {
  const value = claimAt(claims, path);
  const names = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) return null;
  const wanted = names.map((name) => name.trim()).filter((name) => name !== '' && allow(name));
  return prefixed(wanted, prefix);
}

/** @returns `null` for more or longer names than the limits allow, or one that no group can have */
export function prefixed(names: readonly string[], prefix: string): string[] | null {
  if (names.length > maximumGroups) return null;
  if (names.some((name) => name.length > maximumLength || hasControl(name))) return null;
  return [...new Set(names.map((name) => `${prefix}:${name}`))];
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
