/** Owns how the people of one sweep are asked about: four at a time, and none any more of a provider that has no answers. */
import type { Verdict } from '../identity/verdict.ts';
import type { Account } from '../store/accounts.ts';

export type Asked = {
  readonly account: Account;
  readonly verdict: Verdict;
  /** Epoch milliseconds. */
  readonly at: number;
};

export type Round = {
  readonly asked: readonly Asked[];
  /** Providers that refuse Dockpass itself, and how: whatever they say of people then, they say of nobody in particular. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Providers that were not asked about the rest of their people, as they did not answer. */
  readonly silent: readonly string[];
};

export type RoundParts = {
  readonly ask: (account: Account) => Promise<Verdict>;
  /** Told of each answer as it comes. */
  readonly onAnswer: (asked: Asked) => Promise<void>;
  /** False ends the round. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** How many are asked about at once: the provider has others to serve. */
const width = 4;
/** So many refusals of Dockpass itself, and no answer among them, and the rest of that provider's people is not asked about. */
const faultsToStop = 3;
/** So many silences in a row, and the next sweep tries again: each may take half a minute, and other providers' people wait. */
const silencesToStop = 8;

/** @returns when all are asked about, or nobody else can be. @throws what the parts throw, when nothing runs any more */
export async function askAll(due: readonly Account[], parts: RoundParts): Promise<Round> {
  const asked: Asked[] = [];
  const tallies = new Map(due.map(({ provider }) => [provider, { faults: 0, silences: 0, ...noWords }]));
  const queue = due.values();
  let ended = false;
  const work = async (): Promise<void> => {
    for (const account of queue) {
      const tally = tallies.get(account.provider);
      if (tally === undefined || isBroken(tally)) continue;
      ended ||= !(await parts.mayGoOn());
      if (ended) return;
      const at = parts.now();
      const one = { account, verdict: await parts.ask(account), at };
      asked.push(one);
      count(tally, one.verdict);
      await parts.onAnswer(one);
    }
  };
  const end = (error: unknown): never => {
    ended = true;
    throw error;
  };
  const results = await Promise.allSettled(Array.from({ length: width }, () => work().catch(end)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return { asked, ...summarise(tallies) };
}

/** What one provider has said so far. */
type Tally = {
  faults: number;
  /** In a row. */
  silences: number;
  /** Said of somebody that they are there. */
  confirmed: boolean;
  /** Said of somebody that they are not. */
  denied: boolean;
  reason: string;
};

const noWords = { confirmed: false, denied: false, reason: '' };

function count(tally: Tally, verdict: Verdict): void {
  tally.silences = verdict.kind === 'silent' ? tally.silences + 1 : 0;
  if (verdict.kind === 'there') tally.confirmed = true;
  if (hasLeft(verdict)) tally.denied = true;
  if (verdict.kind !== 'fault') return;
  tally.faults += 1;
  tally.reason = verdict.reason;
}

function isBroken(tally: Tally): boolean {
  return tally.silences >= silencesToStop || (tally.faults >= faultsToStop && !tally.confirmed);
}

function summarise(tallies: ReadonlyMap<string, Tally>): Pick<Round, 'refusals' | 'silent'> {
  const all = [...tallies];
  // Of a small team nobody is left to ask before there are three refusals.
  const refuses = ({ faults, confirmed, denied }: Tally) =>
    !confirmed && (faults >= faultsToStop || (faults > 0 && !denied));
  return {
    refusals: new Map(all.filter(([, tally]) => refuses(tally)).map(([name, { reason }]) => [name, reason])),
    silent: all.filter(([, { silences }]) => silences >= silencesToStop).map(([name]) => name),
  };
}

export function hasLeft({ kind }: Verdict): boolean {
  return kind === 'gone' || kind === 'sign-in';
}
