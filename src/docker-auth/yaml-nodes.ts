/** Owns how the parts of docker_auth's YAML are looked at: their text, their pairs, and the keys that it ignores. */
import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import { suggestKey } from '../policy/reader.ts';
import type { ReportNode } from './report-node.ts';

/** Leaves out the keys that docker_auth ignores, reports each, and names them in a comment. */
export function dropUnknown(
  map: YAMLMap,
  known: readonly string[],
  path: string,
  report: ReportNode,
  consequence = '',
): void {
  const dropped: string[] = [];
  map.items = map.items.filter((pair) => {
    const key = textOf(pair.key) ?? '';
    // One that couldn't be merged is a mistake, and no key.
    if (known.includes(key) || isMergeKey(pair)) return true;
    dropped.push(key);
    report(
      pair.key,
      `${path}.${key}: docker_auth ignores this key${consequence === '' ? '' : `, ${consequence}`}; it is left out${suggestKey(key, known)}`,
    );
    return false;
  });
  if (dropped.length > 0)
    map.comment = [map.comment, ` ignored by docker_auth: ${dropped.join(', ')}`].filter(Boolean).join('\n');
}

/** `<<`, as YAML 1.1 reads it, or as a plain word in a text that was parsed otherwise. */
export function isMergeKey(pair: Pair): boolean {
  return (isScalar(pair.key) && typeof pair.key.value === 'symbol') || textOf(pair.key) === '<<';
}

export function pairsOf(node: unknown): Pair[] {
  return isMap(node) ? [...node.items] : [];
}

export function keysOf(node: unknown): string[] {
  return pairsOf(node).flatMap(({ key }) => textOf(key) ?? []);
}

export function isNull(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

export function textOf(node: unknown): string | null {
  if (typeof node === 'string') return node;
  if (!isScalar(node) || node.value === null || typeof node.value === 'symbol') return null;
  return typeof node.value === 'string' ? node.value : (node.source ?? null);
}
