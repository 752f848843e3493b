/** Owns the key and certificate that an operator brings: read from two files, and again when they are renewed. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import { dateOf, type KeyRing, toJwk, toSigningKey } from './key-ring.ts';
import { type Algorithm, algorithmOf, createSigner, type Signer, type TokenHeader } from './signature.ts';

export type OwnRingParts = {
  readonly name: string;
  /** PEM: the key's own certificate, then those that certify it, each the one before. */
  readonly certificateFile: string;
  /** PEM, not encrypted: RSA, or EC on P-256 or P-384. */
  readonly keyFile: string;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

type OwnKey = {
  /** What the two files hold, to see a change by. */
  readonly text: string;
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly algorithm: Algorithm;
  readonly signers: Readonly<Record<TokenHeader, Signer>>;
  readonly id: string;
};

const day = 24 * 60 * 60 * 1000;
const warning = 30 * day;

/** @throws {Error} that names the file and what is wrong with it */
export async function openOwnRing(parts: OwnRingParts): Promise<KeyRing> {
  const { name, log, now } = parts;
  let key = await readKey(parts);

  const refuse = (): never => {
    throw new Refusal(
      'bad_request',
      `This key is yours: put a new certificate and key into ${parts.certificateFile} and ${parts.keyFile}.`,
    );
  };
  return {
    name,
    signer: (header) => ({ sign: (claims) => key.signers[header].sign(claims) }),
    jwks: () => ({ keys: [toJwk(key.chain[0], key.algorithm)] }),
    bundle: () => anchorOf(key).toString(),
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
      const renewed = await readKey(parts);
      if (renewed.text === key.text) return;
      // Registries read their bundle when they start: until then only what the same authority certified is a token to them.
      if (anchorOf(renewed).fingerprint256 !== anchorOf(key).fingerprint256) {
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

/** What registries must trust: the last of the chain, or the certificate itself where it stands alone. */
function anchorOf({ chain }: OwnKey): X509Certificate {
  return chain.at(-1) ?? chain[0];
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

async function readKey({ certificateFile, keyFile, now }: OwnRingParts): Promise<OwnKey> {
  const [certificates, pem] = await Promise.all([readText(certificateFile), readText(keyFile)]);
  const chain = readChain(certificateFile, certificates, now());
  try {
    const privateKey = createPrivateKey(pem);
    const algorithm = algorithmOf(privateKey);
    if (!chain[0].checkPrivateKey(privateKey)) {
      throw new Error(`it is not the key of the first certificate of ${certificateFile}`);
    }
    // A self-signed end of the chain proves nothing to those who have it, and tokens travel often.
    const sent = chain.filter((certificate, index) => index === 0 || !certificate.checkIssued(certificate));
    const key = toSigningKey(privateKey, sent, algorithm);
    const signers = { x5c: createSigner(key, 'x5c'), kid: createSigner(key, 'kid') };
    return { text: certificates + pem, chain, algorithm, signers, id: key.id };
  } catch (cause) {
    const why = pem.includes('ENCRYPTED') ? 'it has a passphrase: write it without one' : (cause as Error).message;
    throw new Refusal('misconfigured', `${keyFile} cannot sign tokens: ${why}`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal('misconfigured', `${file} cannot be read (${cause.code})`, { cause });
  });
}

function readChain(file: string, text: string, now: number): OwnKey['chain'] {
  try {
    const [first, ...others] = (text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? []).map(
      (pem) => new X509Certificate(pem),
    );
    if (first === undefined) throw new Error('it holds no certificate');
    let subject = first;
    for (const issuer of others) {
      if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) {
        throw new Error(
          `"${oneLine(subject.subject)}" was not certified by the next one, "${oneLine(issuer.subject)}"`,
        );
      }
      if (!issuer.ca) throw new Error(`"${oneLine(issuer.subject)}" may not certify others (CA:FALSE)`);
      subject = issuer;
    }
    for (const { subject: name, validFromDate, validToDate } of [first, ...others]) {
      if (validToDate.getTime() <= now) throw new Error(`"${oneLine(name)}" expired on ${dateOf(validToDate)}`);
      if (validFromDate.getTime() > now)
        throw new Error(`"${oneLine(name)}" is valid from ${dateOf(validFromDate)} on`);
    }
    return [first, ...others];
  } catch (cause) {
    throw new Refusal('misconfigured', `${file} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
