/** Owns every statement on `signing_key`; each tolerates that another process did the same a moment ago. */
import { type AuditRowOf, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `signing_key`; the columns are explained in migrations/0003_signing_key.sql. */
export type SigningKeyRow = {
  readonly ring: string;
  readonly number: number;
  readonly issuer: number | null;
  readonly certificate: string;
  readonly sealed_key: string;
  readonly created_at: number;
  readonly signs_from: number | null;
};

export type SigningKeyStore = {
  /** By number. */
  ofRing(ring: string): Promise<SigningKeyRow[]>;
  /** False, and nothing stored, when the number is taken. */
  add(row: SigningKeyRow, audit?: AuditRowOf): Promise<boolean>;
  /** False when the key is not there or signs from then on, or earlier, already. */
  schedule(ring: string, number: number, signsFrom: number, audit?: AuditRowOf): Promise<boolean>;
  /** False when it was replaced meanwhile. */
  replaceSeal(ring: string, number: number, before: string, after: string): Promise<boolean>;
  remove(ring: string, number: number): Promise<boolean>;
};

const insert = `
  insert into signing_key (ring, number, issuer, certificate, sealed_key, created_at, signs_from)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (ring, number) do nothing`;

const schedule = `
  update signing_key set signs_from = $3
  where ring = $1 and number = $2 and (signs_from is null or signs_from > $3)`;

const replaceSeal = 'update signing_key set sealed_key = $4 where ring = $1 and number = $2 and sealed_key = $3';

/** What the rule of rotation asks for is in no audit; what someone asks for is. */
const unrecorded: AuditRowOf = () => null;

export function createSigningKeyStore(sql: Sql): SigningKeyStore {
  return {
    ofRing: (ring) => sql.all<SigningKeyRow>('select * from signing_key where ring = $1 order by number', [ring]),
    async add({ ring, number, issuer, certificate, sealed_key, created_at, signs_from }, audit = unrecorded) {
      const values = [ring, number, issuer, certificate, sealed_key, created_at, signs_from];
      return (await runAudited(sql, { text: insert, values }, audit)) === 1;
    },
    schedule: async (ring, number, signsFrom, audit = unrecorded) =>
      (await runAudited(sql, { text: schedule, values: [ring, number, signsFrom] }, audit)) === 1,
    replaceSeal: async (ring, number, before, after) =>
      (await sql.run(replaceSeal, [ring, number, before, after])) === 1,
    remove: async (ring, number) =>
      (await sql.run('delete from signing_key where ring = $1 and number = $2', [ring, number])) === 1,
  };
}
