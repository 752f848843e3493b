/** Owns the life of keys as a rule: from what is there and the time, the one thing that is to be done next. Pure. */
import { minute } from '../lib/time.ts';
import type { Algorithm } from './signature.ts';

/** What the rule must know of a key. Times are epoch milliseconds. */
export type KeyFacts = {
  readonly number: number;
  /** The authority that certified it; `null`: it is one. */
  readonly issuer: number | null;
  readonly algorithm: Algorithm;
  readonly createdAt: number;
  /** `null`: not yet; always of an authority. */
  readonly signsFrom: number | null;
};

export type RotationRule = {
  /** Of leaves that are made from now on; a change is a reason to rotate, unless `byFile`. */
  readonly algorithm: Algorithm;
  /** Milliseconds that a key signs; `null`: until someone rotates. */
  readonly age: number | null;
  /** Milliseconds that the longest token lives. */
  readonly tokenLife: number;
  /** Whether a registry knows only the keys of a file, as they were when it started: it must be restarted before each rotation. */
  readonly byFile: boolean;
};

export type Step =
  | { readonly kind: 'add authority'; readonly number: number }
  | {
      readonly kind: 'add leaf';
      readonly number: number;
      readonly issuer: number;
      readonly algorithm: Algorithm;
      readonly signsFrom: number | null;
    }
  | { readonly kind: 'schedule'; readonly number: number; readonly signsFrom: number }
  | { readonly kind: 'remove'; readonly number: number };

/** A key is published this long before it signs: twice the time that caches can keep the JWKS. */
export const publication = 10 * minute;
/** From a decision to rotate to the rotation: time for every replica to learn of it. */
export const notice = 2 * minute;
/** Kept beyond the end of its last token: registries forgive a minute, and clocks differ. */
export const slack = 5 * minute;

/**
 * There is always an authority, a leaf that signs, and one that waits: published since the rotation before, so that it can
 * take over at any time. Asked again after each step until nothing is left to do.
 * @param keys by number
 */
export function nextStep(keys: readonly KeyFacts[], rule: RotationRule, now: number): Step | null {
  const number = (keys.at(-1)?.number ?? 0) + 1;
  const authority = keys.findLast(({ issuer }) => issuer === null);
  if (authority === undefined) return { kind: 'add authority', number };
  const leaf = { kind: 'add leaf', number, issuer: authority.number, algorithm: rule.algorithm } as const;
  const current = signingKey(keys, now);
  if (current === undefined) return { ...leaf, signsFrom: now };
  const standby = standbyOf(keys, rule.algorithm);
  if (standby === undefined) return { ...leaf, signsFrom: null };
  if (isDue(keys, current, standby, rule, now)) {
    return { kind: 'schedule', number: standby.number, signsFrom: takeover(standby, now) };
  }
  const obsolete = keys.find((key) => key !== standby && isObsolete(key, keys, rule, now));
  return obsolete === undefined ? null : { kind: 'remove', number: obsolete.number };
}

/** The leaf that signs now: the one that began last. Before all of them, for a slow clock, the first. */
export function signingKey<Key extends KeyFacts>(keys: readonly Key[], now: number): Key | undefined {
  const begun = keys.filter(({ signsFrom }) => signsFrom !== null).toSorted((a, b) => begin(a) - begin(b));
  return begun.findLast((key) => begin(key) <= now) ?? begun[0];
}

/** The leaf of the newest authority that waits for its turn. */
export function standbyOf<Key extends KeyFacts>(keys: readonly Key[], algorithm: Algorithm): Key | undefined {
  const authority = keys.findLast(({ issuer }) => issuer === null);
  return keys.findLast(
    (key) => key.issuer === authority?.number && key.signsFrom === null && key.algorithm === algorithm,
  );
}

/** The earliest time at which a waiting key can sign. */
export function takeover(standby: KeyFacts, now: number): number {
  return Math.max(now + notice, standby.createdAt + publication);
}

function isDue(keys: readonly KeyFacts[], current: KeyFacts, standby: KeyFacts, rule: RotationRule, now: number) {
  const underWay = keys.some((key) => key.signsFrom !== null && key.signsFrom > now);
  // Registries learn of a new authority when they restart: only the operator who restarted them can say that it can be used.
  if (underWay || standby.issuer !== current.issuer) return false;
  if (current.algorithm !== rule.algorithm && !rule.byFile) return true;
  // Of a key that was published later than usual, too, registries have that long to learn.
  const since = rule.byFile ? Math.max(begin(current), standby.createdAt) : begin(current);
  return rule.age !== null && since + rule.age <= now;
}

/** An authority of no leaf, a waiting leaf that was overtaken, or a leaf whose last token has expired. */
function isObsolete(key: KeyFacts, keys: readonly KeyFacts[], rule: RotationRule, now: number): boolean {
  if (key.issuer === null) {
    const newest = keys.findLast(({ issuer }) => issuer === null) === key;
    return !newest && !keys.some(({ issuer }) => issuer === key.number);
  }
  if (key.signsFrom === null) return true;
  const successors = keys.filter((other) => other.signsFrom !== null && begin(other) > begin(key));
  return successors.some((successor) => begin(successor) + rule.tokenLife + slack <= now);
}

function begin(key: KeyFacts): number {
  return key.signsFrom ?? Number.POSITIVE_INFINITY;
}
