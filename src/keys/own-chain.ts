/**
 * Owns the certificates of an operator's own key: reads them, and refuses a chain with the mistakes that people make. For
 * what else a registry refuses (weak signatures, rare extensions), `dockpass doctor` shows it a token.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { type Chain, nameOf, readChain } from '../lib/pem.ts';
import { dateOf } from '../lib/time.ts';

/**
 * @param text PEM; anything around the certificates is ignored
 * @param key the private key that signs with them
 * @param now epoch milliseconds
 * @throws {Error} that says which certificate is wrong, and how
 */
export function readOwnChain(text: string, key: KeyObject, now: number): Chain {
  const chain = readChain(text, key);
  for (const certificate of chain) refuseOutdated(certificate, now);
  for (const [index, issuer] of chain.slice(1).entries()) refuseUncertified(chain[index] ?? chain[0], issuer);
  return chain;
}

/** What registries must trust: the last of the chain, or the certificate itself where there is only one. */
export function anchorOf(chain: Chain): X509Certificate {
  return chain.at(-1) ?? chain[0];
}

/**
 * Whether who trusts these certificates takes what a key of that chain signed.
 * @param chain each certified by the next one
 */
export function areTrusted(chain: readonly X509Certificate[], anchors: readonly X509Certificate[]): boolean {
  return chain.some((certificate) =>
    anchors.some(
      (anchor) =>
        certificate.publicKey.equals(anchor.publicKey) ||
        (certificate.checkIssued(anchor) && certificate.verify(anchor.publicKey)),
    ),
  );
}

function refuseOutdated(certificate: X509Certificate, now: number): void {
  const { validFromDate: from, validToDate: to } = certificate;
  const name = nameOf(certificate);
  if (to.getTime() <= now) {
    // With docker_auth, whose tokens name only the key, registries never looked at the date.
    throw new Error(
      `${name} expired on ${dateOf(to)}; renew it, or leave TOKEN_CERTIFICATE_FILE and TOKEN_KEY_FILE out and give the registries registry-bundle.pem of DATA_DIR`,
    );
  }
  if (from.getTime() > now) throw new Error(`${name} is valid from ${dateOf(from)} on`);
}

/** The signature of the last one counts for nothing: it is trusted because the bundle contains it. */
function refuseUncertified(subject: X509Certificate, issuer: X509Certificate): void {
  const [certified, by] = [nameOf(subject), nameOf(issuer)];
  if (!issuer.ca) throw new Error(`${by} can't certify others (CA:FALSE, or a key usage without keyCertSign)`);
  if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) {
    throw new Error(`${certified} was not certified by the next one, ${by}`);
  }
}
