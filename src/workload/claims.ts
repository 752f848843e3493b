/** Owns the claims of an ID token as rules see them: every number and boolean as its JSON text. */
import { claimAt } from '../lib/claim-at.ts';

export type ClaimValue = string | null | readonly ClaimValue[] | Claims;
export type Claims = { readonly [name: string]: ClaimValue };

/** Objects and lists within each other; issuers write five or so. What reads claims goes into them, and its stack has an end. */
const maximumDepth = 32;

/**
 * The claims of a payload. Ids can be longer than the 53 bits of a JavaScript number: read as numbers, two of them could
 * become one.
 * @throws {SyntaxError} for what isn't a JSON object, or is nested too deeply
 */
export function readClaims(payload: string): Claims {
  if (isDeeper(JSON.parse(payload), maximumDepth)) throw new SyntaxError('the claims are nested too deeply');
  const value: unknown = JSON.parse(payload, asText);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyntaxError('the claims are not a JSON object');
  }
  return value as Claims; // JSON whose numbers and booleans asText has made texts
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

function asText(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value === 'number') return source ?? String(value);
  return typeof value === 'boolean' ? String(value) : value;
}

/** The claim of that name, nested ones with dots; `undefined` where there is none. */
export function claimOf(claims: Claims, name: string): ClaimValue | undefined {
  return claimAt(claims, name) as ClaimValue | undefined; // a value within claims
}

/** The claim as one text; `null` where it's missing, empty, a list or an object. */
export function textOf(claims: Claims, name: string): string | null {
  const value = claimOf(claims, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
