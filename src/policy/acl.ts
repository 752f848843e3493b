/** Owns the policy file: its YAML becomes a frozen Policy, or a list of everything that is wrong with it. */
import { isExpression } from '../pattern/expression.ts';
import { findConfusable } from './confusables.ts';
import { createWhyNoOne, type WhyNoOne } from './dead-members.ts';
import { readValues, readYaml } from './document.ts';
import { compileGroups, GroupLoop, type Groups, type Member, noGroups, parseMember } from './groups.ts';
import {
  conditionFieldOf,
  type MatchField,
  type MatchFieldName,
  matchFieldNames,
  matchFields,
} from './match-fields.ts';
import { createSuggest, type Entry, type PolicyProblem, type Reader, type Value } from './reader.ts';
import { compileConditions, looksAtGroups, type Rule, type WrittenCondition } from './rule.ts';
import { createFirstMatch, type FirstMatch } from './rule-index.ts';

export type { PolicyProblem } from './reader.ts';
export type { Rule } from './rule.ts';

/** What is wrong with a file; `message` has a line a problem, each with its place. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly problems: readonly PolicyProblem[];

  constructor(fileName: string, problems: readonly PolicyProblem[]) {
    super(problems.map((problem) => formatProblem(fileName, problem)).join('\n'));
    this.problems = problems;
  }
}

/** `policy.yml:6:5: unknown key "acount" in match; did you mean "account"?` */
export function formatProblem(fileName: string, { line, column, message, severity }: PolicyProblem): string {
  return `${fileName}:${line}:${column}: ${severity === 'warning' ? 'warning: ' : ''}${message}`;
}

/** A user of the file. `passwordHash: null` lets anyone in under that name; the name `''` is for requests without credentials. */
export type StaticUser = {
  /** bcrypt: `$2a$`, `$2b$` or `$2y$`. */
  readonly passwordHash: string | null;
  readonly labels: Readonly<Record<string, readonly string[]>>;
};

export type Policy = {
  readonly users: ReadonlyMap<string, StaticUser>;
  readonly rules: readonly Rule[];
  /** The same as the first of `rules` that matches, found faster. */
  readonly firstMatch: FirstMatch;
  /** Those whose match depends on groups, in their order. */
  readonly rulesOnGroups: readonly Rule[];
  readonly groups: Groups;
  /** What is allowed and probably not meant. */
  readonly warnings: readonly PolicyProblem[];
};

const sections = ['users', 'groups', 'acl'] as const;
/** These begin a docker_auth configuration, for which there is the importer. */
const dockerAuthSections = ['server', 'token', 'google_auth', 'oidc_auth', 'github_auth', 'ldap_auth', 'ext_auth'];

/**
 * @param fileName what messages call the file
 * @throws {PolicyError} with every mistake
 */
export function parsePolicy(text: string, fileName: string): Policy {
  return policyOf(readYaml(text), fileName);
}

/** The policy of what has been read already. @throws {PolicyError} */
export function policyOf(reader: Reader, fileName: string): Policy {
  const policy = readPolicy(reader);
  throwErrors(reader, fileName);
  return Object.freeze({ ...policy, ...indexOf(policy.rules), warnings: reader.problems });
}

/** The policy with one more rule. @param before the number of the rule that it comes before; `null`: the last one */
export function withRule(policy: Policy, added: Rule, before: number | null): Policy {
  const at = before === null ? policy.rules.length : before - 1;
  const rules = policy.rules
    .toSpliced(at, 0, added)
    .map((rule, index) => Object.freeze({ ...rule, number: index + 1 }));
  return Object.freeze({ ...policy, ...indexOf(rules) });
}

function indexOf(rules: readonly Rule[]): Pick<Policy, 'rules' | 'firstMatch' | 'rulesOnGroups'> {
  const rulesOnGroups = rules.filter(({ conditions }) => conditions.some(looksAtGroups));
  return { rules, firstMatch: createFirstMatch(rules), rulesOnGroups };
}

/**
 * The rules alone, of what is parsed already: its mistakes have no place but their path.
 * @throws {PolicyError}
 */
export function rulesFrom(values: unknown, name: string): readonly Rule[] {
  const reader = readValues(values);
  const { rules } = readPolicy(reader);
  throwErrors(reader, name);
  return rules;
}

function throwErrors(reader: Reader, fileName: string): void {
  const errors = reader.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0)
    throw new PolicyError(
      fileName,
      errors.toSorted((a, b) => a.line - b.line || a.column - b.column),
    );
}

function readPolicy(reader: Reader): Pick<Policy, 'users' | 'rules' | 'groups'> {
  const start = { line: 1, column: 1 };
  const fields = reader.root ? readSections(reader, reader.root) : {};
  if (!fields.acl && reader.problems.length === 0) {
    reader.report(
      reader.root?.place ?? start,
      'acl is missing: without rules no one can do anything; write "acl: []" to mean that',
    );
  }
  const users = fields.users ? readUsers(reader, fields.users) : new Map<string, StaticUser>();
  return {
    users,
    groups: fields.groups ? readGroups(reader, fields.groups, users) : noGroups,
    rules: fields.acl ? reader.items(fields.acl).map((item, index) => readRule(reader, item, index + 1)) : [],
  };
}

