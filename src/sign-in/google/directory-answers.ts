/** Owns the answers of Google's directory that Dockpass reads, and what each must look like: half an answer says nothing. */
import { isRecord } from '../../lib/json.ts';

export type User = {
  readonly id: string;
  readonly primaryEmail: string;
  readonly suspended?: boolean;
  readonly archived?: boolean;
  readonly suspensionReason?: string;
  /** Only of a user who was deleted and can still be restored. */
  readonly deletionTime?: string;
  readonly customerId?: string;
};

export const userFields = 'id,primaryEmail,suspended,archived,suspensionReason,deletionTime,customerId';

export function isUser(value: unknown): value is User {
  if (!isRecord(value)) return false;
  const { id, primaryEmail, suspended, archived, suspensionReason, deletionTime, customerId } = value;
  return (
    [id, primaryEmail].every(isName) &&
    [suspended, archived].every((flag) => flag === undefined || typeof flag === 'boolean') &&
    [suspensionReason, deletionTime, customerId].every(isTextOrLeftOut)
  );
}

type UsersPage = { readonly users?: readonly User[] };

export function isUsersPage(value: unknown): value is UsersPage {
  return isPage(value, 'users', isUser);
}

/** Google leaves the list out where it's empty. */
type GroupsPage = { readonly groups?: readonly { readonly email: string }[]; readonly nextPageToken?: string };

export function isGroupsPage(value: unknown): value is GroupsPage {
  return isPage(value, 'groups', (group) => isRecord(group) && isName(group['email']));
}

/** Of Cloud Identity; without the list where it's empty. */
type MembershipsPage = {
  readonly memberships?: readonly { readonly groupKey: { readonly id: string } }[];
  readonly nextPageToken?: string;
};

export function isMembershipsPage(value: unknown): value is MembershipsPage {
  return isPage(value, 'memberships', (membership) => {
    const key = isRecord(membership) ? membership['groupKey'] : null;
    return isRecord(key) && isName(key['id']);
  });
}

export function isHasMember(value: unknown): value is { readonly isMember: boolean } {
  return isRecord(value) && typeof value['isMember'] === 'boolean';
}

export function isMembership(value: unknown): value is { readonly status?: string } {
  return isRecord(value) && isTextOrLeftOut(value['status']);
}

/** What comes with a list. Where the list is left out, anything else means that this isn't an empty list but another answer. */
const besideList = ['kind', 'etag', 'nextPageToken'];

function isPage(value: unknown, name: string, isItem: (item: unknown) => boolean): boolean {
  if (!isRecord(value) || !isTextOrLeftOut(value['nextPageToken'])) return false;
  const list = value[name];
  if (list === undefined) return Object.keys(value).every((key) => besideList.includes(key));
  return Array.isArray(list) && list.every(isItem);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isTextOrLeftOut(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
