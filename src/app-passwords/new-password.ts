/** Makes a secret and the row that is stored of it. */
import { randomBytes } from 'node:crypto';
import type { Limits } from '../identity/identity.ts';
import { createSecret, hintOf, type Pepper } from '../lib/secret.ts';
import { day } from '../lib/time.ts';
import type { NewPassword } from '../store/passwords.ts';
import type { Owner } from './app-password.ts';
import type { Maker } from './maker.ts';

type NewSecret = {
  readonly name: string;
  readonly limits: Limits;
  readonly days: number;
  /** Random if absent. */
  readonly id?: string | undefined;
};

/**
 * @param parts.now epoch milliseconds
 * @param maker of a robot's password; `null` for a person's, which has none
 */
export function createNewPassword(
  { pepper, now }: { readonly pepper: Pepper; readonly now: () => number },
  owner: Owner,
  { name, limits, days, id }: NewSecret,
  maker: Maker | null,
): { secret: string; row: NewPassword } {
  // Without a maker nothing would bound it.
  if (owner.kind === 'robot' && maker === null) throw new Error("a robot's password needs a maker");
  const secret = createSecret(owner.kind === 'robot' ? 'dkr' : 'dkp');
  const createdAt = now();
  const row = {
    id: id ?? randomBytes(9).toString('base64url').replaceAll(/[-_]/g, '0'),
    account_id: owner.id,
    name,
    hash: pepper.hash(secret),
    pepper_id: pepper.id,
    hint: hintOf(secret),
    actions_json: limits.actions && JSON.stringify(limits.actions),
    repositories_json: limits.repositories && JSON.stringify(limits.repositories),
    created_at: createdAt,
    expires_at: createdAt + days * day,
    maker_id: owner.kind === 'robot' ? (maker?.accountId ?? null) : null,
    maker_kind: owner.kind === 'robot' ? (maker?.as ?? null) : null,
  };
  return { secret, row };
}
