/** Owns all keys of the service: a ring for the services that share one, and one for each that does not. */

import type { Cipher } from '../lib/cipher.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { day } from '../lib/time.ts';
import type { SigningKeyStore } from '../store/signing-keys.ts';
import type { KeyRing } from './key-ring.ts';
import { type OwnRingParts, openOwnRing } from './own-ring.ts';
import { bundleKind, formerBundle, jwksKind, writePublicFile } from './public-file.ts';
import type { Before, PublicFiles } from './published.ts';
import type { TokenHeader } from './signature.ts';
import { openStoredRing } from './stored-ring.ts';

export type RingSettings = {
  /** '' for the services that share their keys, else the name of the service that has its own. */
  readonly name: string;
  /** Of keys that Dockpass makes. */
  readonly algorithm: 'ES256' | 'RS256';
  /** Seconds that a key of Dockpass signs; `null`: until someone rotates. */
  readonly rotation: number | null;
  /** Seconds that the longest token of its services lives. */
  readonly tokenLife: number;
  /** Those that the tokens of its services have. */
  readonly headers: readonly TokenHeader[];
  /** The operator's own certificate and key; `null`: Dockpass makes them. */
  readonly own: { readonly certificateFile: string; readonly keyFile: string } | null;
} & PublicFiles;

export type Keys = {
  readonly rings: readonly KeyRing[];
  /** @throws {Error} where there is no such ring */
  ring(name: string): KeyRing;
  /** Takes over changes, does what is due, writes the files; to be called twice a minute. What goes wrong is logged. */
  look(): Promise<void>;
  /** What an operator should do soon, and why the last look failed, if it did. */
  warnings(): string[];
};

export type KeyParts = {
  readonly rings: readonly RingSettings[];
  readonly store: SigningKeyStore;
  readonly cipher: Cipher;
  readonly log: Log;
  /** Whether the files that registries read are written. */
  readonly writes: boolean;
  /** False for a command: which of an operator's own keys signs, and is in the files, is what the service says that runs. */
  readonly serves: boolean;
  /** What was published before this start, by ring; `null`: the files say it. */
  readonly before: (ring: string) => Before | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** @throws {Error} that says what cannot be read, made or written */
export async function openKeys(parts: KeyParts): Promise<Keys> {
  const { log } = parts;
  const opened: { readonly settings: RingSettings; readonly ring: KeyRing }[] = [];
  // One after the other, so that each sees the keys of those before it.
  for (const settings of parts.rings) {
    const others = () => opened.map(({ ring }) => ring).filter(({ name }) => name !== settings.name);
    opened.push({ settings, ring: await openRing(settings, parts, others) });
  }
  const rings = opened.map(({ ring }) => ring);
  /** By ring. */
  const formerNames = new Map<string, string | null>();
  const write = async (settings: RingSettings, ring: KeyRing): Promise<void> => {
    if (!parts.writes || (settings.own !== null && !parts.serves)) return;
    formerNames.set(ring.name, await writeFiles(settings, ring));
  };
  for (const { settings, ring } of opened) await write(settings, ring);
  /** What went wrong at the last look, by ring. */
  const failures = new Map<string, string>();
  const warn = createDailyWarning(rings, parts);
  warn();
  return {
    rings,
    ring(name) {
      const ring = rings.find((candidate) => candidate.name === name);
      if (ring === undefined) throw new Error(`there is no key ring "${name}"`);
      return ring;
    },
    async look() {
      for (const { settings, ring } of opened) {
        try {
          await ring.refresh();
          await write(settings, ring);
          failures.delete(ring.name);
        } catch (error) {
          failures.set(ring.name, `The signing keys could not be looked after: ${errorMessage(error)}`);
          log.error(
            { err: error, ring: ring.name },
            'the signing keys could not be looked after; continuing with those known',
          );
        }
      }
      warn();
    },
    warnings: () => [
      ...failures.values(),
      ...[...formerNames.values()].filter((warning) => warning !== null),
      ...rings.flatMap((ring) => ring.warnings()),
    ],
  };
}

/** Once a day, whatever there is to warn of. */
function createDailyWarning(rings: readonly KeyRing[], { log, now }: KeyParts): () => void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - warnedAt < day) return;
    warnedAt = now();
    for (const ring of rings) for (const message of ring.warnings()) log.warn({ ring: ring.name }, message);
  };
}

function openRing(settings: RingSettings, parts: KeyParts, others: OwnRingParts['others']): Promise<KeyRing> {
  const { algorithm, rotation, headers, own } = settings;
  const tokenLife = settings.tokenLife * 1000;
  const { log, now, serves } = parts;
  if (own !== null) {
    const before = parts.before(settings.name);
    return openOwnRing({ ...settings, ...own, tokenLife, others, serves, before, log, now });
  }
  const age = rotation === null ? null : rotation * 1000;
  const rule = { algorithm, age, tokenLife, byFile: headers.includes('kid') };
  return openStoredRing({ ...parts, name: settings.name, jwksFile: settings.jwksFile, rule });
}

/** @returns a warning where a registry may still read the bundle by its former name */
async function writeFiles({ name, bundleFile, jwksFile }: RingSettings, ring: KeyRing): Promise<string | null> {
  const bundle = ring.bundle();
  const former = await formerBundle(bundleFile, bundle);
  if (former !== null) await writePublicFile(former, bundle);
  const settingOf = (setting: string) => (name === '' ? setting : `${setting} of service "${name}"`);
  const jwks = `${JSON.stringify(ring.jwks(), null, 2)}\n`;
  await writePublicFile(bundleFile, bundle, bundleKind(settingOf('CERTIFICATE_BUNDLE_FILE')));
  await writePublicFile(jwksFile, jwks, jwksKind(settingOf('JWKS_FILE')));
  if (former === null) return null;
  return `The certificate bundle is now called ${bundleFile}; ${former} is kept up to date. Set the registry's rootcertbundle to the new name, restart it, and delete the old file.`;
}