function readSections(reader: Reader, root: Value): Partial<Record<(typeof sections)[number], Value>> {
  const entries = reader.entries(root);
  const foreign = entries.find(({ key }) => dockerAuthSections.includes(key));
  if (!foreign) return reader.fields(root, sections);
  reader.report(
    foreign.keyPlace,
    `"${foreign.key}" is a section of docker_auth: run "dockpass import docker-auth" on this file`,
  );
  return {};
}

/** The subject of Dockpass's own tokens (repositories/registry.ts): what it pulls isn't counted as anyone's. */
const reservedUser = 'dockpass';
/** How the names of those begin that Dockpass names itself. */
const ownNames = [
  ['robot-', 'a robot'],
  ['ci:', 'a workload'],
] as const;

function readUsers(reader: Reader, value: Value): Map<string, StaticUser> {
  const users = new Map<string, StaticUser>();
  for (const { key, keyPlace, value: user } of readNamed(reader, value)) {
    if (!user) {
      reader.report(keyPlace, `users."${key}" is empty; write "{}" for a user without a password`);
      continue;
    }
    if (key === reservedUser) {
      reader.report(keyPlace, `the user "${key}" is Dockpass itself, where it reads a registry; give it another name`);
    }
    if (key.includes('@')) {
      const message = `the user "${key}" is called like an e-mail address: a rule with this account also matches the person who has it`;
      reader.report(keyPlace, message, 'warning');
    }
    const [, other] = ownNames.find(([begin]) => key.startsWith(begin)) ?? [];
    if (other !== undefined) {
      const message = `the user "${key}" is called like ${other}: a rule with this account also matches ${other} of this name`;
      reader.report(keyPlace, message, 'warning');
    }
    const fields = reader.fields(user, ['password', 'labels'], (entry) => {
      // What was to fill it in found nothing: that isn't to let anyone in.
      const message = `users."${key}".password is empty; leave it out for a user without a password`;
      if (entry.key === 'password') reader.report(entry.keyPlace, message);
    });
    const passwordHash = fields.password ? readHash(reader, fields.password) : null;
    if (passwordHash !== null && key === '') {
      const message = 'the user "" has a password, which requests without credentials don\'t send: they get nothing';
      reader.report(keyPlace, message, 'warning');
    }
    if (passwordHash === null && key !== '') {
      reader.report(keyPlace, `anyone can log in as "${key}": it has no password`, 'warning');
    }
    // As the realm reads user names: a Mac composes letters in another way than a file that was written elsewhere.
    const name = key.normalize('NFC');
    if (users.has(name)) reader.report(keyPlace, `users."${key}" is there twice, in two Unicode forms; keep one`);
    users.set(name, { passwordHash, labels: fields.labels ? readLabels(reader, fields.labels) : {} });
  }
  return users;
}

function readHash(reader: Reader, value: Value): string | null {
  const hash = reader.text(value);
  if (hash !== null && !/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash)) {
    const isWeak = /^(\$apr1\$|\{SHA\})/.test(hash);
    const why = isWeak ? ' (the older $apr1$ and {SHA} let an attacker try too many passwords a second)' : '';
    reader.report(
      value.place,
      `${value.path} must be a bcrypt hash such as $2y$10$...${why}; make one with "htpasswd -nB NAME"`,
    );
  }
  return hash;
}

function readLabels(reader: Reader, value: Value): Record<string, readonly string[]> {
  const labels = readNamed(reader, value).map(({ key, value: list }) => {
    return [key, list ? reader.items(list).flatMap((item) => readWord(reader, item) ?? []) : []] as const;
  });
  return Object.fromEntries(labels);
}

function readGroups(reader: Reader, value: Value, users: Policy['users']): Groups {
  const entries = readNamed(reader, value);
  const names = new Set(entries.map(({ key }) => key));
  const known: KnownGroups = { names, suggest: createSuggest(names), whyNoOne: createWhyNoOne(users) };
  const members = new Map<string, Member[]>();
  for (const { key, value: list } of entries) {
    members.set(key, list ? reader.items(list).flatMap((item) => readMember(reader, item, known) ?? []) : []);
  }
  try {
    return compileGroups(members);
  } catch (error) {
    if (!(error instanceof GroupLoop)) throw error;
    const entry = entries.find(({ key }) => key === error.path[0]);
    reader.report(entry?.keyPlace ?? value.place, error.message);
    return noGroups;
  }
}

/** Of the file. */
type KnownGroups = {
  readonly names: ReadonlySet<string>;
  readonly suggest: (word: string) => string;
  readonly whyNoOne: WhyNoOne;
};

