/** Owns what administrators see of workloads and do about them: issuers with their keys, rules with their last use, failures, the switch. */
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import { checkReason } from '../lib/reason.ts';
import type { WorkloadCredentialStore } from '../store/workload-credentials.ts';
import type { WorkloadIssuerRow, WorkloadIssuerStore } from '../store/workload-issuers.ts';
import type { WorkloadsInForce } from './accept.ts';
import type { Failures, ListedFailure } from './failures.ts';
import type { Issuer } from './issuer.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { WorkloadRule } from './rule.ts';
import type { WorkloadUses } from './uses.ts';

/** Times are epoch milliseconds. */
export type ListedIssuer = {
  readonly name: string;
  readonly preset: string;
  readonly issuer: string;
  readonly audience: string;
  readonly exchangeOnly: boolean;
  readonly keys: {
    readonly source: Issuer['keys']['kind'];
    /** How many count now. */
    readonly count: number;
    /** When they were fetched; `null`: they're in a file, or there are none yet. */
    readonly fetchedAt: number | null;
    /** Why the last fetch brought nothing. */
    readonly problem: string | null;
  };
  readonly off: { readonly at: number; readonly by: string; readonly reason: string } | null;
};

export type ListedRule = {
  readonly rule: WorkloadRule;
  /** Runs of the last 30 days count. */
  readonly lastUsedAt: number | null;
  /** Exchanged passwords and job-bound tokens that work now. */
  readonly active: number;
};

export type WorkloadAdministration = {
  /** `null` while the feature is off. */
  overview(): Promise<WorkloadOverview | null>;
  failures(): Promise<ListedFailure[]>;
  /** Ends what was made from tokens of the issuer, and refuses its tokens from the next request on. @throws {Refusal} */
  disable(name: string, reason: string, by: Actor): Promise<void>;
  /** Tokens issued before now stay refused. @throws {Refusal} */
  enable(name: string, by: Actor): Promise<void>;
  /** Forgets the stored keys, so that the next token fetches them. @throws {Refusal} */
  discardKeys(name: string, by: Actor): Promise<void>;
};

export type WorkloadOverview = {
  readonly audience: string;
  readonly issuers: readonly ListedIssuer[];
  readonly rules: readonly ListedRule[];
};

export type WorkloadAdministrationParts = {
  readonly inForce: () => WorkloadsInForce | null;
  readonly issuers: WorkloadIssuerStore;
  readonly credentials: Pick<WorkloadCredentialStore, 'countActive'>;
  readonly keys: Pick<IssuerKeys, 'known'>;
  readonly uses: Pick<WorkloadUses, 'lastUses'>;
  readonly failures: Pick<Failures, 'list'>;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createWorkloadAdministration(parts: WorkloadAdministrationParts): WorkloadAdministration {
  const { inForce, issuers, audit, now } = parts;
  return {
    overview: () => overviewOf(parts),
    failures: parts.failures.list,
    async disable(name, reason, by) {
      // One that the file doesn't have any more can be disabled too: it could come back.
      if (!inForce()?.issuers.has(name) && (await issuers.byName(name)) === undefined) throw unknownIssuer(name);
      const words = checkReason(reason);
      const event = { action: 'workload.off', ...by, subject: name, detail: { reason: words } } as const;
      const off = { at: now(), by: by.actor, reason: words };
      if (await audit.commit(event, (entry) => issuers.disable(name, off, entry))) return;
      throw new Refusal('conflict', `The issuer "${name}" is disabled already.`);
    },
    async enable(name, by) {
      const event = { action: 'workload.on', ...by, subject: name } as const;
      if (await audit.commit(event, (entry) => issuers.enable(name, now(), entry))) return;
      throw new Refusal('conflict', `The issuer "${name}" isn't disabled.`);
    },
    async discardKeys(name, by) {
      const event = { action: 'workload.discard-keys', ...by, subject: name } as const;
      if (await audit.commit(event, (entry) => issuers.discardKeys(name, entry))) return;
      throw new Refusal('conflict', `There are no stored keys of "${name}".`);
    },
  };
}

function unknownIssuer(name: string): Refusal {
  return new Refusal('not_found', `The workloads file has no issuer "${name}".`);
}

async function overviewOf(parts: WorkloadAdministrationParts): Promise<WorkloadOverview | null> {
  const workloads = parts.inForce();
  if (workloads === null) return null;
  const [rows, lastUses, counts] = await Promise.all([
    parts.issuers.all(),
    parts.uses.lastUses(),
    parts.credentials.countActive(parts.now()),
  ]);
  const active = new Map(counts.map(({ rule, active: count }) => [rule, count]));
  return {
    audience: workloads.audience,
    issuers: [...workloads.issuers.values()].map((issuer) =>
      listedIssuer(
        parts,
        issuer,
        rows.find(({ name }) => name === issuer.name),
      ),
    ),
    rules: workloads.rules.map((rule) => ({
      rule,
      lastUsedAt: lastUses.get(rule.key) ?? null,
      active: active.get(rule.key) ?? 0,
    })),
  };
}

function listedIssuer(
  { keys }: WorkloadAdministrationParts,
  issuer: Issuer,
  row: WorkloadIssuerRow | undefined,
): ListedIssuer {
  const known = keys.known(issuer, row);
  const { name, preset, audience, exchangeOnly } = issuer;
  const off = row?.off_at == null ? null : { at: row.off_at, by: row.off_by ?? '', reason: row.off_reason ?? '' };
  return {
    ...{ name, audience, exchangeOnly, off },
    preset: preset.name,
    issuer: issuer.issuer,
    keys: {
      source: issuer.keys.kind,
      count: known?.keys.length ?? 0,
      fetchedAt: known?.at ?? null,
      problem: row?.problem ?? null,
    },
  };
}
