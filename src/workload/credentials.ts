/** Owns what is made from ID tokens: exchanged passwords, and identity tokens that docker keeps for one job. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import { anonymous, type Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import type { Cipher } from '../lib/cipher.ts';
import { fieldsIn } from '../lib/json.ts';
import { createSecret, deriveSecret, equalHashes, hasValidChecksum, isSecretOf, type Pepper } from '../lib/secret.ts';
import type {
  NewWorkloadCredential,
  WorkloadCredentialRow,
  WorkloadCredentialStore,
} from '../store/workload-credentials.ts';
import type { Accepted, WorkloadsInForce } from './accept.ts';
import { type Claims, readClaims } from './claims.ts';
import type { Failures } from './failures.ts';
import { anyIssuer, type Issuer, minimumRest } from './issuer.ts';
import { judge, type Mismatch, type Workload } from './judge.ts';
import { type RefusalReason, WorkloadRefusal } from './refusal.ts';
import { leeway } from './verify.ts';

export type WorkloadCredentials = {
  /**
   * A password in the place of the token; the secret is in this answer and nowhere else.
   * @param service the only one that takes it, or `null`
   * @throws {WorkloadRefusal} `limit`
   */
  issuePassword(accepted: Accepted, service: string | null, client: Requester): Promise<IssuedPassword>;
  /**
   * What docker keeps in the place of the token for the rest of the job: the same one at each login.
   * @returns `null` where that one has ended: docker keeps the ID token then, as other clients do
   * @throws {WorkloadRefusal} `limit`
   */
  issueIdentityToken(accepted: Accepted, service: string, client: Requester): Promise<string | null>;
  /**
   * What the secret proves now: the claims that it was made with are judged again by the rules in force.
   * @returns `null` for a secret that no one has, or of another service
   * @throws {WorkloadRefusal}
   */
  verify(kind: CredentialKind, secret: string, asked: CredentialUse): Promise<Verified | null>;
};

export type CredentialKind = 'dkc' | 'dkj';
export type CredentialUse = { readonly service: string; readonly address: string };
export type Verified = { readonly issuer: Issuer; readonly workload: Workload; readonly identity: Identity };

/** `endsAt` in epoch milliseconds. */
export type IssuedPassword = { readonly secret: string; readonly endsAt: number };

