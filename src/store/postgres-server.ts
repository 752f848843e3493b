/** Owns which PostgreSQL servers Dockpass works on: one that can be written, holds every name, and has a clock. */
import type pg from 'pg';
import { Refusal } from '../lib/errors.ts';

class StandbyError extends Error {
  /** PostgreSQL's code of a transaction that only reads. */
  readonly code = '25006';
}

/**
 * A hot standby answers, but with what it knew: a password that was revoked since would still work. (Which servers a
 * connection may use is `target_session_attrs` in libpq, section 34.1.2; pg has no such parameter.)
 */
export async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby === true) throw new StandbyError('it is a standby server, which only reads');
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