function readMember(reader: Reader, value: Value, groups: KnownGroups): Member | null {
  const text = readWord(reader, value);
  if (text === null) return null;
  if (groups.names.has(text)) return { kind: 'group', value: text };
  const member = parseMember(text);
  if (!member || (text.startsWith('group:') && !groups.names.has(member.value))) {
    const name = text.replace(/^group:/, '');
    reader.report(
      value.place,
      `"${text}" isn't a group of this file, e-mail, domain:NAME, account:NAME or PROVIDER:GROUP${groups.suggest(name)}`,
    );
    return null;
  }
  // Not an error, as what loaded before must load after an upgrade. Members match no one then, and a rule that denies the group doesn't deny.
  const why = groups.whyNoOne(member, text);
  if (why !== null) reader.report(value.place, `${value.path}: "${text}" is no one: ${why}`, 'warning');
  return member;
}

/** A text that is compared with what clients and providers send: a sign that only looks right keeps it from ever matching. */
function readWord(reader: Reader, value: Value): string | null {
  const text = reader.text(value);
  if (text !== null) warnOfConfusable(reader, value.path, text, value.place);
  return text;
}

/** A map by names that others must repeat: clients, rules, or groups. */
function readNamed(reader: Reader, value: Value): Entry[] {
  const entries = reader.entries(value);
  for (const { key, keyPlace } of entries) warnOfConfusable(reader, `${value.path}.${key}`, key, keyPlace);
  return entries;
}

function warnOfConfusable(reader: Reader, what: string, text: string, place: Value['place']): void {
  const oddity = findConfusable(text);
  if (oddity !== null) reader.report(place, `${what}: ${oddity}`, 'warning');
}

function readRule(reader: Reader, value: Value, number: number): Rule {
  const fields = reader.fields(value, ['match', 'actions', 'comment', 'raw']);
  if (!fields.match) {
    reader.report(value.place, `${value.path}: match is missing; write "match: {}" for everyone and everything`);
  }
  if (!fields.actions) {
    reader.report(value.place, `${value.path}: actions is missing; write "actions: []" to grant nothing`);
  }
  const raw = fields.raw ? readFlag(reader, fields.raw) : false;
  return Object.freeze({
    number,
    line: value.place.line,
    column: value.place.column,
    comment: fields.comment ? reader.text(fields.comment) : null,
    actions: fields.actions ? reader.items(fields.actions).flatMap((item) => readWord(reader, item) ?? []) : [],
    conditions: fields.match ? readMatch(reader, fields.match, raw) : [],
    raw,
  });
}

function readFlag(reader: Reader, value: Value): boolean {
  const text = reader.text(value);
  if (text !== 'true' && text !== 'false') reader.report(value.place, `${value.path} must be true or false`);
  return text === 'true';
}

/** A written condition with its place in the file. */
type PlacedCondition = WrittenCondition & { readonly place: Value['place'] };

function readMatch(reader: Reader, value: Value, raw: boolean): Rule['conditions'] {
  const empty: string[] = [];
  const fields = reader.fields(value, matchFieldNames, ({ key, keyPlace }) => {
    empty.push(key);
    reader.report(keyPlace, `match.${key} is empty, so it isn't a condition`, 'warning');
  });
  if (empty.length > 0 && Object.keys(fields).length === 0) {
    const names = empty.map((key) => `"${key}"`).join(' and ');
    reader.report(
      value.place,
      `${value.path} has no condition besides ${names}, which is empty: it would match everyone`,
    );
  }
  const written = matchFieldNames.flatMap((name) => {
    const field = fields[name];
    return field === undefined ? [] : readCondition(reader, name, field);
  });
  return compileConditions(written, { extended: true, raw }, (condition, pattern, message) => {
    reader.report(condition.place, problemOf(condition, pattern, message));
  });
}

function readCondition(reader: Reader, name: MatchFieldName, value: Value): PlacedCondition[] {
  const { place } = value;
  switch (matchFields[name].form) {
    case 'pattern': {
      const text = readWord(reader, value);
      const { readAs = (written) => written }: MatchField = matchFields[name];
      return text === null ? [] : [{ name, key: '', patterns: [readAs(text)], place }];
    }
    case 'list':
      return [{ name, key: '', patterns: readTexts(reader, name, value), place }];
    case 'map':
      return readNamed(reader, value).map((entry) => readKey(reader, name, entry));
  }
}

function readTexts(reader: Reader, name: MatchFieldName, value: Value): string[] {
  const { check }: MatchField = matchFields[name];
  return reader.texts(value).map(({ text, place }) => {
    warnOfConfusable(reader, value.path, text, place);
    const problem = check?.(text) ?? null;
    if (problem !== null) reader.report(place, problem);
    return text;
  });
}

function readKey(reader: Reader, name: MatchFieldName, { key, keyPlace, value }: Entry): PlacedCondition {
  if (!value) reader.report(keyPlace, `match.${name}.${key} is empty; write "*" for any value`);
  const pattern = (value && readWord(reader, value)) ?? '';
  return { name, key, patterns: [pattern], place: value?.place ?? keyPlace };
}

function problemOf({ name, key }: WrittenCondition, pattern: string, message: string): string {
  const what = `match.${conditionFieldOf(name, key)}`;
  if (matchFields[name].takes === 'networks') return `${what}: ${message}`;
  return `${what} "${pattern}" is malformed: ${message}${isExpression(pattern) ? ' (RE2 syntax)' : ''}`;
}
