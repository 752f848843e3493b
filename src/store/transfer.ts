/** Owns the move of a whole database to another engine: every table, in one transaction, counted on both sides. */
import { createHash } from 'node:crypto';
import { Refusal } from '../lib/errors.ts';
import { hasEnded } from '../lib/is-running.ts';
import { createLeaseStore, serveLease } from './leases.ts';
import { openSql, readMigrations } from './open.ts';
import { ConstraintError, migrationTableName, type OpenDatabase, type Sql, type Value } from './sql.ts';

export type Transferred = { readonly table: string; readonly rows: number };

type Row = Readonly<Record<string, Value>>;

/** Rows that are read together. */
const pageSize = 5_000;
/** Of one insert. SQLite would take 32,766, but it looks each name up among those before it. */
const maximumParameters = 1_000;

/**
 * Brings both databases up to date, so that they have the same tables, and copies all rows.
 * @param from like `to` a database URL
 * @throws {Refusal} as `transfer`
 */
export async function copyDatabase(
  from: string,
  to: string,
  onProgress: (table: string, rows: number) => void,
): Promise<Transferred[]> {
  await using stack = new AsyncDisposableStack();
  const open = async (url: string): Promise<OpenDatabase> => {
    const sql = await openSql(url, () => {});
    stack.defer(() => sql.close());
    return sql;
  };
  const source = await open(from);
  await refuseServed(source); // before anything in it changes
  await source.migrate(await readMigrations());
  const target = await open(to);
  await target.migrate(await readMigrations());
  return await transfer(source, target, onProgress);
}

/**
 * Copies all rows. Both schemas must be up to date.
 * @throws {Refusal} `conflict` where the target holds anything, or where the source changed or a service served it meanwhile;
 *   then it is as before
 */
export async function transfer(
  from: Sql,
  to: OpenDatabase,
  onProgress: (table: string, rows: number) => void = () => {},
): Promise<Transferred[]> {
  const tables = parentsFirst(await tablesOf(from), await referencesOf(to)).filter(
    (table) => table !== migrationTableName,
  );
  for (const table of tables) {
    if ((await countOf(to, table)) > 0) {
      throw new Refusal('conflict', `The target is not empty: it has rows in ${table}. Give an empty database.`);
    }
  }
  return to.transaction(async (run) => {
    const done: Copied[] = [];
    for (const table of tables) {
      const isCopied = table !== leaseTable;
      const copied = isCopied
        ? await copyTable(from, table, run, onProgress).catch((error: unknown) => explain(from, done, table, error))
        : await read(from, table, async () => {});
      done.push({ table, ...copied });
    }
    // A revocation that came after its row was read would be undone in the new place: what was read is read once more.
    await refuseChanged(from, done);
    // One that began to serve meanwhile answers the next revocation, which the copy would undo.
    await refuseServed(from);
    return done.filter(({ table }) => table !== leaseTable).map(({ table, rows }) => ({ table, rows }));
  });
}

type Copied = Transferred & { readonly fingerprint: string };

/**
 * The audit last: it has a row of each change, also of one in a table that was read for the second time already.
 * @throws {Refusal} `conflict`
 */
async function refuseChanged(from: Sql, done: readonly Copied[], cause?: unknown): Promise<void> {
  const isAudit = ({ table }: Transferred): boolean => table === 'audit_event';
  for (const { table, rows, fingerprint } of [...done.filter((one) => !isAudit(one)), ...done.filter(isAudit)]) {
    const now = await read(from, table, async () => {});
    if (now.fingerprint === fingerprint && now.rows === rows) continue;
    throw new Refusal('conflict', `${table} changed meanwhile, and nothing was copied. Stop the service first.`, {
      cause,
    });
  }
}

/** A row can have come after the rows that it points to were read; else the source has what the target can't take. */
async function explain(from: Sql, done: readonly Copied[], table: string, error: unknown): Promise<never> {
  if (!(error instanceof ConstraintError)) throw error;
  await refuseChanged(from, done, error);
  throw new Refusal(
    'conflict',
    `The target refuses a row of ${table}, and nothing was copied: ${error.message}. Repair that row in the source.`,
    { cause: error },
  );
}

/** Isn't copied: its rows belong to the processes of the source. One that changes shows that there are any. */
const leaseTable = 'lease';

/** On PostgreSQL, a replica that crashed on another machine would hold it up for minutes. @throws {Refusal} `conflict` */
async function refuseServed(from: Sql): Promise<void> {
  if (from.engine !== 'sqlite' || !(await tablesOf(from)).includes(leaseTable)) return;
  const holder = (await createLeaseStore(from).holders(serveLease, Date.now())).find((one) => !hasEnded(one));
  if (holder === undefined) return;
  throw new Refusal('conflict', `Process ${holder} serves this database: stop it first, then copy.`);
}

