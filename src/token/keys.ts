/** Owns the keys of one Dockpass: the CA that registries trust and the leaf key, certified by it, that signs tokens. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { readOrCreate } from '../data-folder.ts';
import { makeCertificate } from './certificates.ts';
import { libtrustKeyId } from './key-id.ts';
import { createSigner, type Signer } from './signature.ts';
import { writeTrustBundle } from './trust-bundle.ts';

export type Keys = {
  readonly signer: Signer;
  /** What `/.well-known/jwks.json` serves: the public keys under the `kid` that tokens name. */
  readonly jwks: { readonly keys: readonly object[] };
  /** PEM: what a registry's `rootcertbundle` must hold. */
  readonly bundle: string;
};

/** A private key with its certificate, as one file holds them. */
type CertifiedKey = { readonly file: string; readonly privateKey: KeyObject; readonly certificate: X509Certificate };

const authorityName = 'Dockpass CA';
const day = 24 * 60 * 60 * 1000;
const authorityLifetime = 3_650 * day;
/** Certificates are valid from before they are made, for registries whose clock is slow. */
const backdating = day;

/**
 * Opens the keys in `folder`, and makes what is missing: `ca.pem` and `leaf-1.pem`, each a private key and its
 * certificate in one file of mode 0600. Processes that start together on an empty folder agree on one set.
 * @param options.bundleFile where registries read the CA's certificate; written when it differs
 * @param options.now epoch milliseconds
 * @throws {Error} that names the file and what to do, when one cannot be read, written or used
 */
export async function openKeys(options: { folder: string; bundleFile: string; now: () => number }): Promise<Keys> {
  const authority = await openFile(join(options.folder, 'ca.pem'), options.now, () => makeAuthority(options.now()));
  const leaf = await openFile(join(options.folder, 'leaf-1.pem'), options.now, () =>
    makeLeaf(authority, options.now()),
  );
  checkIssued(leaf, authority);
  const bundle = authority.certificate.toString();
  await writeTrustBundle(options.bundleFile, bundle);

  const publicKey = createPublicKey(leaf.privateKey);
  const id = libtrustKeyId(publicKey);
  return {
    signer: createSigner({ privateKey: leaf.privateKey, id, certificates: [leaf.certificate.raw] }),
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: id }] },
    bundle,
  };
}

async function makeAuthority(now: number): Promise<string> {
  const subject = { name: authorityName, privateKey: newPrivateKey() };
  const validity = { notBefore: now - backdating, notAfter: now + authorityLifetime };
  return toPem(subject.privateKey, await makeCertificate({ subject, issuer: subject, authority: true, ...validity }));
}

/** As long-lived as the CA: what limits a leaf is that a later one takes its place. */
async function makeLeaf(authority: CertifiedKey, now: number): Promise<string> {
  const subject = { name: 'Dockpass token signing', privateKey: newPrivateKey() };
  const issuer = { name: authorityName, privateKey: authority.privateKey };
  const validity = { notBefore: now - backdating, notAfter: authority.certificate.validToDate.getTime() };
  return toPem(subject.privateKey, await makeCertificate({ subject, issuer, authority: false, ...validity }));
}

/**
 * A key on P-256 whose coordinates both begin with a byte other than 0: registries 3.x drop leading zeros when they
 * compute the RFC 7638 thumbprint of a key (distribution, util.go getJWKThumbprint), and would not find it.
 */
function newPrivateKey(): KeyObject {
  for (;;) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    if ([x, y].every((coordinate) => Buffer.from(coordinate, 'base64url')[0] !== 0)) return privateKey;
  }
}

function toPem(privateKey: KeyObject, certificate: Buffer): string {
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' })}${new X509Certificate(certificate)}`;
}

async function openFile(file: string, now: () => number, make: () => Promise<string>): Promise<CertifiedKey> {
  const text = await readOrCreate(file, make).catch((cause: Error) => {
    throw new Error(
      `Cannot read or make ${file}: ${cause.message}. The folder and the file must belong to the user that Dockpass runs as.`,
      { cause },
    );
  });
  const key = parse(file, text);
  const expiry = key.certificate.validToDate;
  if (expiry.getTime() <= now()) {
    throw new Error(`${file}: its certificate expired on ${expiry.toISOString()}. ${moveAway}`);
  }
  return key;
}

/** A new CA is a new trust: registries read the bundle when they start. */
const moveAway =
  'Restore the file from a backup; or move ca.pem and leaf-1.pem away, start Dockpass, which makes new ones, and restart the registries.';

function parse(file: string, text: string): CertifiedKey {
  try {
    const privateKey = createPrivateKey(text);
    const certificate = new X509Certificate(text);
    if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key is not on P-256');
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('the certificate belongs to another key');
    return { file, privateKey, certificate };
  } catch (cause) {
    throw new Error(
      `${file} does not hold a private key with its certificate: ${(cause as Error).message}. ${moveAway}`,
      {
        cause,
      },
    );
  }
}

function checkIssued(leaf: CertifiedKey, authority: CertifiedKey): void {
  if (leaf.certificate.checkIssued(authority.certificate) && leaf.certificate.verify(authority.certificate.publicKey)) {
    return;
  }
  throw new Error(`${leaf.file} was not certified by ${authority.file}: one of them comes from elsewhere. ${moveAway}`);
}
