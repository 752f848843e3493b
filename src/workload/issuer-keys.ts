/** Owns the keys of each issuer: fetched, kept in the store with the last good set, shared by all processes. */
import { setTimeout } from 'node:timers/promises';
import type { Cipher } from '../lib/cipher.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { isRecord } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { minute } from '../lib/time.ts';
import type { WorkloadIssuerRow, WorkloadIssuerStore } from '../store/workload-issuers.ts';
import type { FetchText } from './fetch-text.ts';
import { type Issuer, isLoopbackHost } from './issuer.ts';
import { candidatesOf, type KeySet, KeySetError, readKeySet, type VerificationKey } from './key-set.ts';

/** What the workloads file names besides: read with it, and in force with it. */
export type IssuerFiles = {
  /** By issuer. */
  readonly keys: ReadonlyMap<string, KeySet>;
  /** PEM certificates, by issuer. */
  readonly authorities: ReadonlyMap<string, string>;
};

export type IssuerKeys = {
  /**
   * The keys of the newest good set that could have signed; fetches it where none could.
   * @param row the issuer's, as it was just read
   * @returns empty where a set that was fetched just now has no such key
   * @throws {Refusal} `unavailable` where the issuer doesn't answer, or it can't be asked again yet
   */
  find(issuer: Issuer, row: WorkloadIssuerRow | undefined, key: WantedKey): Promise<readonly VerificationKey[]>;
  /** The set that counts now, and from when it is; `null` where there is none. For people to look at. */
  known(
    issuer: Issuer,
    row: WorkloadIssuerRow | undefined,
  ): { readonly keys: KeySet; readonly at: number | null } | null;
  /** Fetches again what was used before and is ten minutes old. */
  refresh(issuers: Iterable<Issuer>): Promise<void>;
};

export type WantedKey = { readonly kid: string | null; readonly algorithm: string };

