/** Owns looking into YAML and into plain values for a Reader. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { createReader, type Place, type Reader } from './reader.ts';

/** Syntax errors of the YAML are among the reader's problems already. */
export function readYaml(text: string): Reader {
  const lines = new LineCounter();
  // 1.1, because docker_auth's files are: `<<` merges and `yes` is a boolean where one is asked for.
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const reader = createReader({
    root: document.contents,
    placeOf: (node) => placeAt((node as Node | null)?.range?.[0] ?? 0),
    resolve(node) {
      const target = isAlias(node) ? node.resolve(document) : node;
      return isScalar(target) && target.value === null ? null : target;
    },
    pairs: (node) =>
      isMap(node) ? mergedPairs(node.items, document).map(({ key, value }) => [key, value] as const) : null,
    list: (node) => (isSeq(node) ? node.items : null),
    text: textOf,
  });
  for (const { code, pos, message } of document.errors)
    reader.report(placeAt(pos[0]), code === 'MULTIPLE_DOCS' ? secondDocument : message);
  return reader;
}

const secondDocument = 'a second YAML document begins here; only one can be read, so take the "---" out';

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
