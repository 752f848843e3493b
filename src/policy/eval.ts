/** Owns `policy eval`: one JSON line with an ACL and a request in, one JSON line with the decision out. */
import type { Identity } from '../identity/identity.ts';
import { isRecord, isTexts } from '../lib/json.ts';
import { PolicyError, rulesFrom, type StaticUser } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { allowedBy } from './decide.ts';
import { DockerAuthError, loadDockerAuthAcl } from './docker-auth.ts';
import { noGroups } from './groups.ts';
import { isIdentityKind, kindProblem, type MatchFieldName, matchFieldNames, matchFields } from './match-fields.ts';
import { identityOf } from './named-account.ts';
import { type Condition, failingCondition } from './rule.ts';
import { subjectOf, widestOf } from './subject.ts';

type EvaluatedRule = { readonly conditions: readonly Condition[]; readonly actions: readonly string[] | null };
/** The rules of an ACL, or why it has none. */
type Loaded = { readonly rules: readonly EvaluatedRule[] } | { readonly error: string };
type Outcome = { readonly actions: readonly string[] } | { readonly nomatch: true } | { readonly error: string };

/**
 * `{"acl":[...],"request":{"account","type","name","ip","service","labels","actions"}}` ->
 * `{"actions":[...]}`, `{"nomatch":true}` or `{"error":"..."}`. What is wrong with a line is its answer, never a throw.
 * @param dockerAuth decide exactly as docker_auth, its pitfalls included
 */
export function createEvaluator({ dockerAuth }: { dockerAuth: boolean }): (line: string) => string {
  const load = dockerAuth ? loadDockerAuth : loadOurs;
  return (line) => JSON.stringify(answer(line, load));
}

type Input = { readonly acl?: unknown; readonly request?: EvalRequest } | null;

function answer(line: string, load: (acl: unknown) => Loaded): Outcome {
  let input: Input;
  try {
    input = JSON.parse(line, asGoReads) as Input; // decide() checks each field that it reads
  } catch {
    return { error: 'the line is not JSON' };
  }
  return decide(load(input?.acl), input?.request ?? {});
}

/** Half of a surrogate pair is U+FFFD to Go, and 1.0 for a text is "1.0" to its YAML reader, as it is written. */
function asGoReads(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  return typeof value === 'number' && String(value) !== source ? source : value;
}

function decide(loaded: Loaded, request: EvalRequest): Outcome {
  const problem = requestProblem(request);
  if (problem !== null) return { error: problem };
  if ('error' in loaded) return loaded;
  try {
    return decideRequest(loaded.rules, request);
  } catch (error) {
    if (error instanceof TooManyCombinations) return { error: error.message };
    throw error;
  }
}

/** A line can hold anything; what is read of a request must have its type. */
function requestProblem(request: EvalRequest): string | null {
  if (!isRecord(request)) return 'request is not an object';
  for (const name of matchFieldNames) {
    const { key, form } = matchFields[name].given;
    const value = request[key];
    // A list can be null, as Go writes an empty one.
    if (value === undefined || (value === null && form !== 'text')) continue;
    if (!forms[form].test(value)) return `request.${key} is not ${forms[form].name}`;
  }
  const makersProblem = request.maker === undefined ? null : requestProblem(request.maker);
  if (makersProblem !== null) return makersProblem.replace('request', 'request.maker');
  const wrongKind = request.kind === undefined ? null : kindProblem(request.kind);
  if (wrongKind !== null) return `request.kind: ${wrongKind}`;
  const labels = Object.entries(request.labels ?? {});
  const wrong = labels.find(([, values]) => !isTexts(values ?? []));
  if (wrong) return `request.labels.${wrong[0]} is not a list of texts`;
  return isTexts(request.actions ?? []) ? null : 'request.actions is not a list of texts';
}

const forms = {
  text: { name: 'text', test: (value: unknown) => typeof value === 'string' },
  groups: { name: 'a list of texts', test: (value: unknown) => value === 'unknown' || isTexts(value) },
  labels: { name: 'an object', test: isRecord },
} as const;

type Given = {
  readonly text: string;
  readonly groups: readonly string[] | 'unknown' | null;
  readonly labels: Readonly<Record<string, readonly string[]>> | null;
};

/** The keys of docker_auth's request, and ours for the match fields that it doesn't have. */
type EvalRequest = {
  readonly [Name in MatchFieldName as GivenAs<Name>['key']]?: Given[GivenAs<Name>['form']] | undefined;
} & {
  readonly actions?: readonly string[] | null;
  /** Who made the robot's password: who they are, in the words of a request. */
  readonly maker?: Pick<EvalRequest, 'account' | 'kind' | 'domain' | 'groups' | 'labels'>;
};

type GivenAs<Name extends MatchFieldName> = (typeof matchFields)[Name]['given'];

function decideRequest(rules: readonly EvaluatedRule[], request: EvalRequest): Outcome {
  const {
    account = '',
    kind,
    domain,
    groups,
    labels,
    type = '',
    name = '',
    service = '',
    ip,
    actions,
    maker,
    ...unread
  } = request;
  // Compiles as long as each key of the match fields is read here.
  unread satisfies Readonly<Record<string, never>>;
  const access = { type, name, actions: actions ?? [] };
  const identity = identityFrom({ kind, domain, groups, labels }, account);
  const subject = subjectOf(noGroups, identity, access, { service, address: ip ?? '' });
  const widest = widestOf(noGroups, identity, subject);
  const end = rules.findIndex((candidate) => failingCondition(candidate, subject) === undefined);
  const rule = rules[end];
  if (!rule) return { nomatch: true };
  // Where groups are unknown, as decide() does: only what every rule grants that may match.
  const undecided =
    widest === null ? [] : rules.slice(0, end).filter((one) => failingCondition(one, widest) === undefined);
  const deciding = [...undecided, rule];
  if (!deciding.every(hasActions)) return { error: 'the rule that matches has no actions' };
  const allowed = allowedBy(deciding, access.actions);
  if (maker === undefined) return { actions: allowed };
  const bound = decideRequest(rules, { ...maker, type, name, service, ip, actions: access.actions });
  if ('error' in bound) return bound;
  const able = 'actions' in bound ? bound.actions : [];
  return { actions: allowed.filter((action) => able.includes(action)) };
}

function hasActions(rule: EvaluatedRule): rule is EvaluatedRule & { readonly actions: readonly string[] } {
  return rule.actions !== null;
}

/** docker_auth compares accounts as they come, so the name is not folded as a person's would be. */
function identityFrom(given: Pick<EvalRequest, 'kind' | 'domain' | 'groups' | 'labels'>, account: string): Identity {
  const { domain, groups, labels } = given;
  const kind = given.kind !== undefined && isIdentityKind(given.kind) ? given.kind : undefined;
  const named = { account, kind, domain, groups: groups ?? [], labels: labels ?? {} };
  return { ...identityOf(onlyAnonymous, named), account };
}

/** An ACL doesn't say which users there are, so requests without credentials count as the user `""`. */
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
    return { rules: rulesFrom({ acl: acl ?? [] }, 'acl') };
  } catch (error) {
    if (error instanceof PolicyError) return { error: error.message };
    throw error;
  }
}
