/**
 * Checks the row types of the store against the migrations: the columns of every statement that returns rows must have the
 * names, the types and the nullability that the TypeScript types promise, on both engines.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import pg from 'pg';
import { openStore } from '../../src/store/open.ts';
import type { OpenDatabase, Statement, Value } from '../../src/store/sql.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { describeEngines } from '../support/engines.ts';
import { account as accountRow, signedIn } from '../support/rows.ts';

type Base<Value> = [Value] extends [number] ? 'integer' : 'text';
type Column<Value> = null extends Value ? `${Base<NonNullable<Value>>} or null` : Base<Value>;
type Columns<Row> = { readonly [Name in keyof Row]-?: Column<Row[Name]> };

type RowOf<Result> = Result extends readonly (infer Row)[] ? Extract<Row, object> : Extract<Result, object>;
type Returned<Of> = Of extends (...args: never[]) => Promise<infer Result> ? RowOf<Result> : never;
type ParametersOf<Of> = Of extends (...args: infer Args) => unknown ? Args : never;

/** Arguments with which to call the method, and the columns that its row type promises. */
type Check<Of> = { readonly args: ParametersOf<Of>; readonly columns: Columns<Returned<Of>> };
/** A method that makes its result from rows, and whose result is none. */
const computed = 'computed';

/** The compiler asks for an entry for each method of the store that returns rows. */
type Checks = {
  readonly [Part in Exclude<keyof Store, 'engine'> as [keyof PartChecks<Store[Part]>] extends [never]
    ? never
    : Part]: PartChecks<Store[Part]>;
};
type PartChecks<Part> = {
  readonly [Name in keyof Part as [Returned<Part[Name]>] extends [never] ? never : Name]:
    | Check<Part[Name]>
    | typeof computed;
};

const requested = {
  id: 'text',
  account_id: 'text',
  service: 'text',
  name: 'text',
  actions: 'text',
  note: 'text',
  address: 'text',
  created_at: 'integer',
  answer: 'text or null',
  answer_note: 'text or null',
  answered_by: 'text or null',
  answered_at: 'integer or null',
  granted_at: 'integer or null',
  closed_at: 'integer or null',
  withdrawn_at: 'integer or null',
} as const;

