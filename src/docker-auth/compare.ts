/** Owns the comparison of a policy with what docker_auth decided, or would have decided. */

import { parseDocument } from 'yaml';
import { fieldsIn, isTexts } from '../lib/json.ts';
import type { Policy } from '../policy/acl.ts';
import { decide } from '../policy/decide.ts';
import { DockerAuthError } from '../policy/docker-auth.ts';
import { createEvaluator } from '../policy/eval.ts';
import { identityOf } from '../policy/named-account.ts';
import { formatScope } from '../scope.ts';
import { type LoggedRequest, readDecisions } from './decision-log.ts';
import { aliasProblems, readAsDockerAuth } from './yaml-references.ts';

export type ComparedDecision = {
  readonly request: LoggedRequest;
  /** By docker_auth. */
  readonly before: readonly string[];
  /** By the policy. */
  readonly after: readonly string[];
  /** The rule of the policy: its line, or `null` where none matches. */
  readonly line: number | null;
};

export type Comparison = {
  /** Each difference once, with how often it occurred. */
  readonly differences: ReadonlyMap<string, ComparedDecision & { readonly times: number }>;
  readonly compared: number;
  /** Lines that hold no decision. */
  readonly skipped: number;
};

/**
 * @param configuration docker_auth's, for the lines that do not say what was decided
 * @param pieces lines of docker_auth's log, or for `policy eval`, as many at a time as have come: the log of months fits in no memory
 * @throws {DockerAuthError} where docker_auth would not start with its configuration, or crash on a request
 */
export async function compareDecisions(
  configuration: string,
  policy: Policy,
  pieces: AsyncIterable<readonly string[]>,
): Promise<Comparison> {
  const acl = readAcl(configuration);
  const evaluate = createEvaluator({ dockerAuth: true });
  const differences = new Map<string, ComparedDecision & { times: number }>();
  let compared = 0;
  let skipped = 0;
  const compareLine = (line: string): void => {
    const decisions = readDecisions(line);
    if (decisions.length === 0) skipped += 1;
    for (const { request, granted } of decisions) {
      compared += 1;
      const before = granted ?? evaluated(evaluate(JSON.stringify({ acl, request })), request);
      const found = decideNow(policy, request);
      if (sameActions(before, found.after)) continue;
      const key = JSON.stringify([request, before]);
      differences.set(key, { request, before, ...found, times: (differences.get(key)?.times ?? 0) + 1 });
    }
  };
  for await (const lines of pieces) for (const line of lines) compareLine(line);
  return { differences, compared, skipped };
}

/** Of a key that is there twice, the last one counts to docker_auth. */
function readAcl(configuration: string): unknown {
  const document = parseDocument(configuration, { version: '1.1', uniqueKeys: false });
  const [problem] = document.errors;
  if (problem) throw new DockerAuthError(`docker_auth's configuration isn't YAML: ${problem.message}`);
  const [unresolved] = aliasProblems(document);
  if (unresolved) throw new DockerAuthError(`docker_auth's configuration can't be read: ${unresolved.message}`);
  readAsDockerAuth(document);
  return fieldsIn(document.toJS())['acl'];
}

function evaluated(answer: string, request: LoggedRequest): readonly string[] {
  const { actions, error } = fieldsIn(JSON.parse(answer));
  if (error === undefined) return isTexts(actions) ? actions : [];
  const who = request.account || 'anonymous';
  throw new DockerAuthError(
    `docker_auth cannot decide on ${who} ${formatScope(request)}: ${error}. Fix its configuration first.`,
  );
}

/** Labels of the log win over those of the file: they are what docker_auth knew. */
function decideNow(policy: Policy, request: LoggedRequest): Pick<ComparedDecision, 'after' | 'line'> {
  const { account, type, name, service, ip, actions } = request;
  const labels = Object.keys(request.labels).length > 0 ? request.labels : undefined;
  const identity = identityOf(policy.users, { account, labels });
  const { granted, rule } = decide(policy, identity, { type, name, actions }, { service, address: ip });
  return { after: granted, line: rule?.line ?? null };
}

function sameActions(a: readonly string[], b: readonly string[]): boolean {
  return [...new Set(a)].sort().join() === [...new Set(b)].sort().join();
}

/** @param policyName what the policy file is called, for `policy.yml:12` */
export function formatDifference(
  difference: ComparedDecision & { readonly times: number },
  policyName: string,
): string {
  const { request, before, after, line, times } = difference;
  const rule = line === null ? 'no rule' : `${policyName}:${line}`;
  const from = request.ip === '' ? '' : ` from ${request.ip}`;
  return `${request.account || 'anonymous'} ${formatScope(request)}${from}: docker_auth granted ${listOf(before)}, the policy ${listOf(after)} (${rule})${times > 1 ? `, ${times} times` : ''}`;
}

function listOf(actions: readonly string[]): string {
  return actions.length === 0 ? 'nothing' : actions.join(',');
}
