/** Owns the check of a signature of an ID token (RFC 7515, section 5.2) with a key of its issuer. */
import { constants, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';

type Scheme = {
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null;
  readonly padding?: number;
  readonly saltLength?: number;
  readonly dsaEncoding?: 'ieee-p1363';
  /** Bytes of r and s together. */
  readonly size?: number;
  /** Longer than handing it to another thread takes. */
  readonly isSlow?: true;
};

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
// RFC 7518, section 3.5: the salt is as long as the hash.
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const ecdsa = { dsaEncoding: 'ieee-p1363' } as const;

/** RFC 7518, section 3.1, and RFC 9864. There is no `none` and no HMAC to choose. */
const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['RS256', { hash: 'sha256', ...pkcs1 }],
  ['RS384', { hash: 'sha384', ...pkcs1 }],
  ['RS512', { hash: 'sha512', ...pkcs1 }],
  ['PS256', { hash: 'sha256', ...pss }],
  ['PS384', { hash: 'sha384', ...pss }],
  ['PS512', { hash: 'sha512', ...pss }],
  ['ES256', { hash: 'sha256', ...ecdsa, size: 64 }],
  ['ES384', { hash: 'sha384', ...ecdsa, size: 96, isSlow: true }],
  ['ES512', { hash: 'sha512', ...ecdsa, size: 132, isSlow: true }],
  ['EdDSA', { hash: null }],
  ['Ed25519', { hash: null }],
]);

const verifyElsewhere = promisify(verify);

/**
 * Whether the key made the signature. RSA takes 25 µs, half of what handing it to another thread and back does, so it's
 * checked here: jobs that ask together are then answered together, too.
 * @param text a compact JWS of three parts
 * @param algorithm one that fits the type of the key, which `readKeySet` has made sure of
 */
export async function isSignedBy(text: string, algorithm: string, key: KeyObject): Promise<boolean> {
  const scheme = schemes.get(algorithm);
  if (scheme === undefined) return false;
  const { hash, size, isSlow, ...how } = scheme;
  const end = text.lastIndexOf('.');
  const signature = Buffer.from(text.slice(end + 1), 'base64url');
  if (size !== undefined && signature.length !== size) return false;
  const input = Buffer.from(text.slice(0, end), 'latin1'); // the form has nothing but ASCII
  if (isSlow) return verifyElsewhere(hash, input, { key, ...how }, signature);
  return verify(hash, input, { key, ...how }, signature);
}
