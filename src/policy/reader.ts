/** Owns reading a document part by part, so that all mistakes are reported together. */
import { nearestWord } from '../lib/nearest-word.ts';

/** Both count from 1. */
export type Place = { readonly line: number; readonly column: number };
export type PolicyProblem = Place & { readonly message: string; readonly severity: 'error' | 'warning' };

/** A node of the document and what it is called in messages: `acl[1].match`. What is empty (null) counts as absent. */
export type Value = { readonly node: unknown; readonly path: string; readonly place: Place };
export type Entry = { readonly key: string; readonly keyPlace: Place; readonly value: Value | null };

export type PlainValue = string | null | readonly PlainValue[] | { readonly [name: string]: PlainValue };

/** How a kind of document is looked into; each answers `null` for a node of another shape. */
export type Source = {
  readonly root: unknown;
  placeOf(node: unknown): Place;
  /** The node itself or what it refers to; `null` when it is empty, `undefined` when it refers to nothing. */
  resolve(node: unknown): unknown;
  pairs(node: unknown): readonly (readonly [key: unknown, value: unknown])[] | null;
  list(node: unknown): readonly unknown[] | null;
  /** As written: `012` and `yes` stay what they are, as in Go where a string is asked for. */
  text(node: unknown): string | null;
};

/** Reads parts of one document. Where a part has the wrong shape it reports that and returns `null` or nothing. */
export type Reader = {
  readonly root: Value | null;
  readonly problems: readonly PolicyProblem[];
  report(place: Place, message: string, severity?: 'error' | 'warning'): void;
  entries(value: Value): Entry[];
  /** The values of the keys that are there; any key that isn't one of `known` is an error, and `whenEmpty` gets each empty one. */
  fields<Key extends string>(
    value: Value,
    known: readonly Key[],
    whenEmpty?: (entry: Entry) => void,
  ): Partial<Record<Key, Value>>;
  items(value: Value): Value[];
  isMap(value: Value): boolean;
  /** Lists and maps of texts, as JSON has them: every scalar as written, what is empty as `null`. */
  plain(value: Value | null): PlainValue;
  text(value: Value): string | null;
  /** One text or a list of them. */
  texts(value: Value): { readonly text: string; readonly place: Place }[];
};

export function createReader(source: Source): Reader {
  const problems: PolicyProblem[] = [];
  const reported = new Set<string>();
  const report: Reader['report'] = (place, message, severity = 'error') => {
    // A part can be read twice, for its fields and for what is empty; its mistake is reported once.
    const known = reported.size;
    reported.add(`${place.line} ${message}`);
    if (reported.size > known) problems.push({ line: place.line, column: place.column, message, severity });
  };
  const toValue = (node: unknown, path: string): Value | null => {
    const place = source.placeOf(node);
    const target = source.resolve(node);
    if (target === undefined)
      report(place, `${path}: the alias refers to nothing; put a text that begins with * in quotes`);
    return target === undefined || target === null ? null : { node: target, path, place };
  };
  const orReport = <Part>(part: Part | null, { place, path }: Value, expected: string): Part | null => {
    if (part === null) report(place, `${path} must be ${expected}`);
    return part;
  };

  const reader: Reader = {
    root: toValue(source.root, 'the file'),
    problems,
    report,
    entries(value) {
      // Without a space after the colon it's a text to YAML.
      const [, key] = /^["']?([\w.-]+)["']?:\S/.exec(source.text(value.node) ?? '') ?? [];
      const expected = `a map (key: value)${key === undefined ? '' : `; is a space missing after "${key}:"?`}`;
      const pairs = orReport(source.pairs(value.node), value, expected) ?? [];
      const entries: Entry[] = [];
      for (const [keyNode, node] of pairs) {
        const keyPlace = source.placeOf(keyNode);
        const key = source.text(keyNode);
        if (key === null) report(keyPlace, `${value.path}: a key must be a plain word or a text`);
        else entries.push({ key, keyPlace, value: toValue(node, pathOf(value, key)) });
      }
      return entries;
    },
    fields(value, known, whenEmpty) {
      const found: Partial<Record<(typeof known)[number], Value>> = {};
      for (const entry of reader.entries(value)) {
        const name = known.find((candidate) => candidate === entry.key);
        if (name === undefined) {
          report(entry.keyPlace, `unknown key "${entry.key}" in ${value.path}${suggestKey(entry.key, known)}`);
        } else if (entry.value) found[name] = entry.value;
        else whenEmpty?.(entry);
      }
      return found;
    },
    items(value) {
      const list = orReport(source.list(value.node), value, 'a list') ?? [];
      const items: Value[] = [];
      for (const [index, node] of list.entries()) {
        const path = value.path === 'the file' ? `entry ${index + 1}` : `${value.path}[${index + 1}]`;
        const item = toValue(node, path);
        if (item) items.push(item);
        else report(source.placeOf(node), `${path} is empty`);
      }
      return items;
    },
    isMap: ({ node }) => source.pairs(node) !== null,
    plain(value) {
      if (value === null) return null;
      if (reader.isMap(value)) {
        return Object.fromEntries(reader.entries(value).map(({ key, value: inner }) => [key, reader.plain(inner)]));
      }
      const list = source.list(value.node);
      if (list) return list.map((node, index) => reader.plain(toValue(node, `${value.path}[${index + 1}]`)));
      return source.text(value.node);
    },
    text: (value) => orReport(source.text(value.node), value, 'a text'),
    texts(value) {
      const values = source.list(value.node) ? reader.items(value) : [value];
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

/** What is probably meant by a key that isn't known. To YAML, `account:ana` is one word. */
export function suggestKey(word: string, known: readonly string[]): string {
  const [, key] = /^(\w+):\S/.exec(word) ?? [];
  return key !== undefined && known.includes(key) ? `; is a space missing after "${key}:"?` : suggest(word, known);
}

/** "; did you mean "account"?", or nothing where no name is near. */
export function suggest(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known, Math.floor(word.length / 3));
  return nearest === null ? '' : `; did you mean "${nearest}"?`;
}

/** Beyond them it takes a second. */
const maximumComparisons = 200_000;

/** `suggest` for one file: each word is compared with every known one, and a file can have thousands of both, so that only the first ones are. */
export function createSuggest(known: Iterable<string>): (word: string) => string {
  const words = [...known];
  let left = maximumComparisons;
  return (word) => {
    if (left <= 0) return '';
    left -= words.length;
    return suggest(word, words);
  };
}
