/** Owns the conversion of docker_auth's rules: what each key, condition and pattern becomes, or why it can't. */
import { isMap, isScalar, isSeq, type Pair, Scalar, type YAMLMap, YAMLSeq } from 'yaml';
import { PatternError } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { globProblem } from '../pattern/glob.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { matchFieldNames, matchFields } from '../policy/match-fields.ts';
import type { ReportNode } from './report-node.ts';
import { adviseOnIdentity } from './rule-advice.ts';
import { dropUnknown, isMergeKey, isNull, pairsOf, textOf } from './yaml-nodes.ts';

const dockerAuthFields: readonly string[] = matchFieldNames.filter((name) => matchFields[name].isDockerAuths);

type Conversion = {
  readonly report: ReportNode;
  /** Whether labels put patterns into a text, or may: then they have to be put in as they are. */
  readonly takesPatterns: (text: string) => boolean;
  /** Names under `users:`, which are compared as they are written. */
  readonly names: ReadonlySet<string>;
  /** Labels that users have. */
  readonly labels: ReadonlySet<string>;
  readonly hasPeople: boolean;
};

export function convertRules(acl: YAMLSeq, conversion: Conversion): void {
  let number = 0;
  acl.items = acl.items.filter((rule) => {
    number += 1;
    if (isMap(rule)) return convertRule(rule, number, conversion);
    conversion.report(rule, `acl[${number}] isn't a rule`, 'error');
    return true;
  });
}

/** Whether the rule is kept. */
function convertRule(rule: YAMLMap, number: number, conversion: Conversion): boolean {
  const { report } = conversion;
  const path = `acl[${number}]`;
  convertKeys(rule, path, report);
  const match = rule.get('match', true);
  if (isNull(match)) {
    report(rule, `${path} has no match, on which docker_auth crashes; write "match: {}" for everyone`, 'error');
  }
  if (!isMap(match)) return true;
  const patterns = matchPairs(match).filter(({ key }) => textOf(key) !== 'ip');
  convertConditions(rule, match, path, report);
  for (const pair of patterns) convertPattern(pair, path, conversion);
  if (conversion.hasPeople) adviseOnIdentity(rule, textsOf(match), path, conversion);
  const texts = patterns.map(({ value }) => textOf(value) ?? '');
  if (texts.some((text) => !isExpression(text) && globProblem(text) !== null)) {
    report(rule, `${path} is left out: it has a malformed glob, which docker_auth never matches`);
    return false;
  }
  convertValues(rule, texts, path, conversion);
  return true;
}

function convertKeys(rule: YAMLMap, path: string, report: ReportNode): void {
  for (const { key } of rule.items.filter((pair) => dockerAuthFields.includes(textOf(pair.key) ?? ''))) {
    report(key, `${path}.${textOf(key)} belongs under match: write "match: {${textOf(key)}: ...}"`, 'error');
  }
  dropUnknown(rule, ['match', 'actions', 'comment', ...dockerAuthFields], path, report);
  if (isNull(rule.get('actions', true))) {
    report(rule, `${path} has no actions, on which docker_auth crashes; it is written as []`);
    rule.set(new Scalar('actions'), new YAMLSeq());
  }
  const actions = rule.get('actions', true);
  // Nothing is the empty text. Without it, a "*" beside it would be alone, and mean every action.
  if (isSeq(actions)) actions.items = actions.items.map((action) => (isNull(action) ? new Scalar('') : action));
}

/** A rule that would match everyone once its last condition is gone is hardly ever meant, and never noticed. */
function convertConditions(rule: YAMLMap, match: YAMLMap, path: string, report: ReportNode): void {
  const written = match.items.map(({ key }) => textOf(key) ?? '<<');
  dropConditions(match, `${path}.match`, report);
  const actions = rule.get('actions', true);
  const grantsNothing = isSeq(actions) && actions.items.every((action) => textOf(action) === '');
  if (written.length === 0 || grantsNothing || hasCondition(match)) return;
  const names = written.map((key) => `"${key}"`).join(', ');
  report(
    match,
    `${path}.match has no condition besides ${names}, which say nothing to docker_auth: the rule would match everyone. Write "match: {}" if that is meant`,
    'error',
  );
}

/** What labels and captures put into patterns. */
function convertValues(
  rule: YAMLMap,
  texts: readonly string[],
  path: string,
  { report, takesPatterns }: Conversion,
): void {
  if (texts.some(takesPatterns)) {
    report(
      rule,
      `${path} is marked "raw: true": labels are put in as patterns, as docker_auth does; anyone who sets a label chooses what it matches`,
    );
    const flag = new Scalar(true);
    flag.source = 'true';
    rule.set(new Scalar('raw'), flag);
  } else if (texts.some((text) => /\$\{\w+:\d+\}/.test(text))) {
    report(
      rule,
      `${path}: what a capture catches means itself from now on; in docker_auth a "*" in an account opened every name`,
    );
  }
}