/** @returns the number of rows that the target says to have stored, and the fingerprint of those that were read */
async function copyTable(
  from: Sql,
  table: string,
  run: Sql['run'],
  onProgress: (table: string, rows: number) => void,
): Promise<{ rows: number; fingerprint: string }> {
  let rows = 0;
  const { fingerprint } = await read(from, table, async (page) => {
    for (const part of inParts(page)) rows += await insert(table, part, run);
    onProgress(table, rows);
  });
  return { rows, fingerprint };
}

/** Reads a table page by page, in the order of its key. */
async function read(
  from: Sql,
  table: string,
  take: (page: readonly Row[]) => Promise<void>,
): Promise<{ rows: number; fingerprint: string }> {
  const key = await keyOf(from, table);
  const order = key.join(', ');
  const hash = createHash('sha256');
  let rows = 0;
  let last: Row | undefined;
  do {
    const after = last === undefined ? '' : `where (${order}) > (${key.map((_, index) => `$${index + 1}`).join(', ')})`;
    const text = `select * from ${table} ${after} order by ${order} limit ${pageSize}`;
    const page = await from.all<Row>(text, last === undefined ? [] : valuesOf(last, key));
    hash.update(JSON.stringify(page));
    rows += page.length;
    await take(page);
    last = page.at(-1);
  } while (last !== undefined);
  return { rows, fingerprint: hash.digest('base64') };
}

function* inParts(page: readonly Row[]): Generator<readonly Row[]> {
  const [first = {}] = page;
  const size = Math.floor(maximumParameters / Math.max(1, Object.keys(first).length));
  for (let start = 0; start < page.length; start += size) yield page.slice(start, start + size);
}

async function insert(table: string, rows: readonly Row[], run: Sql['run']): Promise<number> {
  const columns = Object.keys(rows[0] ?? {});
  let parameter = 0;
  const tuples = rows.map(() => `(${columns.map(() => `$${++parameter}`).join(', ')})`);
  const text = `insert into ${table} (${columns.join(', ')}) values ${tuples.join(', ')}`;
  return run(
    text,
    rows.flatMap((row) => valuesOf(row, columns)),
  );
}

const valuesOf = (row: Row, columns: readonly string[]): Value[] => columns.map((column) => row[column] ?? null);

async function countOf(sql: Sql, table: string): Promise<number> {
  return (await sql.get<{ count: number }>(`select count(*) as count from ${table}`))?.count ?? 0;
}

type Reference = { readonly child: string; readonly parent: string };

/** So that a row comes after those that it refers to; else as they are. */
function parentsFirst(tables: readonly string[], references: readonly Reference[]): string[] {
  const left = new Set(tables);
  const ordered: string[] = [];
  while (left.size > 0) {
    const waits = (table: string) => references.some(({ child, parent }) => child === table && left.has(parent));
    const next = [...left].find((table) => !waits(table));
    if (next === undefined) throw new Error(`tables refer to each other: ${[...left].join(', ')}`);
    left.delete(next);
    ordered.push(next);
  }
  return ordered;
}

async function referencesOf(sql: Sql): Promise<Reference[]> {
  const text =
    sql.engine === 'sqlite'
      ? `select t.name as child, f."table" as parent from sqlite_schema t, pragma_foreign_key_list(t.name) f
         where t.type = 'table' and f."table" <> t.name`
      : `select c.relname as child, p.relname as parent
         from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class p on p.oid = k.confrelid
         where k.contype = 'f' and c.relnamespace = current_schema()::regnamespace and p.oid <> c.oid`;
  return sql.all<Reference>(text);
}

/** In the order of their creation: after pg_restore that of their names. */
async function tablesOf(sql: Sql): Promise<string[]> {
  const text =
    sql.engine === 'sqlite'
      ? `select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by rowid`
      : `select relname as name from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace order by oid`;
  return (await sql.all<{ name: string }>(text)).map(({ name }) => name);
}

/** The columns of the primary key. */
async function keyOf(sql: Sql, table: string): Promise<string[]> {
  const text =
    sql.engine === 'sqlite'
      ? 'select name from pragma_table_info($1) where pk > 0 order by pk'
      : `select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
         where i.indrelid = cast(cast($1 as text) as regclass) and i.indisprimary
         order by array_position(cast(i.indkey as int2[]), a.attnum)`;
  return (await sql.all<{ name: string }>(text, [table])).map(({ name }) => name);
}
