/** Owns how group names are read from a claim: in the form that is configured, exactly as sent, and whole or not at all. */
import { claimAt } from '../lib/claim-at.ts';
import { fieldsIn } from '../lib/json.ts';

/** A directory with more than this for one person is misconfigured; Entra ID itself stops at 200. */
export const maximumGroups = 1_000;
/** Characters. */
const maximumLength = 256;

export type GroupsClaim = {
  /** The claim's name, or a path into nested claims: `groups`, `realm_access.roles`. */
  readonly path: string;
  /** Before each name, so that a provider can't name a group of another one or of the policy file: `keycloak`. */
  readonly prefix: string;
  /** Says of a name without its prefix whether it's wanted at all; others are left out. */
  readonly allow?: ((name: string) => boolean) | undefined;
  /** `list`: a list, or one text that is one name. `json`: a text that holds a JSON list. `keys`: the keys of an object. */
  readonly format: 'list' | 'json' | 'keys';
  /** What separates the names within one text; `null`: a text is one name. Of the format `list` only. */
  readonly separator: string | null;
  /** What leaving the claim out means; `auto`: none, once the provider has sent it in the same kind of answer. */
  readonly missing: 'auto' | 'none' | 'unknown';
};

export type GroupsReading =
  /** `hasCommas`: one text with commas, for which no separator is configured. */
  | { readonly kind: 'groups'; readonly groups: readonly string[]; readonly hasCommas: boolean }
  | { readonly kind: 'missing' }
  /** It's there, or was too long to be sent; the reason is for people. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The groups that a claim names, each with its prefix. */
export function readGroups(claims: object, claim: GroupsClaim): GroupsReading {
  const value = claimAt(claims, claim.path);
  // OpenID Connect Core 1.0, section 5.3.2: what has no value is left out, so null is the same.
  const isMissing = value === undefined || value === null;
  // Beside a pointer to the groups, those that are there aren't all.
  if (isElsewhere(claims, claim.path) || (hasOverage(claims) && (isMissing || claim.path === 'groups'))) {
    return unreadable('more groups than fit into the answer (overage)');
  }
  if (isMissing) return { kind: 'missing' };
  const names = namesIn(value, claim);
  if (typeof names === 'string') return unreadable(names);
  const wanted = names.filter((name) => name !== '' && (claim.allow?.(name) ?? true));
  const groups = prefixed(wanted, claim.prefix);
  if (groups === null) return unreadable(`more than ${maximumGroups} groups, or a name that no group can have`);
  const hasCommas =
    typeof value === 'string' && claim.format === 'list' && claim.separator === null && value.includes(',');
  return { kind: 'groups', groups, hasCommas };
}

/** @returns the names, or why they can't be read */
function namesIn(value: NonNullable<unknown>, { format, separator }: GroupsClaim): readonly string[] | string {
  if (format === 'keys')
    return isObject(value) ? Object.keys(value) : `${formOf(value)}, not an object with the groups as keys`;
  const content = format === 'json' ? parsed(value) : value;
  if (typeof content === 'string') return separator === null ? [content] : content.split(separator);
  if (Array.isArray(content) && content.every((name) => typeof name === 'string')) return content;
  return format === 'json' ? `${formOf(value)}, not a text with a JSON list of names` : formOf(content);
}

/** The list in a text; anything else is returned as what no reading accepts. */
function parsed(value: unknown): unknown {
  try {
    const content: unknown = typeof value === 'string' ? JSON.parse(value) : null;
    return Array.isArray(content) ? content : null;
  } catch {
    return null;
  }
}

function formOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list with something else than names in it';
  return isObject(value) ? 'an object' : `a ${typeof value}`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Entra ID replaces a claim of more than 200 groups by a pointer (OpenID Connect Core 1.0, section 5.6.2) ... */
function isElsewhere(claims: object, path: string): boolean {
  const { _claim_names: elsewhere } = fieldsIn(claims);
  const [name = ''] = path.split('.');
  return isObject(elsewhere) && (Object.hasOwn(elsewhere, path) || Object.hasOwn(elsewhere, name));
}

/** ... or by `hasgroups`, which speaks of its claim `groups`. Some write a truth value as text. */
function hasOverage(claims: object): boolean {
  const { hasgroups } = fieldsIn(claims);
  return hasgroups === true || hasgroups === 'true';
}

function unreadable(reason: string): GroupsReading {
  return { kind: 'unreadable', reason };
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
