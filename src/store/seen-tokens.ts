/** Owns every statement on `seen_token`: signed messages that must not count twice. */
import type { Sql } from './sql.ts';

export type SeenTokenStore = {
  /** False when it was noted before. Times are epoch milliseconds. */
  note(id: string, expiresAt: number): Promise<boolean>;
  has(id: string): Promise<boolean>;
  /** For a token that nothing was made from, so that its sender can try again. */
  forget(id: string): Promise<void>;
  removeExpired(now: number): Promise<number>;
};

export function createSeenTokenStore(sql: Sql): SeenTokenStore {
  return {
    note: async (id, expiresAt) =>
      (await sql.run('insert into seen_token (id, expires_at) values ($1, $2) on conflict (id) do nothing', [
        id,
        expiresAt,
      ])) === 1,
    has: async (id) => (await sql.get('select id from seen_token where id = $1', [id])) !== undefined,
    async forget(id) {
      await sql.run('delete from seen_token where id = $1', [id]);
    },
    removeExpired: (now) => sql.run('delete from seen_token where expires_at <= $1', [now]),
  };
}
