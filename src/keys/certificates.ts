/** Owns the form of the certificates that Dockpass makes: the CA that registries trust, and the leaves it certifies. */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A name and the key that goes with it; that of an issuer is on P-256. */
export type Party = { readonly name: string; readonly privateKey: KeyObject };

export type CertificateInput = {
  readonly subject: Party;
  /** The subject itself where the certificate is self-signed. */
  readonly issuer: Party;
  /** Whether the subject can certify others. */
  readonly authority: boolean;
  /** Epoch milliseconds; the certificate keeps whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
};

const ids = { commonName: '2.5.4.3', ecdsaWithSha256: '1.2.840.10045.4.3.2' };

/** Loaded when a certificate must be made, on a first start, so that every other start is quick. */
async function loadAsn1() {
  const [x509, { AsnConvert, OctetString }] = await Promise.all([
    import('@peculiar/asn1-x509'),
    import('@peculiar/asn1-schema'),
  ]);
  return { x509, AsnConvert, OctetString };
}

type Asn1 = Awaited<ReturnType<typeof loadAsn1>>;

/** @returns the certificate in DER (RFC 5280), signed with ECDSA and SHA-256 */
export async function makeCertificate(input: CertificateInput): Promise<Buffer> {
  const asn1 = await loadAsn1();
  const { x509, AsnConvert } = asn1;
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ids.ecdsaWithSha256 });
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: toArrayBuffer(serialNumber()),
    signature: algorithm,
    issuer: commonName(asn1, input.issuer.name),
    validity: new x509.Validity({ notBefore: new Date(input.notBefore), notAfter: new Date(input.notAfter) }),
    subject: commonName(asn1, input.subject.name),
    subjectPublicKeyInfo: AsnConvert.parse(publicKeyOf(input.subject), x509.SubjectPublicKeyInfo),
    extensions: new x509.Extensions(extensions(asn1, input)),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), input.issuer.privateKey);
  const certificate = new x509.Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: toArrayBuffer(signature),
  });
  return Buffer.from(AsnConvert.serialize(certificate));
}

/** Those that RFC 5280 sections 4.2.1.1 to 4.2.1.9 ask for. A verifier finds the issuer among several CAs of one name by its key. */
function extensions({ x509, AsnConvert, OctetString }: Asn1, input: CertificateInput) {
  const { digitalSignature, keyCertSign } = x509.KeyUsageFlags;
  const usage = input.authority ? keyCertSign : digitalSignature;
  const entries = [
    { extnID: x509.id_ce_basicConstraints, critical: true, value: new x509.BasicConstraints({ cA: input.authority }) },
    { extnID: x509.id_ce_keyUsage, critical: true, value: new x509.KeyUsage(usage) },
    {
      extnID: x509.id_ce_subjectKeyIdentifier,
      critical: false,
      value: new x509.SubjectKeyIdentifier(keyIdentifier(input.subject)),
    },
    {
      extnID: x509.id_ce_authorityKeyIdentifier,
      critical: false,
      value: new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(keyIdentifier(input.issuer)) }),
    },
  ];
  return entries.map(
    ({ extnID, critical, value }) =>
      new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) }),
  );
}

function commonName({ x509 }: Asn1, name: string) {
  const value = new x509.AttributeValue({ utf8String: name });
  const attribute = new x509.AttributeTypeAndValue({ type: ids.commonName, value });
  return new x509.Name([new x509.RelativeDistinguishedName([attribute])]);
}

function publicKeyOf(party: Party): Buffer {
  return createPublicKey(party.privateKey).export({ type: 'spki', format: 'der' });
}

/** 160 bits of a hash of the public key, as RFC 7093 section 2 allows. */
function keyIdentifier(party: Party): Buffer {
  return createHash('sha256').update(publicKeyOf(party)).digest().subarray(0, 20);
}

/** 128 random bits; the first byte is such that the number is positive and never shorter (RFC 5280 section 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
