/** Owns the verification of an ID token: signature first, then every claim that says whether it's meant for us, now. */
import { createHash } from 'node:crypto';
import { fromSeconds } from '../lib/time.ts';
import { type Claims, claimOf, readClaims, textOf } from './claims.ts';
import type { UnverifiedToken } from './id-token.ts';
import { ages, type Issuer, minimumRest } from './issuer.ts';
import type { VerificationKey } from './key-set.ts';
import { WorkloadRefusal } from './refusal.ts';
import { isSignedBy } from './signature.ts';

export type VerifiedToken = {
  readonly issuer: Issuer;
  /** Tells tokens apart without being one: a hash. */
  readonly id: string;
  /** What was signed. */
  readonly signed: string;
  readonly claims: Claims;
  /** The claims as they were signed, JSON. */
  readonly payload: string;
  readonly jti: string | null;
  /** Epoch milliseconds. */
  readonly issuedAt: number;
  /** Epoch milliseconds: `exp`, or when the token becomes too old. */
  readonly endsAt: number;
  /** Epoch milliseconds: until then it can count, whatever `max_age` becomes. */
  readonly latestEnd: number;
};

/** Seconds that clocks can differ by. */
export const leeway = 30;

/**
 * @param candidates the issuer's keys that could have signed
 * @param now epoch milliseconds
 * @throws {WorkloadRefusal}
 */
export async function verifyToken(
  token: UnverifiedToken,
  issuer: Issuer,
  candidates: readonly VerificationKey[],
  now: number,
): Promise<VerifiedToken> {
  await checkSignature(token, candidates);
  const { signed, payload, fields } = token;
  const claims = claimsOf(payload);
  return {
    ...{ issuer, signed },
    id: createHash('sha256').update(signed).digest('base64url'),
    ...{ claims, payload },
    jti: jtiOf(claims),
    ...checkClaims(fields, issuer, now),
  };
}

/** @throws {WorkloadRefusal} */
function claimsOf(payload: string): Claims {
  try {
    return readClaims(payload);
  } catch (cause) {
    throw new WorkloadRefusal('claims', { cause });
  }
}

/**
 * One that can't be compared isn't taken for none: a token without one can be exchanged more than once.
 * @throws {WorkloadRefusal}
 */
function jtiOf(claims: Claims): string | null {
  const jti = textOf(claims, 'jti');
  if (jti === null && claimOf(claims, 'jti') !== undefined) throw new WorkloadRefusal('claims');
  return jti;
}

async function checkSignature({ text, algorithm }: UnverifiedToken, keys: readonly VerificationKey[]): Promise<void> {
  if (keys.length === 0) throw new WorkloadRefusal('unknown-key');
  for (const { key } of keys) {
    if (await isSignedBy(text, algorithm, key)) return;
  }
  throw new WorkloadRefusal('signature');
}

/** OpenID Connect Core 1.0, section 3.1.3.7, and stricter: one audience, and an age. @throws {WorkloadRefusal} */
function checkClaims(
  fields: UnverifiedToken['fields'],
  issuer: Issuer,
  now: number,
): Pick<VerifiedToken, 'issuedAt' | 'endsAt' | 'latestEnd'> {
  const { iss, aud, sub, exp, iat, nbf } = fields;
  const times = [exp, iat, nbf ?? iat];
  if (typeof sub !== 'string' || sub === '' || !times.every(isTime)) throw new WorkloadRefusal('claims');
  const [end = 0, issued = 0, start = 0] = times;
  if (iss !== issuer.issuer) throw new WorkloadRefusal('issuer');
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.length !== 1 || audiences[0] !== issuer.audience) {
    throw new WorkloadRefusal('audience', { hint: `ask for one with only the audience ${issuer.audience}` });
  }
  const seconds = now / 1000;
  if (issued > seconds + leeway || start > seconds + leeway) throw new WorkloadRefusal('not-yet');
  const endsAt = Math.min(end, issued + issuer.maximumAge);
  if (endsAt - seconds < minimumRest) {
    throw new WorkloadRefusal('expired', {
      hint: `it has less than ${minimumRest} seconds left; ask for a new one right before the login`,
    });
  }
  return {
    issuedAt: fromSeconds(issued),
    endsAt: fromSeconds(endsAt),
    latestEnd: fromSeconds(Math.min(end, issued + ages.maximum)),
  };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
