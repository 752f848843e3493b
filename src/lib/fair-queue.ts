/** Owns the order of costly work: requesters take turns by network, and a network that asked for little goes first. */
import { Refusal } from '../lib/errors.ts';

export type QueueLimits = {
  /** Jobs that run at the same time: of all networks, and of one where it's limited. */
  readonly running: number;
  readonly runningEach?: number;
  /** Of all networks together whose rank is above 0: the rest is kept for those who did nothing wrong. */
  readonly runningRanked?: number;
  /** Jobs that can wait: of one network, and of all. */
  readonly waitingEach: number;
  readonly waiting: number;
  /** What the jobs are, for someone who is refused: "passwords are being checked". */
  readonly what: string;
};

/** Who asks: turns go by network, and within one by name, so that one name holds up no other. */
export type Asker = { readonly network: string; readonly name: string };

type Job = { start(ended: () => void): void; refuse(error: Refusal): void };
/** The jobs of one network that wait, by name; the next turn comes first. */
type Line = { readonly names: Map<string, Job[]>; size: number };

/** Seconds. Work of this kind takes a part of one. */
const retryAfter = 2;
/** Of so many turns, one ignores the ranks: no one waits forever. */
const openTurn = 4;

/**
 * Runs `work` when it is the turn of `from`.
 * @returns what `work` resolves to
 * @throws {Refusal} `too_many_requests` where `from` waits for too much already, `unavailable` where too many others wait
 */
export type FairQueue = <Result>(from: Asker, work: () => Promise<Result>) => Promise<Result>;

/** @param rankOf of a network, asked again at each turn: the lowest goes first, and stays where there's no room for all */
export function createFairQueue(limits: QueueLimits, rankOf: (network: string) => number): FairQueue {
  /** By network; the next turn comes first. */
  const lines = new Map<string, Line>();
  const running = createRunning(limits, rankOf);
  let [waiting, turns] = [0, 0];

  const next = (): void => {
    if (running.isFull() || waiting === 0) return;
    turns += 1;
    const networks = [...lines.keys()].filter(running.isFree);
    const [first = ''] = turns % openTurn === 0 ? networks : networks.toSorted((a, b) => rankOf(a) - rankOf(b));
    const line = lines.get(first);
    if (line === undefined) return;
    const job = shift(line);
    lines.delete(first);
    if (line.size > 0) lines.set(first, line);
    waiting -= 1;
    const end = running.begin(first);
    job?.start(() => {
      end();
      next();
    });
  };
  const enter = ({ network, name }: Asker, job: Job): void => {
    const line = lines.get(network) ?? { names: new Map(), size: 0 };
    if (line.size >= limits.waitingEach) dropLongest(line, line.names.get(name)?.length ?? 0, limits.what);
    else if (waiting >= limits.waiting)
      makeRoom(lines, rankOf, { rank: rankOf(network), size: line.size + 1 }, limits.what);
    else waiting += 1;
    lines.set(network, line);
    line.names.set(name, [...(line.names.get(name) ?? []), job]);
    line.size += 1;
    next();
  };

  return (from, work) =>
    new Promise((resolve, reject) => {
      enter(from, {
        start: (ended) => void work().then(resolve, reject).finally(ended),
        refuse: reject,
      });
    });
}

/** How many jobs run, of all networks and of each. */
function createRunning(limits: QueueLimits, rankOf: (network: string) => number) {
  const ofNetworks = new Map<string, number>();
  let [all, ranked] = [0, 0];
  const runningOf = (network: string) => ofNetworks.get(network) ?? 0;
  return {
    isFull: () => all >= limits.running,
    isFree: (network: string) =>
      runningOf(network) < (limits.runningEach ?? limits.running) &&
      (ranked < (limits.runningRanked ?? limits.running) || rankOf(network) === 0),
    /** @returns what ends it, with the rank that it began with */
    begin(network: string): () => void {
      const rank = rankOf(network) > 0 ? 1 : 0;
      all += 1;
      ranked += rank;
      ofNetworks.set(network, runningOf(network) + 1);
      return () => {
        all -= 1;
        ranked -= rank;
        const left = runningOf(network) - 1;
        if (left > 0) ofNetworks.set(network, left);
        else ofNetworks.delete(network);
      };
    },
  };
}

/** The first job of the name whose turn it is; the name then goes behind the others. */
function shift(line: Line): Job | undefined {
  const [first] = line.names;
  if (first === undefined) return undefined;
  const [name, jobs] = first;
  const job = jobs.shift();
  line.names.delete(name);
  if (jobs.length > 0) line.names.set(name, jobs);
  line.size -= 1;
  return job;
}

/** Refuses the last job of the name that waits for most, unless that's no more than the newcomer's `length` would be. */
function dropLongest(line: Line, length: number, what: string): void {
  let [longest, most]: [string, Job[]] = ['', []];
  for (const [name, jobs] of line.names) if (jobs.length > most.length) [longest, most] = [name, jobs];
  if (most.length <= length + 1) throw tooMany(what);
  most.pop()?.refuse(tooMany(what));
  if (most.length === 0) line.names.delete(longest);
  line.size -= 1;
}

/** Refuses a job of the worst network, by rank and then by length of its line; the newcomer's where none is worse. */
function makeRoom(
  lines: Map<string, Line>,
  rankOf: (network: string) => number,
  newcomer: { readonly rank: number; readonly size: number },
  what: string,
): void {
  let [network, worst]: [string, Line | undefined] = ['', undefined];
  let { rank: worstRank, size: worstSize } = newcomer;
  for (const [each, line] of lines) {
    const rank = rankOf(each);
    if (rank < worstRank || (rank === worstRank && line.size <= worstSize)) continue;
    [network, worst, worstRank, worstSize] = [each, line, rank, line.size];
  }
  if (worst === undefined) {
    throw new Refusal('unavailable', `too many ${what} just now; try again`, { retryAfter });
  }
  dropLongest(worst, -1, what);
  if (worst.size === 0) lines.delete(network);
}

function tooMany(what: string): Refusal {
  return new Refusal('too_many_requests', `too many ${what} for this address; try again`, { retryAfter });
}
