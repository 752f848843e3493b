/** Owns looking into YAML and into plain values for a Reader. */

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { isRecord } from '../lib/json.ts';
import { createReader, type Place, type Reader } from './reader.ts';
import { bareAddress, yamlMistake } from './yaml-mistakes.ts';

/**
 * Mistakes in the YAML itself are already among the reader's problems. Where its parts can't be distinguished there is
 * nothing to read, so that one slip isn't reported as several mistakes.
 * @param unread sections that nothing is made of, in which a key may be there twice
 */
export function readYaml(text: string, unread: readonly string[] = []): Reader {
  const lines = new LineCounter();
  // 1.1, because docker_auth's files are: `<<` merges and `yes` is a boolean where one is asked for.
  // Keys are compared here: the parser compares each with each, which takes seconds for ten thousand users.
  const options = { version: '1.1', lineCounter: lines, prettyErrors: false, uniqueKeys: false } as const;
  const document = parseDocument(text, options);
  const reader = readDocument(document, lines);
  for (const { offset, message } of problemsOf(document, text, lines, unread))
    reader.report(placeAt(lines, offset), message);
  return reader;
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/**
 * What has been parsed already, and can have been changed since.
 * @param lines of the text that it was parsed from: what is new has no place in it, and counts as its beginning
 */
export function readDocument(document: Document, lines: LineCounter): Reader {
  const placeOf = (node: unknown): Place => placeAt(lines, isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const targets = targetsOf(document);
  const resolve = (node: unknown) => (isAlias(node) ? targets.get(node) : node);
  const pairsOf = createMerge(resolve, (node, message) => reader.report(placeOf(node), message));
  const isReadable = [...document.errors, ...document.warnings].every(({ code }) => readableInSpite.includes(code));
  const reader = createReader({
    root: isReadable ? document.contents : null,
    placeOf,
    resolve(node) {
      const target = resolve(node);
      return isScalar(target) && target.value === null ? null : target;
    },
    pairs: (node) => (isMap(node) ? pairsOf(node).map(({ key, value }) => [key, value] as const) : null),
    list: (node) => (isSeq(node) ? node.items : null),
    text: textOf,
  });
  return reader;
}

/** Mistakes beside which what is read of the document is what was meant. */
const readableInSpite: readonly string[] = ['MULTIPLE_DOCS', 'TAG_RESOLVE_FAILED'];

type Problem = { readonly offset: number; readonly message: string };

function problemsOf(document: Document, text: string, lines: LineCounter, unread: readonly string[]): Problem[] {
  const { errors, warnings } = document;
  const tooDeep = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep) return [{ offset: tooDeep.pos[0], message: 'the YAML is nested too deeply from here' }];
  const missingSpace = createMissingSpace(text, lines);
  // An unknown tag can change what a value means, so the parser's warning is an error here.
  const mistakes = [...errors, ...warnings].map(({ code, pos: [offset], message }) => ({
    offset,
    message:
      code === 'MULTIPLE_DOCS'
        ? secondDocument(text, offset)
        : (missingSpace(offset) ?? bareAddress(text.slice(offset)) ?? yamlMistake(code, message)),
  }));
  const repeated = repeatedKeys(document, unread).map((offset) => ({
    offset,
    message: `${keyAt(text, offset)} is a second time in this map: keep one`,
  }));
  return [...mistakes, ...repeated].sort((a, b) => a.offset - b.offset);
}

/** Where the keys are that their map has already. @param unread sections inside of which no one looks */
function repeatedKeys(document: Document, unread: readonly string[]): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map(_key, { items }, [_document, _contents, section]) {
      if (isPair(section) && unread.includes(textOf(section.key) ?? '')) return;
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = nameOf(key);
        if (seen.has(name)) offsets.push(key.range?.[0] ?? 0);
        seen.add(name);
      }
    },
  });
  return offsets;
}

/** What makes a key the same as another: its text, as `1` and "1" are one here and in docker_auth, and 1.1 and 1.10 two. */
function nameOf(key: Scalar): unknown {
  // "<<" in quotes merges nothing, and nothing is the empty text to docker_auth.
  if (typeof key.value === 'symbol') return key.value;
  return key.value === null ? '' : (textOf(key) ?? key.source);
}

