/** Owns the making of keys: an authority, and leaves that it certifies. */
import { createPublicKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { day } from '../lib/time.ts';
import { makeCertificate } from './certificates.ts';

/** A private key with its certificate. */
export type CertifiedKey = { readonly privateKey: KeyObject; readonly certificate: X509Certificate };

const generate = promisify(generateKeyPair);
const authorityName = 'Dockpass CA';
const authorityLifetime = 3_650 * day;
/** Certificates are valid from before they are made, for registries whose clock is slow. */
const backdating = day;
/** Bits. NIST SP 800-57 accepts it until 2030; a longer one makes each token longer by its certificate and signature. */
const rsaLength = 2048;

/** @param now epoch milliseconds */
export async function makeAuthority(now: number): Promise<CertifiedKey> {
  const privateKey = await newEcKey();
  const subject = { name: authorityName, privateKey };
  const validity = { notBefore: now - backdating, notAfter: now + authorityLifetime };
  const certificate = await makeCertificate({ subject, issuer: subject, authority: true, ...validity });
  return { privateKey, certificate: new X509Certificate(certificate) };
}

/** As long-lived as its authority: what limits a leaf is that a later one takes its place. */
export async function makeLeaf(
  authority: CertifiedKey,
  algorithm: 'ES256' | 'RS256',
  now: number,
): Promise<CertifiedKey> {
  const privateKey = algorithm === 'RS256' ? await newRsaKey() : await newEcKey();
  const certificate = await makeCertificate({
    subject: { name: 'Dockpass token signing', privateKey },
    issuer: { name: authorityName, privateKey: authority.privateKey },
    authority: false,
    notBefore: now - backdating,
    notAfter: authority.certificate.validToDate.getTime(),
  });
  return { privateKey, certificate: new X509Certificate(certificate) };
}

/**
 * A key on P-256 whose coordinates both begin with a byte other than 0: registries 3.x drop leading zeros when they
 * compute the RFC 7638 thumbprint of a key (distribution, util.go getJWKThumbprint), and would not find it.
 */
async function newEcKey(): Promise<KeyObject> {
  for (;;) {
    const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
    if ([x, y].every((coordinate) => Buffer.from(coordinate, 'base64url')[0] !== 0)) return privateKey;
  }
}

async function newRsaKey(): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength: rsaLength })).privateKey;
}
