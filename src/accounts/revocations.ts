/** Owns revocation by administrators: what would stop, revoke, undo within 24 hours. */

import { randomBytes } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type AppPassword, toAppPassword } from '../app-passwords/app-password.ts';
import type { Actor, Audit } from '../audit/audit.ts';
import type { Use, Uses } from '../audit/uses.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import { countOf, wordFor } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { type Page, pageOf } from '../lib/paging.ts';
import { checkReason } from '../lib/reason.ts';
import { day } from '../lib/time.ts';
import type { ActivityOfAccounts, RepositoryUse } from '../repositories/account-activity.ts';
import type { ListedPassword } from '../store/passwords.ts';
import type { Owner, RevocationRow } from '../store/revocations.ts';
import { isSelection, type Selected, type Selection, type SelectionParts, select } from './selection.ts';

export type Preview = {
  readonly people: number;
  readonly passwords: number;
  /** Those that match, too, and that another revocation has ended, which can still be undone: this one then keeps them revoked. */
  readonly alreadyRevoked: number;
  /** Terminals of matching people that were approved and have yet to collect their password: the revocation ends the approvals. */
  readonly approvedTerminals: number;
  /** The first hundred, by login. */
  readonly sample: readonly AppPassword[];
  /** What used them in the last 30 days, the latest first, at most a hundred of each kind. */
  readonly uses: readonly Use[];
  /** What their owners really pushed and pulled in that time, with any of their passwords; `null`: no registry reports it. */
  readonly activity: readonly RepositoryUse[] | null;
};

export type Revocation = {
  readonly id: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  readonly selection: Selection;
  readonly passwords: number;
  /** From then on it's final; one made by a version before 0.2.0 is final from the start. */
  readonly undoUntil: number;
  readonly undone: { readonly at: number; readonly by: string } | null;
  /** Whose passwords it means, where that is one account; `password`: the one that was selected. */
  readonly owner: (Owner & { readonly password: string | null }) | null;
};

export type Revocations = {
  /** @throws {Refusal} `bad_request` for an empty selection */
  preview(selection: Selection): Promise<Preview>;
  /**
   * Counts from the next `/auth` request on. A large one ends passwords piece by piece, so that others are answered
   * meanwhile; where it breaks off, what has ended stays ended, is in the audit and can be undone. A terminal that was
   * approved and has yet to collect its password gets none, and no undo changes that.
   * @param expected the number of passwords that the preview showed; `null` if no one looked
   * @param reason shown to the owners; can be ''
   * @throws {Refusal} `bad_request` for an empty selection, `conflict` where the number has changed since the preview,
   *   `not_found` where nothing is selected that works, could be collected, or would work again once another revocation is undone
   */
  revoke(selection: Selection, expected: number | null, reason: string, by: Actor): Promise<Revocation>;
  /**
   * The passwords work again, except those that have expired, or that their owner, off-boarding, a leak report or another
   * revocation has ended too.
   * @returns how many
   * @throws {Refusal} `not_found`; `conflict` after 24 hours, when it is undone already or was made before the upgrade. One that
   *   broke off continues.
   */
  undo(id: string, by: Actor): Promise<number>;
  /** The newest first, at most a hundred. */
  recent(): Promise<Revocation[]>;
  /** A hundred of all, the newest first. @param wanted from 1; beyond the last page it's the last */
  page(wanted: number): Promise<Pick<Page, 'page' | 'pages'> & { readonly rows: readonly Revocation[] }>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<Revocation>;
  /** What it ended and no undo has restored: at most a hundred, the newest first. */
  passwordsOf(id: string): Promise<AppPassword[]>;
};

/** Milliseconds. */
const undoTime = day;
const maximumSample = 100;
/** Passwords ended or restored before others have their turn. */
const pieceSize = 1_000;
/** Passwords that an undo finds before others have their turn: those of machines, which stay, are read again each time. */
const foundAtOnce = 10_000;

export type RevocationParts = SelectionParts & {
  readonly uses: Pick<Uses, 'summary'>;
  readonly gracePeriods: Pick<GracePeriods, 'unchecked'>;
  readonly activityOf: ActivityOfAccounts;
  readonly audit: Audit;
};

