/** Owns the compact JWS around the claims: the one signing function that every token passes through. */
import { type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';

/** Those that registries 2.8 and 3.x both accept, and whose tokens stay small (RFC 7518 section 3.1). */
export type Algorithm = 'ES256' | 'ES384' | 'RS256';

/** A key that signs, and what lets a registry trust it. */
export type SigningKey = {
  readonly privateKey: KeyObject;
  readonly algorithm: Algorithm;
  /** The libtrust id of its public half. */
  readonly id: string;
  /** DER; the key's own certificate first. */
  readonly certificates: readonly Buffer[];
};

/**
 * How a token says which key signed it. `x5c`: by its certificates, which registries 2.8 and 3.x check against their
 * `rootcertbundle`, and by the libtrust `kid` as well. `kid`: by that alone, for a 3.x that has a `jwks` and no bundle,
 * which refuses any token with `x5c` (distribution, token.go VerifySigningKey).
 */
export type TokenHeader = 'x5c' | 'kid';

export type Signer = {
  /** @returns a compact JWT of the claims */
  sign(claims: object): Promise<string>;
};

const curves: Readonly<Record<string, Algorithm>> = { prime256v1: 'ES256', secp384r1: 'ES384' };

/** The algorithm that goes with a key, private or public. @throws {Error} for a key that registries would not accept */
export function algorithmOf(key: KeyObject): Algorithm {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    if (modulusLength < 2048) throw new Error(`an RSA key of ${modulusLength} bits is too short: 2048 at least`);
    return 'RS256';
  }
  const algorithm = curves[namedCurve];
  if (algorithm === undefined) {
    const kind = [key.asymmetricKeyType, namedCurve].filter((word) => word !== '').join(' on ');
    throw new Error(`the key is ${kind}: registries need RSA (not RSA-PSS), or EC on P-256 or P-384`);
  }
  return algorithm;
}

export function createSigner(key: SigningKey, header: TokenHeader): Signer {
  const x5c = key.certificates.map((certificate) => certificate.toString('base64'));
  const own = header === 'x5c' ? { x5c } : {};
  const encodedHeader = encode({ typ: 'JWT', alg: key.algorithm, kid: key.id, ...own });
  return {
    async sign(claims) {
      const input = `${encodedHeader}.${encode(claims)}`;
      const signature = await signBytes(Buffer.from(input), key);
      return `${input}.${signature.toString('base64url')}`;
    },
  };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/**
 * With P-256 a signature takes 25 µs, no longer than handing it to another thread does, so it is made here. The others take
 * twenty times as long: the callback form makes them on another thread, and the event loop continues reading requests.
 */
async function signBytes(input: Buffer, { privateKey, algorithm }: SigningKey): Promise<Buffer> {
  if (algorithm === 'ES256') return joinRS(sign('sha256', input, privateKey), 32);
  const hash = algorithm === 'ES384' ? 'sha384' : 'sha256';
  const signature = await promisify(sign)(hash, input, privateKey);
  return algorithm === 'RS256' ? signature : joinRS(signature, 48);
}

/**
 * DER `SEQUENCE { INTEGER r, INTEGER s }`, for these curves always shorter than 128 bytes, to r || s as JWS wants it (RFC 7518
 * section 3.4). Node could convert it itself (`dsaEncoding: 'ieee-p1363'`), which was measured to double the time of a signature.
 * @param size bytes of r and of s
 */
function joinRS(der: Buffer, size: number): Buffer {
  const joined = Buffer.alloc(2 * size);
  let offset = 2;
  for (const end of [size, 2 * size]) {
    const start = offset + 2;
    offset = start + (der[offset + 1] ?? 0);
    // An integer has a zero byte in front where its first bit is set, and is short where it begins with zeros.
    const digits = der.subarray(Math.max(start, offset - size), offset);
    digits.copy(joined, end - digits.length);
  }
  return joined;
}
