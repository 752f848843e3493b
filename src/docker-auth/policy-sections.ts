/** Owns the conversion of docker_auth's `users:` and `acl:`, with their comments, so that they decide the same here. */
import { Document, isMap, isScalar, isSeq, type Pair, type Scalar, YAMLMap } from 'yaml';
import { isExpression, quoteMeta } from '../pattern/expression.ts';
import type { ReportNode } from './report-node.ts';
import { convertRules } from './rules.ts';
import { dropUnknown, isNull, keysOf, pairsOf, textOf } from './yaml-nodes.ts';
import { readAsDockerAuth } from './yaml-references.ts';

export type PolicySource = {
  /** Labels come from elsewhere than `users:`, so any value has to be expected. */
  readonly hasOtherLabels: boolean;
  /** Not only the users of the file sign in. */
  readonly hasPeople: boolean;
};

/**
 * @param source is changed
 * @returns the document of policy.yml; its parts know their places in the source
 */
export function convertPolicy(
  source: Document,
  { hasOtherLabels, hasPeople }: PolicySource,
  report: ReportNode,
): Document {
  readAsDockerAuth(source);
  const sections = pairsOf(source.contents).filter(({ key }) => ['users', 'acl'].includes(textOf(key) ?? ''));
  const users = sections.find(({ key }) => textOf(key) === 'users')?.value;
  const acl = sections.find(({ key }) => textOf(key) === 'acl')?.value;
  if (isMap(users)) convertUsers(users, report);
  const isPatternIn = createIsPatternIn(users);
  const takesPatterns = (text: string) => text.includes('${labels:') && (hasOtherLabels || isPatternIn(text));
  if (isSeq(acl))
    convertRules(acl, { report, takesPatterns, names: new Set(keysOf(users)), labels: labelsOf(users), hasPeople });
  else if (acl === undefined)
    report(source.contents, 'acl is missing; Dockpass reads no rules from anywhere else', 'error');
  const policy = new Document(new YAMLMap(), { version: '1.1' });
  for (const pair of sections) policy.add(pair);
  policy.commentBefore = source.commentBefore ?? headOf(source, sections);
  // Rules that are commented out at the end, which YAML gives to the file.
  if (sections.at(-1) === pairsOf(source.contents).at(-1)) policy.comment = source.comment;
  return policy;
}

/** The comment at the head of the file, which YAML gives to the first key where no blank line is between them. */
function headOf({ contents }: Document, kept: readonly Pair[]): string | null {
  const first = pairsOf(contents)[0];
  return first && !kept.includes(first) && isScalar(first.key) ? (first.key.commentBefore ?? null) : null;
}

function convertUsers(users: YAMLMap, report: ReportNode): void {
  users.items = users.items.filter((pair) => {
    const name = textOf(pair.key) ?? '';
    if (isNull(pair.value)) {
      report(pair.key, `users."${name}" is left out: it is empty, so no one could log in as it`);
      return false;
    }
    if (!isMap(pair.value)) return true;
    dropUnknown(pair.value, ['password', 'labels'], `users."${name}"`, report);
    const password = pair.value.get('password', true);
    if (isNull(password)) pair.value.delete('password');
    const [hash] = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/.exec(textOf(password) ?? '') ?? [];
    if (hash !== undefined && isScalar(password)) cutTo(hash, password);
    const usable = hash !== undefined || textOf(password) === null;
    if (!usable)
      report(pair.key, `users."${name}" is left out: its password isn't a bcrypt hash, so no one could log in as it`);
    return usable;
  });
}

/** Go's bcrypt ignores what comes after a hash: the line break of a block, or a space. */
function cutTo(hash: string, password: Scalar): void {
  if (password.value === hash) return;
  password.value = hash;
  password.type = 'QUOTE_DOUBLE';
}

/** What the values of one label can be to the texts that they are put in. */
type Values = {
  /** Some value is more than itself in an expression, where nearly every sign can be. */
  isPatternInExpression: boolean;
  isPatternInGlob: boolean;
  /** Those that can make an expression of a text, or none. */
  readonly edges: Set<string>;
};

/** Whether a value of a label that users have is more than itself where a text puts it. Users and rules can be thousands, so each value is looked at only one time. */
function createIsPatternIn(users: unknown): (text: string) => boolean {
  const byLabel = new Map<string, Values>();
  for (const { key, value: list } of labelPairsOf(users)) {
    const label = textOf(key) ?? '';
    const known = byLabel.get(label) ?? { isPatternInExpression: false, isPatternInGlob: false, edges: new Set() };
    byLabel.set(label, known);
    for (const item of isSeq(list) ? list.items : []) addValue(known, textOf(item) ?? '');
  }
  return (text) =>
    [...byLabel].some(([label, { isPatternInExpression, isPatternInGlob, edges }]) => {
      const placeholder = `\${labels:${label}}`;
      if (!text.includes(placeholder)) return false;
      if (isExpression(text) ? isPatternInExpression : isPatternInGlob) return true;
      return [...edges].some((edge) => isExpression(text.replaceAll(placeholder, () => edge)) !== isExpression(text));
    });
}

function addValue(known: Values, value: string): void {
  known.isPatternInExpression ||= quoteMeta(value) !== value;
  known.isPatternInGlob ||= /[*?[\\]/.test(value);
  if (value === '' || value.startsWith('/') || value.endsWith('/')) known.edges.add(value);
}

/** The labels that users of the file have, without those of no one. */
function labelsOf(users: unknown): ReadonlySet<string> {
  return new Set(labelPairsOf(users).flatMap(({ key }) => textOf(key) ?? []));
}

/** The names of labels with their values, of one user after the other. */
function labelPairsOf(users: unknown): readonly Pair[] {
  return pairsOf(users).flatMap(({ value: user }) => pairsOf(isMap(user) ? user.get('labels', true) : null));
}
