/** Owns the notices about passwords, machines and robots, and when each no longer holds. */
import { isIPv4 } from 'node:net';
import { foldCase } from '../identity/identity.ts';
import { networkOf } from '../lib/network-of.ts';
import { dayNumber } from '../lib/time.ts';
import type { Account } from '../store/accounts.ts';
import type { ListedPassword } from '../store/passwords.ts';
import type { Line } from './letter.ts';
import { type Facts, type Notice, type NoticeParts, textIn } from './notice.ts';
import { readsFor } from './readers.ts';
import { listed, plain, quoted, timeText } from './text.ts';

type Say = Notice['say'];

/** Counts until it's replaced: there is no notice about one that was rotated or has ended. */
function isCurrent({ now }: NoticeParts, row: ListedPassword | undefined): row is ListedPassword {
  return row !== undefined && row.revoked_at === null && row.replaced_by === null && row.expires_at > now();
}

/** The account whose passwords it's about, if it's still there and still the reader's to know. */
async function ownerFor(parts: NoticeParts, { ownerId }: Facts, reader: Account): Promise<Account | null> {
  const owner = ownerId === reader.id ? reader : await parts.store.accounts.byId(ownerId);
  return owner !== undefined && readsFor(parts, reader, owner) ? owner : null;
}

/** The password that it's about. Not one of another account: an address, and so a login, can move between the event and its mail. */
async function passwordOf(
  { store }: NoticeParts,
  { detail }: Facts,
  owner: Account | null,
): Promise<ListedPassword | undefined> {
  const row = await store.passwords.byId(textIn(detail, 'id'));
  return row !== undefined && row.account_id === owner?.id ? row : undefined;
}

const pathOf = ({ kind, id }: Account): string => (kind === 'robot' ? `/robots/${encodeURIComponent(id)}` : '/');
const ownedBy = ({ kind, login }: Account, name: string): string =>
  kind === 'robot' ? `${plain(login)}: ${quoted(name)}` : quoted(name);

export const expiring: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const row = await passwordOf(parts, facts, owner);
  if (owner === null || owner.state !== 'active' || !isCurrent(parts, row)) return null;
  const days = daysUntil(row.expires_at, parts.now());
  const when = days === 0 ? 'today' : days === 1 ? 'tomorrow' : `in ${days} days`;
  const todo = row.origin === 'machine' ? 'Sign in on the machine again.' : 'Rotate it before that.';
  return {
    heading: owner.kind === 'robot' ? 'Robot passwords that expire soon' : 'Passwords that expire soon',
    title: `${ownedBy(owner, row.name)} expires ${when}`,
    text: `${ownedBy(owner, row.name)} expires ${when}, on ${timeText(row.expires_at)}. ${todo}`,
    path: pathOf(owner),
    about: `expiring ${row.id}`,
  };
};

/** Days are UTC. */
export function daysUntil(end: number, now: number): number {
  return dayNumber(end) - dayNumber(now);
}

export const revokedInBulk: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const id = textIn(facts.detail, 'id');
  // Those that an undo restored are no longer among them.
  const names = owner === null ? [] : (await parts.store.notifications.revokedOf(id, owner.id)).map(({ name }) => name);
  if (owner === null || names.length === 0 || isActor(facts, reader)) return null;
  return revoked(owner, facts, names, textIn(facts.detail, 'reason'), `revocation ${id} ${owner.id}`);
};

export const revokedOne: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const row = await passwordOf(parts, facts, owner);
  if (owner === null || row === undefined || row.revoked_at === null || row.revoked_by !== facts.actor) return null;
  if (isActor(facts, reader) || (await isOwn(parts, facts, owner))) return null;
  return revoked(owner, facts, [row.name], '', `revoked ${row.id}`);
};

function revoked(owner: Account, { actor, at }: Facts, names: readonly string[], reason: string, about: string): Line {
  const whose = owner.kind === 'robot' ? ` of ${plain(owner.login)}` : '';
  const what = names.length === 1 ? 'a password was revoked' : `${names.length} passwords were revoked`;
  const why = reason === '' ? '' : ` Reason: ${plain(reason)}`;
  return {
    heading: 'Revoked by an administrator',
    title: what + whose,
    text: `${listed(names)}${whose}: revoked by ${plain(actor)} on ${timeText(at)}.${why}`,
    path: pathOf(owner),
    about,
  };
}

