/** Owns that the files which Dockpass writes for registries are none that it, or its operator, needs for something else. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { secretNames } from '../lib/data-folder.ts';
import { sqliteFileOf } from '../lib/database-url.ts';
import type { KeyRingConfig } from './key-rings.ts';
import { envFileSetting, type Settings } from './settings.ts';

/** Of the configuration. */
type Places = {
  readonly dataFolder: string;
  readonly databaseUrl: string;
  readonly workloads: { readonly file: string };
  readonly keyRings: readonly KeyRingConfig[];
};

const isWritten = (setting: string): boolean => /(^|_)(CERTIFICATE_BUNDLE_FILE|JWKS_FILE)$/.test(setting);

/** A bundle by the name of the certificate, or of a secret, would replace it: to be called when all settings are read. */
export function refuseOverwriting(settings: Settings, places: Places): void {
  const needed = neededFiles(settings, places);
  const written = new Set(places.keyRings.flatMap(({ bundleFile, jwksFile }) => [bundleFile, jwksFile]));
  for (const [setting, file] of settings.files) {
    if (!isWritten(setting) || !written.has(file)) continue;
    const purpose = needed.get(placeOf(file));
    if (purpose === undefined) continue;
    settings.problem(`${setting}: ${file} is ${purpose}, and would be overwritten: name another file`);
  }
}

/** What each file is, by its place. */
function neededFiles(settings: Settings, { dataFolder, databaseUrl, workloads }: Places): ReadonlyMap<string, string> {
  const database = sqliteFileOf(databaseUrl) || null;
  const files: (readonly [file: string, purpose: string])[] = [
    ...secretNames.map((name) => [join(dataFolder, name), 'a secret of DATA_DIR'] as const),
    ...(database === null ? [] : ['', '-wal', '-shm'].map((end) => [database + end, 'the database'] as const)),
    [workloads.file, 'the workloads file'],
    ...[...settings.files]
      .filter(([setting]) => !isWritten(setting))
      .map(([setting, file]) => [file, `what ${setting} names`] as const),
    [resolve(settings.optional(envFileSetting) ?? '.env'), 'the .env file'],
  ];
  return new Map(files.map(([file, purpose]) => [placeOf(file), purpose]));
}

/** The same for two names of a folder. The file itself can be a link: to write replaces the link, not what it leads to. */
function placeOf(file: string): string {
  try {
    return join(realpathSync(dirname(file)), basename(file));
  } catch {
    return file;
  }
}
