/** Owns patterns with variables: `${account}`, `${account:1}`, `${labels:team}`; what they stand for and how it is put in. */

import type { RE2JS } from 're2js';
import { capitalized } from '../lib/capitalized.ts';
import { type Matcher, PatternError, remember } from '../pattern/compiled.ts';
import { compileExpression, isExpression, quoteMeta } from '../pattern/expression.ts';
import { collapseStars } from '../pattern/glob.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { type Choice, maximumCombinations, mustOccur, type Setting, someChoice } from './choices.ts';
import type { Subject } from './subject.ts';

/** The four fields that a capture can refer to. */
export const captureFields = ['account', 'type', 'name', 'service'] as const;
export type CaptureField = (typeof captureFields)[number];

/** How the patterns of a rule are read. */
export type Dialect = {
  /** `**` crosses slashes, and `${domain}`, `${user}`, `${group}` are variables. */
  readonly extended: boolean;
  /** Captures and the values of labels are put in as they are, so they can be patterns themselves: always if it isn't extended. */
  readonly raw: boolean;
};

type Capture = {
  readonly field: CaptureField;
  readonly group: number;
  /** What the group is captured by: compiled when it is first needed, and kept. */
  readonly expression: () => RE2JS;
};

/** What the patterns of one rule share: the captures that it can use, by their placeholders. */
export type Captures = ReadonlyMap<string, Capture>;

/** Whether a pattern with variables matches `text` for this subject. */
export type TemplateMatcher = (text: string, subject: Subject) => boolean;

const groupPlaceholder = '${group}';

/**
 * The provider of `${group:PROVIDER}`, or `null` for any other placeholder. It is named there because any provider can have
 * a group by whose name a namespace of another one is called.
 */
function providerOf(written: string): string | null {
  return /^\$\{group:([a-z][a-z0-9_-]*)\}$/.exec(written)?.[1] ?? null;
}

/** The groups of one provider, without its prefix: `web` of `keycloak:web`. */
export function namesOfProvider(groups: readonly string[], provider: string): readonly string[] {
  const prefix = `${provider}:`;
  return groups.flatMap((group) => (group.startsWith(prefix) ? group.slice(prefix.length) : []));
}

/** Whether groups of the requester stand for something in a pattern. */
export function usesGroups(pattern: string): boolean {
  return pattern.includes('${group}') || pattern.includes('${group:');
}

type Variables = ReadonlyMap<string, (subject: Subject) => string | null>;

const plainVariables: Variables = new Map(captureFields.map((field) => [field, (subject: Subject) => subject[field]]));
const extendedVariables: Variables = new Map([
  ...plainVariables,
  ['domain', ({ domain }) => domain],
  ['user', ({ user }) => user],
]);

/** Text as it's written, or a placeholder. */
type Piece = string | Placeholder;

/** `written` is used when there is no value. */
type Placeholder =
  | { readonly kind: 'variable'; readonly written: string; readonly value: (subject: Subject) => string | null }
  /** One of several values; the same in every place of the pattern. */
  | {
      readonly kind: 'choice';
      readonly written: string;
      readonly values: (subject: Subject) => readonly string[] | undefined;
      readonly quote: boolean;
    };

/**
 * @param captures those of the rule that has the pattern
 * @param choices whether `${labels:x}` and `${group}` stand for values here; in the patterns of labels they do not
 * @throws {PatternError} the pattern is malformed before anything is put in
 */
export function compileTemplate(
  pattern: string,
  dialect: Dialect,
  captures: Captures,
  { choices }: { choices: boolean },
): TemplateMatcher {
  // docker_auth also compiles an expression before it fills in variables, and never looks at a malformed glob.
  const isChecked = dialect.extended || isExpression(pattern);
  const matches = isChecked ? compilePattern(pattern, { doubleStar: dialect.extended }) : null;
  if (pattern.includes('${')) return compileVariables(pattern, dialect, captures, choices);
  return matches ?? compileOrNever(pattern, dialect.extended);
}