export function createRevocations(parts: RevocationParts): Revocations {
  const { store, now } = parts;
  const shown = (row: ListedPassword) =>
    toAppPassword(row, row, { now: now(), unchecked: parts.gracePeriods.unchecked });
  return {
    async preview(selection) {
      const selected = byState(await select(parts, selection));
      const found = selected.active;
      const first = found
        .toSorted((a, b) => (a.login < b.login ? -1 : a.login > b.login ? 1 : 0))
        .slice(0, maximumSample);
      const rows = new Map((await store.revocations.listed(first.map(({ id }) => id))).map((row) => [row.id, row]));
      const owners = [...new Set(found.map(({ accountId }) => accountId))];
      return {
        people: owners.length,
        activity: await parts.activityOf(owners),
        passwords: found.length,
        alreadyRevoked: selected.ended.length,
        approvedTerminals: selected.approved.length,
        sample: first.flatMap(({ id }) => rows.get(id) ?? []).map(shown),
        uses: await parts.uses.summary(found.map(({ id }) => id)),
      };
    },
    revoke: (selection, expected, reason, by) => revoke(parts, selection, { expected, reason, by }),
    undo: (id, by) => undo(parts, id, by),
    recent: async () => withOwners(parts, await store.revocations.latest(maximumSample, 0)),
    async page(wanted) {
      const { page, pages, offset } = pageOf(await store.revocations.count(), maximumSample, wanted);
      return { page, pages, rows: await withOwners(parts, await store.revocations.latest(maximumSample, offset)) };
    },
    byId: async (id) => named(parts, await find(parts, id)),
    async passwordsOf(id) {
      const rows = await store.revocations.passwordsOf(id, maximumSample);
      return rows.map(shown);
    },
  };
}

async function find({ store }: RevocationParts, id: string): Promise<RevocationRow> {
  const row = await store.revocations.byId(id);
  if (row === undefined) throw new Refusal('not_found', `There is no revocation ${id}. They are listed by date.`);
  return row;
}

async function revoke(
  parts: RevocationParts,
  selection: Selection,
  { expected, reason, by }: { readonly expected: number | null; readonly reason: string; readonly by: Actor },
): Promise<Revocation> {
  const { store, audit, now } = parts;
  const why = checkReason(reason);
  const { active: found, ended, approved } = byState(await select(parts, selection));
  checkNumber(found.length, expected);
  const meant = found.length + approved.length > 0 ? [...found, ...approved] : ended;
  if (meant.length === 0) {
    throw new Refusal('not_found', 'No active passwords match, so there is nothing to revoke.');
  }
  const row = createRow(selection, found.length, why, by, now());
  // Before the first one ends, so that nothing ends without it, wherever the rest breaks off.
  const detail = {
    id: row.id,
    reason: row.reason,
    selection,
    passwords: found.length,
    approvedTerminals: approved.length,
  };
  const event = { action: 'revocation', ...by, subject: subjectOf(meant), detail } as const;
  await audit.commit(event, (entry) => store.revocations.begin(row, entry));
  // First: each moment that they wait, they can become passwords.
  let passwords = await store.revocations.endApprovals(
    row,
    approved.map(({ id }) => id),
  );
  for await (const piece of endInPieces(parts, row, selection, [...found, ...ended])) passwords += piece;
  await store.revocations.complete(row.id);
  return named(parts, { ...row, passwords });
}

async function undo(parts: RevocationParts, id: string, by: Actor): Promise<number> {
  const { store, audit, now } = parts;
  const row = await find(parts, id);
  const { selection_json: selection, passwords } = row;
  if (row.undo_checked !== 1) {
    throw cannotUndo(
      'It was made before an upgrade, and no one knows which of its passwords their owners have revoked since',
    );
  }
  const detail = { id, selection: readJson(selection, isSelection), passwords };
  const { owner } = await named(parts, row);
  const event = { action: 'revocation.undo', ...by, subject: owner?.login ?? '', detail } as const;
  const isFirst = await audit.commit(event, (audited) => store.revocations.markUndone(id, by.actor, now(), audited));
  if (!isFirst && (await find(parts, id)).undone_at === null)
    throw cannotUndo('It can no longer be undone (24-hour limit)');
  const restored = await restoreAll(parts, id);
  if (!isFirst && restored === 0) throw cannotUndo('It was already undone');
  // The first try broke off, and its event with another actor may be all that was stored.
  if (!isFirst) await audit.write({ ...event, detail: { ...detail, passwords: restored } });
  return restored;
}

