/** Owns a signing key as the database has it: its row, and the seal on its private part. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Cipher } from '../lib/cipher.ts';
import { errorMessage } from '../lib/errors.ts';
import type { SigningKeyRow, SigningKeyStore } from '../store/signing-keys.ts';
import type { CertifiedKey } from './new-keys.ts';
import type { KeyFacts } from './rotation.ts';
import { algorithmOf } from './signature.ts';

export type StoredKey = KeyFacts & { readonly row: SigningKeyRow; readonly certificate: X509Certificate };

/** @param known the same key as it was read before */
export function toStoredKey(row: SigningKeyRow, known: StoredKey | undefined): StoredKey {
  const certificate = known?.certificate ?? new X509Certificate(row.certificate);
  return {
    number: row.number,
    issuer: row.issuer,
    algorithm: known?.algorithm ?? algorithmOf(certificate.publicKey),
    createdAt: row.created_at,
    signsFrom: row.signs_from,
    certificate,
    row,
  };
}

/** Authorities certify and sign no token. */
export function isLeaf(key: KeyFacts): boolean {
  return key.issuer !== null;
}

/** The private key as it's kept in the database: bound to its row. */
export function seal({ privateKey }: CertifiedKey, ring: string, number: number, cipher: Cipher): string {
  return cipher.seal(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), placeOf(ring, number));
}

/** Its message is for operators, not for who asked for a token: it's no Refusal. */
export class UnopenedKey extends Error {}

/** @throws {UnopenedKey} where the cipher does not open it */
export function unseal({ row, certificate }: StoredKey, cipher: Cipher): CertifiedKey {
  try {
    const privateKey = createPrivateKey(cipher.open(row.sealed_key, placeOf(row.ring, row.number)));
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('the certificate belongs to another key');
    return { privateKey, certificate };
  } catch (cause) {
    throw new UnopenedKey(
      `Signing key ${row.number}${row.ring === '' ? '' : ` of ${row.ring}`} in the database cannot be opened: ${errorMessage(cause)}. Give back the key that it was sealed with, to ENCRYPTION_KEYS or, where that is unset, as the file encryption-key of DATA_DIR: from a backup if need be.`,
      { cause },
    );
  }
}

/** What an older encryption key sealed, so that it can be taken away. @returns whether there was any */
export async function sealAgain(
  keys: readonly StoredKey[],
  { store, cipher }: { readonly store: SigningKeyStore; readonly cipher: Cipher },
): Promise<boolean> {
  const old = keys.filter(({ row }) => !cipher.isCurrent(row.sealed_key));
  for (const key of old) {
    const { ring, number, sealed_key: before } = key.row;
    await store.replaceSeal(ring, number, before, seal(unseal(key, cipher), ring, number, cipher));
  }
  return old.length > 0;
}

function placeOf(ring: string, number: number): string {
  return `signing_key ${ring}/${number}`;
}
