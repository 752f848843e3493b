/** Owns the keys that Dockpass makes itself and keeps in the database: advances them, signs with the right one. */
import type { Cipher } from '../lib/cipher.ts';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { dateOf, day } from '../lib/time.ts';
import type { AuditRowOf } from '../store/audit-events.ts';
import type { SigningKeyStore } from '../store/signing-keys.ts';
import { libtrustKeyId } from './key-id.ts';
import {
  type KeyDescription,
  type KeyRing,
  type KeyState,
  type RecordChange,
  toJwks,
  toSigningKey,
} from './key-ring.ts';
import { type CertifiedKey, makeAuthority, makeLeaf } from './new-keys.ts';
import { nextStep, type RotationRule, type Step, signingKey, standbyOf, takeover } from './rotation.ts';
import { createSigner, type Signer, type TokenHeader } from './signature.ts';
import { isLeaf, type StoredKey, seal, sealAgain, toStoredKey, UnopenedKey, unseal } from './stored-key.ts';

export type StoredRingParts = {
  readonly name: string;
  readonly rule: RotationRule & { readonly algorithm: 'ES256' | 'RS256' };
  /** Where a registry 3.x reads the public keys, if it goes by them. */
  readonly jwksFile: string;
  readonly store: SigningKeyStore;
  readonly cipher: Cipher;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Which key signs, and until when the answer stays the same. */
type Turn = { readonly key: StoredKey; readonly until: number };

/** Before the end of an authority: time to restart every registry with a new bundle. */
const authorityWarning = 180 * day;

/**
 * Opens the ring; makes what is missing. Processes that do so together agree on one set, because each step is a row whose
 * number only one of them can take.
 * @throws {Refusal} `misconfigured`, when the keys cannot be opened with this cipher
 */
export async function openStoredRing(parts: StoredRingParts): Promise<KeyRing> {
  const { name, now } = parts;
  const keys = createKeys(parts);
  const signerOf = createSigners(parts.cipher);
  try {
    await keys.refresh();
    signerOf(keys.current(), 'x5c');
  } catch (error) {
    throw error instanceof UnopenedKey ? new Refusal('misconfigured', error.message, { cause: error }) : error;
  }
  return {
    name,
    refresh: keys.refresh,
    signer: (header) => ({ sign: (claims) => signerOf(keys.current(), header).sign(claims) }),
    jwks: () => ({
      keys: keys
        .all()
        .filter(isLeaf)
        .flatMap(({ certificate, algorithm }) => toJwks(certificate, algorithm)),
    }),
    bundle: () =>
      keys
        .all()
        .filter((key) => !isLeaf(key))
        .map(({ certificate }) => certificate.toString())
        .join(''),
    certificates: () => keys.all().map(({ certificate }) => certificate),
    list: () => keys.all().map((key) => describe(key, keys.current(), now())),
    waiting: () => null,
    warnings: () => warningsOf(parts, keys),
    rotate: (urgent, record) => rotate(parts, keys, urgent, record),
    addAuthority: (record) => addAuthority(parts, keys, record),
  };
}

/** The keys of the database, as they were read last. */
type Keys = {
  all(): readonly StoredKey[];
  /** The one that signs now. */
  current(): StoredKey;
  /** Reads them again, and does what is due. */
  refresh(): Promise<void>;
};

function createKeys(parts: StoredRingParts): Keys {
  const { name, rule, store, log, now } = parts;
  let keys: readonly StoredKey[] = [];
  let turn: Turn | undefined;
  const read = async (): Promise<void> => {
    const known = new Map(keys.map((key) => [key.row.certificate, key]));
    const rows = await store.ofRing(name);
    keys = rows.map((row) => toStoredKey(row, known.get(row.certificate)));
    turn = undefined;
  };
  return {
    all: () => keys,
    current() {
      const at = now();
      if (turn === undefined || at >= turn.until) turn = takeTurn(keys, at);
      return turn.key;
    },
    async refresh() {
      await read();
      if (await sealAgain(keys, parts)) await read();
      for (let step = nextStep(keys, rule, now()); step !== null; step = nextStep(keys, rule, now())) {
        const done = await take(step, keys, parts);
        if (done) log.info({ ring: name, ...step }, 'signing keys');
        await read();
      }
    },
  };
}

/** Each is made on first use, so that opening a ring opens the one private key that it needs. */
function createSigners(cipher: Cipher): (key: StoredKey, header: TokenHeader) => Signer {
  const signers = new Map<string, Signer>();
  return (key, header) => {
    const id = `${header} ${key.number}`;
    let signer = signers.get(id);
    if (signer === undefined) {
      const { privateKey, certificate } = unseal(key, cipher);
      signer = createSigner(toSigningKey(privateKey, [certificate], key.algorithm), header);
      signers.set(id, signer);
    }
    return signer;
  };
}

async function rotate(
  { name, rule, store, now }: StoredRingParts,
  keys: Keys,
  urgent: boolean,
  record: RecordChange,
): Promise<number> {
  await keys.refresh();
  const at = now();
  const scheduled = keys.all().find(({ signsFrom }) => signsFrom !== null && signsFrom > at);
  if (scheduled !== undefined && !urgent) {
    const when = new Date(scheduled.signsFrom ?? at).toISOString();
    throw new Refusal('conflict', `A rotation is under way: key ${scheduled.number} signs from ${when} on.`);
  }
  const next = scheduled ?? standbyOf(keys.all(), rule.algorithm);
  if (next === undefined) throw changedJustNow();
  const from = urgent ? at : takeover(next, at);
  // Someone who rotates twice after a leak counts on two rotations: one that another process made is not theirs.
  if (!(await record(from, (audit) => store.schedule(name, next.number, from, audit)))) throw changedJustNow();
  await keys.refresh();
  return from;
}

function changedJustNow(): Refusal {
  return new Refusal('conflict', 'The keys changed just now. Try again.');
}

async function addAuthority(parts: StoredRingParts, keys: Keys, record: RecordChange): Promise<void> {
  await keys.refresh();
  if (keys.current().issuer !== newestAuthority(keys.all())?.number) {
    const warnings = warningsOf(parts, keys);
    throw new Refusal('conflict', `${warnings.join(' ')} Only then make another.`);
  }
  const step = { kind: 'add authority', number: (keys.all().at(-1)?.number ?? 0) + 1 } as const;
  if (!(await record(null, (audit) => take(step, keys.all(), parts, audit)))) throw changedJustNow();
  await keys.refresh();
}

/** Does one step. False when another process was quicker. */
async function take(
  step: Step,
  keys: readonly StoredKey[],
  parts: StoredRingParts,
  audit?: AuditRowOf,
): Promise<boolean> {
  const { name, rule, store, cipher, now } = parts;
  const add = (key: CertifiedKey, facts: { number: number; issuer: number | null; signsFrom: number | null }) => {
    const row = {
      ring: name,
      number: facts.number,
      issuer: facts.issuer,
      certificate: key.certificate.toString(),
      sealed_key: seal(key, name, facts.number, cipher),
      created_at: now(),
      signs_from: facts.signsFrom,
    };
    return store.add(row, audit);
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

function takeTurn(keys: readonly StoredKey[], at: number): Turn {
  const key = signingKey(keys, at);
  if (key === undefined) throw new Error('there is no signing key');
  const later = keys.flatMap(({ signsFrom }) => (signsFrom !== null && signsFrom > at ? [signsFrom] : []));
  return { key, until: Math.min(Number.POSITIVE_INFINITY, ...later) };
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

/** Registries that go by a file refuse every token of a key that they never saw: only the operator can say that they have. */
function waitingAlgorithm(
  { rule, jwksFile, now }: StoredRingParts,
  current: StoredKey,
  keys: readonly StoredKey[],
  option: string,
): string[] {
  const isUnderWay = keys.some(({ signsFrom }) => signsFrom !== null && signsFrom > now());
  if (!rule.byFile || isUnderWay || current.algorithm === rule.algorithm) return [];
  return [
    `TOKEN_ALGORITHM is ${rule.algorithm}, and registries with ${jwksFile} don't know such a key yet: still signing with ${current.algorithm}. Copy ${jwksFile} to them, restart them, then run \`dockpass key rotate --yes${option}\`.`,
  ];
}

function warningsOf(parts: StoredRingParts, keys: Keys): string[] {
  const { name } = parts;
  const now = parts.now();
  const newest = newestAuthority(keys.all());
  if (newest === undefined) return [];
  const [of, option] = name === '' ? ['', ''] : [` of service "${name}"`, ` --service "${name}"`];
  if (keys.current().issuer !== newest.number) return [waitingAuthority(of, option)];
  const waiting = waitingAlgorithm(parts, keys.current(), keys.all(), option);
  const end = newest.certificate.validToDate.getTime();
  if (end - now > authorityWarning) return waiting;
  return [
    ...waiting,
    `The certificate authority${of} ${end <= now ? 'expired' : 'expires'} on ${dateOf(end)}: registries then refuse every token. Run \`dockpass key rotate --authority${option}\`.`,
  ];
}