/** A line "..." ends a document as well, and what follows begins another. */
function secondDocument(text: string, offset: number): string {
  return /^\.\.\.(?:\s|$)/m.test(text.slice(0, offset))
    ? 'the YAML document ends at the line "..." above; what follows can\'t be read, so take it out'
    : 'a second YAML document begins here; only one can be read, so take the "---" out';
}

function keyAt(text: string, offset: number): string {
  const [key = 'a key'] = /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,{}]+)/.exec(text.slice(offset)) ?? [];
  return key;
}

/**
 * The commonest slip, which the parser can only describe by what it makes of it: `expiration:900`. Each line is looked at one time only: all
 * of a file can be on one, with thousands of mistakes.
 */
function createMissingSpace(text: string, lines: LineCounter): (offset: number) => string | null {
  const known = new Map<number, string | null>();
  return (offset) => {
    const { line } = lines.linePos(offset);
    let found = known.get(line);
    if (found === undefined) {
      found = missingSpace(text.slice(lines.lineStarts[line - 1], lines.lineStarts[line]));
      known.set(line, found);
    }
    return found;
  };
}

function missingSpace(line: string): string | null {
  const [, key] =
    /^\s*(?:- +)*["']?([\w.-]+)["']?:[^\s:/]/.exec(line) ?? /[{,]\s*["']?([\w.-]+)["']?:[^\s:/]/.exec(line) ?? [];
  return key === undefined ? null : `a space is missing after "${key}:"`;
}

/** What each alias refers to: the last anchor of its name before it. In one walk, as each of an alias's own is another. */
function targetsOf(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const target = anchors.get(node.source);
      if (target) targets.set(node, target);
    },
  });
  return targets;
}

const start: Place = { line: 1, column: 1 };

/** Reads what is parsed already, from JSON; everything is at its start. */
export function readValues(root: unknown): Reader {
  return createReader({
    root,
    placeOf: () => start,
    resolve: (node) => node ?? null,
    pairs: (node) => (isRecord(node) ? Object.entries(node) : null),
    list: (node) => (Array.isArray(node) ? node : null),
    text: (node) => (typeof node === 'object' ? null : String(node)),
  });
}

/** These don't change what a text is, here and in docker_auth. */
const plainTags = ['str', 'int', 'float', 'bool'].map((name) => `tag:yaml.org,2002:${name}`);

/** As it is written, but for what a tag such as `!!binary` makes of it. */
function textOf(node: unknown): string | null {
  if (!isScalar(node)) return null;
  if (typeof node.value === 'string') return node.value;
  return node.tag === undefined || plainTags.includes(node.tag) ? (node.source ?? null) : null;
}

/** The pairs of a map with those of its `<<` keys; the map's own win over merged ones, as YAML 1.1 says. */
function createMerge(
  resolve: (node: unknown) => unknown,
  report: (node: unknown, message: string) => void,
): (map: YAMLMap) => readonly Pair[] {
  const known = new Map<YAMLMap, readonly Pair[]>();
  const open = new Set<YAMLMap>();
  const merge = ({ value }: Pair): readonly Pair[] => {
    const target = resolve(value);
    return (isSeq(target) ? target.items : [target]).flatMap((item) => {
      const map = resolve(item);
      if (isMap(map) && !open.has(map)) return pairsOf(map);
      // Without what should have been merged a rule would have fewer conditions: it would match more.
      report(value, `"<<" must name a map, or a list of maps${isMap(map) ? ', and not the one it stands in' : ''}`);
      return [];
    });
  };
  const pairsOf = (map: YAMLMap): readonly Pair[] => {
    open.add(map);
    const pairs =
      known.get(map) ??
      withoutRepeats([...map.items.filter((pair) => !isMerge(pair)), ...map.items.filter(isMerge).flatMap(merge)]);
    open.delete(map);
    known.set(map, pairs);
    return pairs;
  };
  return pairsOf;
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && typeof key.value === 'symbol';
}

/** The first of each key; a key that isn't a text stays, to be reported. */
function withoutRepeats(pairs: readonly Pair[]): Pair[] {
  const seen = new Set<string>();
  return pairs.filter(({ key }) => {
    const name = textOf(key);
    if (name === null) return true;
    const repeated = seen.has(name);
    seen.add(name);
    return !repeated;
  });
}
