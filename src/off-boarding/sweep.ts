/** Owns one sweep over the holders of live passwords: whom to ask, what the answers add up to, when to believe none of them. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Verdict } from '../identity/verdict.ts';
import type { Log } from '../log.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { LeaseStore } from '../store/leases.ts';
import type { Confirm } from './confirm.ts';
import type { Leavers } from './leavers.ts';

/** `held`: has left, as far as the provider says, but so have too many others. */
export type Outcome = 'confirmed' | 'disabled' | 'sign-in' | 'held' | 'silent' | 'fault' | 'unasked';

export type SweepReport = {
  /** Epoch milliseconds. */
  readonly begunAt: number;
  /** How many were due. */
  readonly due: number;
  readonly people: readonly {
    readonly login: string;
    readonly provider: string;
    readonly outcome: Outcome;
    readonly reason: string | null;
  }[];
  /** Why it ended early or held back what it had found; `null` for a whole sweep. */
  readonly stopped: string | null;
};

export type SweepWish = {
  /** Asks, and changes nothing but refresh tokens that the provider replaced. */
  readonly dryRun: boolean;
  /** Believes the provider also where more people have left than usual. */
  readonly beyondLimit: boolean;
  /** Milliseconds: those who were asked about less long ago are left out. */
  readonly age: number;
  /** Asks about nobody else once it is aborted. */
  readonly signal?: AbortSignal;
};

export type SweepParts = {
  readonly accounts: Pick<AccountStore, 'due' | 'countHolders' | 'countShutOut'>;
  readonly leases: LeaseStore;
  readonly confirm: Confirm;
  readonly leavers: Leavers;
  /** Ends the refresh tokens of accounts that somebody disabled. */
  readonly forgetTokens: () => Promise<void>;
  readonly audit: Audit;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type Sweep = (wish: SweepWish) => Promise<SweepReport>;

const lease = 'sweep';
/** Milliseconds: longer than any person takes to be asked about, short enough that a crash holds nobody up for long. */
const leaseLength = 5 * 60_000;
const renewAfter = 60_000;
/** How many are asked about at once: the provider has others to serve. */
const width = 4;
/** So many refusals of Dockpass itself, and no answer among them, and the rest is not asked. */
const faultsToStop = 3;
/** Of all holders of passwords, the part that may leave in a day before somebody has to look. */
const usualPart = 0.2;
/** In a small team two are more than that part. */
const usualNumber = 2;
const day = 24 * 60 * 60_000;
const finder = { actor: 'sweep', client: null };

/** @returns what runs one sweep; it throws {Refusal} `conflict` while another one runs, on any replica */
export function createSweep(parts: SweepParts): Sweep {
  let alarm: string | null = null;
  return async (wish) => {
    const begunAt = parts.now();
    const holder = randomBytes(8).toString('hex');
    if (!(await parts.leases.take(lease, holder, begunAt, begunAt + leaseLength))) {
      throw new Refusal('conflict', 'Another sweep is running. Wait until it has ended.');
    }
    try {
      if (!wish.dryRun) await parts.forgetTokens();
      const report = await sweep(parts, wish, begunAt, holder);
      // Once, and not with every sweep that finds the same; the log has each.
      if (report.stopped !== null && report.stopped !== alarm) {
        parts.audit.record({ action: 'sweep.stop', ...finder, subject: '', detail: { reason: report.stopped } });
      }
      alarm = report.stopped;
      return report;
    } finally {
      await parts.leases.release(lease, holder);
    }
  };
}

type Asked = { readonly account: Account; readonly verdict: Verdict; readonly at: number };

async function sweep(parts: SweepParts, wish: SweepWish, begunAt: number, holder: string): Promise<SweepReport> {
  const due = await parts.accounts.due(begunAt - wish.age, begunAt);
  const { asked, stopped: faulty } = await askAll(parts, due, holder, wish.signal);
  const leavers = asked.filter(({ verdict }) => hasLeft(verdict));
  const unbelievable = wish.beyondLimit ? null : await tooMany(parts, leavers.length, begunAt);
  const stopped = faulty ?? unbelievable;
  if (stopped !== null) parts.log.error({ due: due.length, leavers: leavers.length }, `sweep stopped: ${stopped}`);
  const people = [];
  for (const one of asked) {
    const held = stopped !== null && hasLeft(one.verdict);
    if (!wish.dryRun) await apply(parts, one, held);
    const outcome = held ? 'held' : outcomeOf(one.verdict);
    people.push({ login: one.account.login, provider: one.account.provider, outcome, reason: reasonOf(one.verdict) });
  }
  return { begunAt, due: due.length, people, stopped };
}

function hasLeft({ kind }: Verdict): boolean {
  return kind === 'gone' || kind === 'sign-in';
}

function outcomeOf({ kind }: Verdict): Outcome {
  if (kind === 'there') return 'confirmed';
  return kind === 'gone' ? 'disabled' : kind;
}

function reasonOf(verdict: Verdict): string | null {
  if ('reason' in verdict) return verdict.reason;
  return 'problem' in verdict ? (verdict.problem ?? null) : null;
}

/** Asks until all are asked, Dockpass itself is refused, or the lease is lost. */
async function askAll(
  { confirm, leases, now }: SweepParts,
  due: readonly Account[],
  holder: string,
  signal?: AbortSignal,
): Promise<{ asked: Asked[]; stopped: string | null }> {
  const asked: Asked[] = [];
  let stopped: string | null = null;
  let renewedAt = now();
  const queue = due.values();
  const work = async (): Promise<void> => {
    for (const account of queue) {
      if (stopped !== null || signal?.aborted) return;
      if (now() - renewedAt >= renewAfter) {
        renewedAt = now();
        if (!(await leases.take(lease, holder, renewedAt, renewedAt + leaseLength)))
          stopped = 'another sweep took over';
      }
      const at = now();
      asked.push({ account, verdict: await confirm.ask(account), at });
      stopped ??= refusedItself(asked);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return { asked, stopped };
}

/** Whatever the provider says of people while it refuses Dockpass, it says of nobody in particular. */
function refusedItself(asked: readonly Asked[]): string | null {
  const faults = asked.filter(({ verdict }) => verdict.kind === 'fault');
  const answered = asked.some(({ verdict }) => verdict.kind === 'there');
  if (faults.length < faultsToStop || answered) return null;
  return `the provider refuses Dockpass itself: ${reasonOf(faults[0]?.verdict ?? { kind: 'unasked' })}`;
}

async function tooMany({ accounts }: SweepParts, leaving: number, at: number): Promise<string | null> {
  if (leaving === 0) return null;
  const left = await accounts.countShutOut(at - day);
  const all = (await accounts.countHolders(at)) + left;
  if (left + leaving <= Math.max(usualNumber, all * usualPart)) return null;
  return `${left + leaving} of ${all} people would have lost their passwords within a day, which is more than ${usualPart * 100} %. Nobody else loses them until somebody has looked: dockpass sweep --dry-run shows who, --beyond-limit believes it`;
}

async function apply({ confirm, leavers }: SweepParts, { account, verdict, at }: Asked, held: boolean): Promise<void> {
  await confirm.note(account, verdict, at, finder);
  if (held) return;
  if (verdict.kind === 'gone') await leavers.shutOut(account, verdict.reason, at, finder);
  if (verdict.kind === 'sign-in') await leavers.requireSignIn(account, verdict.reason, at, finder);
}
