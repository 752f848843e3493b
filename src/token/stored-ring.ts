/** Owns the keys that Dockpass makes itself and keeps in the database: opens them, advances them, signs with the right one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Cipher } from '../cipher.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SigningKeyRow, SigningKeyStore } from '../store/signing-keys.ts';
import { dateOf, day } from '../time.ts';
import { libtrustKeyId } from './key-id.ts';
import { type KeyDescription, type KeyRing, type KeyState, toJwk, toSigningKey } from './key-ring.ts';
import { type CertifiedKey, makeAuthority, makeLeaf } from './new-keys.ts';
import { type KeyFacts, nextStep, type RotationRule, type Step, signingKey, standbyOf, takeover } from './rotation.ts';
import { algorithmOf, createSigner, type Signer, type TokenHeader } from './signature.ts';

export type StoredRingParts = {
  readonly name: string;
  readonly rule: RotationRule & { readonly algorithm: 'ES256' | 'RS256' };
  readonly store: SigningKeyStore;
  readonly cipher: Cipher;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

type StoredKey = KeyFacts & { readonly row: SigningKeyRow; readonly certificate: X509Certificate };
/** Who signs, and until when nobody needs to ask again. */
type Turn = { readonly key: StoredKey; readonly until: number };

/** Before the end of an authority: time to restart every registry with a new bundle. */
const authorityWarning = 180 * day;

/**
 * Opens the ring; makes what is missing. Processes that do so together agree on one set, because each step is a row whose
 * number only one of them can take.
 * @throws {Error} when the keys cannot be opened with this cipher
 */
export async function openStoredRing(parts: StoredRingParts): Promise<KeyRing> {
  const { name, rule, store, log, now } = parts;
  let keys: readonly StoredKey[] = [];
  let turn: Turn | undefined;
  const signers = new Map<string, Signer>();

  const read = async (): Promise<void> => {
    const known = new Map(keys.map((key) => [key.row.certificate, key]));
    const rows = await store.ofRing(name);
    keys = rows.map((row) => toStoredKey(row, known.get(row.certificate)));
    turn = undefined;
  };
  const refresh = async (): Promise<void> => {
    await read();
    if (await sealAgain(keys, parts)) await read();
    for (let step = nextStep(keys, rule, now()); step !== null; step = nextStep(keys, rule, now())) {
      const done = await take(step, keys, parts);
      if (done) log.info({ ring: name, ...step }, 'signing keys');
      await read();
    }
  };
  const current = (): StoredKey => {
    const at = now();
    if (turn === undefined || at >= turn.until) turn = takeTurn(keys, at);
    return turn.key;
  };
  /** Made on first use, so that opening a ring opens the one private key that it needs. */
  const signerOf = (key: StoredKey, header: TokenHeader): Signer => {
    const id = `${header} ${key.number}`;
    let signer = signers.get(id);
    if (signer === undefined) {
      const { privateKey, certificate } = unseal(key, parts.cipher);
      signer = createSigner(toSigningKey(privateKey, [certificate], key.algorithm), header);
      signers.set(id, signer);
    }
    return signer;
  };

  await refresh();
  signerOf(current(), 'x5c');
  return {
    name,
    refresh,
    signer: (header) => ({ sign: (claims) => signerOf(current(), header).sign(claims) }),
    jwks: () => ({
      keys: keys.filter(isLeaf).map(({ certificate, algorithm }) => toJwk(certificate, algorithm)),
    }),
    bundle: () =>
      keys
        .filter((key) => !isLeaf(key))
        .map(({ certificate }) => certificate.toString())
        .join(''),
    list: () => keys.map((key) => describe(key, current(), now())),
    warnings: () => warningsOf(name, keys, current(), now()),
    async rotate(urgent) {
      await refresh();
      const at = now();
      const scheduled = keys.find(({ signsFrom }) => signsFrom !== null && signsFrom > at);
      if (scheduled !== undefined && !urgent) {
        const when = new Date(scheduled.signsFrom ?? at).toISOString();
        throw new Refusal('conflict', `A rotation is under way: key ${scheduled.number} signs from ${when} on.`);
      }
      const next = scheduled ?? standbyOf(keys, rule.algorithm);
      if (next === undefined) throw new Refusal('conflict', 'The keys changed just now. Try again.');
      const from = urgent ? at : takeover(next, at);
      await store.schedule(name, next.number, from);
      await refresh();
      return from;
    },
    async addAuthority() {
      await refresh();
      if (current().issuer !== newestAuthority(keys)?.number) {
        throw new Refusal('conflict', `${warningsOf(name, keys, current(), now()).join(' ')} Only then make another.`);
      }
      await take({ kind: 'add authority', number: (keys.at(-1)?.number ?? 0) + 1 }, keys, parts);
      await refresh();
    },
  };
}