const account = {
  id: 'text',
  kind: 'text',
  provider: 'text',
  issuer: 'text',
  subject: 'text',
  login: 'text',
  email: 'text or null',
  display_name: 'text or null',
  domain: 'text or null',
  groups_json: 'text',
  groups_at: 'integer or null',
  undecided_groups_json: 'text or null',
  state: 'text',
  state_reason: 'text or null',
  state_by: 'text or null',
  state_at: 'integer or null',
  created_at: 'integer',
  signed_in_at: 'integer or null',
  checked_at: 'integer or null',
  confirmed_at: 'integer or null',
  groups_problem: 'text or null',
  groups_left_out_at: 'integer or null',
  suspended_there: 'integer or null',
  owner_group: 'text or null',
  labels_json: 'text or null',
  description: 'text or null',
  created_by: 'text or null',
  created_by_id: 'text or null',
  stopped_for_security: 'integer or null',
} as const;
const counted = { ...account, live_passwords: 'integer' } as const;
const apiToken = {
  id: 'text',
  account_id: 'text or null',
  created_by: 'text',
  name: 'text',
  hash: 'text',
  pepper_id: 'text',
  hint: 'text',
  scopes_json: 'text',
  created_at: 'integer',
  expires_at: 'integer',
  revoked_at: 'integer or null',
  revoked_by: 'text or null',
  used_at: 'integer or null',
  used_address: 'text or null',
} as const;
const auditEvent = {
  id: 'text',
  at: 'integer',
  action: 'text',
  actor: 'text',
  subject: 'text',
  address: 'text or null',
  client: 'text or null',
  request_id: 'text or null',
  repository: 'text or null',
  detail_json: 'text',
} as const;
const denial = {
  id: 'text',
  account: 'text',
  account_id: 'text or null',
  service: 'text',
  type: 'text',
  name: 'text',
  action: 'text',
  decided_by: 'text',
  rule_line: 'integer',
  rule_comment: 'text or null',
  password_name: 'text or null',
  maker: 'text or null',
  address: 'text',
  count: 'integer',
  first_at: 'integer',
  last_at: 'integer',
} as const;
const use = { kind: 'text', value: 'text', first_at: 'integer', last_at: 'integer' } as const;
const password = {
  id: 'text',
  account_id: 'text',
  name: 'text',
  hash: 'text',
  pepper_id: 'text',
  hint: 'text',
  actions_json: 'text or null',
  repositories_json: 'text or null',
  created_at: 'integer',
  expires_at: 'integer',
  revoked_at: 'integer or null',
  revoked_by: 'text or null',
  used_at: 'integer or null',
  used_address: 'text or null',
  used_client: 'text or null',
  replaced_by: 'text or null',
  maker_id: 'text or null',
  maker_kind: 'text or null',
  origin: 'text or null',
  origin_address: 'text or null',
} as const;
const listed = {
  ...password,
  revocation_reason: 'text or null',
  login: 'text',
  kind: 'text',
  identity_services: 'text or null',
  maker_login: 'text or null',
  maker_state: 'text or null',
  maker_state_at: 'integer or null',
  maker_stopped_for_security: 'integer or null',
  maker_confirmed_at: 'integer or null',
  maker_signed_in_at: 'integer or null',
} as const;
const withOwner = {
  ...password,
  kind: 'text',
  provider: 'text',
  issuer: 'text',
  login: 'text',
  email: 'text or null',
  domain: 'text or null',
  groups_json: 'text',
  groups_at: 'integer or null',
  undecided_groups_json: 'text or null',
  state: 'text',
  state_reason: 'text or null',
  state_at: 'integer or null',
  signed_in_at: 'integer or null',
  confirmed_at: 'integer or null',
  labels_json: 'text or null',
} as const;
const revocation = {
  id: 'text',
  at: 'integer',
  actor: 'text',
  reason: 'text',
  selection_json: 'text',
  passwords: 'integer',
  undo_until: 'integer',
  undone_at: 'integer or null',
  undone_by: 'text or null',
  undo_checked: 'integer or null',
} as const;
const session = { data: 'text', expires_at: 'integer' } as const;
const identityToken = { hash: 'text', password_id: 'text', service: 'text', created_at: 'integer' } as const;

const workloadIssuer = {
  name: 'text',
  sealed_keys: 'text or null',
  keys_at: 'integer or null',
  asked_at: 'integer',
  problem: 'text or null',
  off_at: 'integer or null',
  off_by: 'text or null',
  off_reason: 'text or null',
  accepts_from: 'integer',
} as const;
const workloadCredential = {
  id: 'text',
  kind: 'text',
  hash: 'text',
  pepper_id: 'text',
  issuer: 'text',
  rule: 'text',
  account: 'text',
  run: 'text or null',
  service: 'text or null',
  sealed_claims: 'text',
  created_at: 'integer',
  ends_at: 'integer',
  removable_at: 'integer',
  ended_at: 'integer or null',
} as const;
const workloadFailure = {
  id: 'text',
  issuer: 'text',
  reason: 'text',
  who: 'text',
  claims_json: 'text or null',
  nearest_json: 'text or null',
  known: 'integer',
  address: 'text',
  count: 'integer',
  first_at: 'integer',
  last_at: 'integer',
} as const;
const terminalRequest = {
  id: 'text',
  device_code_hash: 'text',
  user_code_hash: 'text',
  network: 'text',
  address: 'text',
  machine: 'text',
  client: 'text',
  service: 'text',
  purpose: 'text',
  redirect_uri: 'text or null',
  state: 'text or null',
  code_challenge: 'text or null',
  created_at: 'integer',
  expires_at: 'integer',
  account_id: 'text or null',
  decided_at: 'integer or null',
  approved: 'integer or null',
  actions_json: 'text or null',
  repositories_json: 'text or null',
  collected_at: 'integer or null',
  password_id: 'text or null',
} as const;