function compileVariables(pattern: string, dialect: Dialect, captures: Captures, choices: boolean): TemplateMatcher {
  const pieces = parseTemplate(pattern, dialect, captures, choices);
  const compile = createCompiler(pattern, dialect);
  const setting: Setting = {
    pattern,
    texts: pieces.filter((piece) => typeof piece === 'string'),
    isExpression: isExpression(pattern),
    raw: dialect.raw,
    limit: dialect.extended ? maximumCombinations : null,
  };
  const ofGroups = pieces.flatMap((piece) =>
    typeof piece !== 'string' && usesGroups(piece.written) ? piece.written : [],
  );
  return (text, subject) => {
    const fits = (chosen: ReadonlyMap<string, string>) => compile(fill(pieces, subject, chosen))(text);
    const values = choicesOf(pieces, subject);
    return (
      fits(nothingChosen) ||
      someChoice(values, setting, text, fits) ||
      (subject.anyGroupOf !== null && mayFitAny(subject.anyGroupOf, ofGroups, values, setting, text))
    );
  };
}

/**
 * Whether the pattern may match with some group that begins with `prefix`. In doubt: yes.
 * @param ofGroups the placeholders of the pattern that stand for groups
 */
function mayFitAny(
  prefix: string,
  ofGroups: readonly string[],
  choices: readonly Choice[],
  setting: Setting,
  text: string,
): boolean {
  return ofGroups.some((written) => {
    const provider = providerOf(written);
    if (provider !== null) return prefix === '' || prefix === `${provider}:`;
    return !mustOccur(choices, setting) || text.includes(prefix === '' ? ':' : prefix);
  });
}

const nothingChosen: ReadonlyMap<string, string> = new Map();
const neverMatches: Matcher = () => false;

/** Compiles filled-in patterns, and keeps those used last: the same person asks for the same repository again and again. */
function createCompiler(written: string, { extended, raw }: Dialect): (filled: Filled) => Matcher {
  // Quoted values do not decide whether a pattern is an expression: an account "/.*/" must not become one.
  const canBeExpression = raw || isExpression(written);
  const compile = filledPatterns[extended ? 'extended' : 'plain'];
  return (filled) => {
    if (canBeExpression && isExpression(filled.text)) return compile(filled.text);
    const glob = extended ? withWrittenDeep(filled) : filled.text;
    return compile(isExpression(glob) ? `\\${glob}` : glob);
  };
}

/** Only `**` of the rule itself crosses slashes; that of a value, or what stands around an empty one, is `*` (docker_auth). */
function withWrittenDeep({ text, deep }: Filled): string {
  for (let at = text.indexOf('**'); at >= 0; at = text.indexOf('**', at + 1)) {
    if (!deep.includes(at)) return collapseStars(text, deep);
  }
  return text;
}

const filledPatterns = {
  extended: remember((filled) => compileOrNever(filled, true)),
  plain: remember((filled) => compileOrNever(filled, false)),
};

/** What is malformed once it is filled in never matches, as in docker_auth. */
function compileOrNever(pattern: string, doubleStar: boolean): Matcher {
  try {
    return compilePattern(pattern, { doubleStar });
  } catch (error) {
    if (error instanceof PatternError) return neverMatches;
    throw error;
  }
}

/** A pattern with its values, and where the `**` begin that the rule itself has. */
type Filled = { readonly text: string; readonly deep: readonly number[] };

function fill(pieces: readonly Piece[], subject: Subject, chosen: ReadonlyMap<string, string>): Filled {
  const deep: number[] = [];
  let text = '';
  for (const piece of pieces) {
    if (typeof piece !== 'string') text += textFor(piece, subject, chosen);
    else {
      for (let at = piece.indexOf('**'); at >= 0; at = piece.indexOf('**', at + 1)) deep.push(text.length + at);
      text += piece;
    }
  }
  return { text, deep };
}

