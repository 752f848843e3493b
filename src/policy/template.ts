/** Owns patterns with variables: `${account}`, `${account:1}`, `${labels:team}`; what they stand for and how it is put in. */
import { type Matcher, PatternError } from '../pattern/compiled.ts';
import { compileExpression, isExpression, quoteMeta } from '../pattern/expression.ts';
import { checkPattern, compilePattern } from '../pattern/pattern.ts';
import { type Choice, maximumCombinations, type Setting, someChoice } from './choices.ts';
import type { Subject } from './subject.ts';

/** The four fields that a capture may refer to. */
export const captureFields = ['account', 'type', 'name', 'service'] as const;
export type CaptureField = (typeof captureFields)[number];

/** How the patterns of a rule are read. */
export type Dialect = {
  /** `**` crosses slashes, and `${domain}`, `${user}`, `${group}` are variables. */
  readonly extended: boolean;
  /** Captures and the values of labels and groups are put in as they are, so that they may be patterns themselves. */
  readonly raw: boolean;
};

/** What the patterns of one rule share: the captures that it may use, each with the expression that it is taken from. */
export type Captures = ReadonlyMap<
  string,
  { readonly field: CaptureField; readonly group: number; readonly source: string }
>;

/** Whether a pattern with variables fits `text` for this subject. */
export type TemplateMatcher = (text: string, subject: Subject) => boolean;

const plainVariables = {
  account: (subject: Subject) => subject.account,
  type: (subject: Subject) => subject.type,
  name: (subject: Subject) => subject.name,
  service: (subject: Subject) => subject.service,
} as const;
const extendedVariables = {
  ...plainVariables,
  domain: (subject: Subject) => subject.domain,
  user: (subject: Subject) => subject.user,
} as const;

/** A piece of a template. `written` is what stands there when there is no value. */
type Piece =
  | { readonly kind: 'text'; readonly written: string }
  | { readonly kind: 'variable'; readonly written: string; readonly value: (subject: Subject) => string | null }
  /** One of several values; the same in every place of the pattern. */
  | {
      readonly kind: 'choice';
      readonly written: string;
      readonly values: (subject: Subject) => readonly string[] | undefined;
      readonly quote: boolean;
    };

/**
 * @param captures those of the rule that the pattern stands in
 * @param choices whether `${labels:x}` and `${group}` stand for values here; in the patterns of labels they do not
 * @throws {PatternError} the pattern is malformed before anything is put in
 */
export function compileTemplate(
  pattern: string,
  dialect: Dialect,
  captures: Captures,
  { choices }: { choices: boolean },
): TemplateMatcher {
  // As written, as docker_auth does for expressions; that a glob is malformed it only finds by never matching.
  if (dialect.extended || isExpression(pattern)) checkPattern(pattern);
  let fits: TemplateMatcher | undefined;
  return (text, subject) => {
    fits ??= buildTemplate(pattern, dialect, captures, choices);
    return fits(text, subject);
  };
}

/** Only where it is asked: most patterns of a policy never are. */
function buildTemplate(pattern: string, dialect: Dialect, captures: Captures, choices: boolean): TemplateMatcher {
  const pieces = pattern.includes('${') ? parseTemplate(pattern, dialect, captures, choices) : [];
  if (pieces.every(({ kind }) => kind === 'text')) return compileFilled(pattern, dialect.extended, true);
  const compile = createCompiler(pattern, dialect);
  const raw = dialect.raw || !dialect.extended;
  const setting: Setting = {
    pattern,
    texts: pieces.flatMap((piece) => (piece.kind === 'text' ? [piece.written] : [])),
    isExpression: isExpression(pattern),
    raw,
    limit: dialect.extended ? maximumCombinations : null,
  };
  return (text, subject) => {
    const fits = (chosen: ReadonlyMap<string, string>) => compile(fill(pieces, subject, chosen))(text);
    return fits(nothingChosen) || someChoice(choicesOf(pieces, subject), setting, text, fits);
  };
}

const nothingChosen: ReadonlyMap<string, string> = new Map();
const neverMatches: Matcher = () => false;

/** Compiles filled-in patterns. What is malformed once it is filled in never matches, as in docker_auth. */
function createCompiler(written: string, { extended, raw }: Dialect): (filled: string) => Matcher {
  // Quoted values do not decide whether a pattern is an expression: an account "/.*/" must not become one.
  const mayBeExpression = raw || !extended || isExpression(written);
  return (filled) => compileFilled(filled, extended, mayBeExpression);
}

function compileFilled(filled: string, doubleStar: boolean, mayBeExpression: boolean): Matcher {
  try {
    const isGlob = !mayBeExpression && isExpression(filled);
    return compilePattern(isGlob ? `\\${filled}` : filled, { doubleStar });
  } catch (error) {
    if (error instanceof PatternError) return neverMatches;
    throw error;
  }
}

