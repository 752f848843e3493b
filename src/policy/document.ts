/** Owns reading YAML so that each mistake is reported at its line and column, and all of them at once. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

/** Both count from 1. */
export type Place = { readonly line: number; readonly column: number };
export type PolicyProblem = Place & { readonly message: string; readonly severity: 'error' | 'warning' };

/** A value of the document and what it is called in messages: `match.account`. A YAML null counts as absent. */
export type Value = { readonly node: Node; readonly path: string; readonly place: Place };
export type Entry = { readonly key: string; readonly keyPlace: Place; readonly value: Value | null };

/** Reads parts of one document. Where a part has the wrong shape it reports that and returns `null` or nothing. */
export type Reader = {
  readonly root: Value | null;
  readonly problems: readonly PolicyProblem[];
  report(place: Place, message: string, severity?: 'error' | 'warning'): void;
  entries(value: Value): Entry[];
  /** The values of the keys that are there; any key that is not of `known` is an error. */
  fields<Key extends string>(value: Value, known: readonly Key[]): Partial<Record<Key, Value>>;
  items(value: Value): Value[];
  /** The text as written: `012` and `yes` stay what they are, as in Go where a string is asked for. */
  text(value: Value): string | null;
  /** One text or a list of them. */
  texts(value: Value): { readonly text: string; readonly place: Place }[];
};

export function openDocument(text: string): Reader {
  const lines = new LineCounter();
  // 1.1, because docker_auth's files are: `<<` merges and `yes` is a boolean where one is asked for.
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  const problems: PolicyProblem[] = [];
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const report: Reader['report'] = (place, message, severity = 'error') => {
    // A part may be read twice, for its fields and for what is empty; its mistake is one all the same.
    const known = problems.some((problem) => problem.message === message && problem.line === place.line);
    if (!known) problems.push({ line: place.line, column: place.column, message, severity });
  };
  for (const { pos, message } of document.errors) report(placeAt(pos[0]), message);
  const toValue = (node: unknown, path: string): Value | null => {
    const place = placeAt((node as Node | null)?.range?.[0] ?? 0);
    const target = isAlias(node) ? node.resolve(document) : (node as Node | null);
    if (target === undefined) report(place, `${path}: the alias refers to nothing`);
    return !target || (isScalar(target) && target.value === null) ? null : { node: target, path, place };
  };
  const wrong = ({ place, path }: Value, expected: string): void => report(place, `${path} must be ${expected}`);

  const reader: Reader = {
    root: toValue(document.contents, 'the file'),
    problems,
    report,
    entries(value) {
      if (!isMap(value.node)) {
        wrong(value, 'a map (key: value)');
        return [];
      }
      return mergedPairs(value.node.items, document).flatMap((pair) => {
        const keyPlace = placeAt((pair.key as Node).range?.[0] ?? 0);
        const key = textOf(pair.key);
        if (key === null) report(keyPlace, `${value.path}: a key must be a plain word or a text`);
        return key === null ? [] : [{ key, keyPlace, value: toValue(pair.value, pathOf(value, key)) }];
      });
    },
    fields(value, known) {
      const found: Partial<Record<(typeof known)[number], Value>> = {};
      for (const { key, keyPlace, value: field } of reader.entries(value)) {
        const name = known.find((candidate) => candidate === key);
        if (name === undefined) report(keyPlace, `unknown key "${key}" in ${value.path}${suggest(key, known)}`);
        else if (field) found[name] = field;
      }
      return found;
    },
    items(value) {
      if (!isSeq(value.node)) {
        wrong(value, 'a list');
        return [];
      }
      return value.node.items.flatMap((item, index) => {
        const path = `${value.path}[${index + 1}]`;
        const found = toValue(item, path);
        if (!found) report(placeAt((item as Node | null)?.range?.[0] ?? 0), `${path} is empty`);
        return found ?? [];
      });
    },
    text(value) {
      const text = textOf(value.node);
      if (text === null) wrong(value, 'a text');
      return text;
    },
    texts(value) {
      const values = isSeq(value.node) ? reader.items(value) : [value];
      return values.flatMap((item) => {
        const text = reader.text(item);
        return text === null ? [] : { text, place: item.place };
      });
    },
  };
  return reader;
}

function pathOf({ path }: Value, key: string): string {
  return path === 'the file' ? key : `${path}.${key}`;
}

/** "; did you mean "account"?", or nothing where no name is near. */
export function suggest(word: string, known: readonly string[]): string {
  const ranked = known.map((name) => ({ name, distance: distance(word.toLowerCase(), name.toLowerCase()) }));
  const nearest = ranked.sort((a, b) => a.distance - b.distance)[0];
  const tolerance = Math.floor(word.length / 3);
  return nearest && nearest.distance <= tolerance ? `; did you mean "${nearest.name}"?` : '';
}

/** How many characters must be put in, taken out or changed to make one word of the other (Levenshtein). */
function distance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, character] of [...from].entries()) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const change = (previous[column - 1] ?? 0) + (character === to[column - 1] ? 0 : 1);
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}

function textOf(node: unknown): string | null {
  if (!isScalar(node)) return null;
  return typeof node.value === 'string' ? node.value : (node.source ?? null);
}

/** The pairs of a map with those of its `<<` keys; the map's own win over merged ones, as YAML 1.1 says. */
function mergedPairs(pairs: readonly Pair[], document: Document, depth = 0): Pair[] {
  const isMerge = ({ key }: Pair): boolean => isScalar(key) && typeof key.value === 'symbol';
  const own = pairs.filter((pair) => !isMerge(pair));
  // An alias may contain itself; no real file merges merges of merges.
  if (depth > 8) return own;
  const merged = pairs
    .filter(isMerge)
    .flatMap(({ value }) => (isSeq(value) ? value.items : [value]))
    .flatMap((source) => {
      const map = isAlias(source) ? source.resolve(document) : source;
      return isMap(map) ? mergedPairs(map.items, document, depth + 1) : [];
    });
  const seen = new Set<string | null>();
  return [...own, ...merged].filter(({ key }) => {
    const name = textOf(key);
    if (name !== null && seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
