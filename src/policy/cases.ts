/** Owns `policy test`: cases that say who should be granted what, and which of them a policy fails. */
import { type Identity, type IdentityKind, nobody } from '../identity/identity.ts';
import { type Access, parseScopes, withKnownActions } from '../scope.ts';
import { type Policy, PolicyError } from './acl.ts';
import { parseAddress } from './address.ts';
import { readYaml } from './document.ts';
import { type Explanation, explain } from './explain.ts';
import { isIdentityKind, kindProblem, matchFieldNames, matchFields } from './match-fields.ts';
import { identityOf, type NamedAccount } from './named-account.ts';
import { type Place, type PlainValue, type Reader, suggest, type Value } from './reader.ts';
import type { DecisionContext } from './subject.ts';

export type PolicyCase = {
  readonly place: Place;
  readonly who: NamedAccount;
  /** In the place of `who`: what a verified ID token claims. */
  readonly workload: ClaimsCase | null;
  readonly access: Access;
  readonly context: DecisionContext;
  /** Actions, in any order. */
  readonly expect: readonly string[];
};

/** `issuer`: as the workloads file calls it; `null`: the one that the claims name. */
export type ClaimsCase = { readonly claims: { readonly [name: string]: PlainValue }; readonly issuer: string | null };

/** Who claims make someone, by the workloads file; or why they make no one. @param service the registry that asks, or `null` */
export type Identify = (workload: ClaimsCase, service: string | null) => Identity | { readonly refused: string };

export type CaseResult = {
  readonly passed: boolean;
  readonly explanation: Explanation;
  /** Why the claims make no one; then nothing is granted. */
  readonly refused: string | null;
};

const nothing = 'nothing';
const expectable = ['pull', 'push', 'delete', '*', nothing];
/** Every match field can be given, so every policy can be tested. */
const givenKeys = matchFieldNames.map((name) => matchFields[name].caseKey);
const keys = [...new Set(givenKeys), 'claims', 'issuer', 'maker', 'makerGroups', 'expect'] as const;

/**
 * A list of `{who, groups, maker, makerGroups, ip, scope, expect}`, or with `claims` in the place of `who`. `groups` is a
 * list or `unknown`; `maker` made the robot's password; `expect` is `pull,push`, a list, or `nothing`.
 * @throws {PolicyError} with every mistake
 */
export function parseCases(text: string, fileName: string): PolicyCase[] {
  const reader = readYaml(text);
  const cases = reader.root ? reader.items(reader.root).map((item) => readCase(reader, item)) : [];
  // An empty file must not report success: someone may have taken all cases out by mistake.
  if (cases.length === 0 && reader.problems.length === 0) reader.report({ line: 1, column: 1 }, 'there are no cases');
  if (reader.problems.length > 0) throw new PolicyError(fileName, reader.problems);
  return cases;
}

/** With any value where a mistake is reported, as the case isn't run then. */
function readCase(reader: Reader, value: Value): PolicyCase {
  const { who, kind, domain, groups, labels, ip, service, scope, ...others } = reader.fields(value, keys);
  const { maker, makerGroups, claims, issuer, expect, ...unread } = others;
  // Compiles as long as each key of the match fields is read below.
  unread satisfies Readonly<Record<string, never>>;
  const missing = (what: string) => reader.report(value.place, `${value.path}: ${what}`);
  if (!who && !claims) missing('who is missing');
  if (who && claims) missing('who and claims are both given; keep one');
  if (!scope) missing('scope is missing');
  if (!expect) missing('expect is missing; write "expect: nothing" for no action');
  return {
    place: value.place,
    who: {
      account: who ? readAccount(reader, who) : '',
      kind: kind && readKind(reader, kind),
      domain: domain && reader.text(domain),
      groups: groups && readGroups(reader, groups),
      labels: labels && readLabels(reader, labels),
      maker: maker && {
        account: readAccount(reader, maker),
        groups: makerGroups && readGroups(reader, makerGroups),
      },
    },
    workload: claims ? { claims: readClaims(reader, claims), issuer: issuer ? reader.text(issuer) : null } : null,
    access: scope ? readAccess(reader, scope) : unreadable,
    context: {
      service: (service && reader.text(service)) ?? '',
      address: ip ? readAddress(reader, ip) : '',
    },
    expect: expect ? readExpected(reader, expect) : [],
  };
}

