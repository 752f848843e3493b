/** Owns what an access request is to those who see it: its state, its answer, whether someone still waits for it. */
import type { AccessRequestRow, ListedRequestRow } from '../store/access-requests.ts';

/** Times are epoch milliseconds. */
export type AccessRequest = {
  readonly id: string;
  readonly service: string;
  readonly repository: string;
  readonly actions: readonly string[];
  readonly note: string;
  /**
   * `accepted`: an administrator means to grant it, and the policy doesn't yet. `granted`: the policy in force does, or did
   * when that was recorded. `withdrawn`: by the person.
   */
  readonly state: 'open' | 'accepted' | 'refused' | 'granted' | 'withdrawn';
  readonly createdAt: number;
  readonly answer: { readonly by: string; readonly at: number; readonly note: string } | null;
  /** `null` where it's open, and also where it's granted and that isn't recorded yet. */
  readonly closedAt: number | null;
};

/** `login`: who asks. */
export type ListedRequest = AccessRequest & { readonly login: string; readonly accountId: string };

/** Whether someone still waits for it. */
export function isOpen({ state }: Pick<AccessRequest, 'state'>): boolean {
  return state === 'open' || state === 'accepted';
}

/** @param isGrantedNow whether the policy grants it and no one has recorded that yet */
export function requestOf(row: AccessRequestRow, isGrantedNow: boolean): AccessRequest {
  const { id, service, name: repository, note, answered_by: by, answered_at: at } = row;
  return {
    ...{ id, service, repository, note, actions: row.actions.split(' ') },
    state: isGrantedNow ? 'granted' : stateOf(row),
    createdAt: row.created_at,
    answer: by === null || at === null ? null : { by, at, note: row.answer_note ?? '' },
    closedAt: row.closed_at,
  };
}

export function listedOf(row: ListedRequestRow, isGrantedNow: boolean): ListedRequest {
  return { ...requestOf(row, isGrantedNow), login: row.login, accountId: row.account_id };
}

function stateOf(row: AccessRequestRow): AccessRequest['state'] {
  if (row.granted_at !== null) return 'granted';
  if (row.withdrawn_at !== null) return 'withdrawn';
  if (row.answer === 'refuse') return 'refused';
  return row.answer === 'accept' ? 'accepted' : 'open';
}