const accountMove = {
  id: 'text',
  account_id: 'text or null',
  from_issuer: 'text or null',
  to_issuer: 'text or null',
  provider: 'text or null',
  at: 'integer',
  created_by: 'text',
  until: 'integer or null',
} as const;
const who = { actor_kind: 'text', actor_login: 'text or null', actor_account_id: 'text or null' } as const;
const repositoryName = {
  name: 'text',
  pushed_at: 'integer or null',
  size: 'integer or null',
  tags: 'integer',
  recent_pulls: 'integer',
} as const;
const repository = {
  ...repositoryName,
  ...who,
  service: 'text',
  pulled_at: 'integer or null',
  first_seen_at: 'integer',
  synced_at: 'integer or null',
} as const;
const tag = {
  ...who,
  tag: 'text',
  digest: 'text',
  size: 'integer or null',
  media_type: 'text or null',
  pushed_at: 'integer or null',
} as const;
const activityOfDay = { day: 'integer', action: 'text', count: 'integer' } as const;
const activityOfActor = { ...who, action: 'text', count: 'integer' } as const;
const arrival = { service: 'text', first_at: 'integer', last_at: 'integer' } as const;
const sync = {
  service: 'text',
  began_at: 'integer',
  after: 'text',
  repositories: 'integer',
  tags: 'integer',
  removed: 'integer',
  unknown: 'integer',
  problem: 'text or null',
  changed_at: 'integer',
  finished_at: 'integer or null',
  completed_at: 'integer or null',
} as const;
const notificationMessage = {
  id: 'text',
  channel: 'text',
  class: 'text',
  account_id: 'text or null',
  topic: 'text',
  body_json: 'text or null',
  created_at: 'integer',
  due_at: 'integer',
  attempts: 'integer',
  claims: 'integer',
  claimed_by: 'text or null',
  claimed_until: 'integer or null',
  state: 'text',
  ended_at: 'integer or null',
  problem: 'text or null',
} as const;

const retiredLogin = {
  login: 'text',
  kind: 'text',
  issuer: 'text',
  subject: 'text',
  owner_group: 'text or null',
  at: 'integer',
  retired_by: 'text',
} as const;

