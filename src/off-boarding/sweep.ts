/** Owns one sweep over everyone who holds something that works: what the answers add up to, and when not to believe them. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { minute } from '../lib/time.ts';
import type { ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { LeaseStore } from '../store/leases.ts';
import type { Confirm } from './confirm.ts';
import { type HeldTeams, type Leaving, withinLimit } from './leaver-limit.ts';
import type { Leavers } from './leavers.ts';
import { type Answer, type Asked, askAll, hasLeft, type Round } from './round.ts';

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

export type SweepOptions = {
  /** Asks, and changes nothing but refresh tokens that the provider replaced. */
  readonly dryRun: boolean;
  /** Believes the provider also where more people have left than usual. */
  readonly beyondLimit: boolean;
  /** Milliseconds: those who were asked about less long ago are left out. */
  readonly age: number;
  /** Once it's aborted, no one else is asked about. */
  readonly signal?: AbortSignal;
  /** Told how many of those who are due have been asked about. */
  readonly onProgress?: (asked: number, due: number) => void;
};

export type SweepParts = {
  readonly accounts: Pick<AccountStore, 'due' | 'active' | 'countTeams'>;
  readonly leases: LeaseStore;
  readonly confirm: Confirm;
  readonly leavers: Leavers;
  readonly heldTeams: Pick<HeldTeams, 'note'>;
  /** Ends the refresh tokens of accounts that someone disabled. */
  readonly forgetTokens: () => Promise<void>;
  readonly audit: Audit;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type Sweep = (input: SweepOptions) => Promise<SweepReport>;

const lease = 'sweep';
/** Milliseconds: longer than any person takes to be asked about, short enough that a crash delays no one for long. */
const leaseLength = 5 * minute;
const renewAfter = minute;
const actor = { actor: 'sweep', client: null };

/** @returns what runs one sweep; it throws {Refusal} `conflict` while another one runs, on any replica */
export function createSweep(parts: SweepParts): Sweep {
  const alarm = createAlarm(parts.audit);
  return async (input) => {
    const begunAt = parts.now();
    const holder = randomBytes(8).toString('hex');
    if (!(await parts.leases.take(lease, holder, begunAt, begunAt + leaseLength))) {
      throw new Refusal(
        'conflict',
        'Another sweep is running. Wait until it has ended; if it was killed, five minutes at most.',
      );
    }
    try {
      if (!input.dryRun) await parts.forgetTokens();
      const { due, answers, believed, ...doubts } = await sweep(parts, input, begunAt, holder);
      const stopped = await alarm(doubts, answers, input, begunAt);
      if (stopped !== null) parts.log.error({ due }, `sweep stopped: ${stopped}`);
      const offBoarded = new Set(believed.map(({ account }) => account.login));
      const people = answers.map((answer) => describe(answer, hasLeft(answer) && !offBoarded.has(answer.login)));
      return { begunAt, due, people, stopped };
    } finally {
      await parts.leases.release(lease, holder);
    }
  };
}

/** Why the answers aren't believed. */
type Doubts = { readonly refusals: Round['refusals']; readonly unbelievable: string | null };

async function sweep(parts: SweepParts, input: SweepOptions, begunAt: number, holder: string) {
  const { accounts, confirm, leavers, log } = parts;
  const due = await accounts.due(begunAt - input.age, begunAt);
  const keepLease = createLeaseKeeper(parts, holder);
  let asked = 0;
  const { answers, leaving, refusals, silent } = await askAll(due, {
    // As they are when it's their turn: someone may have been disabled or removed since the sweep began.
    read: ({ id }) => accounts.active(id),
    ask: (account) => confirm.ask(account).catch((error: unknown) => failed(log, account, error)),
    // At once: what was learnt must not wait for hundreds of others, nor be lost with the process. A leaver whose word is
    // not believed stays the one to be asked about first.
    onAnswer: async ({ account, status, at }) => {
      if (!input.dryRun && !hasLeft(status)) await confirm.note(account, status, at, actor);
      input.onProgress?.(++asked, due.length);
    },
    mayGoOn: async () => input.signal?.aborted !== true && (await keepLease()),
    now: parts.now,
  });
  if (silent.length > 0) log.warn({ providers: silent }, 'no answer; the rest is asked about with the next sweep');
  const likely = leaving.filter(({ account }) => !refusals.has(account.provider));
  const judged = await withinLimit(accounts, likely, begunAt);
  const within = input.beyondLimit ? believeAll(judged, likely) : judged;
  const isOurs = await keepLease();
  if (!input.dryRun && isOurs) await parts.heldTeams.note(within, begunAt);
  const believed = isOurs ? within.believed : [];
  const unbelievable = isOurs ? within.doubts.join('; ') || null : 'another sweep continued it';
  if (!input.dryRun) for (const one of believed) await offBoard(leavers, one);
  return { due: due.length, answers, believed, refusals, unbelievable };
}

/** A source answers whatever its provider says. If it fails all the same, the others are asked about. */
function failed(log: Log, { login, provider }: Account, error: unknown): ProviderStatus {
  log.error({ err: error, account: login, provider }, 'a person could not be asked about');
  return { kind: 'silent', personal: true, reason: 'Dockpass failed to ask; its log has the error' };
}

function believeAll({ teams }: Leaving, likely: readonly Asked[]): Leaving {
  return { believed: likely, doubts: [], teams: { believed: [...teams.believed, ...teams.held], held: [] } };
}

/**
 * @returns what says why a sweep was stopped. That a provider refuses Dockpass counts until the provider answers about someone:
 *   in most sweeps no one is due about whom it was asked recently
 */
function createAlarm(audit: Audit) {
  const refusing = new Map<string, { readonly reason: string; readonly at: number }>();
  let said: string | null = null;
  return async (
    { refusals, unbelievable }: Doubts,
    answers: readonly Answer[],
    input: SweepOptions,
    at: number,
  ): Promise<string | null> => {
    for (const [provider, reason] of refusals) refusing.set(provider, { reason, at });
    for (const { provider, kind } of answers) if (kind === 'there') refusing.delete(provider);
    // Another replica may have heard it speak since.
    for (const [provider, refusal] of refusing) if (at - refusal.at > 4 * input.age) refusing.delete(provider);
    const refused = [...refusing].map(([provider, { reason }]) => `${provider} refuses Dockpass itself: ${reason}`);
    const stopped = [...refused, ...(unbelievable === null ? [] : [unbelievable])].join('; ') || null;
    // Once, and not with every sweep that finds the same; the log has each.
    if (stopped !== null && stopped !== said && !input.dryRun) {
      await audit.write({ action: 'sweep.stop', ...actor, subject: '', detail: { reason: stopped } });
    }
    said = stopped;
    return stopped;
  };
}

function describe({ login, provider, kind, reason }: Answer, isHeld: boolean): SweepReport['people'][number] {
  return { login, provider, outcome: isHeld ? 'held' : outcomeOf(kind), reason };
}

function outcomeOf(kind: Answer['kind']): Outcome {
  if (kind === 'there') return 'confirmed';
  return kind === 'gone' ? 'disabled' : kind;
}

/** @returns what renews the lease where it is time, and tells whether it is still ours */
function createLeaseKeeper({ leases, now }: SweepParts, holder: string): () => Promise<boolean> {
  let renewedAt = now();
  let kept = Promise.resolve(true);
  return () => {
    if (now() - renewedAt >= renewAfter) {
      renewedAt = now();
      kept = leases.take(lease, holder, renewedAt, renewedAt + leaseLength);
    }
    return kept;
  };
}

async function offBoard(leavers: Leavers, { account, status, at }: Asked): Promise<void> {
  if (status.kind === 'gone') await leavers.shutOut(account, status.reason, at, actor, status);
  if (status.kind === 'sign-in') await leavers.requireSignIn(account, status.reason, at, actor);
}
