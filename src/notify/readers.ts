/** Owns who reads a notice, and at which address. */
import { foldEmail, formsOf } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import { type Account, importedIssuer } from '../store/accounts.ts';
import type { PeopleFilter } from '../store/people.ts';
import type { Notice, NoticeParts } from './notice.ts';

/** Someone to tell, and whose passwords it is about. */
export type Reader = { readonly account: Account; readonly ownerId: string };

type Parts = Pick<NoticeParts, 'store' | 'administrators' | 'administration' | 'authority' | 'now'>;

/** Accounts that are read together. */
const pieceSize = 500;

/** Everyone that the notice is for now, whether or not it still holds. */
export async function* readersOf(
  parts: Parts,
  { readers }: Pick<Notice, 'readers'>,
  event: { readonly subject: string; readonly revocationId: string },
): AsyncGenerator<Reader> {
  if (readers === 'administrators') {
    for await (const account of administratorsOf(parts)) yield { account, ownerId: account.id };
    return;
  }
  if (readers === 'owner') {
    const owner = await parts.store.accounts.byLogin(foldCase(event.subject));
    if (owner !== undefined) yield* readersFor(parts, owner);
    return;
  }
  for (const { account_id: id } of await parts.store.notifications.revokedBy(event.revocationId)) {
    const owner = await parts.store.accounts.byId(id);
    if (owner !== undefined) yield* readersFor(parts, owner);
  }
}

/** A person, or the members of the group that owns a robot. */
export async function* readersFor(parts: Parts, owner: Account): AsyncGenerator<Reader> {
  if (owner.kind === 'person') yield { account: owner, ownerId: owner.id };
  else if (owner.owner_group !== null) {
    for await (const account of membersOf(parts, owner.owner_group)) {
      if (readsFor(parts, account, owner)) yield { account, ownerId: owner.id };
    }
  }
}

/** Whether this account reads what is about the owner's passwords: it's theirs, or of a robot that their group owns. */
export function readsFor({ administrators }: Pick<Parts, 'administrators'>, reader: Account, owner: Account): boolean {
  if (owner.kind === 'person') return owner.id === reader.id;
  return administrators.groupsOf(reader).some(({ name }) => name === owner.owner_group);
}

async function* administratorsOf(parts: Parts): AsyncGenerator<Account> {
  const { store, administrators, administration } = parts;
  const told = new Set<string>();
  for (const login of administration.emails.flatMap((email) => formsOf(foldEmail(email)))) {
    const account = await store.accounts.byLogin(login);
    if (account === undefined || told.has(account.id) || !administrators.includes(account)) continue;
    told.add(account.id);
    yield account;
  }
  for (const group of administration.groups) {
    for await (const account of membersOf(parts, group)) {
      if (told.has(account.id) || !administrators.includes(account)) continue;
      told.add(account.id);
      yield account;
    }
  }
}

async function* membersOf({ store, administrators, now }: Parts, group: string): AsyncGenerator<Account> {
  const filter: PeopleFilter = {
    ...{ search: '', state: 'active', provider: null, domain: null },
    group: administrators.membersOf(group),
  };
  for (let offset = 0; ; offset += pieceSize) {
    const rows = await store.people.list(
      filter,
      { by: 'login', descending: false },
      { limit: pieceSize, offset, now: now() },
    );
    yield* rows;
    if (rows.length < pieceSize) return;
  }
}

/** What a mail server takes for one address and nothing else. */
const addressForm = /^[^\s<>()[\],;:\\"@\p{Cc}\p{Cf}]+@[^\s<>()[\],;:\\"@\p{Cc}\p{Cf}]+$/u;

/**
 * Where someone can be written to; `null`: nowhere. Only people who work, and only at an address that an authoritative provider
 * vouches for: what docker_auth's database says of someone who hasn't signed in yet is no one's word.
 */
export function addressOf({ authority }: Pick<Parts, 'authority'>, account: Account): string | null {
  if (account.kind !== 'person' || account.issuer === importedIssuer || account.email === null) return null;
  if (authority.judge(account).state !== 'active' || authority.objectionTo(account) !== null) return null;
  return addressForm.test(account.email) ? account.email : null;
}
