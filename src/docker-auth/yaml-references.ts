/** Owns what docker_auth's YAML reader makes of aliases, merge keys (`<<`) and scalars: each is replaced by that. */
import { type Alias, type Document, isAlias, isMap, isSeq, type Node, type Pair, visit, type YAMLMap } from 'yaml';
import { isMergeKey, isNull, textOf } from './yaml-nodes.ts';

export type AliasProblem = { readonly alias: Alias; readonly message: string };

/** Far more than 10,000 users and rules, each with aliases, have; a few nested aliases can stand for billions. */
const maximumParts = 1_000_000;

/**
 * Aliases that nothing can be put in for, at which docker_auth's YAML reader stops, too, where it reads; and the one that makes the
 * document too large.
 */
export function aliasProblems(document: Document): AliasProblem[] {
  const anchors = new Map<string, Node>();
  /** Of the nodes with an anchor, with what their aliases stand for. */
  const sizes = new Map<unknown, number>();
  const problems: AliasProblem[] = [];
  let parts = 0;
  visit(document, {
    Node(_key, node, path) {
      const target = isAlias(node) ? anchors.get(node.source) : undefined;
      const size = sizes.get(target) ?? 1;
      parts += size;
      for (const above of path) if (sizes.has(above)) sizes.set(above, (sizes.get(above) ?? 0) + size);
      if (!isAlias(node)) {
        if (node.anchor === undefined) return undefined;
        anchors.set(node.anchor, node);
        sizes.set(node, 1);
        return undefined;
      }
      const report = (what: string) => problems.push({ alias: node, message: `the alias *${node.source} ${what}` });
      if (target === undefined) report('refers to nothing; put a text that begins with * in quotes');
      else if (path.includes(target)) report('is inside of what it refers to');
      else if (parts > maximumParts) {
        report(
          'is one of too many: with all that they refer to, the file has more than 1,000,000 values; take some out',
        );
        return visit.BREAK;
      }
      return undefined;
    },
  });
  return problems;
}

/** The document as docker_auth reads it. @param document is changed; it must have no alias problems */
export function readAsDockerAuth(document: Document): void {
  resolveReferences(document);
  readScalarsAsTexts(document);
}

/**
 * Afterwards every map has its own pairs, and nothing refers to another part of the document. What can't be merged stays, to be
 * reported where it's read.
 */
function resolveReferences(document: Document): void {
  inlineAliases(document);
  visit(document, { Map: (_key, map) => mergeInto(map) });
}

/**
 * Where it wants a text, docker_auth reads `012`, `0x1F` and `yes` as they are written, and what `!!binary` stands for. A key that
 * is nothing is the empty text.
 */
function readScalarsAsTexts(document: Document): void {
  visit(document, {
    Scalar(place, node) {
      const { value, source } = node;
      if (place === 'key' && value === null) node.value = '';
      const text = value instanceof Uint8Array ? Buffer.from(value).toString() : source;
      if (value === null || typeof value === 'string' || typeof value === 'symbol' || text === undefined) return;
      node.value = text;
      delete node.tag;
    },
  });
}

/** What an alias refers to can be in a section that is left out. It stands before the alias, so it has no alias any more. */
function inlineAliases(document: Document): void {
  const anchors = new Map<string, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) return copyOf(anchors.get(node.source));
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      return undefined;
    },
  });
  withoutAnchors(document);
}

/** Without its anchors, which would stand for it from there on. */
function copyOf(node: Node | undefined): Node | undefined {
  // The types say unknown; a clone of a node is a node.
  const copy = node?.clone() as Node | undefined;
  if (copy) withoutAnchors(copy);
  return copy;
}

function withoutAnchors(part: Node | Document): void {
  visit(part, {
    Node(_key, node) {
      if ('anchor' in node) delete node.anchor;
    },
  });
}

/**
 * As gopkg.in/yaml.v2 does (decode.go, mappingStruct and merge): what is merged counts where the `<<` stands, and of two equal keys
 * the later one wins, whichever was merged. YAML 1.1 would let the map's own win.
 */
function mergeInto(map: YAMLMap): void {
  const merged = createPairs();
  for (const pair of map.items) for (const one of isMergeKey(pair) ? mergedBy(pair) : [pair]) merged.put(one);
  map.items = merged.items;
}

/** The pairs that a merge key stands for, the last of equal ones being the one that counts; the key itself if it names no map. */
function mergedBy(pair: Pair): readonly Pair[] {
  const maps = isSeq(pair.value) ? pair.value.items : [pair.value];
  if (!maps.every(isMap)) return [pair];
  for (const map of maps) mergeInto(map);
  // Of a list the first map wins.
  return maps.toReversed().flatMap((map) => map.items);
}

/** What docker_auth reads into what is there already, instead of replacing it: the users, the match of a rule, the labels of a user or match. */
const structures = ['users', 'match', 'labels'];

/** The pairs of a map, of which a later one replaces an equal one in its place. A map can have tens of thousands. */
function createPairs() {
  const items: Pair[] = [];
  const places = new Map<string, number>();
  const put = (pair: Pair): void => {
    const name = isNull(pair.key) ? '' : textOf(pair.key);
    const at = name === null ? undefined : places.get(name);
    const before = at === undefined ? undefined : items[at];
    if (at === undefined || before === undefined) {
      if (name !== null) places.set(name, items.length);
      items.push(pair);
    } else if (name !== null && structures.includes(name) && isMap(before.value) && isMap(pair.value)) {
      for (const map of [before.value, pair.value]) mergeInto(map);
      before.value.items = [...before.value.items, ...pair.value.items];
      mergeInto(before.value);
    } else items[at] = pair;
  };
  return { items, put };
}
