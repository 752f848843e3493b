/** Owns `repository_actor`: who an event names, as the account that has the name now. */
import { randomBytes } from 'node:crypto';
import { idParameters, idsAtOnce, inPieces, inSizes, padded, type Sized } from './conditions.ts';
import type { Sql } from './sql.ts';

/** Someone as an event names them. `kind`: what they are where no account has the login. */
export type Named = { readonly login: string; readonly kind: 'static' | 'workload' | 'anonymous' | 'unknown' };

/** Of whom nothing is kept: the registry didn't say, or no one has the name. It has no row. */
export const unknownActor = 'unknown';

const sizes = [1, 60, idsAtOnce];
const accounts = inSizes(
  sizes,
  (size) => `
  select c.login, c.id, a.id as actor from account c left join repository_actor a on a.account_id = c.id
  where c.login in (${idParameters(1, size)})`,
);
const addAccount = `
  insert into repository_actor (id, kind, account_id, name)
  select cast($1 as text), 'account', cast($2 as text), null where exists (select 1 from account where id = $2)
  on conflict do nothing`;
const others = inSizes(sizes, (size) => `select id from repository_actor where id in (${idParameters(1, size)})`);
const addOther = `
  insert into repository_actor (id, kind, account_id, name) values ($1, $2, null, $3) on conflict do nothing`;

/** @returns ids of `repository_actor` by login; made where there is none yet */
export async function findActors(sql: Sql, named: readonly Named[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const logins = [...new Set(named.map(({ login }) => login))].filter((login) => login !== '');
  for (const piece of inPieces(logins)) await findAccounts(sql, piece, found);
  const rest = new Map(named.filter(({ login }) => !found.has(login)).map((one) => [one.login, one]));
  for (const piece of inPieces([...rest.values()])) await findOthers(sql, piece, found);
  return found;
}

type AccountRow = { readonly login: string; readonly id: string; readonly actor: string | null };

async function findAccounts(sql: Sql, logins: readonly string[], found: Map<string, string>): Promise<void> {
  const rows = await accountsNamed(sql, logins);
  const added = rows.filter(({ actor }) => actor === null);
  if (added.length > 0) {
    // Another process can add it at the same moment, so what is there is read again; the account can be gone by then.
    const statements = added.map(({ id }) => ({ text: addAccount, values: [randomBytes(9).toString('hex'), id] }));
    await sql.batch(statements);
  }
  const known = added.length > 0 ? await accountsNamed(sql, logins) : rows;
  for (const { login, actor } of known) found.set(login, actor ?? unknownActor);
}

function accountsNamed(sql: Sql, logins: readonly string[]): Promise<AccountRow[]> {
  return allOf<AccountRow>(sql, accounts(logins.length), logins);
}

function allOf<Row>(sql: Sql, { text, size }: Sized, ids: readonly string[]): Promise<Row[]> {
  return sql.all<Row>(text, padded(ids, size));
}

async function findOthers(sql: Sql, named: readonly Named[], found: Map<string, string>): Promise<void> {
  const ids = new Map<string, Named>();
  for (const one of named) {
    const id = one.kind === 'anonymous' || one.kind === 'unknown' ? one.kind : `${one.kind}:${one.login}`;
    found.set(one.login, id);
    if (id !== unknownActor) ids.set(id, one);
  }
  if (ids.size === 0) return;
  const rows = await allOf<{ id: string }>(sql, others(ids.size), [...ids.keys()]);
  for (const { id } of rows) ids.delete(id);
  const statements = [...ids].map(([id, { kind, login }]) => ({ text: addOther, values: [id, kind, login] }));
  if (statements.length > 0) await sql.batch(statements);
}
