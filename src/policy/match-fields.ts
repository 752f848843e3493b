/**
 * Owns the fields that `match` can have. Each entry says how a field is written, compared, explained, previewed and tested,
 * so a new field is one entry here, a row in docs/policy.md, and what the compiler then asks for.
 */
import { withAsciiDomain } from '../identity/email.ts';
import type { IdentityKind } from '../identity/identity.ts';
import { normalizeDomain } from '../lib/domain.ts';
import { PatternError } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { contains, parseNetwork } from './address.ts';
import type { Membership } from './groups.ts';
import { suggest } from './reader.ts';
import type { Subject } from './subject.ts';
import type { CaptureField, TemplateMatcher } from './template.ts';

export type Test = (subject: Subject) => boolean;

/** @param choices whether `${group}` and `${labels:x}` stand for values in the pattern. @throws {PatternError} */
export type CompileTemplate = (pattern: string, choices: boolean) => TemplateMatcher;

export type MatchField = {
  /** One pattern, one or a list of them (one must match), or a pattern for each key (`labels`). */
  readonly form: 'pattern' | 'list' | 'map';
  readonly takes: 'patterns' | 'networks';
  /** docker_auth has it too, with the same meaning. */
  readonly isDockerAuths: boolean;
  /** What the request decides, a preview of someone's permissions can't know. */
  readonly decidedBy: 'person' | 'request';
  /** Every subject has it, if only as an empty text, so `**` matches everyone. Without a value, no condition on a field holds. */
  readonly isAlwaysThere: boolean;
  /** How a request of `policy eval` gives it. */
  readonly given: { readonly key: string; readonly form: 'text' | 'groups' | 'labels' };
  /** The key of a `policy test` case that gives it. */
  readonly caseKey: string;
  /** @throws {PatternError} */
  readonly compile: (pattern: string, template: CompileTemplate, key: string) => Test;
  /** What a condition on it is compared with, for explanations. */
  readonly valuesOf: (subject: Subject, key: string) => readonly string[];
  /** The one form in which a pattern of a policy file is kept. */
  readonly readAs?: (text: string) => string;
  /** Whether a pattern can match a text at all, whatever its form says; any can where left out. */
  readonly reaches?: (pattern: string, text: string) => boolean;
  /** The pattern as it is compared: domains are in lower case and in ASCII. */
  readonly normalize?: (pattern: string) => string;
  /** What is wrong with a value that isn't a pattern. */
  readonly check?: (text: string) => string | null;
  /** Why a condition doesn't hold. @param expected the quoted patterns. @param actual not empty, or `missing` is used */
  readonly mismatch?: (expected: string, actual: readonly string[]) => string;
  /** Why a rule applies to someone, in a preview: "in platform (by e-mail)". */
  readonly reason?: (patterns: string, list: readonly string[], groups: readonly Membership[]) => string;
  /** What a rule still requires of a request, in a preview; `null`: the preview shows it in its own way. */
  readonly requirement?: (patterns: string) => string | null;
};

const kindWords: Readonly<Record<IdentityKind, string>> = {
  person: 'person',
  static: 'user of the policy file',
  robot: 'robot',
  ci: 'CI job',
  anonymous: 'visitor without a password',
};
const identityKinds = Object.keys(kindWords);

/** Made for the first explanation: ICU's data would be a fiftieth of each start. */
let conjunction: Intl.ListFormat | undefined;

function conjoined(names: readonly string[]): string {
  conjunction ??= new Intl.ListFormat('en-GB', { type: 'conjunction' });
  return conjunction.format(names);
}

