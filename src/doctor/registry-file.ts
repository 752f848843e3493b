/** Owns what a registry's own configuration, file or environment, says of tokens, where the doctor may read it. */

import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { fieldsIn, isRecord } from '../lib/json.ts';
import { type Finding, right, unknown, wrong } from './finding.ts';
import { wrongIssuer } from './trial.ts';

/** `auth.token` of distribution's config.yml; absent keys are undefined. */
export type RegistryFile = {
  readonly realm?: string;
  readonly service?: string;
  readonly issuer?: string;
  readonly rootcertbundle?: string;
  readonly jwks?: string;
};

/**
 * @param text of config.yml, or what `env` prints where the registry runs
 * @throws {Error} where the text is no YAML or has no `auth.token`
 */
export function parseRegistryFile(text: string): RegistryFile {
  const variables = [...text.matchAll(/^REGISTRY_AUTH_TOKEN_([A-Z]+)=(.*)$/gm)];
  // As the registry does, which takes each value for YAML (distribution, configuration/parser.go).
  if (variables.length > 0)
    return Object.fromEntries(variables.map(([, name = '', value = '']) => [name.toLowerCase(), String(parse(value))]));
  const token = fieldsIn(fieldsIn(parse(text))['auth'])['token'];
  if (!isRecord(token)) throw new Error('it has neither an auth.token section nor REGISTRY_AUTH_TOKEN_ variables');
  return token;
}

/** The file and the bundle that it names; `bundle` is null where that cannot be read here. */
export type RegistryFiles = { readonly token: RegistryFile; readonly bundle: string | null };

/**
 * Compares the file with what Dockpass signs.
 * @param ours.bundle PEM, as Dockpass writes it
 */
export function compareFiles(
  files: RegistryFiles,
  ours: { readonly issuer: string; readonly bundle: string },
): Finding[] {
  const { issuer = '' } = files.token;
  const findings = [
    issuer === ours.issuer ? right('issuer', `"${issuer}"`) : wrongIssuer(ours.issuer, `is set to "${issuer}"`),
    compareBundle(files, ours.bundle),
  ];
  if (findings.some(({ status }) => status !== 'right')) return findings;
  return [
    ...findings,
    wrong(
      'auth',
      'The file is right, and the registry refuses the tokens all the same: it reads file, environment and bundle when it starts. Restart it.',
    ),
  ];
}

function compareBundle({ token, bundle }: RegistryFiles, expected: string): Finding {
  const { rootcertbundle = '' } = token;
  if (rootcertbundle === '') {
    return wrong(
      'rootcertbundle',
      'auth.token.rootcertbundle is not set: give it the certificate that Dockpass wrote.',
    );
  }
  if (bundle === null) {
    return unknown('rootcertbundle', `${rootcertbundle} cannot be read here: --registry-bundle FILE says where it is.`);
  }
  const held = certificatesOf(bundle);
  const missing = certificatesOf(expected).filter(
    ({ fingerprint256 }) => !held.some((one) => one.fingerprint256 === fingerprint256),
  );
  if (missing.length === 0) return right('rootcertbundle', `${rootcertbundle} holds the certificate of Dockpass`);
  const list = (certificates: readonly X509Certificate[]): string =>
    certificates.map(describeCertificate).join('; ') || 'no certificate';
  return wrong(
    'rootcertbundle',
    `${rootcertbundle} holds ${list(held)}. Dockpass signs under ${list(missing)}: copy the bundle of Dockpass there and restart the registry.`,
  );
}

function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function describeCertificate({ subject, fingerprint256, validTo }: X509Certificate): string {
  return `${subject.replaceAll('\n', ', ')} (SHA-256 ${fingerprint256.slice(0, 23)}..., until ${validTo})`;
}