function fill(pieces: readonly Piece[], subject: Subject, chosen: ReadonlyMap<string, string>): string {
  return pieces
    .map((piece) => {
      if (piece.kind === 'text') return piece.written;
      if (piece.kind === 'variable') return piece.value(subject) ?? piece.written;
      const value = chosen.get(piece.written);
      if (value === undefined) return piece.written;
      return piece.quote ? quoteMeta(value) : value;
    })
    .join('');
}

/** The placeholders that have values for this subject; one without (no such label) stays as it is written. */
function choicesOf(pieces: readonly Piece[], subject: Subject): Choice[] {
  const found = new Map<string, Choice>();
  for (const piece of pieces) {
    const values = piece.kind === 'choice' ? piece.values(subject) : undefined;
    if (values) found.set(piece.written, { written: piece.written, values });
  }
  return [...found.values()];
}

function parseTemplate(pattern: string, dialect: Dialect, captures: Captures, choices: boolean): Piece[] {
  const variables: Readonly<Record<string, (subject: Subject) => string | null>> = dialect.extended
    ? extendedVariables
    : plainVariables;
  const pieces: Piece[] = [];
  let text = '';
  for (let at = 0; at < pattern.length; ) {
    const piece = pattern.startsWith('${', at)
      ? readPlaceholder(pattern.slice(at), variables, dialect, captures, choices)
      : null;
    if (piece) {
      if (text !== '') pieces.push({ kind: 'text', written: text });
      pieces.push(piece);
      text = '';
      at += piece.written.length;
    } else {
      text += pattern[at];
      at += 1;
    }
  }
  return [...pieces, { kind: 'text', written: text }];
}

/** The placeholder that `rest` begins with, or `null` when it is none that means anything: then it is text. */
function readPlaceholder(
  rest: string,
  variables: Readonly<Record<string, (subject: Subject) => string | null>>,
  dialect: Dialect,
  captures: Captures,
  choices: boolean,
): Piece | null {
  const written = rest.slice(0, rest.indexOf('}') + 1);
  const inner = written.slice(2, -1);
  if (Object.hasOwn(variables, inner)) {
    const value = variables[inner];
    return { kind: 'variable', written, value: (subject) => quoteOrNull(value?.(subject) ?? null) };
  }
  const capture = captures.get(written);
  if (capture) {
    const quote = dialect.extended && !dialect.raw;
    const value = (subject: Subject) => {
      const captured = captureFrom(capture.source, capture.group, subject[capture.field]);
      return quote ? quoteOrNull(captured) : captured;
    };
    return { kind: 'variable', written, value };
  }
  if (!choices) return null;
  if (dialect.extended && inner === 'group') {
    return { kind: 'choice', written, values: ({ groups }) => groups, quote: true };
  }
  if (!inner.startsWith('labels:')) return null;
  const label = inner.slice('labels:'.length);
  const values = ({ labels }: Subject) => (Object.hasOwn(labels, label) ? labels[label] : undefined);
  return { kind: 'choice', written, values, quote: dialect.extended && !dialect.raw };
}

function quoteOrNull(value: string | null): string | null {
  return value === null ? null : quoteMeta(value);
}

function captureFrom(source: string, group: number, text: string): string | null {
  const matcher = compileExpression(source).matcher(text);
  if (!matcher.find() || group < 1 || group > matcher.groupCount()) return null;
  return matcher.group(group) ?? '';
}

/**
 * The captures that the fields of a rule use and that can have a value. docker_auth finds them by this expression, so
 * `${type}/${account:1}` is one placeholder that means nothing; and a field is compiled before anything is put into it.
 */
export function findCaptures(fields: Partial<Record<CaptureField, string>>): Captures {
  const captures = new Map<string, { field: CaptureField; group: number; source: string }>();
  for (const pattern of captureFields.map((field) => fields[field] ?? '')) {
    if (!pattern.includes('${')) continue;
    for (const [written, name = '', group = ''] of pattern.matchAll(/\$\{([^\n]+?):(\d+)\}/g)) {
      const field = captureFields.find((candidate) => capitalized(candidate) === capitalized(name));
      const source = field && expressionOf(fields[field]);
      if (field && source !== null && source !== undefined)
        captures.set(written, { field, group: Number(group), source });
    }
  }
  return captures;
}

/** The expression of a field that is captured from; a malformed one is reported where the field itself is compiled. */
function expressionOf(pattern: string | undefined): string | null {
  if (pattern === undefined || !isExpression(pattern)) return null;
  try {
    checkPattern(pattern);
    return pattern.slice(1, -1);
  } catch {
    return null;
  }
}

function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