/** What an older encryption key sealed, so that it can be taken away. @returns whether there was any */
async function sealAgain(keys: readonly StoredKey[], { store, cipher }: StoredRingParts): Promise<boolean> {
  const old = keys.filter(({ row }) => !cipher.isCurrent(row.sealed_key));
  for (const key of old) {
    const { ring, number, sealed_key } = key.row;
    const pem = toPem(unseal(key, cipher));
    await store.replaceSeal(ring, number, sealed_key, cipher.seal(pem, placeOf(ring, number)));
  }
  return old.length > 0;
}

function toPem({ privateKey }: CertifiedKey): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Does one step. False when another process was quicker. */
async function take(step: Step, keys: readonly StoredKey[], parts: StoredRingParts): Promise<boolean> {
  const { name, rule, store, cipher, now } = parts;
  const add = (key: CertifiedKey, facts: { number: number; issuer: number | null; signsFrom: number | null }) => {
    return store.add({
      ring: name,
      number: facts.number,
      issuer: facts.issuer,
      certificate: key.certificate.toString(),
      sealed_key: cipher.seal(toPem(key), placeOf(name, facts.number)),
      created_at: now(),
      signs_from: facts.signsFrom,
    });
  };
  switch (step.kind) {
    case 'add authority':
      return add(await makeAuthority(now()), { number: step.number, issuer: null, signsFrom: null });
    case 'add leaf': {
      const authority = keys.find(({ number }) => number === step.issuer);
      if (authority === undefined) return false;
      return add(await makeLeaf(unseal(authority, cipher), rule.algorithm, now()), step);
    }
    case 'schedule':
      return store.schedule(name, step.number, step.signsFrom);
    case 'remove':
      return store.remove(name, step.number);
  }
}

function toStoredKey(row: SigningKeyRow, known: StoredKey | undefined): StoredKey {
  const certificate = known?.certificate ?? new X509Certificate(row.certificate);
  return {
    number: row.number,
    issuer: row.issuer,
    algorithm: known?.algorithm ?? algorithmOf(certificate.publicKey),
    createdAt: row.created_at,
    signsFrom: row.signs_from,
    certificate,
    row,
  };
}

function placeOf(ring: string, number: number): string {
  return `signing_key ${ring}/${number}`;
}

function unseal({ row, certificate }: StoredKey, cipher: Cipher): CertifiedKey {
  try {
    const privateKey = createPrivateKey(cipher.open(row.sealed_key, placeOf(row.ring, row.number)));
    if (!certificate.checkPrivateKey(privateKey)) throw new Error('the certificate belongs to another key');
    return { privateKey, certificate };
  } catch (cause) {
    throw new Error(
      `Signing key ${row.number}${row.ring === '' ? '' : ` of ${row.ring}`} in the database cannot be opened: ${(cause as Error).message}. Give back the key that it was sealed with, to ENCRYPTION_KEYS or, where that is unset, as the file encryption-key of DATA_DIR: from a backup if need be.`,
      { cause },
    );
  }
}

function takeTurn(keys: readonly StoredKey[], at: number): Turn {
  const key = signingKey(keys, at);
  if (key === undefined) throw new Error('there is no signing key');
  const later = keys.flatMap(({ signsFrom }) => (signsFrom !== null && signsFrom > at ? [signsFrom] : []));
  return { key, until: Math.min(Number.POSITIVE_INFINITY, ...later) };
}

function isLeaf(key: KeyFacts): boolean {
  return key.issuer !== null;
}

function newestAuthority(keys: readonly StoredKey[]): StoredKey | undefined {
  return keys.findLast((key) => !isLeaf(key));
}

function describe(key: StoredKey, current: StoredKey, now: number): KeyDescription {
  const { number, algorithm, createdAt, signsFrom, certificate } = key;
  return {
    number,
    state: stateOf(key, current, now),
    algorithm,
    id: libtrustKeyId(certificate.publicKey),
    createdAt,
    signsFrom,
    expiresAt: certificate.validToDate.getTime(),
  };
}

function stateOf(key: StoredKey, current: StoredKey, now: number): KeyState {
  if (!isLeaf(key)) return 'authority';
  if (key === current) return 'signing';
  if (key.signsFrom === null) return 'waiting';
  return key.signsFrom > now ? 'scheduled' : 'retired';
}

function waitingAuthority(of: string, option: string): string {
  return `A new certificate authority${of} waits to be used: give every registry the new bundle, restart it, then run \`dockpass key rotate${option}\`.`;
}

function warningsOf(name: string, keys: readonly StoredKey[], current: StoredKey, now: number): string[] {
  const newest = newestAuthority(keys);
  if (newest === undefined) return [];
  const [of, option] = name === '' ? ['', ''] : [` of service "${name}"`, ` --service "${name}"`];
  if (current.issuer !== newest.number) return [waitingAuthority(of, option)];
  const end = newest.certificate.validToDate.getTime();
  if (end - now > authorityWarning) return [];
  return [
    `The certificate authority${of} ${end <= now ? 'expired' : 'expires'} on ${dateOf(end)}: registries then refuse every token. Run \`dockpass key rotate --authority${option}\`.`,
  ];
}
