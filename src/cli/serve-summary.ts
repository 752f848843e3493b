/** Owns what `serve` says to the person who started it on a terminal: what runs where, what registries need, what is missing. */
import type { Config } from '../config/config.ts';
import { versionOfDockpass } from '../lib/version.ts';

/** @param url where it listens */
export function describeStart(config: Config, url: string): string[] {
  const { publicUrl, dataFolder, policyFile, administrators, services } = config;
  const named = [...administrators.emails, ...administrators.groups];
  const base = publicUrl.href.replace(/\/$/, '');
  return [
    '',
    `Dockpass ${versionOfDockpass()} is running at ${base} and listens on ${url}. Press Ctrl-C to stop it.`,
    `  Data            ${dataFolder}`,
    `  Policy          ${policyFile}`,
    `  Administrators  ${named.join(', ') || 'none yet: set ADMIN_EMAILS'}`,
    `  Sign-in         ${providersOf(config).join(', ') || 'no one yet: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS'}`,
    ...services.flatMap(({ name, issuer }) => [
      `  Registry        ${name}: realm ${base}/auth, issuer ${issuer}, ${trustOf(config, name)}`,
      `                  To check it: dockpass doctor ${name}`,
    ]),
    '',
  ];
}

function providersOf({ google, oidc }: Config): string[] {
  return [...(google === null ? [] : ['Google']), ...oidc.map(({ name }) => name)];
}

function trustOf({ services, keyRings }: Config, name: string): string {
  const service = services.find((candidate) => candidate.name === name);
  const ring = keyRings.find((candidate) => candidate.name === service?.ring);
  return service?.tokenHeader === 'kid' ? `jwks ${ring?.jwksFile}` : `rootcertbundle ${ring?.bundleFile}`;
}
