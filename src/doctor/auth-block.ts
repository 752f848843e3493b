/** Owns the `auth:` section that a registry must have, as its file and as its environment want it. */
import { stringify } from 'yaml';

export type AuthSettings = {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
} & (
  | {
      /** Where the registry sees the file that Dockpass writes. */
      readonly rootcertbundle: string;
    }
  /** In its place where tokens carry no certificate. */
  | { readonly jwks: string }
);

/** For the registry's config.yml; distribution 2.8 and 3.x read the same, but for `jwks`, which a 2.8 does not know. */
export function formatYaml(settings: AuthSettings): string {
  return stringify({ auth: { token: settings } }, { lineWidth: 0 }).trimEnd();
}

/**
 * The same as environment variables, one a line, without quotes: as Docker's env files want them. The first replaces what the
 * file has under `auth:`; a registry with two types there doesn't start.
 */
export function formatEnvironment(settings: AuthSettings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `REGISTRY_AUTH_TOKEN_${name.toUpperCase()}=${quoteNumber(value)}`,
  );
  return ['REGISTRY_AUTH=token', ...lines].join('\n');
}

/** The registry reads a value as YAML: a bare number would not be a string, and it would not start. */
function quoteNumber(value: string): string {
  return /^[\d.]+$/.test(value) ? `'${value}'` : value;
}
