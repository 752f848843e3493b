/** Owns the names of a key: the one of libtrust, which tokens have as `kid`, and the thumbprint of RFC 7638. */
import { createHash, type JsonWebKey, type KeyObject } from 'node:crypto';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** 240 bits of the hash are 48 base32 characters: 12 groups of 4 (libtrust, util.go keyIDFromCryptoKey). */
const idBytes = 30;

/** libtrust's key id: SHA-256 of the DER SubjectPublicKeyInfo, cut, base32, "PYYO:TEWU:...". */
export function libtrustKeyId(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const id = toBase32(createHash('sha256').update(spki).digest().subarray(0, idBytes));
  return (id.match(/.{4}/g) ?? []).join(':');
}

/** The members that RFC 7638 section 3.2 requires, in the order of section 3.3. */
const thumbprintMembers = { EC: ['crv', 'kty', 'x', 'y'], RSA: ['e', 'kty', 'n'] } as const;

/** base64url(SHA-256) of the key's required members (RFC 7638). @throws {Error} for a key that is neither EC nor RSA */
export function keyThumbprint(publicKey: KeyObject): string {
  const jwk: JsonWebKey = publicKey.export({ format: 'jwk' });
  if (jwk.kty !== 'EC' && jwk.kty !== 'RSA') throw new Error(`no thumbprint for a key of type ${jwk.kty}`);
  const members = Object.fromEntries(thumbprintMembers[jwk.kty].map((name) => [name, jwk[name]]));
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** RFC 4648 section 6, for lengths that need no padding (multiples of 5 bytes). */
function toBase32(bytes: Buffer): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 5) {
    const group = bytes.readUIntBE(index, 5);
    for (let power = 7; power >= 0; power--) text += base32[Math.floor(group / 32 ** power) % 32];
  }
  return text;
}
