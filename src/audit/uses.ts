/** Owns what an app password was used from and for in the last 30 days: addresses, clients, repositories. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { createRecentMarks } from '../lib/recent-marks.ts';
import { hour, isRecent } from '../lib/time.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import type { Access } from '../scope.ts';
import { idsAtOnce, inPieces } from '../store/conditions.ts';
import type { PasswordUseRow, PasswordUseStore, UseSummaryRow } from '../store/password-uses.ts';
import type { AuditBuffer } from './audit.ts';

export type UseKind = 'address' | 'client' | 'repository';

/** Times are epoch milliseconds. */
export type Use = {
  readonly kind: UseKind;
  /** "10.0.0.7", "docker/28.2.2", "team/app". */
  readonly value: string;
  readonly firstAt: number;
  readonly lastAt: number;
};

export type Uses = {
  /** Notes that a token was made with a stored password; never waited for. @param access as it was granted */
  record(identity: Identity, client: Requester, access: readonly Access[]): void;
  /** By password id; the latest first. */
  ofAccount(accountId: string): Promise<ReadonlyMap<string, readonly Use[]>>;
  /** What any of the passwords was used from and for, the latest first, at most a hundred of each kind. */
  summary(passwordIds: readonly string[]): Promise<Use[]>;
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Milliseconds: how exact `lastAt` is. */
const interval = hour;
/** Longest time that a use waits for company, in milliseconds. */
const flushDelay = 500;
/** Values of one kind that are kept of a password: the latest. */
const keptOfKind = 30;
/** Addresses and clients that are known to be noted, and uses that wait for a database that is away: a few MB at most. */
const maximumKept = 20_000;
/** Repositories that are known to be noted: many more than there are addresses. They take 800 KB. */
const repositoryMarks = 2 ** 16;
const maximumShown = 100;
const maximumLength = 255;

type Noted = Pick<PasswordUseRow, 'password_id' | 'kind' | 'value'> & {
  readonly at: number;
  readonly login: string;
  readonly client: Requester;
};

export type UseParts = {
  readonly store: PasswordUseStore;
  readonly audit: Pick<AuditBuffer, 'record'>;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createUses(parts: UseParts): Uses {
  const { store, now } = parts;
  /** What drops out is written once more, which changes little. */
  const noted = createGrowingCache<string, number>(maximumKept);
  const notedRepositories = createRecentMarks(repositoryMarks, interval);
  /** By password id: the repositories that it asked for since the last write. */
  const asked = new Map<string, number>();
  const waiting = createWriteBehind<Noted>({
    write: (entries) => {
      asked.clear();
      return write(parts, entries);
    },
    merge: (_, later) => later,
    delay: flushDelay,
    maximum: maximumKept,
    onError: parts.onError,
  });

  /**
   * Of each password as many repositories wait as are kept, in places that they take in turn: of one that asks for thousands
   * a second the latest are written, and the others are garbage immediately.
   */
  const placeOf = (id: string): string => {
    const count = asked.get(id) ?? 0;
    asked.set(id, count + 1);
    return `${id}\0${count % keptOfKind}`;
  };
  const isNoted = (key: string, kind: UseKind, at: number): boolean => {
    if (kind === 'repository') return notedRepositories.has(key, at);
    const before = noted.get(key);
    if (before !== undefined && isRecent(before, at, interval)) return true;
    noted.set(key, at);
    return false;
  };
  const note = (identity: Identity, client: Requester, kind: UseKind, value: string, at: number): void => {
    if (identity.credential === null) return;
    const id = identity.credential.id;
    const key = rowOf(id, kind, value);
    if (isNoted(key, kind, at)) return;
    waiting.put(kind === 'repository' ? placeOf(id) : key, {
      password_id: id,
      kind,
      value: value.slice(0, maximumLength),
      at,
      login: identity.account,
      client,
    });
  };

  return {
    record(identity, client, access) {
      if (identity.credential === null) return;
      const at = now();
      note(identity, client, 'address', client.address, at);
      note(identity, client, 'client', productOf(client.userAgent), at);
      for (const { type, name } of access) if (type === 'repository') note(identity, client, 'repository', name, at);
    },
    async ofAccount(accountId) {
      await waiting.flush();
      const rows = await store.ofAccount(accountId);
      return new Map([...Map.groupBy(rows, (row) => row.password_id)].map(([id, uses]) => [id, uses.map(toUse)]));
    },
    async summary(passwordIds) {
      await waiting.flush();
      return summarize(store, passwordIds);
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

async function summarize(store: PasswordUseStore, passwordIds: readonly string[]): Promise<Use[]> {
  let found = new Map<string, Use>();
  for (const ids of inPieces(passwordIds)) {
    for (const row of await store.summary(ids)) merge(found, toUse(row));
    // A hundred thousand passwords were used from millions of places, of which a hundred are shown.
    if (found.size > maximumKept) found = keyed(latestOf(found, maximumKept / 10));
    await yieldToOthers();
  }
  return latestOf(found, maximumShown);
}

/** The first product of a User-Agent (RFC 9110, 10.1.5) is the tool; the rest, down to the kernel, would fill the table. */
function productOf(userAgent: string): string {
  return /^[^\s()]+/.exec(userAgent)?.[0] ?? '';
}

async function write({ store, audit }: UseParts, entries: readonly Noted[]): Promise<void> {
  // Replicas that write the same rows lock them in the same order, so none waits for the other in a circle.
  const keyed = entries.map((use) => ({ use, row: rowOf(use.password_id, use.kind, use.value) }));
  const inOrder = keyed.sort((one, other) => (one.row < other.row ? -1 : 1)).map(({ use }) => use);
  for (let start = 0; start < inOrder.length; start += idsAtOnce) {
    const piece = inOrder.slice(start, start + idsAtOnce);
    const written = await store.write(piece, keptOfKind);
    for (const [index, use] of piece.entries()) {
      if (use.kind === 'address' && written[index] !== 'known') announce(audit, use, written[index] === 'first');
    }
  }
}

function rowOf(passwordId: string, kind: UseKind, value: string): string {
  return `${passwordId}\0${kind}\0${value}`;
}

/** A use from a new address is recorded in the audit; the very first use as such. */
function announce(audit: UseParts['audit'], { password_id: id, login, client }: Noted, isFirst: boolean): void {
  const action = isFirst ? 'password.first-use' : 'password.new-address';
  audit.record({ action, actor: login, subject: login, client, detail: { id } });
}

function toUse({ kind, value, first_at: firstAt, last_at: lastAt }: UseSummaryRow): Use {
  return { kind, value, firstAt, lastAt };
}

/** Of each kind, the latest first. */
function latestOf(found: ReadonlyMap<string, Use>, count: number): Use[] {
  const latest = [...found.values()].sort((a, b) => b.lastAt - a.lastAt);
  return (['address', 'client', 'repository'] as const).flatMap((kind) =>
    latest.filter((use) => use.kind === kind).slice(0, count),
  );
}

function keyed(uses: readonly Use[]): Map<string, Use> {
  return new Map(uses.map((use) => [keyOf(use), use]));
}

function keyOf({ kind, value }: Use): string {
  return `${kind}\0${value}`;
}

function merge(found: Map<string, Use>, use: Use): void {
  const key = keyOf(use);
  const known = found.get(key) ?? use;
  const firstAt = Math.min(known.firstAt, use.firstAt);
  found.set(key, { ...use, firstAt, lastAt: Math.max(known.lastAt, use.lastAt) });
}
