/** Owns the reading of the key and certificate that an operator brings. */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { type Chain, readCertificates, readPrivateKey } from '../lib/pem.ts';
import { type KeyRing, toSigningKey } from './key-ring.ts';
import { anchorOf, areTrusted, readOwnChain } from './own-chain.ts';
import { type Algorithm, algorithmOf, createSigner, type Signer, type TokenHeader } from './signature.ts';

export type OwnFiles = {
  /** PEM: the key's own certificate, then those that certify it, each the one before. */
  readonly certificateFile: string;
  /** PEM, not encrypted: RSA, or EC on P-256 or P-384. */
  readonly keyFile: string;
  /** The rings of other services, which are to be separate. */
  readonly others: () => readonly Pick<KeyRing, 'name' | 'bundle' | 'certificates'>[];
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What the two files hold. */
export type OwnText = { readonly certificates: string; readonly key: string };

export type OwnKey = {
  readonly text: OwnText;
  readonly chain: Chain;
  readonly algorithm: Algorithm;
  readonly signers: Readonly<Record<TokenHeader, Signer>>;
  /** The libtrust id. */
  readonly id: string;
};

/** @throws {Refusal} `misconfigured`, which names the file */
export async function readOwnText({ certificateFile, keyFile }: OwnFiles): Promise<OwnText> {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new Refusal('misconfigured', `${file} cannot be read (${cause.code})`, { cause });
    });
  const [certificates, key] = await Promise.all([read(certificateFile), read(keyFile)]);
  return { certificates, key };
}

/** @throws {Refusal} `misconfigured`, which names the file and what is wrong with it */
export function readOwnKey(text: OwnText, parts: OwnFiles): OwnKey {
  const { certificateFile, keyFile, now } = parts;
  const { privateKey, algorithm } = blaming(`${keyFile} cannot sign tokens`, () => {
    const read = readPrivateKey(text.key);
    return { privateKey: read, algorithm: algorithmOf(read) };
  });
  const chain = blaming(`${certificateFile} cannot be used`, () => {
    const read = readOwnChain(text.certificates, privateKey, now());
    refuseSharing(read, parts);
    return read;
  });
  // A self-signed end of the chain proves nothing to those who have it, and tokens travel often.
  const sent = chain.filter((certificate, index) => index === 0 || !certificate.checkIssued(certificate));
  const key = toSigningKey(privateKey, sent, algorithm);
  const signers = { x5c: createSigner(key, 'x5c'), kid: createSigner(key, 'kid') };
  return { text, chain, algorithm, signers, id: key.id };
}

/** The earliest end in the chain, in epoch milliseconds: registries check each date. */
export function expiryOf({ chain }: OwnKey): number {
  return Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
}

/** A registry takes every key that an authority certified which it trusts, wherever that is in the chain. */
function refuseSharing(chain: Chain, { others }: OwnFiles): void {
  for (const other of others()) {
    const what = sharedWith(chain, other);
    if (what === null) continue;
    const holder = other.name === '' ? 'the services that share their keys' : `the service "${other.name}"`;
    throw new Error(`${what} is that of ${holder} too: services with SEPARATE_KEY=true need one of their own`);
  }
}

/** @returns as the beginning of a sentence */
function sharedWith(chain: Chain, { bundle, certificates }: Pick<KeyRing, 'bundle' | 'certificates'>): string | null {
  const isOurs = ({ publicKey }: X509Certificate): boolean => publicKey.equals(chain[0].publicKey);
  if (certificates().some(isOurs)) return 'its key';
  const end = anchorOf(chain);
  const theirs = readCertificates(bundle());
  if (theirs.some(({ publicKey }) => publicKey.equals(end.publicKey))) return 'the authority at its end';
  return areTrusted(chain, theirs) || areTrusted(certificates(), [end]) ? 'an authority that certified it' : null;
}

/** Names the file in the error. */
function blaming<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw new Refusal('misconfigured', `${file}: ${errorMessage(cause)}`, { cause });
  }
}
