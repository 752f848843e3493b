/** Owns the comparison of a registry's own configuration with what Dockpass signs, and with how the registry behaves. */
import type { X509Certificate } from 'node:crypto';
import { errorMessage } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { readCertificates } from '../lib/pem.ts';
import { type Finding, right, unknown, wrong } from './finding.ts';
import type { RegistryFiles } from './registry-file.ts';
import { type ShownToken, wrongHeader, wrongIssuer } from './trial.ts';

/** What Dockpass signs with. */
export type Ours = ShownToken & {
  readonly issuer: string;
  /** Whether the operator brought the key: its algorithm is then no setting. */
  readonly isOwnKey: boolean;
  /** PEM, as Dockpass writes it. */
  readonly bundle: string;
};

/** Says what in the file makes the registry refuse our tokens. */
export function compareFiles(files: RegistryFiles, ours: Ours): Finding[] {
  const { issuer = '' } = files.token;
  const findings = [
    issuer === ours.issuer ? right('issuer', `"${issuer}"`) : wrongIssuer(ours.issuer, `is set to "${issuer}"`),
    ...compareAlgorithms(files, ours),
    compareTrust(files, ours),
  ];
  if (findings.some(({ status }) => status !== 'right')) return findings;
  return [
    ...findings,
    wrong(
      'auth',
      'The file is right, and the registry refuses the tokens all the same: it reads file, environment and keys when it starts. Restart it.',
    ),
  ];
}

/** Only a 3.x has the list; a token with another algorithm is malformed to it. */
function compareAlgorithms({ token }: RegistryFiles, { algorithm, isOwnKey }: Ours): Finding[] {
  const { signingalgorithms: taken } = token;
  if (taken === undefined || taken.length === 0) return [];
  if (taken.includes(algorithm)) return [right('signingalgorithms', `has ${algorithm}`)];
  const other = ['ES256', 'RS256'].find((one) => taken.includes(one));
  const orElse = isOwnKey || other === undefined ? '' : `; or set TOKEN_ALGORITHM=${other} of Dockpass`;
  return [
    wrong(
      'signingalgorithms',
      `auth.token.signingalgorithms is ${taken.join(', ')}, and Dockpass signs with ${algorithm}. Add ${algorithm} to it, or leave it out, and restart the registry${orElse}.`,
    ),
  ];
}

function compareTrust(files: RegistryFiles, ours: Ours): Finding {
  const { rootcertbundle = '', jwks = '' } = files.token;
  if (rootcertbundle === '' && jwks === '') {
    return wrong(
      'rootcertbundle',
      'auth.token.rootcertbundle is not set: give it the certificate that Dockpass wrote.',
    );
  }
  if (rootcertbundle === '' && ours.header === 'x5c')
    return wrongHeader('x5c', 'auth.token has jwks and no rootcertbundle');
  if (jwks !== '' && ours.header === 'kid') return compareJwks(files, ours);
  const bundle = compareBundle(files, ours.bundle);
  // A 2.8 knows the keys of the bundle by our kid, a 3.x by another one.
  if (bundle.status === 'right' && ours.header === 'kid')
    return wrongHeader('kid', 'auth.token has rootcertbundle and no jwks');
  return bundle;
}

function compareJwks({ token, jwks }: RegistryFiles, { keyId }: Ours): Finding {
  if (jwks === null)
    return unknown('jwks', `${token.jwks} cannot be read here: --registry-jwks FILE says where it is.`);
  if (keyIdsOf(jwks).includes(keyId)) return right('jwks', `${token.jwks} holds the key that Dockpass signs with`);
  return wrong(
    'jwks',
    `${token.jwks} does not hold the key that Dockpass signs with (${keyId}): copy the jwks file of Dockpass there and restart the registry. It has to be done before each rotation.`,
  );
}

function keyIdsOf(text: string): string[] {
  try {
    const { keys } = fieldsIn(JSON.parse(text));
    return Array.isArray(keys) ? keys.map((key) => String(fieldsIn(key)['kid'])) : [];
  } catch {
    return [];
  }
}

function compareBundle({ token, bundle }: RegistryFiles, expected: string): Finding {
  const { rootcertbundle = '' } = token;
  if (bundle === null) {
    return unknown('rootcertbundle', `${rootcertbundle} cannot be read here: --registry-bundle FILE says where it is.`);
  }
  let held: readonly X509Certificate[];
  try {
    held = readCertificates(bundle);
  } catch (error) {
    const reason = errorMessage(error);
    return wrong('rootcertbundle', `${rootcertbundle}: ${reason}. ${copyBundle}`);
  }
  const missing = readCertificates(expected).filter(
    ({ fingerprint256 }) => !held.some((one) => one.fingerprint256 === fingerprint256),
  );
  if (missing.length === 0) return right('rootcertbundle', `${rootcertbundle} holds the certificate of Dockpass`);
  const list = (certificates: readonly X509Certificate[]): string =>
    certificates.map(describeCertificate).join('; ') || 'no certificate';
  return wrong(
    'rootcertbundle',
    `${rootcertbundle} holds ${list(held)}. Dockpass signs under ${list(missing)}. ${copyBundle}`,
  );
}

const copyBundle = 'Copy the bundle of Dockpass there and restart the registry.';

function describeCertificate({ subject, fingerprint256, validTo }: X509Certificate): string {
  return `${subject.replaceAll('\n', ', ')} (SHA-256 ${fingerprint256.slice(0, 23)}..., until ${validTo})`;
}

/** How the registry that runs answers; `issuer` where it takes our tokens. */
export type Running = { readonly realm: string; readonly service: string; readonly issuer: string | null };

/** A file that isn't what the registry runs with proves nothing, neither good nor bad. */
export function contradictions({ token }: RegistryFiles, running: Running): Finding[] {
  const names = ['realm', 'service', 'issuer'] as const;
  return names.flatMap((name) => {
    const [written, seen] = [token[name], running[name]];
    if (written === undefined || seen === null || written === seen) return [];
    // It doesn't look at its own setting then.
    if (name === 'realm' && token.autoredirect === true) return [];
    return unknown(
      'auth',
      `The file says ${name} "${written}", and the registry that runs has "${seen}": it is another registry's file, or the registry was not restarted since.`,
    );
  });
}
