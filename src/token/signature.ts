/** Owns the compact JWS around the claims: the one signing function that every token passes through. */
import { type KeyObject, sign } from 'node:crypto';

/** A key that signs, and what lets a registry trust it. */
export type SigningKey = {
  /** EC, on P-256. */
  readonly privateKey: KeyObject;
  /** The libtrust id of its public half. */
  readonly id: string;
  /** DER; the key's own certificate first. */
  readonly certificates: readonly Buffer[];
};

export type Signer = {
  /** @returns a compact JWT of the claims */
  sign(claims: object): Promise<string>;
};

/**
 * Signs with ES256. The header has `x5c`, which registries 2.8 and 3.x check against their `rootcertbundle`, and
 * the libtrust `kid`, by which a 3.x finds the key in a JWKS: one token for all of them.
 */
export function createSigner(key: SigningKey): Signer {
  const x5c = key.certificates.map((certificate) => certificate.toString('base64'));
  const header = encode({ typ: 'JWT', alg: 'ES256', kid: key.id, x5c });
  return {
    async sign(claims) {
      const input = `${header}.${encode(claims)}`;
      const signature = await signEs256(Buffer.from(input), key.privateKey);
      return `${input}.${signature.toString('base64url')}`;
    },
  };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/**
 * The signature as JWS wants it: r and s, 32 bytes each (RFC 7518 section 3.4). Node could convert it itself
 * (`dsaEncoding: 'ieee-p1363'`), which was measured to double the time of a signature. The callback form signs on
 * another thread, so that the event loop goes on reading requests.
 */
function signEs256(input: Buffer, key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', input, key, (error, der) => (error ? reject(error) : resolve(joinRS(der))));
  });
}

/** DER `SEQUENCE { INTEGER r, INTEGER s }`, which for P-256 is always shorter than 128 bytes, to r || s. */
function joinRS(der: Buffer): Buffer {
  const joined = Buffer.alloc(64);
  let offset = 2;
  for (const end of [32, 64]) {
    const start = offset + 2;
    offset = start + (der[offset + 1] ?? 0);
    // An integer has a zero byte in front where its first bit is set, and is short where it begins with zeros.
    const digits = der.subarray(Math.max(start, offset - 32), offset);
    digits.copy(joined, end - digits.length);
  }
  return joined;
}