function isActor({ actor }: Facts, reader: Account): boolean {
  return foldCase(actor) === reader.login;
}

/** Whether it was done by the account itself, or by someone of the group that owns the robot, and not by an administrator. */
async function isOwn(parts: NoticeParts, { actor }: Facts, owner: Account): Promise<boolean> {
  if (owner.login === foldCase(actor)) return true;
  const account = await parts.store.accounts.byLogin(foldCase(actor));
  if (account === undefined || parts.administrators.includes(account)) return false;
  return owner.kind === 'robot' && readsFor(parts, account, owner);
}

export const leaked: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const row = await passwordOf(parts, facts, owner);
  if (owner === null || row === undefined) return null;
  const name = ownedBy(owner, row.name);
  return {
    heading: 'Reported as leaked',
    title: `${name} was reported as leaked`,
    text: `${name}: someone who had it reported it on ${timeText(facts.at)}, so it was revoked. Find out where it was, and what used it last.`,
    path: pathOf(owner),
    about: `leaked ${row.id}`,
  };
};

/** A code or a secret of a terminal came from two: what it brought has ended. */
export const copied: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const row = await passwordOf(parts, facts, owner);
  if (owner === null || row === undefined) return null;
  const name = ownedBy(owner, row.name);
  return {
    heading: 'Someone might have a copy',
    title: `${name} was signed out`,
    text: `${name} was signed out on ${timeText(facts.at)}: ${plain(textIn(facts.detail, 'reason'))}. Look for a copy of your home folder, then sign in there again.`,
    path: pathOf(owner),
    about: `copied ${row.id}`,
  };
};

export const newNetwork: Say = async (parts, facts, reader) => {
  const owner = await ownerFor(parts, facts, reader);
  const row = await passwordOf(parts, facts, owner);
  if (owner === null || !isCurrent(parts, row) || (await isKnownNetwork(parts, facts, owner))) return null;
  const what = facts.client === '' ? '' : ` with ${plain(facts.client)}`;
  return {
    heading: 'Used from a new network',
    title: `${ownedBy(owner, row.name)} was used from a new network`,
    text: `${ownedBy(owner, row.name)} was used from ${plain(facts.address)}${what} on ${timeText(facts.at)}. If that wasn't you, revoke it.`,
    path: pathOf(owner),
    about: `network ${row.id} ${networkAround(facts.address)}`,
  };
};

/** Whether any password of the account was used from that network before, as far back as uses are kept. */
async function isKnownNetwork({ store }: NoticeParts, { address, at }: Facts, owner: Account): Promise<boolean> {
  const network = networkAround(address);
  const uses = await store.passwordUses.ofAccount(owner.id);
  return uses.some(
    ({ kind, value, first_at: first }) =>
      kind === 'address' && value !== address && first < at && networkAround(value) === network,
  );
}

/** An access point hands out the addresses of a /24 in turn. */
function networkAround(address: string): string {
  return isIPv4(address) ? address.replace(/\.\d+$/, '.0/24') : networkOf(address);
}

/** A machine keeps a secret for months; a login of a terminal ends within hours, and the page of passwords has it. */
export const newMachine: Say = async (parts, facts, reader) => {
  const row = await passwordOf(parts, facts, reader);
  if (!isCurrent(parts, row) || row.origin !== 'machine') return null;
  return {
    heading: 'New machine',
    title: `${quoted(row.name)} was signed in`,
    text: `${quoted(row.name)} was signed in from ${plain(textIn(facts.detail, 'address'))} on ${timeText(facts.at)}. If that wasn't you, revoke it.`,
    path: '/',
    about: `machine ${row.id}`,
  };
};

export const newRobot: Say = async (parts, facts, reader) => {
  const robot = await ownerFor(parts, facts, reader);
  if (robot === null || robot.kind !== 'robot') return null;
  const group = plain(robot.owner_group ?? '');
  return {
    heading: 'New robot',
    title: `${plain(robot.login)} was created`,
    text: `${plain(robot.login)} was created by ${plain(facts.actor)} for the group ${group} on ${timeText(facts.at)}. Its members manage it.`,
    path: pathOf(robot),
    about: `robot ${robot.id}`,
  };
};
