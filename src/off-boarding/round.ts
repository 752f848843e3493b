/** Owns how the people of one sweep are asked about: four at a time, and none any more of a provider that has no answers. */
import type { ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account, DuePerson } from '../store/accounts.ts';

export type Asked = {
  readonly account: Account;
  readonly status: ProviderStatus;
  /** Epoch milliseconds. */
  readonly at: number;
};

/** What is kept about everyone who was asked about: in a large company these are many. */
export type Answer = {
  readonly login: string;
  readonly provider: string;
  readonly kind: ProviderStatus['kind'];
  readonly reason: string | null;
};

export type Round = {
  readonly answers: readonly Answer[];
  /** Those who have left, as far as their provider says. */
  readonly leaving: readonly Asked[];
  /** Providers that refuse Dockpass itself, and how: whatever they answer about people then, it isn't about anyone in particular. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Providers that were not asked about the rest of their people, as they did not answer. */
  readonly silent: readonly string[];
};

export type RoundParts = {
  /** `undefined` for who need not be asked about any more. */
  readonly read: (person: DuePerson) => Promise<Account | undefined>;
  readonly ask: (account: Account) => Promise<ProviderStatus>;
  /** Told of each answer as it comes. */
  readonly onAnswer: (asked: Asked) => Promise<void>;
  /** False ends the round. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** How many are asked about at the same time: the provider has others to serve. */
const width = 4;
/** So many refusals of Dockpass itself, and no answer among them, and the rest of that provider's people is not asked about. */
const faultsToStop = 3;
/** So many silences in a row, and the next sweep tries again: each may take half a minute, and other providers' people wait. */
const silencesToStop = 8;

/** @returns when all are asked about, or no one else can be. @throws what the parts throw, when nothing runs any more */
export async function askAll(due: readonly DuePerson[], parts: RoundParts): Promise<Round> {
  const answers: Answer[] = [];
  const leaving: Asked[] = [];
  const tallies = new Map(due.map(({ provider }) => [provider, { faults: 0, silences: 0, ...noWords }]));
  const queue = due.values();
  let ended = false;
  const work = async (): Promise<void> => {
    for (const person of queue) {
      const tally = tallies.get(person.provider);
      if (tally === undefined || isBroken(tally)) continue;
      ended ||= !(await parts.mayGoOn());
      if (ended) return;
      const account = await parts.read(person);
      if (account === undefined) continue;
      const at = parts.now();
      const one = { account, status: await parts.ask(account), at };
      answers.push(answerOf(one));
      if (hasLeft(one.status)) leaving.push(one);
      count(tally, one.status);
      await parts.onAnswer(one);
    }
  };
  const end = (error: unknown): never => {
    ended = true;
    throw error;
  };
  const results = await Promise.allSettled(Array.from({ length: width }, () => work().catch(end)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return { answers, leaving, ...summarise(tallies) };
}

function answerOf({ account: { login, provider }, status }: Asked): Answer {
  return { login, provider, kind: status.kind, reason: reasonOf(status) };
}

function reasonOf(status: ProviderStatus): string | null {
  if ('reason' in status) return status.reason;
  return 'problem' in status ? (status.problem ?? null) : null;
}

/** What one provider has said so far. */
type Tally = {
  faults: number;
  /** In a row. */
  silences: number;
  /** Answered that a person is still there. */
  confirmed: boolean;
  /** Answered that a person isn't there any more. */
  denied: boolean;
  reason: string;
};

const noWords = { confirmed: false, denied: false, reason: '' };

function count(tally: Tally, status: ProviderStatus): void {
  if (status.kind === 'silent' && status.personal) return;
  tally.silences = status.kind === 'silent' ? tally.silences + 1 : 0;
  if (status.kind === 'there') tally.confirmed = true;
  if (hasLeft(status)) tally.denied = true;
  if (status.kind !== 'fault') return;
  tally.faults += 1;
  tally.reason = status.reason;
}

function isBroken(tally: Tally): boolean {
  return tally.silences >= silencesToStop || (tally.faults >= faultsToStop && !tally.confirmed);
}

function summarise(tallies: ReadonlyMap<string, Tally>): Pick<Round, 'refusals' | 'silent'> {
  const all = [...tallies];
  // In a small team everyone has been asked before there are three refusals.
  const refuses = ({ faults, confirmed, denied }: Tally) =>
    !confirmed && (faults >= faultsToStop || (faults > 0 && !denied));
  return {
    refusals: new Map(all.filter(([, tally]) => refuses(tally)).map(([name, { reason }]) => [name, reason])),
    silent: all.filter(([, { silences }]) => silences >= silencesToStop).map(([name]) => name),
  };
}

export function hasLeft({ kind }: Pick<ProviderStatus, 'kind'>): boolean {
  return kind === 'gone' || kind === 'sign-in';
}