/** As JSON has them; the numbers and booleans of YAML are the texts that they are compared as. */
function readClaims(reader: Reader, value: Value): ClaimsCase['claims'] {
  return Object.fromEntries(reader.entries(value).map(({ key, value: inner }) => [key, reader.plain(inner)]));
}

/** `groups: unknown`: what someone is granted whose provider hasn't reported any recently. */
function readGroups(reader: Reader, value: Value): readonly string[] | 'unknown' {
  const names = reader.texts(value).map(({ text }) => text);
  return names.length === 1 && names[0] === 'unknown' ? 'unknown' : names;
}

function readAccount(reader: Reader, value: Value): string {
  const text = reader.text(value) ?? '';
  return text === 'anonymous' ? '' : text;
}

function readKind(reader: Reader, value: Value): IdentityKind | undefined {
  const text = reader.text(value);
  const problem = text === null ? null : kindProblem(text);
  if (problem !== null) reader.report(value.place, problem);
  return text !== null && isIdentityKind(text) ? text : undefined;
}

/** `labels: {team: [web, ops]}` */
function readLabels(reader: Reader, value: Value): Record<string, readonly string[]> {
  const labels = reader.entries(value).map(({ key, value: list }) => {
    return [key, list ? reader.texts(list).map(({ text }) => text) : []] as const;
  });
  return Object.fromEntries(labels);
}

function readAddress(reader: Reader, value: Value): string {
  const text = reader.text(value);
  if (text !== null && parseAddress(text) === null) reader.report(value.place, `ip "${text}" isn't an address`);
  return text ?? '';
}

function readAccess(reader: Reader, value: Value): Access {
  const text = reader.text(value);
  return text === null ? unreadable : accessOf(text, (problem) => reader.report(value.place, problem));
}

const unreadable: Access = { type: '', name: '', actions: [] };

/** The one access that a scope asks for; `report` gets what keeps it from being asked for by itself. */
export function accessOf(scope: string, report: (problem: string) => void): Access {
  const [asked = unreadable, ...more] = parseScopes([scope]);
  const access = withKnownActions(asked);
  if (asked === unreadable || more.length > 0) {
    report(`"${scope}" isn't a scope such as repository:team/app:pull,push`);
  } else if (access.actions.length === 0) {
    report(
      `no registry knows ${asked.actions.join(', ')} on ${asked.type}:${asked.name}; there are pull, push and delete on repository:NAME, and * on registry:catalog`,
    );
  }
  return access;
}

function readExpected(reader: Reader, value: Value): string[] {
  const words = reader.texts(value).flatMap(({ text, place }) => {
    return text.split(',').map((word) => ({ word: word.trim(), place }));
  });
  for (const { word, place } of words) {
    if (expectable.includes(word)) continue;
    reader.report(place, `expect "${word}" is none of ${expectable.join(', ')}${suggest(word, expectable)}`);
  }
  return words.flatMap(({ word }) => (word === nothing ? [] : word));
}

/** @param identify for cases with claims; without it, they are refused */
export function runCase(policy: Policy, one: PolicyCase, identify: Identify = refuseClaims): CaseResult {
  const { who, workload, access, context, expect } = one;
  const found = workload && identify(workload, context.service || null);
  const refused = found !== null && 'refused' in found ? found.refused : null;
  const identity = found === null || 'refused' in found ? identityOf(policy.users, who) : found;
  const explanation = explain(policy, refused === null ? identity : nobody, access, context);
  const same = explanation.granted.toSorted().join() === [...new Set(expect)].toSorted().join();
  return { passed: same, explanation, refused };
}

const refuseClaims: Identify = () => ({ refused: 'there is no workloads file' });
