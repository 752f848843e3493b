/** Owns every statement on `seen_token`: signed messages that must not count twice, and sessions that a provider ended. */
import type { Sql } from './sql.ts';

export type SeenTokenStore = {
  /** False when it was noted before. Times are epoch milliseconds. */
  note(id: string, expiresAt: number): Promise<boolean>;
  has(id: string): Promise<boolean>;
  /** Notes something that can happen again: the latest time counts. */
  noteLatest(id: string, expiresAt: number): Promise<void>;
  /** Whether it was noted with this time or a later one. */
  hasSince(id: string, expiresAt: number): Promise<boolean>;
  /** For a token that nothing was made from, so that its sender can try again. */
  forget(id: string): Promise<void>;
  removeExpired(now: number): Promise<number>;
};

const noteLatest = `
  insert into seen_token (id, expires_at) values ($1, $2)
  on conflict (id) do update set expires_at = excluded.expires_at where seen_token.expires_at < excluded.expires_at`;

export function createSeenTokenStore(sql: Sql): SeenTokenStore {
  return {
    note: async (id, expiresAt) =>
      (await sql.run('insert into seen_token (id, expires_at) values ($1, $2) on conflict (id) do nothing', [
        id,
        expiresAt,
      ])) === 1,
    has: async (id) => (await sql.get('select id from seen_token where id = $1', [id])) !== undefined,
    async noteLatest(id, expiresAt) {
      await sql.run(noteLatest, [id, expiresAt]);
    },
    hasSince: async (id, expiresAt) =>
      (await sql.get('select id from seen_token where id = $1 and expires_at >= $2', [id, expiresAt])) !== undefined,
    async forget(id) {
      await sql.run('delete from seen_token where id = $1', [id]);
    },
    removeExpired: (now) => sql.run('delete from seen_token where expires_at <= $1', [now]),
  };
}
