/** Owns what an answer about one person changes: the groups, the age of what is known, and the audit of it. */

import type { Audit, AuditEvent } from '../audit/audit.ts';
import { isTexts, readJson } from '../lib/json.ts';
import type { PersonSource, ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { OffBoardingActor } from './leavers.ts';
import type { LostGroups } from './lost-groups.ts';

export type Confirm = {
  /** Asks about a person, and changes nothing. */
  ask(account: Account): Promise<ProviderStatus>;
  /** Stores what was learnt at `at`. For someone who has left, only that the provider was asked: the caller decides the rest. */
  note(account: Account, status: ProviderStatus, at: number, actor: OffBoardingActor): Promise<void>;
};

export type ConfirmParts = {
  readonly source: PersonSource;
  readonly accounts: Pick<AccountStore, 'confirm' | 'noteCheck' | 'forgetConfirmation'>;
  readonly lostGroups: Pick<LostGroups, 'ofStatus' | 'noteProblem'>;
  readonly audit: Audit;
};

export function createConfirm({ source, accounts, lostGroups, audit }: ConfirmParts): Confirm {
  return {
    ask: (account) => source.ask(account),
    async note(account, said, at, actor) {
      if (said.kind === 'unasked') return accounts.forgetConfirmation(account.id, at);
      if (said.kind !== 'there') return accounts.noteCheck(account.id, at);
      const status = await lostGroups.ofStatus(account, said);
      await lostGroups.noteProblem(account, status.problem ?? null);
      const { groups, undecided = [] } = status;
      const event = groupsEvent(account, groups, actor);
      await audit.commit(
        () => event,
        (row) => accounts.confirm(account.id, { at, groups, undecided }, row),
      );
    },
  };
}

/**
 * Which groups came and went; `null` where none did, or the provider didn't say.
 * @param account as it was before
 */
export function groupsEvent(
  account: Account,
  groups: readonly string[] | null,
  actor: OffBoardingActor,
): AuditEvent | null {
  if (groups === null) return null;
  const before = readJson(account.groups_json, isTexts);
  const added = groups.filter((group) => !before.includes(group));
  const removed = before.filter((group) => !groups.includes(group));
  if (added.length + removed.length === 0) return null;
  return { action: 'person.groups', ...actor, subject: account.login, detail: { added, removed } };
}
