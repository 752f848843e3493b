/** Owns all keys of the service: a ring for the services that share one, and one for each that does not. */

import type { Cipher } from '../cipher.ts';
import type { Log } from '../log.ts';
import type { SigningKeyStore } from '../store/signing-keys.ts';
import type { KeyRing } from './key-ring.ts';
import { openOwnRing } from './own-ring.ts';
import { writePublicFile } from './public-file.ts';
import { openStoredRing } from './stored-ring.ts';

export type RingSettings = {
  /** '' for the services that share their keys, else the name of the service that has its own. */
  readonly name: string;
  /** Of keys that Dockpass makes. */
  readonly algorithm: 'ES256' | 'RS256';
  /** Seconds that a key of Dockpass signs; `null`: until somebody rotates. */
  readonly rotation: number | null;
  /** Seconds that the longest token of its services lives. */
  readonly tokenLife: number;
  /** The operator's own certificate and key; `null`: Dockpass makes them. */
  readonly own: { readonly certificateFile: string; readonly keyFile: string } | null;
  /** Where registries read the certificates that they trust. */
  readonly bundleFile: string;
  /** Where a registry 3.x reads the public keys, if it goes by them. */
  readonly jwksFile: string;
};

export type Keys = {
  readonly rings: readonly KeyRing[];
  /** @throws {Error} where there is no such ring */
  ring(name: string): KeyRing;
  /** Takes over changes, does what is due, writes the files; to be called twice a minute. What goes wrong is logged. */
  look(): Promise<void>;
  warnings(): string[];
};

export type KeyParts = {
  readonly rings: readonly RingSettings[];
  readonly store: SigningKeyStore;
  readonly cipher: Cipher;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

const day = 24 * 60 * 60 * 1000;

/** @throws {Error} that says what cannot be read, made or written */
export async function openKeys(parts: KeyParts): Promise<Keys> {
  const { log, now } = parts;
  const opened = await Promise.all(
    parts.rings.map(async (settings) => ({ settings, ring: await openRing(settings, parts) })),
  );
  const rings = opened.map(({ ring }) => ring);
  for (const { settings, ring } of opened) await writeFiles(settings, ring);

  let warnedAt = Number.NEGATIVE_INFINITY;
  const warn = (): void => {
    if (now() - warnedAt < day) return;
    warnedAt = now();
    for (const ring of rings) for (const message of ring.warnings()) log.warn({ ring: ring.name }, message);
  };
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
          await writeFiles(settings, ring);
        } catch (error) {
          log.error(
            { err: error, ring: ring.name },
            'the signing keys could not be looked after; going on with those known',
          );
        }
      }
      warn();
    },
    warnings: () => rings.flatMap((ring) => ring.warnings()),
  };
}

function openRing(settings: RingSettings, parts: KeyParts): Promise<KeyRing> {
  const { name, algorithm, rotation, tokenLife, own } = settings;
  if (own !== null) return openOwnRing({ ...own, name, log: parts.log, now: parts.now });
  const rule = { algorithm, age: rotation === null ? null : rotation * 1000, tokenLife: tokenLife * 1000 };
  return openStoredRing({ ...parts, name, rule });
}

async function writeFiles({ bundleFile, jwksFile }: RingSettings, ring: KeyRing): Promise<void> {
  await writePublicFile(bundleFile, ring.bundle());
  await writePublicFile(jwksFile, `${JSON.stringify(ring.jwks(), null, 2)}\n`);
}
