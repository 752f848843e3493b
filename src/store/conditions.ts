/** Owns how a statement's conditions and their values are put together: plain SQL with `$1`, `$2` ... in order. */
import { type Sql, storable, type Value } from './sql.ts';

export type Conditions = {
  /** Adds a condition; `text` is given the parameter of the value: `(value) => \`login = ${value}\``. */
  add(text: (parameter: string) => string, value: Value): void;
  /** The parameter of one more value, for a part of the statement that isn't a condition. */
  parameter(value: Value): string;
  /** "where a and b", or '' if there is none. */
  where(): string;
  readonly values: readonly Value[];
};

/** Ways to write the same name; can be equal. */
export type Spellings = readonly [string, ...string[]];

/** @param always conditions without a value */
export function createConditions(...always: readonly string[]): Conditions {
  const values: Value[] = [];
  const texts = [...always];
  const parameter = (value: Value): string => `$${values.push(value)}`;
  return {
    values,
    parameter,
    add: (text, value) => void texts.push(text(parameter(value))),
    where: () => (texts.length === 0 ? '' : `where ${texts.join(' and ')}`),
  };
}

/** Adds: one of the columns has one of the spellings. */
export function addSpellings(conditions: Conditions, columns: readonly string[], [first, ...more]: Spellings): void {
  const others = more.map(conditions.parameter);
  const isIn = (one: string) => columns.map((column) => `${column} in (${[one, ...others].join(', ')})`);
  conditions.add((one) => `(${isIn(one).join(' or ')})`, first);
}

/** For `like ... escape '\'`: finds the text anywhere, whatever it holds. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

/** How many ids one statement takes: its text, and with it the prepared statement, stays the same for fewer. */
export const idsAtOnce = 500;

/** For `in (...)`: "$3, $4 ..." from the given number on, to be filled with `padded`. */
export function idParameters(first = 1, count = idsAtOnce): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
}

/** @param ids at most `count`; no row has the id '' */
export function padded(ids: readonly string[], count = idsAtOnce): string[] {
  return [...ids, ...Array.from({ length: count - ids.length }, () => '')];
}

/** That the column has one of the texts: they are one value together, so the statement is the same however many there are. */
export function inList(
  conditions: Conditions,
  column: string,
  texts: readonly string[],
  engine: Sql['engine'],
): string {
  const list = conditions.parameter(JSON.stringify(texts.map(storable)));
  const rows = engine === 'sqlite' ? `json_each(${list})` : `json_array_elements_text(cast(${list} as json)) as value`;
  return `${column} in (select value from ${rows})`;
}

/** A statement that takes up to `size` items. */
export type Sized = { readonly size: number; readonly text: string };

/**
 * The same statement for a few sizes, each prepared once: those for fewer items are several times as fast.
 * @param sizes ascending; the last is the most that is ever asked for
 * @returns the smallest that has room for `count` items
 */
export function inSizes(sizes: readonly number[], textOf: (size: number) => string): (count: number) => Sized {
  const all = sizes.map((size): Sized => ({ size, text: textOf(size) }));
  return (count) => {
    const found = all.find(({ size }) => size >= count);
    if (found === undefined) throw new RangeError(`no statement takes ${count} items`);
    return found;
  };
}

/** In pieces of `idsAtOnce`. */
export function inPieces<Item>(items: readonly Item[]): Item[][] {
  const pieces: Item[][] = [];
  for (let start = 0; start < items.length; start += idsAtOnce) pieces.push(items.slice(start, start + idsAtOnce));
  return pieces;
}