const person = signedIn({});
const checks: Checks = {
  accountMoves: {
    find: { args: [accountRow({}), { provider: 'p', issuer: 'i', subject: 's' }, 1], columns: accountMove },
    inForce: { args: [1], columns: { ...accountMove, login: 'text or null' } },
  },
  retiredLogins: {
    find: { args: ['a'], columns: retiredLogin },
    list: { args: ['a', 1], columns: retiredLogin },
  },
  installation: {
    read: { args: [], columns: { id: 'text', copied_at: 'integer or null', public_url: 'text or null' } },
  },
  accounts: {
    claim: { args: [person], columns: account },
    signIn: { args: [person], columns: account },
    byId: { args: ['a'], columns: account },
    active: { args: ['a'], columns: account },
    byLogin: { args: ['a'], columns: account },
    after: { args: ['a', 1], columns: account },
    byIdentity: { args: ['i', 's'], columns: account },
    due: { args: [1, 1], columns: { id: 'text', provider: 'text' } },
    countUnchecked: computed,
    countTeams: computed,
    oldest: {
      args: [1, ''],
      columns: { confirmation: 'integer or null', groups: 'integer or null', last: 'text or null' },
    },
  },
  people: {
    list: {
      args: [
        { search: 'a', state: 'active', provider: 'google', domain: 'd', group: null },
        { by: 'login', descending: false },
        { limit: 1, offset: 0, now: 1 },
      ],
      columns: counted,
    },
    byId: { args: ['a', 1], columns: counted },
    remove: computed,
  },
  robots: {
    byId: { args: ['a', 1], columns: counted },
    all: { args: [1], columns: counted },
    createdBy: { args: ['a', 1], columns: counted },
  },
  notifications: {
    events: { args: [1], columns: auditEvent },
    ending: {
      args: [{ at: 1, id: '' }, 2, 1],
      columns: {
        ...{ id: 'text', account_id: 'text', name: 'text', created_at: 'integer', expires_at: 'integer' },
        ...{ login: 'text', kind: 'text', owner_group: 'text or null', reminded: 'integer or null' },
      },
    },
    readers: { args: ['digest', 1, 1], columns: { account_id: 'text', first: 'text' } },
    itemsOf: {
      args: ['m'],
      columns: {
        ...{ id: 'text', account_id: 'text', class: 'text', category: 'text', topic: 'text', at: 'integer' },
        ...{ data_json: 'text', message_id: 'text or null' },
      },
    },
    revokedBy: { args: ['r'], columns: { account_id: 'text', passwords: 'integer' } },
    revokedOf: { args: ['r', 'a'], columns: { name: 'text' } },
  },
  notificationMessages: {
    claim: { args: ['mail', { holder: 'h', now: 1, until: 2 }], columns: notificationMessage },
    byId: { args: ['m'], columns: { ...notificationMessage, login: 'text or null' } },
    failed: { args: [1], columns: { ...notificationMessage, login: 'text or null' } },
    counts: { args: [], columns: { channel: 'text', state: 'text', messages: 'integer' } },
    channels: { args: [], columns: { channel: 'text' } },
  },
  notificationOptOuts: { of: { args: ['a'], columns: { category: 'text' } } },
  machines: {
    secretByHash: {
      args: ['h'],
      columns: {
        ...{ hash: 'text', password_id: 'text', generation: 'integer', created_at: 'integer' },
        ...{ used_at: 'integer or null', owner_hash: 'text', name: 'text', expires_at: 'integer', account_id: 'text' },
        ...{ login: 'text', newest: 'integer', newest_at: 'integer', newest_used_at: 'integer or null' },
      },
    },
    passwordByHash: { args: ['h'], columns: { hash: 'text', ends_at: 'integer', owner_hash: 'text' } },
  },
  terminalRequests: {
    byDeviceCode: { args: ['h'], columns: terminalRequest },
    byUserCode: { args: ['h'], columns: terminalRequest },
  },
  passwords: {
    byHash: { args: ['h'], columns: withOwner },
    withOwner: { args: ['p'], columns: withOwner },
    bcryptOf: { args: ['a', 1, 1], columns: withOwner },
    counts: computed,
    byId: { args: ['p'], columns: listed },
    ofAccount: { args: ['a'], columns: listed },
    all: { args: [], columns: listed },
    madeBy: { args: ['a', 1], columns: listed },
    ofRobots: { args: [1], columns: listed },
    expiring: { args: [1, 2], columns: listed },
  },
  dailyCounts: {
    totalsSince: { args: [1], columns: { day: 'integer', logins: 'integer', denials: 'integer' } },
    ofPasswordsSince: { args: [['p'], 1], columns: { password_id: 'text', day: 'integer', logins: 'integer' } },
  },
  passwordLists: { page: { args: ['active', { now: 1, soon: 2, idle: 0 }, 1, 0], columns: listed } },
  passwordUses: {
    ofAccount: { args: ['a'], columns: { ...use, password_id: 'text' } },
    summary: { args: [['p']], columns: use },
  },
  revocations: {
    passwords: { args: [['a'], {}, 1], columns: { id: 'text', account_id: 'text', state: 'text' } },
    approved: { args: [['a'], {}, 1], columns: { id: 'text', account_id: 'text' } },
    listed: { args: [['p']], columns: listed },
    passwordsOf: { args: ['r', 1], columns: listed },
    owners: { args: [['a']], columns: { id: 'text', login: 'text', kind: 'text' } },
    byId: { args: ['r'], columns: revocation },
    latest: { args: [1, 0], columns: revocation },
  },
  audit: {
    list: { args: [{ person: ['a', 'b'] }, null, 1], columns: auditEvent },
  },
  denials: {
    ofAccount: { args: ['a'], columns: denial },
    list: { args: [{ account: ['a', 'b'] }, 1], columns: denial },
  },
  accessRequests: {
    byId: { args: ['r'], columns: { ...requested, login: 'text' } },
    ofAccount: { args: ['a'], columns: requested },
    open: { args: [1], columns: { ...requested, login: 'text' } },
    openPage: { args: [1, 0], columns: { ...requested, login: 'text' } },
    closed: { args: [1], columns: { ...requested, login: 'text' } },
  },
  apiTokens: {
    byHash: { args: ['h'], columns: apiToken },
    byId: { args: ['t'], columns: apiToken },
    creator: { args: ['t'], columns: account },
    all: { args: [], columns: apiToken },
  },
  sessions: {
    read: { args: ['s', 1], columns: session },
    ofAccount: { args: ['a', 1], columns: { id: 'text', ...session } },
  },
  refreshTokens: {
    ofAccount: {
      args: ['a'],
      columns: { account_id: 'text', sealed: 'text', obtained_at: 'integer', client_id: 'text or null' },
    },
    ofIssuer: { args: ['i', '', 1], columns: account },
    ofDisabled: { args: [], columns: account },
  },
  lostGroups: { countOf: computed },
  signingKeys: {
    ofRing: {
      args: ['r'],
      columns: {
        ring: 'text',
        number: 'integer',
        issuer: 'integer or null',
        certificate: 'text',
        sealed_key: 'text',
        created_at: 'integer',
        signs_from: 'integer or null',
      },
    },
  },
  providerSent: { all: { args: [], columns: { provider: 'text', issuer: 'text', what: 'text', at: 'integer' } } },
  failedLogins: { count: { args: ['a', 1], columns: { count: 'integer', first: 'integer or null' } } },
  identityTokens: {
    byHash: { args: ['h'], columns: { ...identityToken, password_hash: 'text' } },
  },
  workloadIssuers: {
    byName: { args: ['n'], columns: workloadIssuer },
    all: { args: [], columns: workloadIssuer },
  },
  workloadCredentials: {
    byHash: {
      args: ['h'],
      columns: { ...workloadCredential, off_at: 'integer or null', accepts_from: 'integer or null' },
    },
    countActive: { args: [1], columns: { rule: 'text', active: 'integer' } },
  },
  repositories: {
    after: { args: ['s', '', 1, false], columns: repositoryName },
    byNames: { args: ['s', ['r']], columns: repository },
    byName: { args: ['s', 'r'], columns: repository },
    list: {
      args: [
        { service: 's', search: 'a', neverPulled: true, withoutTags: false },
        { by: 'size', descending: true },
        { limit: 1, offset: 0 },
      ],
      columns: repository,
    },
  },
  repositoryTags: {
    after: { args: ['s', 'r', '', 1], columns: tag },
    latest: { args: ['s', 'r', { limit: 1, offset: 0 }], columns: tag },
    byName: { args: ['s', 'r', 't'], columns: tag },
  },
  repositoryActivity: {
    ofRepository: { args: ['s', 'r', 1], columns: activityOfDay },
    actorsOf: { args: ['s', 'r', 1, 1], columns: activityOfActor },
    ofService: { args: ['s', 1], columns: activityOfDay },
    topPrograms: { args: ['s', 'pull', 1, 1], columns: activityOfActor },
    ofAccounts: {
      args: [['a'], 1],
      columns: { service: 'text', repository: 'text', action: 'text', count: 'integer', last_day: 'integer' },
    },
  },
  repositorySyncs: {
    ofService: { args: ['s'], columns: sync },
  },
  registryEvents: {
    actorsOf: computed,
    partsOfIndexes: computed,
    described: computed,
    arrival: { args: ['s'], columns: arrival },
    arrivals: { args: [], columns: arrival },
  },
  workloadRecords: {
    lastUses: { args: [], columns: { rule: 'text', last_at: 'integer' } },
    failures: { args: [1], columns: workloadFailure },
  },
};