/** In the order in which a rule's conditions are tried: what is cheap and rules out most subjects comes first. */
export const matchFields = {
  kind: {
    ...{ form: 'list', takes: 'patterns', isDockerAuths: false, decidedBy: 'person', isAlwaysThere: false },
    given: { key: 'kind', form: 'text' },
    caseKey: 'kind',
    compile:
      (name) =>
      ({ kind }) =>
        kind === name,
    valuesOf: ({ kind }) => [kind],
    check: kindProblem,
    reason: (_patterns, list) =>
      `every ${list.map((kind) => (isIdentityKind(kind) ? kindWords[kind] : kind)).join(' or ')}`,
  },
  domain: {
    ...{ form: 'list', takes: 'patterns', isDockerAuths: false, decidedBy: 'person', isAlwaysThere: false },
    given: { key: 'domain', form: 'text' },
    caseKey: 'domain',
    compile: (pattern, template) => {
      const matches = template(foldDomain(pattern), false);
      return (subject) => subject.domain !== null && matches(subject.domain, subject);
    },
    valuesOf: ({ domain }) => (domain === null ? [] : [domain]),
    normalize: foldDomain,
  },
  account: {
    ...{ form: 'pattern', takes: 'patterns', isDockerAuths: true, decidedBy: 'person', isAlwaysThere: true },
    compile: (pattern, template) => {
      const matches = template(pattern, true);
      const folded = foldAccount(pattern);
      const matchesAscii = folded === pattern ? matches : template(folded, true);
      return (subject) => {
        const { account, asciiAccount } = subject;
        if (matches(account, subject)) return true;
        return (folded !== pattern || asciiAccount !== account) && matchesAscii(asciiAccount, subject);
      };
    },
    valuesOf: ({ account }) => [account],
    given: { key: 'account', form: 'text' },
    caseKey: 'who',
    readAs: (text) => text.normalize('NFC'),
    normalize: foldAccount,
    reason: (patterns) => `the user name matches ${patterns}`,
  },
  type: {
    ...{ form: 'pattern', takes: 'patterns', isDockerAuths: true, decidedBy: 'request', isAlwaysThere: true },
    ...textField('type'),
    given: { key: 'type', form: 'text' },
    caseKey: 'scope',
    requirement: (patterns) => (/^(repository|registry)$/.test(patterns) ? null : `only where the type is ${patterns}`),
  },
  name: {
    ...{ form: 'pattern', takes: 'patterns', isDockerAuths: true, decidedBy: 'request', isAlwaysThere: true },
    ...textField('name'),
    given: { key: 'name', form: 'text' },
    caseKey: 'scope',
    requirement: () => null,
  },
  service: {
    ...{ form: 'pattern', takes: 'patterns', isDockerAuths: true, decidedBy: 'request', isAlwaysThere: true },
    ...textField('service'),
    given: { key: 'service', form: 'text' },
    caseKey: 'service',
    requirement: (patterns) => `only at ${patterns}`,
  },
  group: {
    ...{ form: 'list', takes: 'patterns', isDockerAuths: false, decidedBy: 'person', isAlwaysThere: false },
    given: { key: 'groups', form: 'groups' },
    caseKey: 'groups',
    compile: (pattern, template) => {
      const matches = template(pattern, false);
      return (subject) =>
        subject.groups.some((group) => reachesGroup(pattern, group) && matches(group, subject)) ||
        (subject.anyGroupOf !== null && mayNameGroupOf(subject.anyGroupOf, pattern));
    },
    valuesOf: ({ groups }) => groups,
    reaches: reachesGroup,
    mismatch: (expected) => `in no group ${expected}`,
    reason: (patterns, _list, groups) =>
      groups.length === 0
        ? `perhaps in ${patterns}`
        : `in ${conjoined(groups.map(({ name, origin }) => `${name} (${origin})`))}`,
  },
  ip: {
    ...{ form: 'pattern', takes: 'networks', isDockerAuths: true, decidedBy: 'request', isAlwaysThere: false },
    given: { key: 'ip', form: 'text' },
    caseKey: 'ip',
    compile: (text) => {
      const network = parseNetwork(text);
      if (!network) throw new PatternError(`"${text}" is neither an address nor a network such as 10.0.0.0/8`);
      return ({ address, isAnywhere }) => isAnywhere || (address !== null && contains(network, address));
    },
    valuesOf: ({ clientAddress }) => [clientAddress],
    mismatch: (expected, [address]) => `ip ${expected} does not contain ${address || 'an unknown address'}`,
    requirement: (patterns) => `only from ${patterns}`,
  },
  labels: {
    ...{ form: 'map', takes: 'patterns', isDockerAuths: true, decidedBy: 'person', isAlwaysThere: false },
    given: { key: 'labels', form: 'labels' },
    caseKey: 'labels',
    compile: (pattern, template, label) => {
      const matches = template(pattern, false);
      return (subject) => labelOf(subject, label).some((value) => matches(value, subject));
    },
    valuesOf: labelOf,
  },
} as const satisfies Readonly<Record<string, MatchField>>;

