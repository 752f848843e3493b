/** Owns the reading of keys and certificates that operators bring as PEM, and the mistakes that people make with them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { errorMessage } from './errors.ts';

/** The key's own certificate, then those that certify it, each the one before. */
export type Chain = readonly [X509Certificate, ...X509Certificate[]];

/** @throws {Error} that says, as the rest of a sentence about the file, why there is no key in it that can be used */
export function readPrivateKey(pem: string): KeyObject {
  if (pem.includes('ENCRYPTED')) throw new Error('it has a passphrase: write it without one');
  if (!pem.includes('PRIVATE KEY-----')) {
    throw new Error('it holds no private key in PEM ("-----BEGIN PRIVATE KEY-----")');
  }
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // OpenSSL says of a file that was cut off that its decoder is "unsupported".
    throw new Error(`its private key is cut off or damaged (${errorMessage(cause)})`, { cause });
  }
}

/**
 * @param text PEM; anything around the certificates is ignored
 * @returns none where there is none
 * @throws {Error} that says which of them is damaged, as `readPrivateKey` does
 */
export function readCertificates(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`certificate ${index + 1} in it is damaged`, { cause });
    }
  });
}

/** @throws {Error} where none belongs to the key, or another than the first one, as `readPrivateKey` does */
export function readChain(text: string, key: KeyObject): Chain {
  const [first, ...others] = readCertificates(text);
  if (first === undefined) throw new Error('it holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")');
  if (first.checkPrivateKey(key)) return [first, ...others];
  const own = others.find((certificate) => certificate.checkPrivateKey(key));
  if (own === undefined) throw new Error(`the key does not belong to it, but to another than ${nameOf(first)}`);
  throw new Error(`${nameOf(own)}, which belongs to the key, must come first, then those that certify it`);
}

/** In quotes and in one line, whatever the certificate says. */
export function nameOf({ subject }: X509Certificate): string {
  return `"${subject.replaceAll('\n', ', ')}"`;
}
