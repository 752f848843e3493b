/** Makes what lets workloads in: keys, verification, exchange, and what is kept of it. */
import type { Config } from '../config/config.ts';
import type { Grant } from '../oauth/token-endpoint.ts';
import { createTokenExchangeGrant, tokenExchange } from '../oauth/token-exchange.ts';
import { createAccept, type WorkloadsInForce } from '../workload/accept.ts';
import { createWorkloadAdministration, type WorkloadAdministration } from '../workload/administration.ts';
import { createWorkloadAuthentication, type WorkloadAuthentication } from '../workload/authenticator.ts';
import { createWorkloadCredentials } from '../workload/credentials.ts';
import { createExchange } from '../workload/exchange.ts';
import { createFailures } from '../workload/failures.ts';
import { fetchText } from '../workload/fetch-text.ts';
import { createIssuerKeys } from '../workload/issuer-keys.ts';
import type { RefusalReason } from '../workload/refusal.ts';
import { createWorkloadUses, type WorkloadUses } from '../workload/uses.ts';
import type { Core } from './core.ts';

export type OpenWorkloads = {
  /** `null` while the feature is off. */
  readonly inForce: () => WorkloadsInForce | null;
  readonly authentication: WorkloadAuthentication;
  readonly administration: WorkloadAdministration;
  readonly uses: WorkloadUses;
  /** By `grant_type`; empty while the feature is off. */
  readonly grants: () => ReadonlyMap<string, Grant>;
  /** Refreshes the keys of issuers; to be called now and then. */
  look(): void;
  /** Stores what waits for the last time. */
  close(): Promise<void>;
};

/**
 * @param inForce the workloads in force, asked each time
 * @param options `onJudged` gets each token, for the metrics; `longestWait` in milliseconds, for keys; `now` in epoch milliseconds
 */
export function openWorkloads(
  config: Pick<Config, 'services' | 'workloadKeyAge'>,
  { store, audit, pepper, cipher, log, unstored }: Core,
  inForce: () => WorkloadsInForce | null,
  {
    onJudged = () => {},
    longestWait,
    now = Date.now,
  }: {
    onJudged?: (issuer: string, outcome: 'accepted' | RefusalReason) => void;
    longestWait?: number;
    now?: () => number;
  } = {},
): OpenWorkloads {
  const onError = unstored.of('records of workloads');
  const failures = createFailures({ store: store.workloadRecords, onError, now });
  const uses = createWorkloadUses({ store: store.workloadRecords, audit, onError, now });
  const keys = createIssuerKeys({
    ...{ store: store.workloadIssuers, cipher, fetchText, log, now },
    files: () => inForce()?.files ?? noFiles,
    maximumAge: config.workloadKeyAge,
    ...(longestWait !== undefined && { longestWait }),
  });
  const shared = { inForce, failures, onJudged, audit, now };
  const accept = createAccept({ ...shared, issuers: store.workloadIssuers, keys });
  const credentials = createWorkloadCredentials({ ...shared, store: store.workloadCredentials, pepper, cipher });
  const exchange = createExchange({ ...shared, accept, credentials, seenTokens: store.seenTokens });
  const grants = new Map([[tokenExchange, createTokenExchangeGrant(exchange, config.services)]]);
  return {
    inForce,
    authentication: createWorkloadAuthentication({ inForce, accept, credentials }),
    administration: createWorkloadAdministration({
      ...{ ...shared, keys, uses, issuers: store.workloadIssuers, credentials: store.workloadCredentials },
    }),
    uses,
    grants: () => (inForce() === null ? new Map() : grants),
    look() {
      const workloads = inForce();
      if (workloads === null) return;
      keys.refresh(workloads.issuers.values()).catch((error: unknown) => {
        log.warn({ err: error }, 'keys of issuers could not be refreshed');
      });
    },
    async close() {
      await Promise.all([failures.close(), uses.close()]);
    },
  };
}

const noFiles = { keys: new Map(), authorities: new Map() };
