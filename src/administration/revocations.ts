/** Owns revocation by administrators: which passwords a selection means, what would stop, revoke, undo within 24 hours. */
import { randomBytes } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Actor, type AppPassword, toAppPassword } from '../app-passwords.ts';
import type { Audit } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { ListedPassword } from '../store/passwords.ts';
import type { RevocationRow } from '../store/revocations.ts';
import type { Store } from '../store/store.ts';
import type { Use, Uses } from '../uses.ts';
import type { Administrators } from './administrators.ts';

/** Live passwords to which everything that is given applies; at least one thing must be given. Times are epoch milliseconds. */
export type Selection = {
  readonly passwordId?: string;
  readonly accountId?: string;
  /** The verified domain of their owners. */
  readonly domain?: string;
  /** A group of their owners: of the provider, with its prefix, or of the policy file. */
  readonly group?: string;
  readonly provider?: string;
  readonly createdBefore?: number;
  /** Not used since, though made before. */
  readonly unusedSince?: number;
};

export type Preview = {
  readonly people: number;
  readonly passwords: number;
  /** The first hundred, by login. */
  readonly sample: readonly AppPassword[];
  /** What used them in the last 30 days, the latest first, at most a hundred of each kind. */
  readonly uses: readonly Use[];
};

export type Revocation = {
  readonly id: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  readonly selection: Selection;
  readonly passwords: number;
  /** From then on it stands. */
  readonly undoUntil: number;
  readonly undone: { readonly at: number; readonly by: string } | null;
};

export type Revocations = {
  /** @throws {Refusal} `bad_request` for an empty selection */
  preview(selection: Selection): Promise<Preview>;
  /**
   * Counts from the next `/auth` request on.
   * @param expected the number of passwords that the preview showed; `null` where nobody looked
   * @param reason told to the owners; may be ''
   * @throws {Refusal} `bad_request` for an empty selection, `conflict` where the number has changed since the preview, `not_found` where nothing is selected
   */
  revoke(selection: Selection, expected: number | null, reason: string, by: Actor): Promise<Revocation>;
  /**
   * The passwords work again, except those that have expired or were leaked.
   * @returns how many
   * @throws {Refusal} `not_found`; `conflict` after 24 hours or when it is undone already
   */
  undo(id: string, by: Actor): Promise<number>;
  /** The newest first, at most a hundred. */
  recent(): Promise<Revocation[]>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<Revocation>;
};

/** Milliseconds. */
const undoTime = 24 * 60 * 60 * 1000;
const maximumSample = 100;
const maximumReason = 200;
/** Rows read at once. */
const pieceSize = 1_000;

