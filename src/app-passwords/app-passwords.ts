/** Owns app passwords: issue (the secret is shown once), list, revoke, verify. Pages and commands both enter here. */
import type { Actor } from '../audit/audit.ts';
import type { Identity, Limits } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import type { Unstored } from '../lib/write-behind.ts';
import type { AppPassword, Owner } from './app-password.ts';
import { type CheckParts, createPasswordCheck, type PasswordCheck } from './check.ts';
import { checkLimits, type LimitsInput, type PasswordInput } from './input.ts';
import { type Issued, type IssueParts, issue } from './issue.ts';
import { createLastUses } from './last-use.ts';
import { createPasswordLookup, type PasswordLookup } from './lookup.ts';
import { boundOf, type Maker } from './maker.ts';
import { type RotationInput, rotate } from './rotate.ts';

export type { AppPassword, Owner } from './app-password.ts';
export type { PasswordInput } from './input.ts';
export type { RotationInput } from './rotate.ts';

export type AppPasswords = PasswordCheck &
  PasswordLookup & {
    readonly maximumDays: number;
    readonly maximumPerAccount: number;
    /**
     * Makes a password; the secret is in this answer and nowhere else.
     * @param maker who receives it, where the owner is a robot
     * @throws {Refusal} `bad_request` for input that can't be met, `conflict` at the limit or for a name in use
     */
    issue(owner: Owner, input: PasswordInput, by: Actor, maker?: Maker): Promise<Issued>;
    /** How a password that was made like that would be narrowed. @throws {Refusal} `bad_request`, as `issue` does */
    limitsFor(input: LimitsInput): Limits;
    /**
     * Makes a new secret for an active password; the name and the limits stay, and the old secret lives on for the overlap.
     * The person who receives a robot's new password becomes its maker; the old one keeps its own, and no more than its grace period.
     * @param accountId as for `revoke`
     * @param maker as for `issue`
     * @throws {Refusal} `bad_request`, `not_found`, or `conflict` for one that is not live or has two active secrets already
     */
    rotate(
      id: string,
      accountId: string | null,
      input: RotationInput,
      by: Actor,
      maker?: Maker,
    ): Promise<Issued & { readonly previous: AppPassword }>;
    /**
     * Counts from the next `/auth` request on; revoking twice changes nothing.
     * @param accountId only a password of this account, or any where `null`
     * @throws {Refusal} `not_found`
     */
    revoke(id: string, accountId: string | null, by: Actor): Promise<AppPassword>;
    /** What bounds a robot's password; `null` if no one does. @throws {Refusal} `unauthenticated` where its maker left too long ago */
    boundOf(password: { readonly name: string; readonly maker: Maker | null }): Promise<Identity['maker']>;
    /** Notes that a password proved `identity`; written at most every few minutes and never waited for. */
    recordUse(identity: Identity, client: Requester): void;
    /** Resolves when what was noted is stored, or its failure reported. */
    flush(): Promise<void>;
    /** Stores for the last time. */
    close(): Promise<void>;
  };

export type AppPasswordParts = CheckParts &
  IssueParts & {
    /** Told of last uses that could not be written. */
    readonly onError: (unstored: Unstored) => void;
  };

export function createAppPasswords(parts: AppPasswordParts): AppPasswords {
  const uses = createLastUses(parts);
  const lists = createPasswordLookup({ ...parts, flushUses: uses.flush });
  return {
    maximumDays: parts.maximumDays,
    maximumPerAccount: parts.maximumPerAccount,
    ...lists,
    ...createPasswordCheck(parts),
    issue: (owner, input, by, maker) => issue(parts, owner, input, by, maker ?? null),
    limitsFor: (input) => checkLimits(input, parts),
    rotate: (id, accountId, input, by, maker) => rotate({ ...parts, lists }, id, accountId, input, by, maker ?? null),
    async revoke(id, accountId, by) {
      const password = await lists.byIdOf(id, accountId);
      const detail = { id, name: password.name };
      const event = { action: 'password.revoke', ...by, subject: password.login, detail } as const;
      await parts.audit.commit(event, (row) => parts.store.revoke(id, by.actor, parts.now(), row));
      return lists.byId(id);
    },
    async boundOf({ name, maker }) {
      if (maker === null || maker.accountId === null) return null;
      const account = await parts.accountById(maker.accountId);
      const row = { name, maker_id: maker.accountId, maker_kind: maker.as };
      return boundOf(row, account && parts.authority.judge(account), parts.makerRules, parts.gracePeriods, parts.now());
    },
    recordUse(identity, client) {
      if (identity.credential !== null) uses.record(identity.credential.id, client);
    },
    flush: uses.flush,
    close: uses.close,
  };
}
