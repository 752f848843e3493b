/** Owns the order of work that costs much: those who ask take turns, however much one of them asks for. */
import { Refusal } from '../errors.ts';

/** What runs at the same time, and what may wait: of one who asks, and of all. */
export type QueueLimits = { readonly running: number; readonly waitingEach: number; readonly waiting: number };

type Job = { start(): void; refuse(error: Refusal): void };

/** Seconds. Work of this kind takes a part of one. */
const retryAfter = 2;

/**
 * Runs `work` when it is the turn of `from`.
 * @returns what `work` resolves to
 * @throws {Refusal} `too_many_requests` where `from` waits for too much already, `unavailable` where too many others wait
 */
export type FairQueue = <Result>(from: string, work: () => Promise<Result>) => Promise<Result>;

export function createFairQueue(limits: QueueLimits): FairQueue {
  /** Whose turn is next comes first. */
  const lines = new Map<string, Job[]>();
  let [running, waiting] = [0, 0];

  const next = (): void => {
    const [first] = lines;
    if (first === undefined || running >= limits.running) return;
    const [from, line] = first;
    const job = line.shift();
    lines.delete(from);
    if (line.length > 0) lines.set(from, line);
    waiting -= 1;
    running += 1;
    job?.start();
  };
  const done = (): void => {
    running -= 1;
    next();
  };
  const enter = (from: string, job: Job): void => {
    const line = lines.get(from) ?? [];
    if (line.length >= limits.waitingEach) throw tooMany();
    if (waiting >= limits.waiting && !makeRoom(lines, line.length)) {
      throw new Refusal('unavailable', 'too many passwords are being checked just now; try again', { retryAfter });
    } else if (waiting < limits.waiting) waiting += 1;
    line.push(job);
    lines.set(from, line);
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

function tooMany(): Refusal {
  return new Refusal('too_many_requests', 'too many passwords from this address are being checked; try again', {
    retryAfter,
  });
}

/** Sends away the last of the longest line, unless that is no longer than the line of the newcomer would be. */
function makeRoom(lines: ReadonlyMap<string, Job[]>, length: number): boolean {
  let longest: Job[] = [];
  for (const line of lines.values()) if (line.length > longest.length) longest = line;
  if (longest.length <= length + 1) return false;
  longest.pop()?.refuse(tooMany());
  return true;
}
