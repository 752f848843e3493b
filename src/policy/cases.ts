/** Owns `policy test`: cases that say who should be granted what, and which of them a policy fails. */
import { parseScopes, withKnownActions } from '../scope.ts';
import { checkKind, type Policy, PolicyError } from './acl.ts';
import { parseAddress } from './address.ts';
import { readYaml } from './document.ts';
import { type Explanation, explain } from './explain.ts';
import { type Place, type Reader, suggest, type Value } from './reader.ts';
import { identityOf, type Named } from './who.ts';

export type PolicyCase = {
  readonly place: Place;
  readonly who: Named;
  readonly scope: string;
  readonly service: string;
  readonly address: string;
  /** Actions, in any order. */
  readonly expect: readonly string[];
};

export type CaseResult = { readonly passed: boolean; readonly explanation: Explanation };

const nothing = 'nothing';
const expectable = ['pull', 'push', 'delete', '*', nothing];
const fields = ['who', 'kind', 'domain', 'groups', 'ip', 'service', 'scope', 'expect'] as const;

/**
 * A list of `{who, groups, ip, scope, expect}`; `expect` is `pull,push`, a list, or `nothing`.
 * @throws {PolicyError} with every mistake
 */
export function parseCases(text: string, fileName: string): PolicyCase[] {
  const reader = readYaml(text);
  const cases = reader.root ? reader.items(reader.root).map((item) => readCase(reader, item)) : [];
  // Whoever takes a whole file out of the tests by mistake must not be told that all is well.
  if (cases.length === 0 && reader.problems.length === 0) reader.report({ line: 1, column: 1 }, 'there are no cases');
  if (reader.problems.length > 0) throw new PolicyError(fileName, reader.problems);
  return cases;
}

function readCase(reader: Reader, value: Value): PolicyCase {
  const found = reader.fields(value, fields);
  const textOf = (name: (typeof fields)[number]) => (found[name] ? reader.text(found[name]) : null);
  const required = (name: 'who' | 'scope') => {
    if (!found[name]) reader.report(value.place, `${value.path}: ${name} is missing`);
    return textOf(name) ?? '';
  };
  const who = required('who');
  const scope = required('scope');
  const problem = found.scope ? scopeProblem(scope) : null;
  if (problem !== null) reader.report(found.scope?.place ?? value.place, problem);
  const address = textOf('ip') ?? '';
  if (found.ip && parseAddress(address) === null) reader.report(found.ip.place, `ip "${address}" is no address`);
  if (!found.expect)
    reader.report(value.place, `${value.path}: expect is missing; write "expect: nothing" for no action`);
  return {
    place: value.place,
    who: {
      account: who === 'anonymous' ? '' : who,
      kind: readKind(reader, found.kind),
      domain: textOf('domain') ?? undefined,
      groups: found.groups ? reader.texts(found.groups).map(({ text }) => text) : [],
    },
    scope,
    service: textOf('service') ?? '',
    address,
    expect: found.expect ? readExpected(reader, found.expect) : [],
  };
}

/** What keeps a scope from being asked for by itself, or `null`. */
export function scopeProblem(scope: string): string | null {
  const [access, ...more] = parseScopes([scope]);
  if (!access || more.length > 0) return `"${scope}" is no scope such as repository:team/app:pull,push`;
  const { type, name, actions } = withKnownActions(access);
  if (actions.length > 0) return null;
  const asked = access.actions.join(', ');
  return `no registry knows ${asked} on ${type}:${name}; there are pull, push and delete on repository:NAME, and * on registry:catalog`;
}

function readKind(reader: Reader, value: Value | undefined): Named['kind'] {
  const text = value ? reader.text(value) : null;
  return value && text !== null ? checkKind(reader, text, value.place) : undefined;
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

export function runCase(policy: Policy, { who, scope, service, address, expect }: PolicyCase): CaseResult {
  const [access = { type: '', name: '', actions: [] }] = parseScopes([scope]).map(withKnownActions);
  const explanation = explain(policy, identityOf(policy.users, who), access, { service, address });
  const same = explanation.granted.toSorted().join() === [...new Set(expect)].toSorted().join();
  return { passed: same, explanation };
}
