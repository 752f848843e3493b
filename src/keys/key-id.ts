/** Owns the name of a key as the registry's own library writes it: the `kid` of tokens and of the JWKS. */
import { createHash, type KeyObject } from 'node:crypto';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** 240 bits of the hash are 48 base32 characters: 12 groups of 4 (libtrust, util.go keyIDFromCryptoKey). */
const idBytes = 30;

/** libtrust's key id: SHA-256 of the DER SubjectPublicKeyInfo, cut, base32, "PYYO:TEWU:...". */
export function libtrustKeyId(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const id = toBase32(createHash('sha256').update(spki).digest().subarray(0, idBytes));
  return (id.match(/.{4}/g) ?? []).join(':');
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
