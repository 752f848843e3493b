/** Owns administrators' API tokens: `dka_`, narrow scopes, an expiry; they open /api/v1 and nothing else. */

import { randomBytes } from 'node:crypto';
import { stateOf } from '../app-passwords/check.ts';
import { checkDays } from '../app-passwords/input.ts';
import type { Actor, Audit } from '../audit/audit.ts';
import { type AccountStatus, accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { isTexts, readJson } from '../lib/json.ts';
import { createSecret, equalHashes, hasValidChecksum, hintOf, type Pepper } from '../lib/secret.ts';
import { day, minute } from '../lib/time.ts';
import { hasInvisible, normalized } from '../lib/unicode.ts';
import type { ApiTokenRow, ApiTokenStore } from '../store/api-tokens.ts';
import { ConstraintError } from '../store/sql.ts';
import type { Administrators } from './administrators.ts';

export const apiScopes = [
  'people:read',
  'people:write',
  'passwords:read',
  'passwords:revoke',
  'robots:read',
  'robots:write',
  'workloads:read',
  'workloads:write',
  'repositories:read',
  'requests:read',
  'requests:answer',
  'audit:read',
  'policy:explain',
] as const;
export type ApiScope = (typeof apiScopes)[number];

/** Times are epoch milliseconds. */
export type ApiToken = {
  readonly id: string;
  readonly name: string;
  readonly hint: string;
  readonly scopes: readonly ApiScope[];
  /** The administrator who made it: it works as long as they are one; 'command line': until it expires. */
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly revokedBy: string | null;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly lastUse: { readonly at: number; readonly address: string } | null;
};

export type TokenInput = {
  readonly name: string;
  readonly days: number;
  readonly scopes: readonly string[];
  /** Left out: a random one. */
  readonly id?: string | undefined;
};

export type ApiTokens = {
  readonly maximumDays: number;
  /**
   * The secret is in this answer and nowhere else.
   * @param creator id of the administrator's account, `null` for the command line
   * @throws {Refusal} `bad_request`; `conflict` where there is a token of the given id
   */
  issue(input: TokenInput, creator: string | null, by: Actor): Promise<{ secret: string; token: ApiToken }>;
  /** The newest first. */
  list(): Promise<ApiToken[]>;
  /** @throws {Refusal} `not_found` */
  revoke(id: string, by: Actor): Promise<ApiToken>;
  /** @throws {Refusal} `unauthenticated` */
  verify(secret: string, client: Requester): Promise<ApiCaller>;
};

/** Who is behind a token. */
export type ApiCaller = {
  readonly apiToken: { readonly id: string; readonly name: string };
  /** The login of the administrator who made it, or 'command line'. */
  readonly actor: string;
  /** The administrator's account; `null` for a token of the command line. */
  readonly accountId: string | null;
  readonly scopes: readonly ApiScope[];
};

export type ApiTokenParts = {
  readonly store: ApiTokenStore;
  readonly administrators: Pick<Administrators, 'includes'>;
  /** How long a token counts while the provider of its maker is silent, or can't be asked. */
  readonly gracePeriods: GracePeriods;
  readonly audit: Audit;
  readonly pepper: Pepper;
  readonly maximumDays: number;
  /** Told of a last use that could not be written. */
  readonly onError: (error: unknown) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: how exact the last use is. */
const useInterval = 5 * minute;
const maximumNameLength = 60;

export function createApiTokens(parts: ApiTokenParts): ApiTokens {
  const { store, audit, pepper, now } = parts;
  return {
    maximumDays: parts.maximumDays,
    async issue(input, creator, by) {
      const { name, scopes } = checkInput(input, parts.maximumDays);
      const secret = createSecret('dka');
      const createdAt = now();
      const row = {
        id: input.id ?? randomBytes(9).toString('hex'),
        account_id: creator,
        created_by: by.actor,
        name,
        hash: pepper.hash(secret),
        pepper_id: pepper.id,
        hint: hintOf(secret),
        scopes_json: JSON.stringify(scopes),
        created_at: createdAt,
        expires_at: createdAt + input.days * day,
      };
      const detail = { id: row.id, name, scopes, expiresAt: row.expires_at };
      const event = { action: 'api-token.create', ...by, subject: by.actor, detail } as const;
      await audit.commit(event, (entry) => store.insert(row, entry)).catch(explain);
      return { secret, token: toToken({ ...row, ...unused }, createdAt) };
    },
    list: async () => (await store.all()).map((row) => toToken(row, now())),
    async revoke(id, by) {
      const row = await store.byId(id);
      if (row === undefined) throw new Refusal('not_found', `There is no API token ${id}. List them to see the ids.`);
      const { name, created_by: subject } = row;
      const event = { action: 'api-token.revoke', ...by, subject, detail: { id, name } } as const;
      await audit.commit(event, (entry) => store.revoke(id, by.actor, now(), entry));
      return toToken((await store.byId(id)) ?? row, now());
    },
    verify: (secret, client) => verify(parts, secret, client),
  };
}

/** @throws {Refusal} */
function explain(error: unknown): never {
  if (!(error instanceof ConstraintError)) throw error;
  throw new Refusal('conflict', 'This token was made already. Look at the list of API tokens.', { cause: error });
}

const unused = { revoked_at: null, revoked_by: null, used_at: null, used_address: null };

function checkInput({ name, days, scopes }: TokenInput, maximumDays: number): { name: string; scopes: ApiScope[] } {
  const trimmed = normalized(name.trim());
  const problem = problemOfName(trimmed);
  if (problem !== null) throw new Refusal('bad_request', problem, { field: 'name' });
  checkDays(days, maximumDays);
  const unknown = scopes.find((scope) => !apiScopes.some((known) => known === scope));
  if (unknown !== undefined) {
    throw new Refusal('bad_request', `There is no permission "${unknown}". Choose from: ${apiScopes.join(', ')}.`, {
      field: 'scopes',
    });
  }
  if (scopes.length === 0) {
    throw new Refusal('bad_request', 'Choose at least one permission.', { field: 'scopes' });
  }
  return { name: trimmed, scopes: apiScopes.filter((scope) => scopes.includes(scope)) };
}

function problemOfName(name: string): string | null {
  if (name === '' || name.length > maximumNameLength) {
    return `Name the token after what uses it, in at most ${maximumNameLength} characters.`;
  }
  return hasInvisible(name) ? 'The name contains a control or invisible character. Remove it.' : null;
}

/** A token of someone who isn't an administrator any more doesn't work, nor one of someone who has to sign in again. */
async function verify(parts: ApiTokenParts, secret: string, client: Requester): Promise<ApiCaller> {
  const { store, pepper, administrators, now } = parts;
  const hash = pepper.hash(secret);
  const row = hasValidChecksum(secret) ? await store.byHash(hash) : undefined;
  if (row === undefined || !equalHashes(row.hash, hash)) {
    throw new Refusal(
      'unauthenticated',
      'Send an API token as "Authorization: Bearer dka_...". This token is not known: create one under /admin/tokens.',
    );
  }
  const state = stateOf(row, now());
  if (state !== 'active')
    throw new Refusal('unauthenticated', `The API token "${row.name}" is ${state}. Make a new one.`);
  const maker = row.account_id === null ? null : await store.creator(row.id);
  if (maker !== null && (maker === undefined || !administrators.includes(maker))) {
    throw new Refusal(
      'unauthenticated',
      `The API token "${row.name}" was made by ${row.created_by}, who isn't an administrator any more. Have an administrator create a new one.`,
    );
  }
  if (maker !== null) requireKnown(row, accountStatusOf(maker, parts.gracePeriods, now()));
  store.recordUse(row.id, { at: now(), address: client.address }, useInterval).catch(parts.onError);
  const scopes = scopesOf(row);
  const apiToken = { id: row.id, name: row.name };
  return { apiToken, accountId: row.account_id, actor: maker?.login ?? row.created_by, scopes };
}

/** As for their passwords, someone who hasn't been heard of for too long counts as one who has left. @throws {Refusal} */
function requireKnown({ name, created_by: login }: ApiTokenRow, { use, reason }: AccountStatus): void {
  if (use !== 'none') return;
  throw new Refusal(
    'unauthenticated',
    `The API token "${name}" doesn't work: ${reason}. It works again once ${login} has signed in.`,
  );
}

/** A scope that only a newer version knows is left out. */
function scopesOf({ scopes_json: scopes }: ApiTokenRow): ApiScope[] {
  return readJson(scopes, isTexts).flatMap((scope) => apiScopes.find((known) => known === scope) ?? []);
}

function toToken(row: ApiTokenRow, now: number): ApiToken {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    scopes: scopesOf(row),
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    state: stateOf(row, now),
    lastUse: row.used_at === null ? null : { at: row.used_at, address: row.used_address ?? '' },
  };
}
