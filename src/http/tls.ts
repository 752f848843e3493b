/** Owns the certificate with which Dockpass serves TLS itself: reads it once, says what is wrong with it, and when it ends. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { readChain, readPrivateKey } from '../lib/pem.ts';
import { dateOf, day } from '../lib/time.ts';

/** Forward secrecy and authenticated encryption only (ASVS 5.0, V12.1.2); the first three are of TLS 1.3. */
const ciphers = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
].join(':');

export type TlsFiles = { readonly certificateFile: string; readonly keyFile: string };

export type Tls = {
  /** For a server that serves with it. */
  readonly options: SecureContextOptions;
  /** What an operator should do soon. @param now epoch milliseconds */
  warnings(now: number): string[];
};

/** @throws {Refusal} `misconfigured`, when certificate or key cannot be used */
export async function readTls(files: TlsFiles): Promise<Tls> {
  const { certificateFile, keyFile } = files;
  const refuse = (reason: string, cause: unknown): never => {
    throw new Refusal(
      'misconfigured',
      `Dockpass can't serve TLS with the certificate ${certificateFile} and the key ${keyFile}: ${reason}. TLS_CERTIFICATE_FILE names a certificate chain, TLS_KEY_FILE its private key, both PEM.`,
      { cause },
    );
  };
  const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]).catch((cause: unknown) =>
    refuse(errorMessage(cause), cause),
  );
  const options = { cert, key, minVersion: 'TLSv1.2', ciphers, honorCipherOrder: true } as const;
  try {
    createSecureContext(options);
  } catch (cause) {
    refuse(reasonOf(cause, files, cert.toString(), key.toString()), cause);
  }
  const certificate = new X509Certificate(cert);
  return { options, warnings: (now) => warningsOf(certificate, certificateFile, now) };
}

/** OpenSSL names what it looked for and not what is there. */
function reasonOf(cause: unknown, { certificateFile, keyFile }: TlsFiles, certificates: string, key: string): string {
  let file = keyFile;
  try {
    const privateKey = readPrivateKey(key);
    file = certificateFile;
    const [{ publicKey }] = readChain(certificates, privateKey);
    const { modulusLength: bits = 2048 } = publicKey.asymmetricKeyDetails ?? {};
    if (bits < 2048) throw new Error(`its RSA key of ${bits} bits is too short: 2048 at least`);
  } catch (error) {
    return `${file}: ${errorMessage(error)}`;
  }
  return errorMessage(cause);
}

/** Milliseconds before the end; certificates that live for days are renewed in the last third of their life. */
const longestWarning = 14 * day;

function warningsOf({ validFromDate, validToDate }: X509Certificate, file: string, now: number): string[] {
  const [from, end] = [validFromDate.getTime(), validToDate.getTime()];
  if (end - now > Math.min(longestWarning, (end - from) / 3)) return [];
  return [
    `The certificate of ${file} that is served ${end <= now ? 'expired' : 'expires'} on ${dateOf(end)}: clients then refuse to connect. Renew it, then restart Dockpass, which reads it when it starts.`,
  ];
}
