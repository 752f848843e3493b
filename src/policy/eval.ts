/** Owns `policy eval`: one JSON line with an ACL and a request in, one JSON line with the decision out. */
import type { Identity, IdentityKind } from '../identity/identity.ts';
import { PolicyError, policyFrom, type StaticUser } from './acl.ts';
import { DockerAuthError, loadDockerAuthAcl } from './docker-auth.ts';
import { noGroups } from './groups.ts';
import { type Condition, failingCondition, grantedBy } from './rule.ts';
import { subjectOf } from './subject.ts';
import { identityOf } from './who.ts';

type EvaluatedRule = { readonly conditions: readonly Condition[]; readonly actions: readonly string[] | null };
/** The rules of an ACL, or why it has none. */
type Loaded = { readonly rules: readonly EvaluatedRule[] } | { readonly error: string };
type Outcome = { readonly actions: readonly string[] } | { readonly nomatch: true } | { readonly error: string };

/** A stream usually asks many things of few ACLs, or goes over the same ones again and again. */
const keptAcls = 4_096;

/**
 * `{"acl":[...],"request":{"account","type","name","ip","service","labels","actions"}}` ->
 * `{"actions":[...]}`, `{"nomatch":true}` or `{"error":"..."}`. What is wrong with a line is its answer, never a throw.
 * @param dockerAuth decide exactly as docker_auth, its pitfalls included
 */
export function createEvaluator({ dockerAuth }: { dockerAuth: boolean }): (line: string) => string {
  const load = dockerAuth ? loadDockerAuth : loadOurs;
  const kept = new Map<string, Loaded>();
  const loadOnce = (acl: unknown): Loaded => {
    const text = JSON.stringify(acl ?? null);
    const known = kept.get(text);
    if (known) return known;
    if (kept.size >= keptAcls) kept.clear();
    const loaded = load(acl);
    kept.set(text, loaded);
    return loaded;
  };
  return (line) => JSON.stringify(evaluate(line, loadOnce));
}

function evaluate(line: string, load: (acl: unknown) => Loaded): Outcome {
  let input: { readonly acl?: unknown; readonly request?: EvalRequest } | null;
  try {
    input = JSON.parse(line);
  } catch {
    return { error: 'the line is not JSON' };
  }
  const request = input?.request ?? {};
  const problem = problemOf(request);
  if (problem !== null) return { error: problem };
  const loaded = load(input?.acl);
  return 'error' in loaded ? loaded : decideRequest(loaded.rules, request);
}

/** A line may hold anything; what is read of a request has to be of its kind. */
function problemOf(request: EvalRequest): string | null {
  if (typeof request !== 'object' || Array.isArray(request)) return 'request is not an object';
  for (const field of ['account', 'type', 'name', 'ip', 'service', 'kind', 'domain'] as const) {
    if (request[field] !== undefined && typeof request[field] !== 'string') return `request.${field} is not text`;
  }
  for (const field of ['actions', 'groups'] as const) {
    if (!isTexts(request[field] ?? [])) return `request.${field} is not a list of texts`;
  }
  const labels = request.labels ?? {};
  if (typeof labels !== 'object' || Array.isArray(labels)) return 'request.labels is not an object';
  const wrong = Object.entries(labels).find(([, values]) => !isTexts(values ?? []));
  return wrong ? `request.labels.${wrong[0]} is not a list of texts` : null;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The keys of docker_auth's request, and ours where a policy looks at them. */
type EvalRequest = {
  readonly account?: string;
  readonly type?: string;
  readonly name?: string;
  readonly ip?: string;
  readonly service?: string;
  readonly labels?: Readonly<Record<string, readonly string[]>> | null;
  readonly actions?: readonly string[] | null;
  readonly kind?: IdentityKind;
  readonly domain?: string;
  readonly groups?: readonly string[];
};

function decideRequest(rules: readonly EvaluatedRule[], request: EvalRequest): Outcome {
  const access = { type: request.type ?? '', name: request.name ?? '', actions: request.actions ?? [] };
  const context = { service: request.service ?? '', address: request.ip ?? '' };
  const subject = subjectOf(noGroups, identityFrom(request), access, context);
  const rule = rules.find((candidate) => failingCondition(candidate, subject) === undefined);
  if (!rule) return { nomatch: true };
  if (rule.actions === null) return { error: 'the rule that matches has no actions' };
  return { actions: grantedBy(rule.actions, access.actions) };
}

/** docker_auth compares accounts as they come, so the name is not folded as a person's would be. */
function identityFrom({ account = '', kind, domain, groups, labels }: EvalRequest): Identity {
  return { ...identityOf(onlyAnonymous, { account, kind, domain, groups, labels: labels ?? {} }), account };
}

/** An ACL alone does not say who there is, so whoever sends no credentials is somebody. */
const onlyAnonymous: ReadonlyMap<string, StaticUser> = new Map([['', { passwordHash: null, labels: {} }]]);

function loadDockerAuth(acl: unknown): Loaded {
  try {
    return { rules: loadDockerAuthAcl(acl) };
  } catch (error) {
    if (error instanceof DockerAuthError) return { error: error.message };
    throw error;
  }
}

function loadOurs(acl: unknown): Loaded {
  try {
    return { rules: policyFrom({ acl: acl ?? [] }, 'acl').rules };
  } catch (error) {
    if (error instanceof PolicyError) return { error: error.message };
    throw error;
  }
}
