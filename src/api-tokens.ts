/** Owns administrators' API tokens: `dka_`, narrow scopes, an expiry; they open /api/v1 and nothing else. */
import type { Actor } from './app-passwords.ts';

export const apiScopes = [
  'people:read',
  'people:write',
  'passwords:read',
  'passwords:revoke',
  'robots:read',
  'robots:write',
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
  readonly state: 'live' | 'expired' | 'revoked';
  readonly lastUse: { readonly at: number; readonly address: string } | null;
};

export type ApiTokens = {
  readonly maximumDays: number;
  /**
   * The secret is in this answer and nowhere else.
   * @param creator id of the administrator's account, `null` for the command line
   * @throws {Refusal} `bad_request`
   */
  issue(
    wish: { readonly name: string; readonly days: number; readonly scopes: readonly string[] },
    creator: string | null,
    by: Actor,
  ): Promise<{ secret: string; token: ApiToken }>;
  /** The newest first. */
  list(): Promise<ApiToken[]>;
  /** @throws {Refusal} `not_found` */
  revoke(id: string, by: Actor): Promise<ApiToken>;
};
