/** Owns the workloads of `dockpass policy ...`: claims from a file or from a token, and what the workloads file makes of them. */
import { dirname, join } from 'node:path';
import { readRules } from '../app/policy-file.ts';
import { type WorkloadsSource, workloadsSourceOf } from '../app/workloads-file.ts';
import { type Config, readConfig } from '../config/config.ts';
import type { Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { Policy } from '../policy/acl.ts';
import { createAccept, type WorkloadsInForce } from '../workload/accept.ts';
import { type Claims, readClaims } from '../workload/claims.ts';
import { identityOf } from '../workload/credentials.ts';
import type { Failure } from '../workload/failures.ts';
import { fetchText } from '../workload/fetch-text.ts';
import { formatMismatch, formatWorkload, identify } from '../workload/identify.ts';
import { anyIssuer } from '../workload/issuer.ts';
import { createIssuerKeys } from '../workload/issuer-keys.ts';
import { refusalReasons, WorkloadRefusal } from '../workload/refusal.ts';
import { type Terminal, textOf, type Values } from './command.ts';
import { serviceNames, withCore } from './core.ts';
import { readTextFile } from './read-file.ts';

export type Rules = { readonly policy: Policy; readonly workloads: WorkloadsInForce | null };

/** The files that decide, without the settings of a service that runs: for a policy in a repository and its CI. */
export async function readRuleFiles(
  policyFile: string,
  values: Values,
  { environment }: Terminal,
): Promise<Rules & { readonly workloadsFile: string }> {
  const given = textOf(values, 'workloads') ?? environment['WORKLOADS_FILE'] ?? null;
  const file = given ?? join(dirname(policyFile), 'workloads.yml');
  const audience = environment['PUBLIC_URL']?.replace(/\/$/, '') ?? 'http://localhost:5001';
  const context = { audience, clientIds: [], services: null };
  const source: WorkloadsSource = { file, isRequired: given !== null, context };
  return { ...(await readRules(policyFile, source)), workloadsFile: file };
}

export type FoundWorkload = Rules & { readonly identity: Identity; readonly account: string; readonly note: string };

/** Who the claims of `--claims FILE` are: as if a token with them had been verified. @throws {Refusal} if nothing lets them in */
export async function workloadOfClaims(
  policyFile: string,
  claimsFile: string,
  values: Values,
  terminal: Terminal,
): Promise<FoundWorkload> {
  const { policy, workloads, workloadsFile } = await readRuleFiles(policyFile, values, terminal);
  if (workloads === null) throw noWorkloads(workloadsFile);
  const claims = await readClaimsFile(claimsFile);
  const issuer = textOf(values, 'issuer');
  const service = textOf(values, 'service');
  const found = identify(workloads, { claims, issuer, service });
  if ('refused' in found) {
    const more = found.mismatch === null ? [] : formatMismatch(found.mismatch, workloadsFile);
    throw new Refusal('denied', [`refused: ${found.refused}`, ...more].join('\n'));
  }
  const { identity, workload } = found;
  return { policy, workloads, identity, account: identity.account, note: formatWorkload(workload, workloadsFile) };
}

/**
 * Who the token in `--token FILE` proves, verified with the keys of its issuer as at the realm.
 * @throws {Refusal} with the full reason where it would be refused
 */
export async function workloadOfToken(tokenFile: string, values: Values, terminal: Terminal): Promise<FoundWorkload> {
  const config = readConfig({ ...terminal.environment, LOG_LEVEL: 'silent' });
  const rules = await readRules(config.policyFile, workloadsSourceOf(config));
  if (rules.workloads === null) throw noWorkloads(config.workloads.file);
  const text = (await readTextFile(tokenFile)).trim();
  const username = textOf(values, 'issuer') ?? anyIssuer;
  const service = textOf(values, 'service');
  serviceNames(config, service);
  return withCore(config, async ({ store, cipher, log }) => {
    const now = Date.now;
    const failures: Failure[] = [];
    const files = rules.workloads?.files ?? { keys: new Map(), authorities: new Map() };
    const keys = createIssuerKeys({
      ...{ store: store.workloadIssuers, cipher, fetchText, log, now, files: () => files },
      maximumAge: config.workloadKeyAge,
    });
    const accept = createAccept({
      ...{ inForce: () => rules.workloads, issuers: store.workloadIssuers, keys, now },
      failures: { record: (failure) => void failures.push(failure) },
      onJudged: () => {},
    });
    try {
      const { token, workload } = await accept(text, { username, service, address: '', purpose: 'exchange' });
      const identity = identityOf(workload, token);
      return { ...rules, identity, account: identity.account, note: formatWorkload(workload, config.workloads.file) };
    } catch (error) {
      throw error instanceof WorkloadRefusal ? explained(error, failures[0], config) : error;
    }
  });
}

function explained({ reason, hint }: WorkloadRefusal, failure: Failure | undefined, { workloads }: Config): Refusal {
  const more = [
    ...(hint === null ? [] : [`  ${hint}`]),
    ...(failure?.mismatch ? formatMismatch(failure.mismatch, workloads.file) : []),
  ];
  return new Refusal('denied', [`refused: ${refusalReasons[reason]}`, ...more].join('\n'));
}

export function noWorkloads(file: string): Refusal {
  return new Refusal('not_found', `There is no workloads file ${file}: docs/workloads.md shows how to write one.`);
}

/** @throws {Refusal} */
async function readClaimsFile(file: string): Promise<Claims> {
  const text = await readTextFile(file);
  try {
    return readClaims(text);
  } catch (cause) {
    throw new Refusal('bad_request', `${file} is not a JSON object of claims.`, { cause });
  }
}
