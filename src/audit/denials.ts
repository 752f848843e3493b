/** Owns what was refused by the policy or by a password's limits: counted per person, repository, action and rule. */
import { createHash } from 'node:crypto';
import type { Identity } from '../identity/identity.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import { allowedBy, type Decision, type DecisionContext } from '../policy/decide.ts';
import { looksAtGroups } from '../policy/rule.ts';
import type { DenialRow, DenialStore } from '../store/denials.ts';
import { storable } from '../store/sql.ts';
import { spellingsOf } from './spellings.ts';

/** Times are epoch milliseconds. */
export type Denial = {
  /** The docker user name; '' for those without credentials. */
  readonly account: string;
  readonly service: string;
  /** "repository". */
  readonly type: string;
  /** "team/app". */
  readonly name: string;
  readonly action: string;
  /**
   * `password`: the policy allows it, and the limits of the password don't. `groups`: it depends on groups that are unknown.
   * `maker`: the person who made the robot's password can't do it.
   */
  readonly by: 'policy' | 'password' | 'groups' | 'maker';
  /** The login of that maker. */
  readonly maker: string | null;
  /** The rule that decided, as it was at the last time; `null` where none matched. */
  readonly rule: { readonly line: number; readonly comment: string | null } | null;
  /** The name of the password that was used last. */
  readonly password: string | null;
  readonly address: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

/** `account`: a person's login in any case, the name of a job as written. */
export type DenialFilter = { readonly account?: string; readonly repository?: string; readonly action?: string };

export type DenialLog = {
  /** The latest first. */
  ofAccount(accountId: string): Promise<Denial[]>;
  /** The latest of all, at most 500. */
  list(filter: DenialFilter): Promise<Denial[]>;
  /** How many match, in the list or not. */
  count(filter: DenialFilter): Promise<number>;
};

export type Denials = DenialLog & {
  /** Counts what was asked for and not granted; never waited for. */
  record(identity: Identity, decisions: readonly Decision[], context: DecisionContext): void;
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Kept of one account: the latest. A request for a million names can't fill the disk, nor push out what others see. */
const keptOfAccount = 200;
/** Counted of one request: what someone reads of it is its first few, and a row costs more than a decision. */
const countedOfRequest = 20;
/** Longest time that a denial waits for company, in milliseconds. */
const flushDelay = 500;
/** Waiting for the database. */
const maximumWaiting = 10_000;
/** Rows in one transaction, during which SQLite answers nothing else: a few milliseconds. */
const writtenAtOnce = 100;
const maximumListed = 500;
const maximumLength = 255;

export type DenialParts = {
  readonly store: DenialStore;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createDenials(parts: DenialParts): Denials {
  const { store, now } = parts;
  const waiting = createWriteBehind<DenialRow>({
    write: (rows) => store.add(rows, keptOfAccount),
    atOnce: writtenAtOnce,
    merge: (earlier, later) => ({ ...later, count: earlier.count + later.count, first_at: earlier.first_at }),
    delay: flushDelay,
    maximum: maximumWaiting,
    // One account never makes others' denials drop out, nor costs more rows than are kept of it.
    quota: { groupOf: ({ account }) => account, maximum: keptOfAccount },
    onError: parts.onError,
  });
  return {
    record(identity, decisions, context) {
      let left = countedOfRequest;
      for (const decision of decisions) {
        if (decision.granted.length === decision.access.actions.length) continue;
        const rows = rowsOf(identity, decision, context, now()).slice(0, left);
        for (const row of rows) waiting.put(row.id, row);
        left -= rows.length;
        if (left === 0) return;
      }
    },
    async ofAccount(accountId) {
      await waiting.flush();
      return (await store.ofAccount(accountId)).map(toDenial);
    },
    async list(filter) {
      await waiting.flush();
      return (await store.list(stored(filter), maximumListed)).map(toDenial);
    },
    async count(filter) {
      await waiting.flush();
      return store.count(stored(filter));
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

function rowsOf(identity: Identity, decision: Decision, context: DecisionContext, at: number): DenialRow[] {
  const { access, granted, rule } = decision;
  return access.actions
    .filter((action) => !granted.includes(action))
    .map((action) => {
      const counted = {
        account: identity.account,
        // Someone else had this login before.
        account_id: identity.accountId,
        service: context.service,
        type: access.type,
        name: access.name.slice(0, maximumLength),
        // Whatever the client wrote.
        action: storable(action.slice(0, maximumLength)),
        decided_by: deciderOf(decision, action),
        rule_line: rule?.line ?? 0,
      };
      return {
        ...counted,
        id: createHash('sha256').update(JSON.stringify(counted)).digest('base64url'),
        rule_comment: rule?.comment ?? null,
        password_name: identity.credential?.name ?? null,
        maker: counted.decided_by === 'maker' ? (decision.bound?.login ?? null) : null,
        address: context.address,
        count: 1,
        first_at: at,
        last_at: at,
      };
    });
}

function stored({ account, repository, action }: DenialFilter): Parameters<DenialStore['count']>[0] {
  return {
    ...(account !== undefined && { account: spellingsOf(account) }),
    ...(repository !== undefined && { name: repository }),
    ...(action !== undefined && { action }),
  };
}

/** What keeps the action of a decision from being granted. */
export function deciderOf({ access, allowed, rule, undecided, bound }: Decision, action: string): Denial['by'] {
  if (bound?.enforced === true && allowed.includes(action) && !bound.allowed.includes(action)) return 'maker';
  if (allowed.includes(action)) return 'password';
  if (!undecided.some(({ conditions }) => conditions.some(looksAtGroups))) return 'policy';
  const possible = rule === null ? undecided : [...undecided, rule];
  return possible.some((one) => allowedBy([one], access.actions).includes(action)) ? 'groups' : 'policy';
}

function toDenial(row: DenialRow): Denial {
  const { account, service, type, name, action, decided_by: by, address, count } = row;
  return {
    ...{ account, service, type, name, action, by, address, count },
    rule: row.rule_line === 0 ? null : { line: row.rule_line, comment: row.rule_comment },
    password: row.password_name,
    maker: row.maker,
    firstAt: row.first_at,
    lastAt: row.last_at,
  };
}
