/** Owns the certificates of an operator's own key: reads them, and refuses a chain that a registry would refuse. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { dateOf } from '../lib/time.ts';

/** The key's own certificate, then those that certify it, each the one before. */
export type Chain = readonly [X509Certificate, ...X509Certificate[]];

/** What a registry reads in a certificate and Node doesn't show. */
type Facts = {
  /** OIDs. */
  readonly signature: string;
  readonly criticalExtensions: readonly string[];
  /** How many authorities can be between it and the key; `Infinity` where it doesn't say. */
  readonly pathLength: number;
  readonly hasNamedCurve: boolean;
};

const pss = '1.2.840.113549.1.1.10';
/** RSA and ECDSA over SHA-256, 384 and 512: those that Go verifies (crypto/x509, x509.go), except Ed25519, whose keys 2.8 can't read. */
const signatures = new Set([
  ...[11, 12, 13].map((last) => `1.2.840.113549.1.1.${last}`),
  ...[2, 3, 4].map((last) => `1.2.840.10045.4.3.${last}`),
  pss,
]);
/** DER of the OIDs of SHA-256, 384 and 512, in hexadecimal; PSS without one of them means SHA-1 (RFC 4055 section 3.1). */
const secureHash = /060960864801650304020[123]/;
/** Those that Go handles; a certificate that has any other, critical, it refuses (crypto/x509, parser.go). */
const knownExtensions = new Set([14, 15, 17, 19, 30, 31, 32, 35, 37].map((last) => `2.5.29.${last}`));
/** A registry 2.8 that finds a key of another kind in its bundle does not start (libtrust, key.go FromCryptoPublicKey). */
const authorityCurves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/**
 * @param text PEM; anything around the certificates is ignored
 * @param key the private key that signs with them
 * @param now epoch milliseconds
 * @throws {Error} that says which certificate is wrong, and how
 */
export async function readChain(text: string, key: KeyObject, now: number): Promise<Chain> {
  const chain = inOrder(readCertificates(text), key);
  for (const certificate of chain) await refuseUnreadable(certificate, now);
  for (const [between, issuer] of chain.slice(1).entries()) {
    await refuseUncertified(chain[between] ?? chain[0], issuer, between);
  }
  return chain;
}

/** What registries must trust: the last of the chain, or the certificate itself where there is only one. */
export function anchorOf(chain: Chain): X509Certificate {
  return chain.at(-1) ?? chain[0];
}

function readCertificates(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`certificate ${index + 1} in it is damaged`, { cause });
    }
  });
}

function inOrder([first, ...others]: readonly X509Certificate[], key: KeyObject): Chain {
  if (first === undefined) throw new Error('it holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")');
  if (first.checkPrivateKey(key)) return [first, ...others];
  const own = others.find((certificate) => certificate.checkPrivateKey(key));
  if (own === undefined) throw new Error(`the key does not belong to it, but to another than ${nameOf(first)}`);
  throw new Error(`${nameOf(own)}, which belongs to the key, must come first, then those that certify it`);
}

/** What a registry cannot read, takes for outdated, or does not understand and must (RFC 5280 section 4.2). */
async function refuseUnreadable(certificate: X509Certificate, now: number): Promise<void> {
  const { validFromDate: from, validToDate: to } = certificate;
  const name = nameOf(certificate);
  if (to.getTime() <= now) {
    // With docker_auth, whose tokens name only the key, registries never looked at the date.
    throw new Error(
      `${name} expired on ${dateOf(to)}; renew it, or leave TOKEN_CERTIFICATE_FILE and TOKEN_KEY_FILE out and give the registries registry-bundle.pem of DATA_DIR`,
    );
  }
  if (from.getTime() > now) throw new Error(`${name} is valid from ${dateOf(from)} on`);
  const { hasNamedCurve, criticalExtensions } = await factsOf(certificate);
  if (!hasNamedCurve) throw new Error(`${name} writes out the parameters of its curve, which must have a name instead`);
  const odd = criticalExtensions.find((id) => !knownExtensions.has(id));
  if (odd !== undefined) throw new Error(`${name} has the critical extension ${odd}, which registries do not know`);
}

/**
 * What Go checks where one certificate is issued by the next (crypto/x509, verify.go). The signature of the last one counts
 * for nothing: it is trusted because the bundle holds it.
 * @param between how many certificates are between the key's own and the issuer
 */
async function refuseUncertified(subject: X509Certificate, issuer: X509Certificate, between: number): Promise<void> {
  const [certified, by] = [nameOf(subject), nameOf(issuer)];
  if (!issuer.ca) throw new Error(`${by} may not certify others (CA:FALSE, or a key usage without keyCertSign)`);
  if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) {
    throw new Error(`${certified} was not certified by the next one, ${by}`);
  }
  if (!isStrong(issuer.publicKey)) {
    throw new Error(`the key of ${by} is neither RSA of 2048 bits or more nor EC on P-256, P-384 or P-521`);
  }
  if (!signatures.has((await factsOf(subject)).signature)) {
    const algorithm = subject.signatureAlgorithm ?? 'an unknown algorithm';
    throw new Error(
      `${certified} is signed with ${algorithm}, which registries refuse: have it signed again with SHA-256 or longer`,
    );
  }
  const { pathLength } = await factsOf(issuer);
  if (pathLength < between)
    throw new Error(`${by} has a pathlen of ${pathLength}, and ${between} authorities below it`);
}

function isStrong({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  return asymmetricKeyType === 'rsa' ? modulusLength >= 2048 : authorityCurves.has(namedCurve);
}

/** The parser is loaded only for operators with a key of their own: it takes 50 ms of a start. */
async function factsOf(certificate: X509Certificate): Promise<Facts> {
  const [x509, { AsnConvert }] = await Promise.all([import('@peculiar/asn1-x509'), import('@peculiar/asn1-schema')]);
  const { signatureAlgorithm, tbsCertificate } = AsnConvert.parse(certificate.raw, x509.Certificate);
  const { extensions = [], subjectPublicKeyInfo } = tbsCertificate;
  const constraints = extensions.find(({ extnID }) => extnID === x509.id_ce_basicConstraints);
  const { algorithm, parameters } = signatureAlgorithm;
  const isWeak = algorithm === pss && !secureHash.test(toHex(parameters));
  return {
    signature: isWeak ? 'RSASSA-PSS with SHA-1' : algorithm,
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ extnID }) => extnID),
    pathLength:
      (constraints && AsnConvert.parse(constraints.extnValue, x509.BasicConstraints).pathLenConstraint) ??
      Number.POSITIVE_INFINITY,
    // A curve that is written out is a SEQUENCE in the place of the name.
    hasNamedCurve:
      certificate.publicKey.asymmetricKeyType !== 'ec' ||
      toHex(subjectPublicKeyInfo.algorithm.parameters).startsWith('06'),
  };
}

function toHex(parameters: ArrayBuffer | null | undefined): string {
  return Buffer.from(parameters ?? new ArrayBuffer(0)).toString('hex');
}

/** In one line, whatever the certificate says. */
function nameOf({ subject }: X509Certificate): string {
  return `"${subject.replaceAll('\n', ', ')}"`;
}
