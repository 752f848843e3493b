/** Owns `policy test`: cases that say who should be granted what, and which of them a policy fails. */
import { parseScopes, withKnownActions } from '../scope.ts';
import { checkKind, type Policy, PolicyError } from './acl.ts';
import { readYaml } from './document.ts';
import { type Explanation, explain } from './explain.ts';
import type { Place, Reader, Value } from './reader.ts';
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

const fields = ['who', 'kind', 'domain', 'groups', 'ip', 'service', 'scope', 'expect'] as const;

/**
 * A list of `{who, groups, ip, scope, expect}`; `expect` is `pull,push`, a list, or `nothing`.
 * @throws {PolicyError} with every mistake
 */
export function parseCases(text: string, fileName: string): PolicyCase[] {
  const reader = readYaml(text);
  const cases = reader.root ? reader.items(reader.root).map((item) => readCase(reader, item)) : [];
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
  if (scope !== '' && parseScopes([scope]).length !== 1) {
    reader.report(found.scope?.place ?? value.place, `"${scope}" is no scope such as repository:team/app:pull,push`);
  }
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
    address: textOf('ip') ?? '',
    expect: found.expect ? readExpected(reader, found.expect) : [],
  };
}

function readKind(reader: Reader, value: Value | undefined): Named['kind'] {
  const text = value ? reader.text(value) : null;
  return value && text !== null ? checkKind(reader, text, value.place) : undefined;
}

function readExpected(reader: Reader, value: Value): string[] {
  const words = reader.texts(value).flatMap(({ text }) => text.split(','));
  return words.map((word) => word.trim()).filter((word) => word !== '' && word !== 'nothing');
}

export function runCase(policy: Policy, { who, scope, service, address, expect }: PolicyCase): CaseResult {
  const [access = { type: '', name: '', actions: [] }] = parseScopes([scope]).map(withKnownActions);
  const explanation = explain(policy, identityOf(policy.users, who), access, { service, address });
  const same = explanation.granted.toSorted().join() === [...new Set(expect)].toSorted().join();
  return { passed: same, explanation };
}
