/** Owns what a set of keys is to the rest of the service, wherever the keys come from. */
import { createPublicKey, type X509Certificate } from 'node:crypto';
import type { AuditRowOf } from '../store/audit-events.ts';
import { keyThumbprint, libtrustKeyId } from './key-id.ts';
import type { CertifiedKey } from './new-keys.ts';
import type { Algorithm, Signer, SigningKey, TokenHeader } from './signature.ts';

/** Public keys as RFC 7517 section 5 has them. */
export type Jwks = { readonly keys: readonly object[] };

export type KeyState =
  /** Registries trust what it certified. */
  | 'authority'
  | 'signing'
  /** Signs from a time that is fixed. */
  | 'scheduled'
  /** Published, signs from the next rotation on; an operator's own, from the next start on. */
  | 'waiting'
  /** Signs no more; kept until its last token has expired. */
  | 'retired';

export type KeyDescription = {
  readonly number: number;
  readonly state: KeyState;
  readonly algorithm: Algorithm;
  /** The libtrust key id: `kid` of its tokens. */
  readonly id: string;
  /** Epoch milliseconds, as all times here; `null` where it is not known. */
  readonly createdAt: number | null;
  readonly signsFrom: number | null;
  /** End of its certificate. */
  readonly expiresAt: number;
};

/**
 * Makes a change together with its row in the audit.
 * @param from when the next key signs; `null` for an authority
 * @returns what `change` does
 */
export type RecordChange = (from: number | null, change: (audit: AuditRowOf) => Promise<boolean>) => Promise<boolean>;

/** The keys of one or several services, and what makes registries trust them. */
export type KeyRing = {
  /** '' for the services that share their keys, else the name of the service that has its own. */
  readonly name: string;
  /** Signs with the key whose turn it is at that moment. */
  signer(header: TokenHeader): Signer;
  /** All keys that sign, will sign or have signed a token that can still be valid; of an operator's own, since the start. */
  jwks(): Jwks;
  /** PEM: what a registry's `rootcertbundle` must hold. */
  bundle(): string;
  /** Of all keys, and what certifies them. */
  certificates(): readonly X509Certificate[];
  list(): KeyDescription[];
  /** Of a command: why registries can refuse what it signs, though not what the service signs; a sentence, `null`: no reason. */
  waiting(header: TokenHeader): string | null;
  /** What an operator should do soon, each as a sentence; empty: nothing. */
  warnings(): string[];
  /** Takes over what changed, here or in another process, and does what is due. */
  refresh(): Promise<void>;
  /**
   * Lets the waiting key take over.
   * @param urgent now, instead of once every replica knows
   * @returns when
   * @throws {Refusal} `conflict` where a rotation is under way or another process was quicker, `bad_request` where the
   * keys are not Dockpass's to rotate
   */
  rotate(urgent: boolean, record: RecordChange): Promise<number>;
  /** Makes a new authority, and a key of it that waits for `rotate`. @throws {Refusal} as `rotate` does */
  addAuthority(record: RecordChange): Promise<void>;
};

/** @param chain certificates that go with each token, the key's own first */
export function toSigningKey(
  privateKey: CertifiedKey['privateKey'],
  chain: readonly X509Certificate[],
  algorithm: Algorithm,
): SigningKey {
  const id = libtrustKeyId(createPublicKey(privateKey));
  return { privateKey, algorithm, id, certificates: chain.map(({ raw }) => raw) };
}

/**
 * A public key under both of its names: libtrust's, which our tokens have as `kid`, and the thumbprint, by which registries
 * from 3.1 on call a key of the bundle.
 */
export function toJwks(certificate: X509Certificate, algorithm: Algorithm): object[] {
  const { publicKey } = certificate;
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm };
  return [libtrustKeyId(publicKey), keyThumbprint(publicKey)].map((kid) => ({ ...jwk, kid }));
}
