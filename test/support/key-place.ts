/** Owns where the keys of a test live: a database, and the files that registries would read. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordChange } from '../../src/keys/key-ring.ts';
import { type KeyParts, type Keys, openKeys, type RingSettings } from '../../src/keys/keys.ts';
import { createCipher } from '../../src/lib/cipher.ts';
import type { Log } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export type KeyPlace = {
  readonly folder: string;
  readonly store: Store;
  /** Of the shared ring. */
  readonly settings: RingSettings;
  /** Opens the keys as a process does; what it logs goes to `lines`. */
  open(changes?: Partial<KeyParts>): Promise<Keys>;
  readonly lines: { readonly level: keyof Log; readonly fields: object; readonly message: string }[];
  close(): Promise<void>;
};

export const keySecret = 'a key-encryption key for tests alone';

/** For a change that no one looks for in the audit. */
export const unrecorded: RecordChange = (_from, change) => change(() => null);

/** @param databaseUrl where it is not a new SQLite file */
export async function createKeyPlace(databaseUrl?: string): Promise<KeyPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-keys-'));
  const store = await openStore(databaseUrl ?? `sqlite:${join(folder, 'dockpass.db')}`, () => {});
  const lines: { level: keyof Log; fields: object; message: string }[] = [];
  const write = (level: keyof Log) => (fields: object, message: string) => lines.push({ level, fields, message });
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const settings: RingSettings = {
    name: '',
    algorithm: 'ES256',
    rotation: 90 * 86_400,
    tokenLife: 900,
    headers: ['x5c'],
    own: null,
    bundleFile: join(folder, 'shared', 'bundle.pem'),
    jwksFile: join(folder, 'shared', 'jwks.json'),
  };
  return {
    folder,
    store,
    settings,
    lines,
    open: (changes) =>
      openKeys({
        rings: [settings],
        writes: true,
        serves: true,
        before: () => null,
        store: store.signingKeys,
        cipher: createCipher([keySecret]),
        log,
        now: Date.now,
        ...changes,
      }),
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
