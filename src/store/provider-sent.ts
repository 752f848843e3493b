/** Owns every statement on `provider_sent`: what each provider has sent before. */
import type { Sql } from './sql.ts';

export type ProviderSentRow = {
  readonly provider: string;
  readonly issuer: string;
  readonly what: string;
  readonly at: number;
};

export type ProviderSentStore = {
  note(sent: ProviderSentRow): Promise<void>;
  has(issuer: string, what: string): Promise<boolean>;
  all(): Promise<ProviderSentRow[]>;
};

const note = `
  insert into provider_sent (provider, issuer, what, at) values ($1, $2, $3, $4)
  on conflict (issuer, what) do update set provider = excluded.provider, at = excluded.at`;

export function createProviderSentStore(sql: Sql): ProviderSentStore {
  return {
    async note({ provider, issuer, what, at }) {
      await sql.run(note, [provider, issuer, what, at]);
    },
    has: async (issuer, what) =>
      (await sql.get('select 1 as found from provider_sent where issuer = $1 and what = $2', [issuer, what])) !==
      undefined,
    all: () => sql.all<ProviderSentRow>('select * from provider_sent order by provider, issuer, what'),
  };
}
