/** Owns the key and certificate that an operator brings: read from two files, and again when they are renewed. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorMessage, Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { dateOf, day } from '../lib/time.ts';
import { type KeyRing, toJwks, toSigningKey } from './key-ring.ts';
import { anchorOf, areTrusted, type Chain, readCertificates, readChain } from './own-chain.ts';
import { type Algorithm, algorithmOf, createSigner, type Signer, type TokenHeader } from './signature.ts';

export type OwnRingParts = {
  readonly name: string;
  /** PEM: the key's own certificate, then those that certify it, each the one before. */
  readonly certificateFile: string;
  /** PEM, not encrypted: RSA, or EC on P-256 or P-384. */
  readonly keyFile: string;
  /** The rings of other services, which are to be separate. */
  readonly others: () => readonly Pick<KeyRing, 'name' | 'bundle' | 'certificates'>[];
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What the two files hold. */
type OwnText = { readonly certificates: string; readonly key: string };

type OwnKey = {
  readonly text: OwnText;
  readonly chain: Chain;
  readonly algorithm: Algorithm;
  readonly signers: Readonly<Record<TokenHeader, Signer>>;
  readonly id: string;
};

const warning = 30 * day;

/** @throws {Refusal} `misconfigured`, which names the file and what is wrong with it */
export async function openOwnRing(parts: OwnRingParts): Promise<KeyRing> {
  const { name, log, now } = parts;
  let key = await readKey(await readText(parts), parts);

  const refuse = (): never => {
    throw new Refusal(
      'bad_request',
      `This key is yours: put a new certificate and key into ${parts.certificateFile} and ${parts.keyFile}.`,
    );
  };
  return {
    name,
    signer: (header) => ({ sign: (claims) => key.signers[header].sign(claims) }),
    jwks: () => ({ keys: toJwks(key.chain[0], key.algorithm) }),
    bundle: () => anchorOf(key.chain).toString(),
    certificates: () => key.chain,
    list: () => [
      {
        number: 1,
        state: 'signing',
        algorithm: key.algorithm,
        id: key.id,
        createdAt: null,
        signsFrom: null,
        expiresAt: expiryOf(key),
      },
    ],
    warnings: () => warningsOf(parts, expiryOf(key), now()),
    async refresh() {
      const text = await readText(parts);
      if (text.certificates === key.text.certificates && text.key === key.text.key) return;
      const renewed = await readKey(text, parts);
      // Registries read their bundle when they start: until then only what the same authority certified is a token to them.
      if (anchorOf(renewed.chain).fingerprint256 !== anchorOf(key.chain).fingerprint256) {
        throw new Error(
          `${parts.certificateFile} now ends in another certificate, which running registries do not trust: still signing with the old key. Give the registries the new bundle, restart them, then restart Dockpass.`,
        );
      }
      key = renewed;
      log.info({ ring: name, kid: key.id, expires: dateOf(expiryOf(key)) }, 'signing with the renewed key');
    },
    rotate: async () => refuse(),
    addAuthority: async () => refuse(),
  };
}

/** The earliest end in the chain: registries check each date. */
function expiryOf({ chain }: OwnKey): number {
  return Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
}

function warningsOf({ certificateFile }: OwnRingParts, end: number, now: number): string[] {
  if (end - now > warning) return [];
  return [
    `${certificateFile} ${end <= now ? 'expired' : 'expires'} on ${dateOf(end)}: registries then refuse every token. Renew it.`,
  ];
}

async function readText({ certificateFile, keyFile }: OwnRingParts): Promise<OwnText> {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new Refusal('misconfigured', `${file} cannot be read (${cause.code})`, { cause });
    });
  const [certificates, key] = await Promise.all([read(certificateFile), read(keyFile)]);
  return { certificates, key };
}

async function readKey(text: OwnText, parts: OwnRingParts): Promise<OwnKey> {
  const { certificateFile, keyFile, now } = parts;
  const { privateKey, algorithm } = await blaming(`${keyFile} cannot sign tokens`, () => readPrivateKey(text.key));
  const chain = await blaming(`${certificateFile} cannot be used`, () => {
    const read = readChain(text.certificates, privateKey, now());
    refuseSharing(read, parts);
    return read;
  });
  // A self-signed end of the chain proves nothing to those who have it, and tokens travel often.
  const sent = chain.filter((certificate, index) => index === 0 || !certificate.checkIssued(certificate));
  const key = toSigningKey(privateKey, sent, algorithm);
  const signers = { x5c: createSigner(key, 'x5c'), kid: createSigner(key, 'kid') };
  return { text, chain, algorithm, signers, id: key.id };
}

async function readPrivateKey(pem: string): Promise<{ privateKey: KeyObject; algorithm: Algorithm }> {
  if (pem.includes('ENCRYPTED')) throw new Error('it has a passphrase: write it without one');
  if (!pem.includes('PRIVATE KEY-----')) {
    throw new Error('it holds no private key in PEM ("-----BEGIN PRIVATE KEY-----")');
  }
  const privateKey = parsePrivateKey(pem);
  return { privateKey, algorithm: algorithmOf(privateKey) };
}

/** OpenSSL says of a file that was cut off that its decoder is "unsupported". */
function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new Error(`its private key is cut off or damaged (${errorMessage(cause)})`, { cause });
  }
}

/** A registry takes every key that an authority certified which it trusts, wherever that is in the chain. */
function refuseSharing(chain: Chain, { others }: OwnRingParts): void {
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
async function blaming<Result>(file: string, read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    throw new Refusal('misconfigured', `${file}: ${errorMessage(cause)}`, { cause });
  }
}
