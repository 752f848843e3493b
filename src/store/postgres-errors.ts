/** Owns what the errors of PostgreSQL mean to the store's callers. */
import pg from 'pg';
import { Refusal } from '../lib/errors.ts';
import { standbyError } from './postgres-server.ts';
import { ConstraintError, databaseUnavailable, unstorableValue } from './sql.ts';

/**
 * By the class of PostgreSQL's error code: 22, a value that can't be stored, and 23, a constraint, are the fault of what
 * was sent. Everything else is the database's, and may be over with the next try: a lock or a transaction that took too
 * long (55P03, 25P03), a database that takes no connections (55000), a user that is rejected (28000), no disk (53100).
 * Network errors and pg's own time-outs have no such code.
 */
export function translateError(error: unknown): unknown {
  if (error instanceof Refusal) return error;
  if (!(error instanceof pg.DatabaseError)) return databaseUnavailable(error);
  const standby = standbyError(error);
  if (standby !== null) return databaseUnavailable(standby);
  const { code = '', message } = error;
  if (code.startsWith('23')) return new ConstraintError(message, { cause: error });
  return code.startsWith('22') ? unstorableValue(error) : databaseUnavailable(error);
}