export type IssuerKeyParts = {
  readonly store: WorkloadIssuerStore;
  readonly cipher: Cipher;
  readonly fetchText: FetchText;
  readonly files: () => IssuerFiles;
  /** Milliseconds for which a set counts without a successful fetch. */
  readonly maximumAge: number;
  readonly log: Log;
  /** Milliseconds that a request waits for the keys of its issuer; two seconds by default. */
  readonly longestWait?: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds between two fetches that tokens with unknown keys can cause. */
const coolDown = 10_000;
const refreshInterval = 10 * minute;
/** Milliseconds between two looks at what another process fetches. */
const pause = 100;
/** Seconds. */
const retryAfter = 5;

export function createIssuerKeys(parts: IssuerKeyParts): IssuerKeys {
  const { store, longestWait = 2_000 } = parts;
  const unseal = createUnsealing(parts);
  const fetches = new Map<string, Promise<void>>();
  /** Everyone who waits shares one fetch; where another process makes it, its result comes through the store. */
  const fetchShared = (issuer: Issuer): Promise<void> => {
    const before = fetches.get(issuer.name);
    if (before !== undefined) return before;
    const fetching = fetchOnce(parts, issuer, coolDown)
      .then((done) => (done ? undefined : waitForOthers(store, issuer.name, longestWait)))
      .finally(() => fetches.delete(issuer.name));
    fetches.set(issuer.name, fetching);
    return fetching;
  };

  return {
    async find(issuer, row, { kid, algorithm }) {
      const { keys: fixed } = parts.files();
      if (issuer.keys.kind === 'file') return candidatesOf(fixed.get(issuer.name) ?? [], kid, algorithm);
      const found = candidatesOf(unseal(issuer, row) ?? [], kid, algorithm);
      if (found.length > 0) return found;
      const fetching = fetchShared(issuer);
      fetching.catch(() => {}); // it can fail after the last caller has left
      await Promise.race([fetching, setTimeout(longestWait, undefined, { ref: false })]);
      const current = await store.byName(issuer.name);
      const keys = unseal(issuer, current);
      const newest = candidatesOf(keys ?? [], kid, algorithm);
      const isAnswered = keys !== null && current?.problem === null && (current.keys_at ?? 0) >= current.asked_at;
      if (newest.length > 0 || isAnswered) return newest;
      throw unavailable(issuer, current?.problem ?? 'no answer in time');
    },
    known(issuer, row) {
      if (issuer.keys.kind === 'file') return { keys: parts.files().keys.get(issuer.name) ?? [], at: null };
      const keys = unseal(issuer, row);
      return keys === null ? null : { keys, at: row?.keys_at ?? null };
    },
    async refresh(issuers) {
      const rows = new Map((await store.all()).map((row) => [row.name, row]));
      for (const issuer of issuers) {
        const row = rows.get(issuer.name);
        const isUsed = issuer.keys.kind !== 'file' && row?.sealed_keys != null && row.off_at === null;
        if (isUsed) await fetchOnce(parts, issuer, row.problem === null ? refreshInterval : minute);
      }
    },
  };
}

/** The claim counts whatever comes of the fetch. False where someone else claimed it. */
async function fetchOnce(parts: IssuerKeyParts, issuer: Issuer, interval: number): Promise<boolean> {
  const { store, now, log, cipher } = parts;
  const askedAt = now();
  if (!(await store.claimFetch(issuer.name, askedAt, askedAt - interval))) return false;
  try {
    const text = await fetchKeys(parts, issuer);
    readKeySet(text);
    await store.storeKeys(issuer.name, cipher.seal(text, sealContext(issuer)), askedAt, now());
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const problem = errorMessage(error).slice(0, 300);
    log.warn(
      { issuer: issuer.name, err: error },
      'the keys of an issuer could not be fetched; the last good set stays',
    );
    await store.noteProblem(issuer.name, problem, askedAt);
  }
  return true;
}

/** For as long as a request waits at most. */
async function waitForOthers(store: WorkloadIssuerStore, name: string, longestWait: number): Promise<void> {
  for (let waited = 0; waited < longestWait; waited += pause) {
    const row = await store.byName(name);
    if (row === undefined || row.problem !== null || (row.keys_at ?? 0) >= row.asked_at) return;
    await setTimeout(pause, undefined, { ref: false });
  }
}

function unavailable({ name }: Issuer, problem: string): Refusal {
  const message = `the keys of the issuer "${name}" could not be fetched just now; try again`;
  return new Refusal('unavailable', message, { cause: new Error(problem), retryAfter });
}

/** The last good set is remembered in its sealed form: what the store says counts, and nothing else. */
function createUnsealing({ cipher, maximumAge, log, now }: IssuerKeyParts) {
  const known = new Map<string, { readonly sealed: string; readonly context: string; readonly keys: KeySet | null }>();
  const open = (issuer: Issuer, sealed: string, context: string): KeySet | null => {
    try {
      return readKeySet(cipher.open(sealed, context));
    } catch (error) {
      // Of another issuer under this name, or written by someone who has the database and not the key.
      log.warn({ issuer: issuer.name, err: error }, 'the stored keys of an issuer cannot be used');
      return null;
    }
  };
  return (issuer: Issuer, row: WorkloadIssuerRow | undefined): KeySet | null => {
    if (row?.sealed_keys == null || row.keys_at === null || row.keys_at < now() - maximumAge) return null;
    const context = sealContext(issuer);
    const before = known.get(issuer.name);
    if (before?.sealed === row.sealed_keys && before.context === context) return before.keys;
    const keys = open(issuer, row.sealed_keys, context);
    known.set(issuer.name, { sealed: row.sealed_keys, context, keys });
    return keys;
  };
}

/** Keys from elsewhere never count for this issuer, whatever was called like it before. */
function sealContext({ name, issuer, keys }: Issuer): string {
  return `keys of the issuer ${name} ${issuer} from ${keys.kind === 'url' ? keys.url : keys.kind}`;
}

/** OpenID Connect Discovery 1.0, section 4: the metadata must name the issuer that was asked for. */
async function fetchKeys({ fetchText, files }: IssuerKeyParts, { name, issuer, keys }: Issuer): Promise<string> {
  const ca = files().authorities.get(name) ?? null;
  if (keys.kind === 'url') return fetchText(new URL(keys.url), { ca });
  const metadata = await fetchText(discoveryUrl(issuer), { ca });
  return fetchText(keysUrl(metadata, issuer), { ca });
}

export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
}

/** @throws {KeySetError} */
export function keysUrl(metadata: string, issuer: string): URL {
  const { issuer: named, jwks_uri: address } = parseObject(metadata);
  if (named !== issuer) throw new KeySetError(`the metadata is of the issuer ${String(named)}, not of ${issuer}`);
  const url = typeof address === 'string' ? URL.parse(address) : null;
  if (url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))))
    return url;
  throw new KeySetError('the metadata names no jwks_uri that begins with https');
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new KeySetError('the metadata is not JSON', { cause });
  }
  throw new KeySetError('the metadata is not a JSON object');
}
