/** Owns reading a JSON Web Key Set: only public keys for signatures, strong enough, each for the algorithms of its type. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { fieldsIn, isRecord } from '../lib/json.ts';

export type VerificationKey = {
  readonly kid: string | null;
  readonly key: KeyObject;
  /** The algorithms that it can verify. */
  readonly algorithms: readonly string[];
};

/** Never empty. */
export type KeySet = readonly VerificationKey[];

/** The answer isn't a key set, or has no key that can be used, or too many. */
export class KeySetError extends Error {
  override readonly name = 'KeySetError';
}

/** RFC 7518 section 3.3 and 3.5: a shorter key must not be used. */
const minimumBits = 2048;
const maximumKeys = 100;

const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const ofCurve: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/**
 * Keys of other kinds are left out: a set can hold some for encryption, or of a type that comes later.
 * @throws {KeySetError}
 */
export function readKeySet(text: string): KeySet {
  const keys = keysOf(text).flatMap((jwk) => readKey(jwk) ?? []);
  if (keys.length === 0) throw new KeySetError('the key set has no key for signatures that can be used');
  if (keys.length > maximumKeys) throw new KeySetError(`the key set has more than ${maximumKeys} keys for signatures`);
  return keys;
}

function keysOf(text: string): Jwk[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new KeySetError('the answer is not JSON', { cause });
  }
  const { keys } = fieldsIn(parsed);
  if (!Array.isArray(keys)) throw new KeySetError('the answer is not a key set: it has no list "keys"');
  return keys.filter(isRecord);
}

type Jwk = Readonly<Record<string, unknown>>;

/** `null` for what isn't a public key for signatures. */
function readKey(jwk: Jwk): VerificationKey | null {
  const { kty, use, key_ops: operations, alg, kid } = jwk;
  if (use !== undefined && use !== 'sig') return null;
  if (Array.isArray(operations) && !operations.includes('verify')) return null;
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return null;
  const key = importPublic(jwk);
  if (key === null) return null;
  const fitting = algorithmsOf(key).filter((name) => alg === undefined || isSameAlgorithm(alg, name));
  return fitting.length === 0 ? null : { kid: typeof kid === 'string' ? kid : null, key, algorithms: fitting };
}

/** The public members alone, whatever else the set gives away. */
function importPublic({ kty, n, e, crv, x, y }: Jwk): KeyObject | null {
  try {
    return createPublicKey({
      format: 'jwk',
      key: Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined)),
    });
  } catch {
    return null;
  }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= minimumBits ? rsa : [];
  // RFC 9864 gave EdDSA with this curve the name of the curve.
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'];
  const algorithm = key.asymmetricKeyType === 'ec' ? ofCurve[namedCurve] : undefined;
  return algorithm === undefined ? [] : [algorithm];
}

function isSameAlgorithm(said: unknown, name: string): boolean {
  const edwards = ['EdDSA', 'Ed25519'];
  return said === name || (edwards.includes(String(said)) && edwards.includes(name));
}

/** The keys that could have signed: of this id, or, for a token without one, the only key of its algorithm. */
export function candidatesOf(keys: KeySet, kid: string | null, algorithm: string): readonly VerificationKey[] {
  const fitting = keys.filter(({ algorithms }) => algorithms.includes(algorithm));
  if (kid !== null) return fitting.filter((key) => key.kid === kid);
  return fitting.length === 1 ? fitting : [];
}