export type MatchFieldName = keyof typeof matchFields;

/** `labels.team` for the pattern of a label. */
export type ConditionField = Exclude<MatchFieldName, 'labels'> | `labels.${string}`;

const entries: Readonly<Record<MatchFieldName, MatchField>> = matchFields;
export const matchFieldNames = Object.keys(matchFields).filter(isMatchFieldName);

function isMatchFieldName(name: string): name is MatchFieldName {
  return Object.hasOwn(matchFields, name);
}

/** The entry of a field; `key` is the label's name, '' for other fields. */
export function matchFieldOf(field: ConditionField): MatchField & { readonly key: string } {
  const name = matchFieldNames.find((candidate) => candidate === field);
  return name === undefined
    ? { ...matchFields.labels, key: field.slice('labels.'.length) }
    : { ...entries[name], key: '' };
}

export function conditionFieldOf(name: MatchFieldName, key: string): ConditionField {
  return name === 'labels' ? `labels.${key}` : name;
}

/** What is wrong with a text that should be a kind; `null`: nothing. */
export function kindProblem(text: string): string | null {
  if (isIdentityKind(text)) return null;
  return `kind "${text}" is none of ${identityKinds.join(', ')}${suggest(text, identityKinds)}`;
}

export function isIdentityKind(text: string): text is IdentityKind {
  return Object.hasOwn(kindWords, text);
}

/** A pattern of domains, which are in lower case and in ASCII. */
export function foldDomain(pattern: string): string {
  return isExpression(pattern) ? pattern : normalizeDomain(pattern);
}

/** A pattern of accounts, whose domain can be written in either form. */
export function foldAccount(pattern: string): string {
  return isExpression(pattern) ? pattern : withAsciiDomain(pattern);
}

function labelOf({ labels }: Subject, name: string): readonly string[] {
  return Object.hasOwn(labels, name) ? (labels[name] ?? []) : [];
}

/**
 * A glob without a domain matches only names without one: its `*` must not reach into the domain, because anyone can create
 * `team-root@googlegroups.com` and add themselves.
 */
function reachesGroup(pattern: string, group: string): boolean {
  return !group.includes('@') || /[@$]/.test(pattern) || !/[*?[]/.test(pattern) || isExpression(pattern);
}

/** Whether a pattern of groups leaves the domain open, so that it can match a group of strangers at Google. */
export function leavesDomainOpen(pattern: string): boolean {
  if (!mayNameGroupOf('google:', pattern)) return false;
  const [, provider = 'google'] = /^\/\^([a-z][a-z0-9_-]*):/.exec(pattern) ?? [];
  if (isExpression(pattern)) return provider === 'google' && !/@[\w-]+(\\?\.[\w-]+)+\$?\/$/.test(pattern);
  return /@.*[*?[\\]/.test(pattern);
}

/** Whether some group that begins with `prefix` may match the pattern. In doubt: yes. */
function mayNameGroupOf(prefix: string, pattern: string): boolean {
  // A pattern that begins with a slash can be an expression once it's filled in.
  const [literal] = pattern.startsWith('/') ? [''] : (/^[^*?[\\$]*/.exec(pattern) ?? ['']);
  if (literal !== pattern) return literal.startsWith(prefix) || prefix.startsWith(literal);
  return prefix === '' ? pattern.includes(':') : pattern.startsWith(prefix);
}

/** A text that every subject has, and in which `${group}` and `${labels:x}` stand for values. */
function textField(field: CaptureField): Pick<MatchField, 'compile' | 'valuesOf'> {
  return {
    compile: (pattern, template) => {
      const matches = template(pattern, true);
      return (subject) => matches(subject[field], subject);
    },
    valuesOf: (subject) => [subject[field]],
  };
}