function byState(selected: readonly Selected[]): Readonly<Record<Selected['state'], Selected[]>> {
  const { active = [], ended = [], approved = [] } = Object.groupBy(selected, ({ state }) => state);
  return { active, ended, approved };
}

function createRow(selection: Selection, passwords: number, reason: string, by: Actor, at: number): RevocationRow {
  return {
    id: randomBytes(9).toString('hex'),
    at,
    actor: by.actor,
    reason,
    selection_json: JSON.stringify(selection),
    passwords,
    undo_until: at + undoTime,
    undone_at: null,
    undone_by: null,
    undo_checked: 1,
  };
}

/**
 * By account, not by password: one that was found can have been rotated since, and what it was replaced with ends too; and
 * one that another revocation has ended can be active again, or about to be. What has ended stays ended where it breaks off.
 * @returns the number of passwords that each piece ended
 */
async function* endInPieces(
  { store }: RevocationParts,
  row: RevocationRow,
  selection: Selection,
  found: readonly Selected[],
): AsyncGenerator<number> {
  const owners = found.map(({ accountId }) => accountId).toSorted();
  for (let start = 0; start < owners.length; start += pieceSize) {
    const ids = [...new Set(owners.slice(start, start + pieceSize))];
    yield await store.revocations.end(row, ids, selection);
    await yieldToOthers();
  }
}

/** @returns how many */
async function restoreAll({ store }: RevocationParts, id: string): Promise<number> {
  let restored = 0;
  for (;;) {
    const ids = await store.revocations.restorable(id, foundAtOnce);
    if (ids.length === 0) return restored;
    for (let start = 0; start < ids.length; start += pieceSize) {
      await yieldToOthers();
      restored += await store.revocations.restore(id, ids.slice(start, start + pieceSize));
    }
  }
}

function cannotUndo(why: string): Refusal {
  return new Refusal('conflict', `${why}. Anyone who needs a password can create a new one.`);
}

function checkNumber(found: number, expected: number | null): void {
  if (expected === null || expected === found) return;
  throw new Refusal(
    'conflict',
    `The preview showed ${countOf(expected, 'password')}, and now there ${wordFor(found, 'is', 'are')} ${found}. Check the preview again.`,
  );
}

/** The owner, where all are of one account. */
function subjectOf(rows: readonly Selected[]): string {
  const logins = new Set(rows.map(({ login }) => login));
  const [login = ''] = logins;
  return logins.size === 1 ? login : '';
}

function toRevocation(row: RevocationRow): Omit<Revocation, 'owner'> {
  return {
    id: row.id,
    at: row.at,
    by: row.actor,
    reason: row.reason,
    selection: readJson(row.selection_json, isSelection),
    passwords: row.passwords,
    undoUntil: row.undo_checked === 1 ? row.undo_until : row.at,
    undone: row.undone_at === null ? null : { at: row.undone_at, by: row.undone_by ?? '' },
  };
}

async function named(parts: RevocationParts, row: RevocationRow): Promise<Revocation> {
  const [revocation] = await withOwners(parts, [row]);
  if (revocation === undefined) throw new Error('a row makes a revocation');
  return revocation;
}

/** What one account or one password was selected for, by name: at most as many rows as `recent` has. */
async function withOwners({ store }: RevocationParts, rows: readonly RevocationRow[]): Promise<Revocation[]> {
  const revocations = rows.map(toRevocation);
  const passwordIds = revocations.flatMap(({ selection }) => selection.passwordId ?? []);
  const accountIds = revocations.flatMap(({ selection }) => selection.accountId ?? []);
  const passwords = new Map((await store.revocations.listed(passwordIds)).map((row) => [row.id, row]));
  const accounts = new Map((await store.revocations.owners(accountIds)).map((owner) => [owner.id, owner]));
  return revocations.map((revocation) => {
    const { passwordId, accountId } = revocation.selection;
    const password = passwords.get(passwordId ?? '');
    if (password !== undefined) {
      const { account_id: id, login, kind, name } = password;
      return { ...revocation, owner: { id, login, kind, password: name } };
    }
    const account = accounts.get(accountId ?? '');
    return { ...revocation, owner: account === undefined ? null : { ...account, password: null } };
  });
}
