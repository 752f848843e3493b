/** Owns which PostgreSQL servers Dockpass works on: one that can be written, holds every name, and has a clock. */
import type pg from 'pg';
import { Refusal } from '../lib/errors.ts';

export class StandbyError extends Error {
  /** PostgreSQL's code of a transaction that only reads. */
  readonly code = '25006';
}
const readsOnly = 'it is a standby server, which only reads';

/**
 * A hot standby answers, but with what it knew: a password that was revoked since would still work. (Which servers a
 * connection may use is `target_session_attrs` in libpq, section 34.1.2; pg has no such parameter.)
 */
export async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby === true) throw new StandbyError(readsOnly);
}

/** What changes something; PostgreSQL refuses it on a standby by itself. */
const isChange = /^\s*(insert|update|delete)\b/i;
/** The code of the error that `onPrimary` makes on a standby. */
const divisionByZero = '22012';
const onPrimaries = new Map<string, string>();

/**
 * A pooler can put a standby behind a connection at any time, so the statement that reads asks as well. PostgreSQL answers
 * the condition once a statement, before it reads anything; its plan and the order of its rows stay.
 * @param text of a statement that returns rows
 * @returns the same for a primary; on a standby it fails, as `standbyError` recognizes, whatever it would have found
 */
export function onPrimary(text: string): string {
  if (isChange.test(text)) return text;
  let checked = onPrimaries.get(text);
  if (checked === undefined) {
    checked = `select * from (${text}) as found where (select 1 / cast(not pg_is_in_recovery() as integer)) = 1`;
    onPrimaries.set(text, checked);
  }
  return checked;
}

/** No other statement divides. @returns `null` for every other error */
export function standbyError(error: pg.DatabaseError): Error | null {
  return error.code === divisionByZero ? new StandbyError(readsOnly, { cause: error }) : null;
}

const writable = `
  select current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as standby,
         cast(trunc(extract(epoch from clock_timestamp()) * 1000) as bigint) as at`;

/**
 * A pooler may have put another server behind a connection since, and a server can become read-only while it runs.
 * @returns the server's clock in epoch milliseconds
 * @throws where nothing can be written
 */
export async function readClock(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ read_only: boolean; standby: boolean; at: number }>(writable);
  const { read_only: readOnly = true, standby = false, at = 0 } = rows[0] ?? {};
  if (readOnly) throw new StandbyError(standby ? 'it is a standby server' : 'it is read-only');
  return at;
}

/** In another encoding some names can't be stored, and the person couldn't sign in. */
export async function refuseEncoding(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('show server_encoding');
  const { server_encoding: encoding } = rows[0] ?? { server_encoding: '' };
  if (encoding === 'UTF8') return;
  throw new Refusal(
    'misconfigured',
    `The PostgreSQL database of DATABASE_URL has the encoding ${encoding}, which can't hold every name. Make one with "create database dockpass encoding 'UTF8' template template0", and move what there is with pg_dump and psql.`,
  );
}
