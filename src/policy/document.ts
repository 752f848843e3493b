/** Owns looking into YAML and into plain values for a Reader. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { createReader, type Place, type Reader } from './reader.ts';

/**
 * What is wrong with the YAML itself is among the reader's problems already. Where its parts cannot be told apart there is
 * nothing to read, so that what follows from one slip is not told as a mistake of its own.
 */
export function readYaml(text: string): Reader {
  const lines = new LineCounter();
  // 1.1, because docker_auth's files are: `<<` merges and `yes` is a boolean where one is asked for.
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const placeOf = (node: unknown): Place => placeAt(isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const targets = targetsOf(document);
  const resolve = (node: unknown) => (isAlias(node) ? targets.get(node) : node);
  const pairsOf = createMerge(resolve, (node, message) => reader.report(placeOf(node), message));
  const problems = problemsOf(document);
  const reader = createReader({
    root: problems.every(({ readable }) => readable) ? document.contents : null,
    placeOf,
    resolve(node) {
      const target = resolve(node);
      return isScalar(target) && target.value === null ? null : target;
    },
    pairs: (node) => (isMap(node) ? pairsOf(node).map(({ key, value }) => [key, value] as const) : null),
    list: (node) => (isSeq(node) ? node.items : null),
    text: textOf,
  });
  for (const { offset, message } of problems) reader.report(placeAt(offset), message);
  return reader;
}

type Problem = {
  readonly offset: number;
  readonly message: string;
  /** Whether what is read of the document all the same is what was meant. */
  readonly readable: boolean;
};

function problemsOf({ errors, warnings }: Document): Problem[] {
  const tooDeep = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep) return [{ offset: tooDeep.pos[0], message: 'the YAML is nested too deeply from here', readable: false }];
  // A tag that is not known may change what a value means, so what the parser only warns of is wrong here.
  return [...errors, ...warnings].map(({ code, pos, message }) => ({
    offset: pos[0],
    message: code === 'MULTIPLE_DOCS' ? secondDocument : message,
    readable: code === 'DUPLICATE_KEY' || code === 'MULTIPLE_DOCS' || code === 'TAG_RESOLVE_FAILED',
  }));
}

const secondDocument = 'a second YAML document begins here; only one can be read, so take the "---" out';

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
    pairs: (node) => (isPlainObject(node) ? Object.entries(node) : null),
    list: (node) => (Array.isArray(node) ? node : null),
    text: (node) => (typeof node === 'object' ? null : String(node)),
  });
}

function isPlainObject(node: unknown): node is object {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** As it is written, but for what a tag such as `!!binary` makes of it. */
function textOf(node: unknown): string | null {
  if (!isScalar(node)) return null;
  if (typeof node.value === 'string') return node.value;
  return node.tag === undefined ? (node.source ?? null) : null;
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

/** The first of each key; what is no text stays, to be told. */
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