export type RevocationParts = {
  readonly store: Pick<Store, 'revocations' | 'accounts'>;
  readonly uses: Pick<Uses, 'summary'>;
  readonly administrators: Pick<Administrators, 'groupsOf'>;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createRevocations(parts: RevocationParts): Revocations {
  const { store, audit, now } = parts;
  const find = async (id: string): Promise<RevocationRow> => {
    const row = await store.revocations.byId(id);
    if (row === undefined) throw new Refusal('not_found', `There is no revocation ${id}. They are listed by date.`);
    return row;
  };

  return {
    async preview(selection) {
      const rows = await select(parts, selection);
      const sorted = rows.toSorted((a, b) => (a.login < b.login ? -1 : a.login > b.login ? 1 : 0));
      return {
        people: new Set(rows.map((row) => row.account_id)).size,
        passwords: rows.length,
        sample: sorted.slice(0, maximumSample).map((row) => toAppPassword(row, row, now())),
        uses: await parts.uses.summary(rows.map(({ id }) => id)),
      };
    },

    async revoke(selection, expected, reason, by) {
      if (reason.length > maximumReason) {
        throw new Refusal('bad_request', `Keep the reason under ${maximumReason} characters.`);
      }
      const rows = await select(parts, selection);
      checkNumber(rows.length, expected);
      const at = now();
      const row: RevocationRow = {
        id: randomBytes(9).toString('hex'),
        at,
        actor: by.actor,
        reason: reason.trim(),
        selection_json: JSON.stringify(selection),
        passwords: rows.length,
        undo_until: at + undoTime,
        undone_at: null,
        undone_by: null,
      };
      await store.revocations.revoke(
        row,
        rows.map(({ id }) => id),
      );
      const subject = subjectOf(rows);
      const detail = { id: row.id, reason: row.reason, selection, passwords: rows.length };
      audit.record({ action: 'revocation', ...by, subject, detail });
      return toRevocation(row);
    },

    async undo(id, by) {
      const { selection_json: selection } = await find(id);
      const restored = await store.revocations.undo(id, by.actor, now());
      if (restored === null) {
        const { undone_at: undone } = await find(id);
        const why = undone === null ? 'It is older than 24 hours, so it stands' : 'It was undone already';
        throw new Refusal('conflict', `${why}. Whoever needs a password can create a new one.`);
      }
      const detail = { id, selection: JSON.parse(selection) as Selection, passwords: restored };
      audit.record({ action: 'revocation.undo', ...by, subject: '', detail });
      return restored;
    },

    recent: async () => (await store.revocations.latest(maximumSample)).map(toRevocation),
    byId: async (id) => toRevocation(await find(id)),
  };
}

/** The live passwords that are meant. */
async function select(
  { store, administrators, now }: RevocationParts,
  selection: Selection,
): Promise<ListedPassword[]> {
  if (Object.values(selection).every((value) => value === undefined)) {
    throw new Refusal(
      'bad_request',
      'Say which passwords are meant: a person, a domain, a group, a provider or a date.',
    );
  }
  const { group } = selection;
  const members = group === undefined ? null : await membersOf(store.accounts, administrators, group);
  const found: ListedPassword[] = [];
  const at = now();
  let piece: ListedPassword[];
  let after = '';
  do {
    piece = await store.revocations.live(selection, at, after, pieceSize);
    found.push(...piece.filter(({ account_id: id }) => members === null || members.has(id)));
    after = piece.at(-1)?.id ?? '';
    // SQLite answers within the turn: without this, no token is made while a hundred thousand rows are read.
    await yieldToOthers();
  } while (piece.length === pieceSize);
  return found;
}

/** Groups of the policy file are no column, so each account is asked, as it would be at `/auth`. */
async function membersOf(
  accounts: Pick<AccountStore, 'after'>,
  administrators: Pick<Administrators, 'groupsOf'>,
  group: string,
): Promise<Set<string>> {
  const members = new Set<string>();
  let piece: Account[];
  let after = '';
  do {
    piece = await accounts.after(after, pieceSize);
    for (const account of piece) {
      if (administrators.groupsOf(account).some(({ name }) => name === group)) members.add(account.id);
    }
    after = piece.at(-1)?.id ?? '';
    // SQLite answers within the turn: without this, no token is made while a hundred thousand rows are read.
    await yieldToOthers();
  } while (piece.length === pieceSize);
  return members;
}

function checkNumber(found: number, expected: number | null): void {
  if (found === 0) throw new Refusal('not_found', 'No live password is selected, so there is nothing to revoke.');
  if (expected === null || expected === found) return;
  throw new Refusal(
    'conflict',
    `The preview showed ${expected} passwords and now there are ${found}. Look at it again.`,
  );
}

/** The owner, where all are of one account. */
function subjectOf(rows: readonly ListedPassword[]): string {
  const logins = new Set(rows.map(({ login }) => login));
  const [login = ''] = logins;
  return logins.size === 1 ? login : '';
}

function toRevocation(row: RevocationRow): Revocation {
  return {
    id: row.id,
    at: row.at,
    by: row.actor,
    reason: row.reason,
    selection: JSON.parse(row.selection_json) as Selection,
    passwords: row.passwords,
    undoUntil: row.undo_until,
    undone: row.undone_at === null ? null : { at: row.undone_at, by: row.undone_by ?? '' },
  };
}
