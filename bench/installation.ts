/** Owns what a measured Dockpass runs on: a data folder, a policy, a person with an app password, and a crowd. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCore } from '../src/app/core.ts';
import { readConfig } from '../src/config/config.ts';
import { openSql } from '../src/store/open.ts';
import type { Sql } from '../src/store/sql.ts';

export type Installation = {
  /** The environment of `serve`. */
  readonly environment: NodeJS.ProcessEnv;
  /** "person@example.com:dkp_..." in base64. */
  readonly basic: string;
};

export const service = 'registry.example.com';
const login = 'person@example.com';

/**
 * @param options.crowd people besides the one who is measured, each with ten app passwords, or `passwordsEach`
 * @param options.rules how many rules the policy has in all; those beyond 20 come before these and let no one in
 */
export async function createInstallation(options: {
  readonly folder: string;
  readonly databaseUrl: string | undefined;
  readonly crowd: number | undefined;
  readonly passwordsEach?: number;
  readonly rules: number | undefined;
}): Promise<Installation> {
  const { folder } = options;
  const policyFile = join(folder, 'policy.yml');
  await writeFile(policyFile, await policyOf(options.rules ?? 20));
  const environment = {
    PATH: process.env['PATH'],
    PUBLIC_URL: 'http://localhost',
    PORT: '0',
    SERVICES: service,
    DATA_DIR: folder,
    POLICY_FILE: policyFile,
    SESSION_SECRET: 'a session secret of the bench, for nobody',
    PASSWORD_PEPPER: 'a pepper of the bench, for nobody at all',
    ENCRYPTION_KEYS: 'an-encryption-key-of-the-bench-for-nobody-at-all',
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
  };
  const config = readConfig({ ...environment, LOG_LEVEL: 'error' });
  const core = await openCore(config);
  try {
    const at = Date.now();
    const person = { id: 'person', provider: 'google', issuer: 'https://accounts.google.com', subject: '1', login };
    const told = { email: login, displayName: 'A Person', domain: 'example.com', groups: ['google:dev@example.com'] };
    const { id } = await core.store.accounts.signIn({ ...person, ...told, at });
    const input = { name: 'bench', days: 30, pullOnly: false, repositories: [] };
    const { secret } = await core.passwords.issue({ id, login, kind: 'person' }, input, { actor: login, client: null });
    if (options.crowd !== undefined) {
      await addCrowd(config.databaseUrl, { people: options.crowd, each: options.passwordsEach ?? 10 }, at);
    }
    return { environment, basic: Buffer.from(`${login}:${secret}`).toString('base64') };
  } finally {
    await core.close();
  }
}

/** The 20 rules, and in front of them rules of the kinds that grow with a company: a team's, a person's, a machine's. */
async function policyOf(count: number): Promise<string> {
  const text = await readFile(join(import.meta.dirname, 'policy.yml'), 'utf8');
  const kinds = [
    (n: number) => `{ group: "team-${n}", name: "team-${n}/**" }`,
    (n: number) => `{ account: "someone-${n}@example.com", name: "people/${n}/*" }`,
    (n: number) => `{ account: "/^ci-${n}-.+$/", name: "ci-${n}/*" }`,
    (n: number) => `{ domain: example.com, name: "project-${n}/*" }`,
  ];
  const extra = Array.from({ length: count - 20 }, (_, index) => {
    const match = kinds[index % kinds.length]?.(index);
    return `  - match: ${match}\n    actions: [push, pull]\n`;
  });
  return text.replace('acl:\n', `acl:\n${extra.join('')}`);
}

type Crowd = { readonly people: number; readonly each: number };

/** @param at epoch milliseconds, when they came; their passwords live for a year from then on */
export async function addCrowd(databaseUrl: string, { people, each }: Crowd, at: number): Promise<void> {
  const sql = await openSql(databaseUrl, () => {});
  const year = 365 * 24 * 60 * 60 * 1000;
  try {
    await sql.run(`${numbers(people)} ${crowd}`, [at]);
    await sql.run(`${numbers(people * each)} ${crowdPasswords(sql.engine, people)}`, [at, at + year]);
    await sql.run('analyze');
  } finally {
    await sql.close();
  }
}

const numbers = (count: number) =>
  `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`;

const crowd = `
  insert into account (id, kind, provider, issuer, subject, login, email, domain, groups_json, groups_at, state, created_at)
  select 'crowd-' || n, 'person', 'google', 'https://accounts.google.com', 'crowd-' || n, 'crowd-' || n || '@example.com',
         'crowd-' || n || '@example.com', 'example.com', '[]', $1, 'active', $1
  from numbers`;

/** The hashes are random, as HMACs are: they land all over the index. */
const crowdPasswords = (engine: Sql['engine'], people: number) => `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, created_at, expires_at)
  select 'crowd-' || n, 'crowd-' || (n % ${people} + 1), 'machine ' || n,
         ${engine === 'sqlite' ? 'hex(randomblob(22))' : "md5(n || 'a') || substr(md5(n || 'b'), 1, 12)"},
         'bench', 'dkp_…', $1, $2
  from numbers`;