export type CredentialParts = {
  readonly store: WorkloadCredentialStore;
  readonly inForce: () => WorkloadsInForce | null;
  readonly failures: Pick<Failures, 'record'>;
  readonly onJudged: (issuer: string, outcome: 'accepted' | RefusalReason) => void;
  readonly audit: Pick<Audit, 'commit'>;
  readonly pepper: Pepper;
  readonly cipher: Cipher;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

const actions = { dkc: 'workload.exchange', dkj: 'workload.identity-token' } as const;
const kinds = { dkc: 'password', dkj: 'identity-token' } as const;

export function createWorkloadCredentials(parts: CredentialParts): WorkloadCredentials {
  const { store, pepper, audit } = parts;
  const add = async (kind: CredentialKind, secret: string, accepted: Accepted, { service, client }: For) => {
    const { limit } = accepted.workload.rule;
    const row = rowOf(parts, kind, secret, accepted, service);
    const { id, account, issuer, run, ends_at: endsAt } = row;
    const detail = { id, issuer, run, service, endsAt };
    const event = { action: actions[kind], actor: account, subject: account, client, detail };
    const outcome = await audit.commit(event, (entry) => store.insert(row, limit, entry));
    if (outcome === 'full') throw new WorkloadRefusal('limit', { hint: `its rule can have ${limit} active passwords` });
    return { row, outcome };
  };
  return {
    async issuePassword(accepted, service, client) {
      const secret = createSecret('dkc');
      const { row } = await add('dkc', secret, accepted, { service, client });
      return { secret, endsAt: row.ends_at };
    },
    async issueIdentityToken(accepted, service, client) {
      const secret = deriveIdentityToken(pepper, accepted.token.signed, service);
      const { row, outcome } = await add('dkj', secret, accepted, { service, client });
      const stored = outcome === 'known' ? await store.byHash(row.hash) : { ...row, ended_at: null };
      return stored !== undefined && isUsable(stored, accepted, parts.now()) ? secret : null;
    },
    async verify(kind, secret, asked) {
      if (!isSecretOf(kind, secret) || !hasValidChecksum(secret)) return null;
      const hash = pepper.hash(secret);
      const row = await store.byHash(hash);
      if (row === undefined || !equalHashes(row.hash, hash) || row.kind !== kinds[kind]) return null;
      if (row.service !== null && row.service !== asked.service) return null;
      return verifyRow(parts, row, asked);
    },
  };
}

type For = { readonly service: string | null; readonly client: Requester };

function rowOf(
  { pepper, cipher, now }: CredentialParts,
  kind: CredentialKind,
  secret: string,
  { token, workload }: Accepted,
  service: string | null,
): NewWorkloadCredential {
  const { rule, account, run } = workload;
  const createdAt = now();
  const endsAt = createdAt + rule.lifetime * 1000;
  const [id, hash] = [randomBytes(9).toString('hex'), pepper.hash(secret)];
  return {
    ...{ id, kind: kinds[kind], hash, pepper_id: pepper.id, account, run, service },
    issuer: token.issuer.name,
    rule: rule.key,
    sealed_claims: cipher.seal(token.payload, sealContext(hash)),
    created_at: createdAt,
    ends_at: endsAt,
    // One that was derived from the token could be made again as long as the token can count, and would start over.
    removable_at: Math.max(endsAt, token.latestEnd + leeway * 1000),
  };
}

function sealContext(hash: string): string {
  return `claims of the workload credential ${hash}`;
}

/**
 * A separate secret that no one can compute without the ID token and the pepper. It's made of what the issuer signed: the same
 * token with its signature written in another way must not start over. A login that comes again is given the same one, with the end
 * that was set first: logging in never extends it.
 */
function deriveIdentityToken(pepper: Pepper, signed: string, service: string): string {
  return deriveSecret('dkj', pepper, (round) => `job token ${round}\0${service}\0${signed}`);
}

/** Whether it would be taken now: the one of an earlier login can have ended, or be of an issuer that had another name. */
function isUsable(row: WorkloadCredentialRow, { token, workload }: Accepted, now: number): boolean {
  const isOver = endOf(row, workload) - now < minimumRest * 1000;
  return row.ended_at === null && row.issuer === token.issuer.name && !isOver;
}

/** The lifetime of the rule in force, where that is shorter than when it was made. */
function endOf({ ends_at: endsAt, created_at: createdAt }: WorkloadCredentialRow, { rule }: Workload): number {
  return Math.min(endsAt, createdAt + rule.lifetime * 1000);
}

type StoredRow = NonNullable<Awaited<ReturnType<WorkloadCredentialStore['byHash']>>>;

/** @throws {WorkloadRefusal} recorded as one of an ID token is */
function verifyRow(parts: CredentialParts, row: StoredRow, { service, address }: CredentialUse): Verified {
  const issuer = parts.inForce()?.issuers.get(row.issuer) ?? null;
  const refuse = (
    reason: RefusalReason,
    hint?: string,
    claims: Claims | null = null,
    mismatch: Mismatch | null = null,
  ) => {
    parts.failures.record({ reason, issuer, claims, mismatch, address });
    parts.onJudged(row.issuer, reason);
    return new WorkloadRefusal(reason, hint === undefined ? {} : { hint });
  };
  if (issuer === null) throw refuse('unknown-issuer');
  if (row.off_at !== null) throw refuse('switched-off');
  if (row.ended_at !== null) throw refuse('ended');
  const payload = parts.cipher.open(row.sealed_claims, sealContext(row.hash));
  const claims = readClaims(payload);
  const problem = misfitOf(payload, issuer, row.accepts_from ?? 0);
  if (problem !== null) throw refuse(problem, undefined, claims);
  const workloads = parts.inForce();
  const judgement = workloads && judge(workloads, issuer, claims, service);
  if (judgement === null || 'mismatch' in judgement) throw refuse('no-rule', undefined, claims, judgement?.mismatch);
  const { workload } = judgement;
  const endsAt = endOf(row, workload);
  if (endsAt - parts.now() < minimumRest * 1000)
    throw refuse('expired', 'it has ended; start with a new ID token', claims);
  parts.onJudged(issuer.name, 'accepted');
  return { issuer, workload, identity: identityOf(workload, { id: row.id, endsAt }) };
}

/**
 * Whether the token that it was made from would be one of this issuer still. What was being made while the issuer was disabled
 * hasn't been ended with the rest.
 */
function misfitOf(payload: string, issuer: Issuer, acceptsFrom: number): RefusalReason | null {
  const { iss, aud, iat } = fieldsIn(JSON.parse(payload));
  if (typeof iat !== 'number' || iat * 1000 < acceptsFrom) return 'issued-before';
  if (iss !== issuer.issuer) return 'issuer';
  return (Array.isArray(aud) ? aud[0] : aud) === issuer.audience ? null : 'audience';
}

/** What a workload is to the policy. @param proof when it ends, in epoch milliseconds */
export function identityOf(
  { rule, account, groups, labels, run }: Workload,
  { id, endsAt }: { readonly id: string; readonly endsAt: number },
): Identity {
  return {
    ...anonymous,
    kind: 'ci',
    account,
    groups,
    labels,
    workload: { id, usernames: [anyIssuer, rule.issuer.name], run, endsAt, lifetime: rule.lifetime },
  };
}
