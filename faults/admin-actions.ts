/** Owns every action that an administrator can take, each on a target of its own, and how the database shows what came of it. */

import type { Store } from '../src/store/store.ts';
import { unaudited } from '../test/support/audit.ts';
import { newPassword, signedIn } from '../test/support/rows.ts';

export type AdminAction = {
  /** As the audit has it. */
  readonly audited: string;
  /** Makes the target; all that belongs to it has this id, or one that begins with it. */
  prepare(store: Store, id: string): Promise<unknown>;
  /** By the API where there is `body`, else the form at this path is sent with `fields`. */
  request(id: string): Api | Form;
  /** SQL, of the id as `$1`, whose `n` is 1 where it happened, else 0. */
  readonly happened: string;
};

type Api = { readonly method: 'POST' | 'PUT'; readonly path: string; readonly body: object };
type Form = { readonly path: string; readonly fields: Readonly<Record<string, string>> };

const now = Date.now();
const day = 24 * 60 * 60 * 1000;
const by = { reason: 'a drill', by: 'root@example.com', at: now };
const facts = { description: '', ownerGroup: 'platform', groups: [], labels: {} };

const person = (store: Store, id: string) =>
  store.accounts.signIn(signedIn({ id, subject: id, login: loginOf(id), email: loginOf(id) }));

async function personWithSession(store: Store, id: string): Promise<void> {
  await person(store, id);
  await store.sessions.write(id, { accountId: id, data: '{}', expiresAt: now + day });
}

const robot = (store: Store, id: string) =>
  store.robots.insert(
    {
      ...{ id, login: `robot-${id}`, display_name: id, description: '', owner_group: 'platform' },
      ...{ groups_json: '[]', labels_json: '{}', created_by: 'root@example.com', created_by_id: null, created_at: now },
    },
    1,
    unaudited,
  );

const password = (store: Store, id: string) =>
  store.passwords.insert(newPassword(id, { id, hash: id, created_at: now, expires_at: now + day }), 9, unaudited);

const apiToken = (store: Store, id: string) =>
  store.apiTokens.insert(
    {
      ...{ id, account_id: null, created_by: 'command line', name: id, hash: id, pepper_id: 'p', hint: '' },
      ...{ scopes_json: '["audit:read"]', created_at: now, expires_at: now + day },
    },
    unaudited,
  );

async function revoked(store: Store, id: string): Promise<void> {
  await person(store, id);
  await password(store, id);
  const selection_json = JSON.stringify({ accountId: id });
  const undone = { undone_at: null, undone_by: null, undo_checked: 1 };
  const row = { id, at: now, actor: by.by, reason: '', selection_json, passwords: 1, undo_until: now + day, ...undone };
  await store.revocations.begin(row, unaudited);
  await store.revocations.end(row, [id], {});
}

export function loginOf(id: string): string {
  return `${id}@example.com`;
}

const post = (path: string, body: object = {}): Api => ({ method: 'POST', path, body });
const state = (id: string, is: string) => `select count(*) as n from account where id = ${id} and state = '${is}'`;

export const adminActions: readonly AdminAction[] = [
  {
    audited: 'person.disable',
    prepare: personWithSession,
    request: (id) => post(`/people/${id}/disable`),
    happened: `${state('$1', 'disabled')} and not exists (select 1 from web_session where account_id = $1)`,
  },
  {
    audited: 'person.enable',
    async prepare(store, id) {
      await person(store, id);
      await store.people.disable(id, { ...by, forSecurity: false }, unaudited);
    },
    request: (id) => post(`/people/${id}/enable`),
    happened: state('$1', 'active'),
  },
  {
    audited: 'person.end-sessions',
    prepare: personWithSession,
    request: (id) => post(`/people/${id}/end-sessions`),
    happened: 'select 1 - count(*) as n from web_session where id = $1',
  },
  {
    audited: 'person.remove',
    prepare: personWithSession,
    request: (id) => post(`/people/${id}/remove`),
    happened: 'select 1 - count(*) as n from account where id = $1',
  },
  {
    audited: 'robot.create',
    prepare: async () => {},
    request: (id) => post('/robots', { name: id, ...facts }),
    happened: `select count(*) as n from account where login = 'robot-' || cast($1 as text)`,
  },
  {
    audited: 'robot.change',
    prepare: robot,
    request: (id) => ({ method: 'PUT', path: `/robots/${id}`, body: { ...facts, description: 'changed' } }),
    happened: `select count(*) as n from account where id = $1 and description = 'changed'`,
  },
  {
    audited: 'robot.change',
    prepare: robot,
    request: (id) => post(`/robots/${id}/disable`),
    happened: state('$1', 'disabled'),
  },
  {
    audited: 'password.create',
    prepare: robot,
    request: (id) => post(`/robots/${id}/passwords`, { name: 'ci', days: 1 }),
    happened: 'select count(*) as n from app_password where account_id = $1',
  },
  {
    audited: 'password.adopt',
    async prepare(store, id) {
      await robot(store, id);
      await password(store, id);
    },
    request: (id) => post(`/robots/${id}/passwords/${id}/rotate`, { days: 1, overlapHours: 1 }),
    happened: 'select count(*) as n from app_password where id = $1 and replaced_by is not null',
  },
  {
    audited: 'revocation',
    async prepare(store, id) {
      await person(store, id);
      await password(store, id);
    },
    request: (id) => post('/revocations', { accountId: id }),
    happened: 'select count(*) as n from app_password where id = $1 and revoked_at is not null',
  },
  {
    audited: 'revocation.undo',
    prepare: revoked,
    request: (id) => post(`/revocations/${id}/undo`),
    happened: 'select count(*) as n from revocation where id = $1 and undone_at is not null',
  },
  {
    audited: 'api-token.create',
    prepare: async () => {},
    request: (id) => ({ path: '/admin/tokens/new', fields: { name: id, days: '7', scopes: 'audit:read' } }),
    happened: 'select count(*) as n from api_token where name = $1',
  },
  {
    audited: 'api-token.revoke',
    prepare: apiToken,
    request: (id) => ({ path: `/admin/tokens/${id}/revoke`, fields: {} }),
    happened: 'select count(*) as n from api_token where id = $1 and revoked_at is not null',
  },
];
