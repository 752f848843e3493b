/**
 * Owns that PostgreSQL looks up together what is asked for by key in one turn of the event loop: one statement, sent after the
 * last of the lookups was asked for, so that none of them misses what was stored before.
 */
import { idParameters, padded } from './conditions.ts';
import type { Sql } from './sql.ts';

/** The row that has this key, which is unique. */
export type KeyLookup<Row> = (key: string) => Promise<Row | undefined>;

type Waiting<Row> = Map<string, PromiseWithResolvers<Row | undefined>>;

/** Keys of one statement, which is always as long, so that each connection plans it once. */
const atOnce = 16;

/**
 * A round trip for each takes as much processor time as the rest of a login, and seven times PostgreSQL's own
 * (docs/performance.md). SQLite looks up together in any case (group-read.ts).
 * @param select up to its `where`
 * @param column of the key, a text that is never ''
 */
export function createKeyLookup<Row>(
  sql: Sql,
  select: string,
  column: string,
  keyOf: (row: Row) => string,
): KeyLookup<Row> {
  // The cast looks idle: see `withOwner` in passwords.ts.
  const one = `${select} where ${column} = cast($1 as text)`;
  const several = `${select} where ${column} in (${idParameters(1, atOnce)})`;
  if (sql.engine === 'sqlite') return (key) => sql.get<Row>(one, [key]);

  const find = (keys: readonly string[]): Promise<Row[]> =>
    keys.length === 1 ? sql.all<Row>(one, keys) : sql.all<Row>(several, padded(keys, atOnce));
  const answer = async (asked: Waiting<Row>): Promise<void> => {
    try {
      const rows = new Map((await find([...asked.keys()])).map((row) => [keyOf(row), row]));
      for (const [key, { resolve }] of asked) resolve(rows.get(key));
    } catch (error) {
      for (const { reject } of asked.values()) reject(error);
    }
  };

  let waiting: Waiting<Row> = new Map();
  const send = (): void => {
    const asked = waiting;
    waiting = new Map();
    if (asked.size > 0) void answer(asked);
  };
  return (key) => {
    if (waiting.size === 0) setImmediate(send);
    const lookup = waiting.get(key) ?? Promise.withResolvers<Row | undefined>();
    waiting.set(key, lookup);
    if (waiting.size === atOnce) send();
    return lookup.promise;
  };
}
