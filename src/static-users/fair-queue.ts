/** Owns the order of work that costs much: those who ask take turns, and who asked for little before comes first. */
import { Refusal } from '../lib/errors.ts';

/** What runs at the same time, and what may wait: of one network, and of all. */
export type QueueLimits = { readonly running: number; readonly waitingEach: number; readonly waiting: number };

/** Who asks: turns are taken by network, and within one by name, so that a name alone holds up nobody. */
export type Asker = { readonly network: string; readonly name: string };

type Job = { start(): void; refuse(error: Refusal): void };
/** What waits of one network, by name; whose turn is next comes first. */
type Line = { readonly names: Map<string, Job[]>; size: number };

/** Seconds. Work of this kind takes a part of one. */
const retryAfter = 2;
/** Of so many turns, one is given without regard to ranks: nobody waits for ever. */
const openTurn = 4;

/**
 * Runs `work` when it is the turn of `from`.
 * @returns what `work` resolves to
 * @throws {Refusal} `too_many_requests` where `from` waits for too much already, `unavailable` where too many others wait
 */
export type FairQueue = <Result>(from: Asker, work: () => Promise<Result>) => Promise<Result>;

/** @param rankOf of a network, asked anew at each turn: the lowest goes first, and stays where there is no room for all */
export function createFairQueue(limits: QueueLimits, rankOf: (network: string) => number): FairQueue {
  /** By network; whose turn is next comes first. */
  const lines = new Map<string, Line>();
  let [running, waiting, turns] = [0, 0, 0];

  const next = (): void => {
    if (running >= limits.running || waiting === 0) return;
    turns += 1;
    const networks = [...lines.keys()];
    const [first = ''] = turns % openTurn === 0 ? networks : networks.toSorted((a, b) => rankOf(a) - rankOf(b));
    const line = lines.get(first);
    if (line === undefined) return;
    const job = shift(line);
    lines.delete(first);
    if (line.size > 0) lines.set(first, line);
    waiting -= 1;
    running += 1;
    job?.start();
  };
  const done = (): void => {
    running -= 1;
    next();
  };
  const enter = ({ network, name }: Asker, job: Job): void => {
    const line = lines.get(network) ?? { names: new Map(), size: 0 };
    if (line.size >= limits.waitingEach) dropLongest(line, line.names.get(name)?.length ?? 0);
    else if (waiting >= limits.waiting) makeRoom(lines, rankOf, { rank: rankOf(network), size: line.size + 1 });
    else waiting += 1;
    lines.set(network, line);
    line.names.set(name, [...(line.names.get(name) ?? []), job]);
    line.size += 1;
    next();
  };

  return (from, work) =>
    new Promise((resolve, reject) => {
      enter(from, {
        start: () => void work().then(resolve, reject).finally(done),
        refuse: reject,
      });
    });
}

/** The first of the name whose turn it is, which goes behind the others. */
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

/** Sends away the last of the name that waits for most, unless that is no more than the newcomer's `length` would be. */
function dropLongest(line: Line, length: number): void {
  let [longest, most]: [string, Job[]] = ['', []];
  for (const [name, jobs] of line.names) if (jobs.length > most.length) [longest, most] = [name, jobs];
  if (most.length <= length + 1) throw tooMany();
  most.pop()?.refuse(tooMany());
  if (most.length === 0) line.names.delete(longest);
  line.size -= 1;
}

/** Sends away one of the worst network: of the highest rank, then of the longest line; the newcomer where none is worse. */
function makeRoom(
  lines: Map<string, Line>,
  rankOf: (network: string) => number,
  newcomer: { readonly rank: number; readonly size: number },
): void {
  let [network, worst]: [string, Line | undefined] = ['', undefined];
  let { rank: worstRank, size: worstSize } = newcomer;
  for (const [each, line] of lines) {
    const rank = rankOf(each);
    if (rank < worstRank || (rank === worstRank && line.size <= worstSize)) continue;
    [network, worst, worstRank, worstSize] = [each, line, rank, line.size];
  }
  if (worst === undefined) {
    throw new Refusal('unavailable', 'too many passwords are being checked just now; try again', { retryAfter });
  }
  dropLongest(worst, -1);
  if (worst.size === 0) lines.delete(network);
}

function tooMany(): Refusal {
  return new Refusal('too_many_requests', 'too many passwords from this address are being checked; try again', {
    retryAfter,
  });
}
