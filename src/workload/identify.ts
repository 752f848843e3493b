/** Owns who claims make someone, for explanations and test cases: nothing is verified, everything else is as at the realm. */
import type { Identity } from '../identity/identity.ts';
import { type Claims, textOf } from './claims.ts';
import type { FailedCondition } from './condition.ts';
import { identityOf } from './credentials.ts';
import type { Issuer } from './issuer.ts';
import { judge, type Mismatch, type Workload } from './judge.ts';
import type { Workloads } from './workloads.ts';

export type GivenClaims = {
  readonly claims: Claims;
  /** As the workloads file calls it; `null`: the one that `iss` names, or the only one. */
  readonly issuer: string | null;
  /** The registry that asks, or `null`. */
  readonly service: string | null;
};

export type Identified =
  | { readonly identity: Identity; readonly workload: Workload }
  | { readonly refused: string; readonly issuer: Issuer | null; readonly mismatch: Mismatch | null };

export function identify(workloads: Workloads, { claims, issuer: name, service }: GivenClaims): Identified {
  const found = issuersFor(workloads, claims, name);
  const [issuer, ...others] = found;
  if (issuer === undefined) return { refused: 'the workloads file has no such issuer', issuer: null, mismatch: null };
  if (others.length > 0) {
    const names = found.map((one) => one.name).join(', ');
    return { refused: `several issuers have this iss: name one of ${names}`, issuer: null, mismatch: null };
  }
  const judgement = judge(workloads, issuer, claims, service);
  if ('mismatch' in judgement) return { refused: 'no rule accepts these claims', issuer, mismatch: judgement.mismatch };
  const { workload } = judgement;
  // It lasts as long as the explanation.
  return { workload, identity: identityOf(workload, { id: '', endsAt: Number.MAX_SAFE_INTEGER }) };
}

function issuersFor({ issuers }: Workloads, claims: Claims, name: string | null): Issuer[] {
  if (name !== null) return [issuers.get(name) ?? []].flat();
  const iss = textOf(claims, 'iss');
  const all = [...issuers.values()];
  return iss === null && all.length === 1 ? all : all.filter((one) => one.issuer === iss);
}

/** @param fileName what the workloads file is called, for `workloads.yml:12` */
export function formatWorkload({ rule, run }: Workload, fileName: string): string {
  const comment = rule.comment === null ? '' : `: "${rule.comment}"`;
  const ofRun = run === null ? '' : `, run ${run}`;
  return `issuer ${rule.issuer.name}${ofRun}: let in by ${placeOf(rule, fileName)}${comment}`;
}

/** The rule that came closest, a line for each condition that failed. */
export function formatMismatch({ nearest, failed, problem }: Mismatch, fileName: string): string[] {
  const what = nearest === null ? [] : [`the rule that came closest is ${placeOf(nearest, fileName)}`];
  return [
    ...what,
    ...failed.map((condition) => `  ${formatFailed(condition)}`),
    ...(problem === null ? [] : [`  ${problem}`]),
  ];
}

export function formatFailed({ claim, patterns, has, actual }: FailedCondition): string {
  const expected = `${has ? 'has ' : ''}${patterns.map((pattern) => `"${pattern}"`).join(' or ')}`;
  return actual === null ? `${claim} ${expected}: there is none` : `${claim} ${expected} does not match ${actual}`;
}

function placeOf({ number, line }: { number: number; line: number }, fileName: string): string {
  return `rules[${number}] (${fileName}:${line})`;
}