/** Keys that docker_auth doesn't know, and those without a value. */
function dropConditions(match: YAMLMap, path: string, report: ReportNode): void {
  dropUnknown(match, dockerAuthFields, path, report, 'so the rule is wider than it looks');
  match.items = match.items.filter((pair) => isMergeKey(pair) || !isNull(pair.value));
}

function hasCondition(match: YAMLMap): boolean {
  return match.items.some(({ value }) => (isMap(value) ? value.items.length > 0 : !isNull(value)));
}

/** The pattern fields of a match and the patterns of its labels. */
function matchPairs(match: YAMLMap): Pair[] {
  return match.items.flatMap((pair) => {
    const key = textOf(pair.key) ?? '';
    if (key === 'labels') return pairsOf(pair.value);
    return dockerAuthFields.includes(key) && !isNull(pair.value) ? [pair] : [];
  });
}

/** The patterns of a match by field, `labels.NAME` for those of labels. */
function textsOf(match: YAMLMap): ReadonlyMap<string, string> {
  const texts = matchPairs(match).map(({ key, value }) => [textOf(key) ?? '', textOf(value) ?? ''] as const);
  return new Map(texts);
}

function convertPattern(pair: Pair, path: string, conversion: Conversion): void {
  const { report } = conversion;
  // Nothing is the empty text for a label: a value that no one has.
  const written = isNull(pair.value) ? '' : textOf(pair.value);
  if (written === null) return;
  const stars = isExpression(written)
    ? written
    : written.replace(/\\[\s\S]|\[[^\]]*\]|\*{2,}/g, (part) => (part.startsWith('**') ? '*' : part));
  const pattern = textOf(pair.key) === 'account' ? convertAccount(stars, pair.value, path, conversion) : stars;
  if (stars !== written) report(pair.value, `${path}: "**" becomes "*", which is how docker_auth reads it`);
  // A pattern such as 012 or yes is quoted from now on.
  if (!isScalar(pair.value)) pair.value = new Scalar(pattern);
  else if (pair.value.value !== pattern) pair.value.value = pattern;
}

/** People's accounts are e-mails in lower case here, whatever their provider writes; a name under `users:` keeps its case. */
function convertAccount(pattern: string, node: unknown, path: string, conversion: Conversion): string {
  const { report, names, hasPeople } = conversion;
  const folded = isExpression(pattern) ? pattern : foldPattern(pattern);
  const misses = isExpression(pattern) ? hasCapitals(pattern) : pattern.includes('@') && folded !== pattern;
  if (!misses || names.has(pattern)) return pattern;
  const user = firstFitting(pattern, names);
  const woken = user === undefined ? firstFitting(folded, names) : undefined;
  if (woken !== undefined && !isExpression(pattern)) {
    report(
      node,
      `${path}: "${pattern}" does not match the user "${woken}" of the file, and in lower case, as e-mails are compared here, it would; write who is meant`,
      hasPeople ? 'error' : 'warning',
    );
    return pattern;
  }
  if (user === undefined && !isExpression(pattern)) {
    report(node, `${path}: e-mails are compared in lower case, so "${pattern}" becomes "${folded}"`);
    return folded;
  }
  const advice = isExpression(pattern) ? 'begin it with "(?i)"' : `add a rule for "${folded}"`;
  if (user === undefined || pattern.includes('@'))
    report(
      node,
      `${path}: e-mails are compared in lower case, which "${pattern}" can miss; ${advice} if it means people`,
    );
  return pattern;
}

/** Variables keep their case, and so does what follows a backslash. */
function foldPattern(glob: string): string {
  return glob.replace(/\$\{[^}]*\}|\\[\s\S]|[^$\\]+/g, (part) => (/^[$\\]/.test(part) ? part : part.toLowerCase()));
}

/** Whether an expression has capitals of its own: not in an escape, a name, a variable, or a class that has small letters too. */
function hasCapitals(expression: string): boolean {
  const other = /\\[pP]\{[^}]*\}|\\[\s\S]|\$\{[^}]*\}|\(\?P?<\w+>|\[[^\]]*[a-z][^\]]*\]/g;
  return !/\(\?[a-z]*i/.test(expression) && /[A-Z]/.test(expression.replace(other, ''));
}

function firstFitting(pattern: string, names: ReadonlySet<string>): string | undefined {
  if (!isExpression(pattern) && !/[*?[\\]/.test(pattern)) return names.has(pattern) ? pattern : undefined;
  try {
    return [...names].find(compilePattern(pattern, { doubleStar: false }));
  } catch (error) {
    if (error instanceof PatternError) return undefined;
    throw error;
  }
}