/** A column as the database describes it; `null`: an expression, of which it doesn't know that. */
type Described = { readonly name: string; readonly type: 'integer' | 'text' | null; readonly nullable: boolean | null };
type Describe = (statement: Statement) => Promise<readonly Described[]>;

describeEngines('row types', (databases) => {
  test('every statement returns the columns of its row type', async () => {
    const url = await databases.create();
    const migrated = await openStore(url, assert.ifError);
    await migrated.close();
    const { describe, close } = url.startsWith('sqlite:')
      ? onSqlite(url.slice('sqlite:'.length))
      : await onPostgres(url);
    try {
      const problems: string[] = [];
      for (const [part, methods] of Object.entries(checks)) {
        for (const [name, check] of Object.entries(methods)) {
          if (check === computed) continue;
          const { args, columns } = check as { args: readonly unknown[]; columns: Record<string, string> };
          const found = await describe(await statementOf(part as keyof Store, name, args));
          problems.push(...differences(columns, found).map((problem) => `${part}.${name}: ${problem}`));
        }
      }
      assert.deepEqual(problems, []);
    } finally {
      await close();
    }
  });
});

/** What is wrong with a row type. It can lack columns, and allow null where there is none. */
function differences(columns: Readonly<Record<string, string>>, found: readonly Described[]): string[] {
  const names = found.map(({ name }) => name);
  return [
    ...Object.keys(columns).flatMap((name) => (names.includes(name) ? [] : `the statement returns no ${name}`)),
    ...found.flatMap(({ name, type, nullable }) => {
      const promised = columns[name];
      if (promised === undefined) return [];
      const isWrong =
        (type !== null && !promised.startsWith(type)) || (nullable === true && !promised.endsWith('or null'));
      return isWrong ? `${name} is ${type}${nullable ? ' or null' : ''}, and the row type says ${promised}` : [];
    }),
  ];
}

