/** Owns what is kept of ID tokens that weren't accepted: counted by issuer, reason and the ids that never change hands. */
import { createHash } from 'node:crypto';
import { isKeyOf, isRecord, isTexts, readJson } from '../lib/json.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import { storable } from '../store/sql.ts';
import type { WorkloadFailureRow, WorkloadRecordStore } from '../store/workload-records.ts';
import { type Claims, textOf } from './claims.ts';
import { type FailedCondition, shownClaim } from './condition.ts';
import type { Issuer } from './issuer.ts';
import type { Mismatch } from './judge.ts';
import { type RefusalReason, refusalReasons } from './refusal.ts';

/** What is known of a token by the time that it's refused. */
export type Failure = {
  readonly reason: RefusalReason;
  /** `null` where the token named none that is configured. */
  readonly issuer: Issuer | null;
  /** `null` where the signature wasn't verified: anyone can claim anything. */
  readonly claims: Claims | null;
  readonly mismatch: Mismatch | null;
  readonly address: string;
};

/** Times are epoch milliseconds. */
export type ListedFailure = {
  /** '' where no configured issuer was named. */
  readonly issuer: string;
  readonly reason: RefusalReason;
  /** "repository_id 123456, repository_owner_id 987654"; '' where nothing was verified. */
  readonly who: string;
  /** Names and shortened values; empty where nothing was verified. */
  readonly claims: readonly (readonly [name: string, value: string])[];
  readonly nearest: NearestRule | null;
  readonly address: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

/** The rule that came closest, as it was at that time. */
export type NearestRule = {
  /** `null`: no rule is for this issuer. */
  readonly line: number | null;
  readonly comment: string | null;
  readonly failed: readonly FailedCondition[];
  readonly problem: string | null;
};

export type Failures = {
  /** Counts it soon; never waited for. */
  record(failure: Failure): void;
  /** Those of ids that a rule names first, then the latest. */
  list(): Promise<ListedFailure[]>;
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Groups of verified tokens that are kept of an issuer. */
const keptOfIssuer = 200;
const maximumListed = 500;
const maximumLength = 200;
const maximumClaims = 60;
const flushDelay = 500;
const maximumWaiting = 5_000;

export function createFailures(parts: {
  readonly store: WorkloadRecordStore;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): Failures {
  const { store, now } = parts;
  const waiting = createWriteBehind<WorkloadFailureRow>({
    write: (rows) => store.addFailures(rows, keptOfIssuer),
    merge: (earlier, later) => ({ ...later, count: earlier.count + later.count, first_at: earlier.first_at }),
    delay: flushDelay,
    maximum: maximumWaiting,
    onError: parts.onError,
  });
  return {
    record(failure) {
      const row = rowOf(failure, now());
      waiting.put(row.id, row);
    },
    async list() {
      await waiting.flush();
      return (await store.failures(maximumListed)).map(toFailure);
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

function rowOf({ reason, issuer, claims, mismatch, address }: Failure, at: number): WorkloadFailureRow {
  const who = issuer === null || claims === null ? '' : storable(whoOf(issuer, claims));
  const counted = { issuer: issuer?.name ?? '', reason, who };
  return {
    ...counted,
    id: createHash('sha256').update(JSON.stringify(counted)).digest('base64url'),
    claims_json: claims === null ? null : storable(JSON.stringify(shownClaims(claims))),
    nearest_json: mismatch === null ? null : storable(JSON.stringify(nearestOf(mismatch))),
    known: mismatch?.isKnown === true ? 1 : 0,
    address,
    count: 1,
    first_at: at,
    last_at: at,
  };
}

function whoOf({ preset }: Issuer, claims: Claims): string {
  const ids = preset.ids.flatMap((name) => {
    const value = textOf(claims, name);
    return value === null ? [] : `${name} ${value}`;
  });
  return (ids.length > 0 ? ids.join(', ') : `sub ${textOf(claims, 'sub') ?? ''}`).slice(0, maximumLength);
}

function shownClaims(claims: Claims): (readonly [string, string])[] {
  return Object.keys(claims)
    .slice(0, maximumClaims)
    .map((name) => [name.slice(0, maximumLength), shownClaim(claims, name) ?? ''] as const);
}

function isShownClaims(value: unknown): value is ListedFailure['claims'] {
  return Array.isArray(value) && value.every((pair) => isTexts(pair) && pair.length === 2);
}

function nearestOf({ nearest, failed, problem }: Mismatch): NearestRule {
  return { line: nearest?.line ?? null, comment: nearest?.comment ?? null, failed, problem };
}

function isNearestRule(value: unknown): value is NearestRule {
  return isRecord(value) && Array.isArray(value['failed']) && value['failed'].every(isFailedCondition);
}

function isFailedCondition(value: unknown): value is FailedCondition {
  return isRecord(value) && typeof value['claim'] === 'string' && isTexts(value['patterns']);
}

function toFailure(row: WorkloadFailureRow): ListedFailure {
  const { issuer, who, claims_json: claims, nearest_json: nearest, address, count } = row;
  return {
    ...{ issuer, who, address, count },
    reason: isKeyOf(refusalReasons, row.reason) ? row.reason : 'malformed',
    claims: claims === null ? [] : readJson(claims, isShownClaims),
    nearest: nearest === null ? null : readJson(nearest, isNearestRule),
    firstAt: row.first_at,
    lastAt: row.last_at,
  };
}
