/** Owns who holds something that works, so that the sweep asks about them. */

/**
 * What an account `account` can hold, each as a subquery; `$1` is now. A new kind of secret needs a line here, or
 * people who hold nothing else would never be asked about.
 */
const holdings: readonly string[] = [
  'select 1 from app_password p where p.account_id = account.id and p.revoked_at is null and p.expires_at > $1',
  // Robots' passwords whose secret the person received.
  'select 1 from app_password p where p.maker_id = account.id and p.revoked_at is null and p.expires_at > $1',
  'select 1 from web_session s where s.account_id = account.id and s.expires_at > $1',
  'select 1 from api_token t where t.account_id = account.id and t.revoked_at is null and t.expires_at > $1',
];

/** A condition on `account`: people who are active and hold something that works. `$1` is now. */
export const isHolder = `kind = 'person' and state = 'active' and (${holdings.map((text) => `exists (${text})`).join(' or ')})`;