/** The statement that a method of the store runs. */
async function statementOf(part: keyof Store, name: string, args: readonly unknown[]): Promise<Statement> {
  const statements: Statement[] = [];
  const note = (text: string, values: readonly Value[] = []) => void statements.push({ text, values });
  const recording = {
    engine: 'sqlite',
    all: async (text: string, values: readonly Value[]) => {
      note(text, values);
      return [];
    },
    get: async (text: string, values: readonly Value[]) => note(text, values),
  } as unknown as OpenDatabase;
  const methods = createStore(recording)[part] as unknown as Record<
    string,
    (...args: readonly unknown[]) => Promise<unknown>
  >;
  // Without a row some methods throw; their statement has been run by then.
  await methods[name]?.(...args).catch(() => {});
  const [statement] = statements;
  assert.ok(statement, `${part}.${name} ran no statement`);
  return statement;
}

function onSqlite(file: string): { describe: Describe; close: () => Promise<void> } {
  const database = new Database(file, { readonly: true });
  const isNullable = (table: string, column: string): boolean => {
    const columns = database.pragma(`table_info(${table})`) as { name: string; notnull: number; pk: number }[];
    const found = columns.find(({ name }) => name === column);
    return found?.notnull === 0 && found.pk === 0;
  };
  const describe: Describe = async ({ text }) =>
    database
      .prepare(text)
      .columns()
      .map(({ name, table, column, type }) => ({
        name,
        type: type === null ? null : /int/i.test(type) ? 'integer' : 'text',
        nullable: table === null || column === null ? null : isNullable(table, column),
      }));
  return { describe, close: async () => void database.close() };
}

/** int2, int8 and int4; see pg_type. */
const integers = [20, 21, 23];

async function onPostgres(url: string): Promise<{ describe: Describe; close: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const isNullable = async (table: number, column: number): Promise<boolean> => {
    const text = 'select attnotnull from pg_attribute where attrelid = $1 and attnum = $2';
    return (await client.query(text, [table, column])).rows[0]?.attnotnull === false;
  };
  const describe: Describe = async ({ text, values }) => {
    await client.query('begin');
    const { fields } = await client.query(text, [...values]);
    await client.query('rollback');
    const described: Described[] = [];
    for (const { name, dataTypeID, tableID, columnID } of fields) {
      const type = integers.includes(dataTypeID) ? 'integer' : 'text';
      described.push({ name, type, nullable: tableID === 0 ? null : await isNullable(tableID, columnID) });
    }
    return described;
  };
  return { describe, close: () => client.end() };
}
