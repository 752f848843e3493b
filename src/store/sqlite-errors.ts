/** Owns what the errors of SQLite mean. Its codes may have a suffix that says more: SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED. */
import { ConstraintError, databaseUnavailable } from './sql.ts';

/** Another connection held the lock for longer than the wait. */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}

/** The error that the store's callers know; others as they are. */
export function translated(error: unknown): unknown {
  const code = codeOf(error);
  if (code.startsWith('SQLITE_CONSTRAINT')) return new ConstraintError((error as Error).message, { cause: error });
  return /^SQLITE_(BUSY|FULL|IOERR|READONLY|CANTOPEN|LOCKED)/.test(code) ? databaseUnavailable(error) : error;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
