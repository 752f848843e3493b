/** Owns what the files that registries read hold, as this or another process wrote them. */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fieldsIn, parseFields } from '../lib/json.ts';
import { readCertificates } from '../lib/pem.ts';
import type { Jwks, KeyRing } from './key-ring.ts';

export type PublicFiles = {
  /** Where registries read the certificates that they trust. */
  readonly bundleFile: string;
  /** Where a registry 3.x reads the public keys, if it goes by them. */
  readonly jwksFile: string;
};

/** In the order of the files; what can't be read holds nothing. */
export type Published = Jwks & { readonly certificates: readonly X509Certificate[] };

/** What a start found there: the key id and the anchor's fingerprint that signed, `undefined` if there was none. */
export type Before = {
  readonly kid: unknown;
  readonly anchor: unknown;
  /** Epoch milliseconds of the start. */
  readonly at: number;
};

/** For a command beside which no service signs. */
export const nothingBefore: Before = { kid: undefined, anchor: undefined, at: 0 };

/** What signs is the first in each file. */
export function beforeOf({ keys, certificates }: Published, at: number): Before {
  return { kid: keyIdOf(keys[0]), anchor: certificates[0]?.fingerprint256, at };
}

export async function readPublished({ bundleFile, jwksFile }: PublicFiles): Promise<Published> {
  const read = (file: string) => readFile(file, 'utf8').catch(() => '');
  const [bundle, jwks] = await Promise.all([read(bundleFile), read(jwksFile)]);
  return { keys: keysIn(jwks), certificates: certificatesIn(bundle) };
}

/** What a ring publishes, and what the service that runs published before: it can still sign with that. */
export function addPublished({ keys, certificates }: Published, ring: KeyRing): { bundle: string; jwks: Jwks } {
  const known = new Set(keys.map(keyIdOf));
  const bundle = [...certificates.map(String), ...readCertificates(ring.bundle()).map(String)];
  return {
    bundle: [...new Set(bundle)].join(''),
    jwks: { keys: [...keys, ...ring.jwks().keys.filter((key) => !known.has(keyIdOf(key)))] },
  };
}

export function keyIdOf(key: object | undefined): unknown {
  return fieldsIn(key)['kid'];
}

function keysIn(text: string): readonly object[] {
  const { keys } = parseFields(text);
  return Array.isArray(keys) ? keys.map(fieldsIn) : [];
}

function certificatesIn(text: string): readonly X509Certificate[] {
  try {
    return readCertificates(text);
  } catch {
    return [];
  }
}
