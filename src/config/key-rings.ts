/** Owns the settings of the keys that sign tokens: which services share them, who makes them, where registries read them. */
import { dirname, join } from 'node:path';
import type { ServiceConfig } from './services.ts';
import type { Settings } from './settings.ts';

export type KeyRingConfig = {
  /** '' for the services that share their keys, else the name of the service that has its own. */
  readonly name: string;
  /** Of keys that Dockpass makes. */
  readonly algorithm: 'ES256' | 'RS256';
  /** Seconds that a key of Dockpass signs; `null`: until someone rotates. */
  readonly rotation: number | null;
  /** Seconds that the longest token of its services lives. */
  readonly tokenLife: number;
  /** `kid`: of a service whose registries read the keys from a file. */
  readonly headers: readonly ServiceConfig['tokenHeader'][];
  /** The operator's own certificate and key; `null`: Dockpass makes them. */
  readonly own: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly bundleFile: string;
  readonly jwksFile: string;
};

const day = 86_400;

/** One ring for the services that share it, if any does, and one for each that does not. */
export function readKeyRings(
  settings: Settings,
  services: readonly ServiceConfig[],
  dataFolder: string,
): KeyRingConfig[] {
  const groups = Map.groupBy(services, ({ ring }) => ring);
  const shared = settings.optionalPath('CERTIFICATE_BUNDLE_FILE');
  const rings = [...groups].map(([name, members]) => {
    const [first] = members;
    const prefix = name === '' || first === undefined ? '' : first.prefix;
    // Where the one bundle is put for registries to read, they will look for the others too.
    const folder = shared === null ? dataFolder : dirname(shared);
    const file = (what: string) => join(folder, `registry-${what}`);
    const suffix = prefix === '' ? '' : `-${name.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-')}`;
    return {
      name,
      algorithm: settings.choice(`${prefix}TOKEN_ALGORITHM`, ['ES256', 'RS256'], 'ES256'),
      rotation: readRotation(settings, prefix, members),
      tokenLife: Math.max(...members.map(({ lifetime }) => lifetime)),
      headers: [...new Set(members.map(({ tokenHeader }) => tokenHeader))],
      own: readOwnKey(settings, prefix),
      bundleFile: settings.path(`${prefix}CERTIFICATE_BUNDLE_FILE`, file(`bundle${suffix}.pem`)),
      jwksFile: settings.path(`${prefix}JWKS_FILE`, file(`jwks${suffix}.json`)),
    };
  });
  refuseSharedFiles(settings, rings);
  if (!groups.has('')) refuseUnused(settings);
  return rings;
}

/** Settings of the shared keys, where each service has its own: they would silently not count. */
function refuseUnused(settings: Settings): void {
  for (const name of [
    'TOKEN_ALGORITHM',
    'KEY_ROTATION_DAYS',
    'TOKEN_CERTIFICATE_FILE',
    'TOKEN_KEY_FILE',
    'JWKS_FILE',
  ]) {
    if (settings.optional(name) === null) continue;
    settings.problem(`${name} is for services that share their keys, and none does: set SERVICE_<NAME>_${name}`);
  }
}

/** One file for two would hold the trust of whichever was written last, or make one key of two that are to be separate. */
function refuseSharedFiles(settings: Settings, rings: readonly KeyRingConfig[]): void {
  const written = rings.flatMap(({ bundleFile, jwksFile }) => [bundleFile, jwksFile]);
  const keys = rings.flatMap(({ own }) => own?.keyFile ?? []);
  for (const file of [written, keys].flatMap(repeated)) {
    settings.problem(`${file} is named for two purposes: services with SEPARATE_KEY=true need files of their own`);
  }
}

const repeated = (files: readonly string[]): string[] => [
  ...new Set(files.filter((each, index) => files.indexOf(each) < index)),
];

/**
 * A registry that goes by a JWKS file reads it once, at its start: a key that rotates by itself would one day be one that
 * it does not know. With certificates every key is trusted that the authority certified.
 */
function readRotation(settings: Settings, prefix: string, services: readonly ServiceConfig[]): number | null {
  const fallback = services.some(({ tokenHeader }) => tokenHeader === 'kid') ? 0 : 90;
  const days = settings.integer(`${prefix}KEY_ROTATION_DAYS`, { fallback, minimum: 0, maximum: 3_650 });
  return days === 0 ? null : days * day;
}

function readOwnKey(settings: Settings, prefix: string): KeyRingConfig['own'] {
  const [certificate, key] = [`${prefix}TOKEN_CERTIFICATE_FILE`, `${prefix}TOKEN_KEY_FILE`];
  const [certificateFile, keyFile] = [settings.optionalPath(certificate), settings.optionalPath(key)];
  if ((certificateFile === null) !== (keyFile === null)) {
    settings.problem(`${certificate} and ${key} belong together: set both or none`);
  }
  if (certificateFile === null || keyFile === null) return null;
  for (const name of ['TOKEN_ALGORITHM', 'KEY_ROTATION_DAYS']) {
    if (settings.optional(prefix + name) !== null) {
      settings.problem(`${prefix}${name} is for keys that Dockpass makes; with ${key} the key is yours`);
    }
  }
  return { certificateFile, keyFile };
}
