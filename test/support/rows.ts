/** Owns rows that tests begin from: a person who signed in, a password. */
import type { Account, SignedIn } from '../../src/store/accounts.ts';
import type { NewPassword } from '../../src/store/passwords.ts';

export function signedIn(changes: Partial<SignedIn>): SignedIn {
  return {
    id: 'account-1',
    provider: 'google',
    issuer: 'https://accounts.google.com',
    subject: '1001',
    login: 'ana@example.com',
    email: 'ana@example.com',
    displayName: 'Ana',
    domain: 'example.com',
    groups: [],
    at: 1_000,
    ...changes,
  };
}

export function newPassword(accountId: string, changes: Partial<NewPassword>): NewPassword {
  return {
    id: 'p1',
    account_id: accountId,
    name: 'laptop',
    hash: 'hash-1',
    pepper_id: 'pepper-1',
    hint: 'dkp_…abcd',
    actions_json: null,
    repositories_json: null,
    created_at: 100,
    expires_at: 9_000,
    ...changes,
  };
}

/** A person as the store has them. */
export function account(changes: Partial<Account>): Account {
  return {
    id: 'account-1',
    kind: 'person',
    provider: 'google',
    issuer: 'https://accounts.google.com',
    subject: '1001',
    login: 'ana@example.com',
    email: 'ana@example.com',
    display_name: 'Ana',
    domain: 'example.com',
    groups_json: '[]',
    groups_at: null,
    undecided_groups_json: null,
    created_by_id: null,
    stopped_for_security: null,
    state: 'active',
    state_reason: null,
    state_by: null,
    state_at: null,
    created_at: 1_000,
    signed_in_at: 1_000,
    checked_at: null,
    confirmed_at: null,
    groups_problem: null,
    groups_left_out_at: null,
    suspended_there: null,
    owner_group: null,
    labels_json: null,
    description: null,
    created_by: null,
    ...changes,
  };
}
