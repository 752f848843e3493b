/** Owns the way from an ID token to a workload that a rule lets in: which issuer, is it genuine, is it meant for us, is it let in. */
import { trimBlanks } from '../lib/secret.ts';
import type { WorkloadIssuerRow, WorkloadIssuerStore } from '../store/workload-issuers.ts';
import type { Claims } from './claims.ts';
import type { Failures } from './failures.ts';
import { readUnverified, refuseHeader, type UnverifiedToken } from './id-token.ts';
import { anyIssuer, type Issuer } from './issuer.ts';
import type { IssuerFiles, IssuerKeys } from './issuer-keys.ts';
import { judge, type Mismatch, type Workload } from './judge.ts';
import { type RefusalReason, WorkloadRefusal } from './refusal.ts';
import { type VerifiedToken, verifyToken } from './verify.ts';
import type { Workloads } from './workloads.ts';

/** The workloads file and what it names, as they were read together. */
export type WorkloadsInForce = Workloads & { readonly files: IssuerFiles };

export type Accepted = { readonly token: VerifiedToken; readonly workload: Workload };

export type Asked = {
  /** "oidc", or the name of the issuer. */
  readonly username: string;
  /** The registry that asks; `null` where none does yet. */
  readonly service: string | null;
  /** Where the request comes from. */
  readonly address: string;
  readonly purpose: 'password' | 'exchange';
};

export type AcceptParts = {
  /** `null` while the feature is off. */
  readonly inForce: () => WorkloadsInForce | null;
  readonly issuers: Pick<WorkloadIssuerStore, 'byName'>;
  readonly keys: Pick<IssuerKeys, 'find'>;
  readonly failures: Pick<Failures, 'record'>;
  /** Gets each answer: 'accepted', or why not. @param issuer '' where none is known */
  readonly onJudged: (issuer: string, outcome: 'accepted' | RefusalReason) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** @throws {WorkloadRefusal}; {Refusal} `unavailable` where the issuer's keys can't be had */
export type Accept = (text: string, asked: Asked) => Promise<Accepted>;

/** What a refusal is recorded with: filled in as it becomes known. */
type Progress = { issuer: Issuer | null; claims: Claims | null; mismatch: Mismatch | null };

export function createAccept(parts: AcceptParts): Accept {
  const { failures, onJudged } = parts;
  return async (text, asked) => {
    const progress: Progress = { issuer: null, claims: null, mismatch: null };
    try {
      const accepted = await acceptToken(parts, text, asked, progress);
      onJudged(accepted.token.issuer.name, 'accepted');
      return accepted;
    } catch (error) {
      if (!(error instanceof WorkloadRefusal)) throw error;
      const { reason } = error;
      failures.record({ ...progress, reason, address: asked.address });
      onJudged(progress.issuer?.name ?? '', reason);
      throw error;
    }
  };
}

/** The order matters: nothing is asked of anyone, and nothing believed, before the issuer is one of ours. */
async function acceptToken(parts: AcceptParts, text: string, asked: Asked, progress: Progress): Promise<Accepted> {
  const workloads = parts.inForce();
  if (workloads === null) throw new WorkloadRefusal('malformed');
  const unverified = readUnverified(text);
  const issuer = chooseIssuer(workloads, unverified, trimBlanks(asked.username));
  progress.issuer = issuer;
  if (unverified.issuer !== issuer.issuer) throw new WorkloadRefusal('issuer');
  refuseHeader(unverified);
  if (!issuer.algorithms.includes(unverified.algorithm)) throw new WorkloadRefusal('algorithm');
  const row = await parts.issuers.byName(issuer.name);
  refuseDisabled(row);
  const candidates = await parts.keys.find(issuer, row, unverified);
  const token = await verifyToken(unverified, issuer, candidates, parts.now());
  progress.claims = token.claims;
  if (token.issuedAt < (row?.accepts_from ?? 0)) throw new WorkloadRefusal('issued-before');
  if (issuer.exchangeOnly && asked.purpose === 'password') {
    throw new WorkloadRefusal('exchange-only', { hint: 'exchange it first, at the token endpoint' });
  }
  const judgement = judge(workloads, issuer, token.claims, asked.service);
  if ('workload' in judgement) return { token, workload: judgement.workload };
  progress.mismatch = judgement.mismatch;
  throw new WorkloadRefusal('no-rule');
}

/** By the user name where it says so, else by an exact comparison with what the token claims. @throws {WorkloadRefusal} */
function chooseIssuer({ issuers }: Workloads, { issuer }: UnverifiedToken, username: string): Issuer {
  const named = issuers.get(username);
  if (named !== undefined) return named;
  if (username !== anyIssuer) throw new WorkloadRefusal('wrong-name', { hint: `log in as "${anyIssuer}"` });
  const [found, ...others] = [...issuers.values()].filter((one) => one.issuer === issuer);
  if (found === undefined) throw new WorkloadRefusal('unknown-issuer');
  if (others.length === 0) return found;
  // Their names are in a file that isn't secret from the cluster's administrators, but not the sender's business either.
  throw new WorkloadRefusal('shared-issuer', { hint: 'several issuers have its iss; log in with the name of yours' });
}

/** @throws {WorkloadRefusal} */
function refuseDisabled(row: WorkloadIssuerRow | undefined): void {
  if (row !== undefined && row.off_at !== null) throw new WorkloadRefusal('switched-off');
}
