/** Owns what is seen of an app password, and who holds one. */
import type { Limits } from '../identity/identity.ts';
import type { Account } from '../store/accounts.ts';
import type { ListedPassword, NewPassword } from '../store/passwords.ts';
import { limitsOf, stateOf } from './check.ts';
import { listedMakerOf, type MakerStatus, type MakerTimes } from './maker.ts';

/** An app password as its owner and administrators see it. Times are epoch milliseconds. */
export type AppPassword = {
  readonly id: string;
  readonly accountId: string;
  /** The owner's docker user name. */
  readonly login: string;
  readonly ownerKind: Account['kind'];
  readonly name: string;
  readonly hint: string;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly limits: Limits;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly revokedBy: string | null;
  /** What the administrator said who revoked it; `null` where none did. */
  readonly revocationReason: string | null;
  /** The id of the password that took over when this one got a new secret. */
  readonly replacedBy: string | null;
  /** Who made a robot's password; `null` for a person's, and if unknown. */
  readonly maker: MakerStatus | null;
  /** Services where docker keeps an identity token in the place of this password. */
  readonly identityServices: readonly string[];
  /** `null`: made on a page, by the API or by a command. A machine's row isn't a password: its passwords come from it. */
  readonly origin: { readonly kind: 'terminal' | 'machine'; readonly address: string } | null;
  readonly lastUse: { readonly at: number; readonly address: string; readonly client: string } | null;
};

/** Who holds a password: a person, or a robot, whose secrets begin with `dkr_`. */
export type Owner = Pick<Account, 'id' | 'login' | 'kind'>;

export function toAppPassword(
  row: Omit<ListedPassword, 'login' | 'kind'>,
  owner: Pick<Owner, 'login' | 'kind'>,
  times: MakerTimes,
): AppPassword {
  return {
    id: row.id,
    accountId: row.account_id,
    login: owner.login,
    ownerKind: owner.kind,
    name: row.name,
    hint: row.hint,
    state: stateOf(row, times.now),
    limits: limitsOf(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revocationReason: row.revocation_reason === '' ? null : row.revocation_reason,
    replacedBy: row.replaced_by,
    maker: listedMakerOf(row, times),
    origin: originOf(row),
    identityServices: row.identity_services?.split(',') ?? [],
    lastUse:
      row.used_at === null ? null : { at: row.used_at, address: row.used_address ?? '', client: row.used_client ?? '' },
  };
}

function originOf({
  origin,
  origin_address: address,
}: Pick<ListedPassword, 'origin' | 'origin_address'>): AppPassword['origin'] {
  return origin === 'terminal' || origin === 'machine' ? { kind: origin, address: address ?? '' } : null;
}

const unused = {
  ...{ revoked_at: null, revoked_by: null, revocation_reason: null, replaced_by: null },
  ...{ maker_id: null, maker_kind: null },
  ...{ maker_login: null, maker_state: null, maker_state_at: null, maker_stopped_for_security: null },
  ...{ maker_confirmed_at: null, maker_signed_in_at: null },
  ...{ used_at: null, used_address: null, used_client: null, identity_services: null },
  ...{ origin: null, origin_address: null },
};

/** One that was stored this moment. @param now epoch milliseconds */
export function asNew(row: NewPassword, owner: Owner, now: number): AppPassword {
  return toAppPassword({ ...unused, ...row }, owner, { now, unchecked: null });
}
