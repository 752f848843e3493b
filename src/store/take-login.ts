/** Owns giving a login to an account, where an address with an internationalized domain has two spellings. */
import { locks } from './locks.ts';
import { ConstraintError, type Sql, type Statement } from './sql.ts';

/** Two people who come at the same moment with the two spellings of one address would not see each other in PostgreSQL. */
const oneAfterAnother = `select pg_advisory_xact_lock(${locks.logins})`;
const isTaken = 'update account set login = login where login = $1 and not (issuer = $2 and subject = $3)';

/**
 * Runs the statement that gives a login to its owner. The unique index knows one spelling.
 * @param otherLogin its other spelling; `null`: it has only one
 * @throws {ConstraintError} where another account has it in either
 */
export async function takeLogin(
  sql: Sql,
  statement: Statement,
  otherLogin: string | null,
  owner: { readonly issuer: string; readonly subject: string },
): Promise<void> {
  const isFree = await sql.atomic(function* () {
    if (sql.engine === 'postgres') yield { text: oneAfterAnother, values: [] };
    if ((yield { text: isTaken, values: [otherLogin, owner.issuer, owner.subject] }) > 0) return false;
    yield statement;
    return true;
  });
  if (!isFree) throw new ConstraintError(`another account has the login ${otherLogin}`);
}