function textFor(piece: Placeholder, subject: Subject, chosen: ReadonlyMap<string, string>): string {
  if (piece.kind === 'variable') return piece.value(subject) ?? piece.written;
  const value = chosen.get(piece.written);
  if (value === undefined) return piece.written;
  return piece.quote ? quoteMeta(value) : value;
}

/** The placeholders that have values for this subject; one without (no such label) stays as it is written. */
function choicesOf(pieces: readonly Piece[], subject: Subject): Choice[] {
  const found = new Map<string, Choice>();
  for (const piece of pieces) {
    if (typeof piece === 'string' || piece.kind === 'variable') continue;
    const values = piece.values(subject);
    if (values) found.set(piece.written, { written: piece.written, values });
  }
  return [...found.values()];
}

function parseTemplate(pattern: string, dialect: Dialect, captures: Captures, choices: boolean): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (let at = pattern.indexOf('${'); at >= 0; at = pattern.indexOf('${', Math.max(at + 1, end))) {
    const placeholder = readPlaceholder(pattern.slice(at), dialect, captures, choices);
    if (!placeholder) continue;
    pieces.push(pattern.slice(end, at), placeholder);
    end = at + placeholder.written.length;
  }
  return [...pieces, pattern.slice(end)];
}

/** The placeholder that `rest` begins with, or `null` if it has no meaning: then it's text. */
function readPlaceholder(
  rest: string,
  { extended, raw }: Dialect,
  captures: Captures,
  choices: boolean,
): Placeholder | null {
  const written = rest.slice(0, rest.indexOf('}') + 1);
  const inner = written.slice(2, -1);
  const variable = (extended ? extendedVariables : plainVariables).get(inner);
  if (variable) return { kind: 'variable', written, value: (subject) => quoteOrNull(variable(subject)) };
  const capture = captures.get(written);
  if (capture) {
    const value = (subject: Subject) => {
      const captured = captureFrom(capture, subject[capture.field]);
      return raw ? captured : quoteOrNull(captured);
    };
    return { kind: 'variable', written, value };
  }
  if (!choices) return null;
  if (extended && written === groupPlaceholder) {
    return { kind: 'choice', written, values: ({ groups }) => groups, quote: true };
  }
  const provider = extended ? providerOf(written) : null;
  if (provider !== null) {
    return { kind: 'choice', written, values: ({ groups }) => namesOfProvider(groups, provider), quote: true };
  }
  if (!inner.startsWith('labels:')) return null;
  const label = inner.slice('labels:'.length);
  const values = ({ labels }: Subject) => (Object.hasOwn(labels, label) ? labels[label] : undefined);
  return { kind: 'choice', written, values, quote: !raw };
}

function quoteOrNull(value: string | null): string | null {
  return value === null ? null : quoteMeta(value);
}

function captureFrom({ expression, group }: Capture, text: string): string | null {
  const matcher = expression().matcher(text);
  if (!matcher.find() || group < 1 || group > matcher.groupCount()) return null;
  return matcher.group(group) ?? '';
}

/**
 * The captures that the fields of a rule use and that can have a value. docker_auth finds them by this expression, so
 * `${type}/${account:1}` is one placeholder that means nothing; and a field is compiled before anything is put into it.
 */
export function findCaptures(patternOf: (field: CaptureField) => string): Captures {
  const captures = new Map<string, Capture>();
  for (const pattern of captureFields.map(patternOf)) {
    if (!pattern.includes('${')) continue;
    for (const [written, name = '', group = ''] of pattern.matchAll(/\$\{([^\n]+?):(\d+)\}/g)) {
      const field = captureFields.find((candidate) => capitalized(candidate) === capitalized(name));
      if (field === undefined) continue;
      const from = patternOf(field);
      if (isExpression(from)) captures.set(written, { field, group: Number(group), expression: compiledOnce(from) });
    }
  }
  return captures;
}

function compiledOnce(pattern: string): () => RE2JS {
  let expression: RE2JS | undefined;
  return () => {
    expression ??= compileExpression(pattern.slice(1, -1));
    return expression;
  };
}
