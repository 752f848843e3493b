/** Owns how secrets are kept that Dockpass must be able to read again: AES-256-GCM, with keys that can be replaced. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

export type Cipher = {
  /**
   * @param context what the secret belongs to ("refresh token of account 7f…"); it opens only with the same context,
   *   so that someone who can write to the database can't move it to another row
   * @returns `v1.KEY.IV.TEXT`, three parts in base64url
   */
  seal(secret: string, context: string): string;
  /** @throws {Error} when the key is not there any more, the context is another, or a bit was changed */
  open(sealed: string, context: string): string;
  /** Whether the newest key sealed it; what an older one sealed is to be sealed again. */
  isCurrent(sealed: string): boolean;
};

/** NIST SP 800-38D, section 8.2.2: 96 random bits are safe for 2^32 seals under one key. */
const ivLength = 12;
const tagLength = 16;
/** In characters. An id tells keys apart and reveals nothing about them. */
const idLength = 8;

type Key = { readonly id: string; readonly bytes: Buffer };

/** @param secrets at least 32 random characters each: the first seals, all open */
export function createCipher(secrets: readonly string[]): Cipher {
  const keys = secrets.map(deriveKey);
  const [newest] = keys;
  if (newest === undefined) throw new Error('a cipher needs a key');
  return {
    seal(secret, context) {
      const iv = randomBytes(ivLength);
      const cipher = createCipheriv('aes-256-gcm', newest.bytes, iv).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return ['v1', newest.id, iv.toString('base64url'), text.toString('base64url')].join('.');
    },
    open: (sealed, context) => open(keys, sealed, context),
    isCurrent: (sealed) => sealed.startsWith(`v1.${newest.id}.`),
  };
}

function open(keys: readonly Key[], sealed: string, context: string): string {
  const [version, id, iv = '', text = ''] = sealed.split('.');
  const key = keys.find((candidate) => candidate.id === id);
  if (version !== 'v1' || key === undefined) {
    throw new Error(`sealed with a key that is not there: ${version}.${id}; keep the old key beside the new one`);
  }
  const bytes = Buffer.from(text, 'base64url');
  const options = { authTagLength: tagLength };
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, Buffer.from(iv, 'base64url'), options);
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagLength));
  return decipher.update(bytes.subarray(0, -tagLength)).toString('utf8') + decipher.final('utf8');
}

/** The secret can be any text; the key is 32 bytes derived from it (RFC 5869), and its id has none of them. */
function deriveKey(secret: string): Key {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'dockpass cipher v1', 32));
  const id = createHash('sha256').update('dockpass cipher id').update(bytes).digest('base64url').slice(0, idLength);
  return { id, bytes };
}
