/** Owns the processes behind WORKERS: they share one port, one that dies is replaced, and all stop together. */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { WorkerStart } from '../keys/worker-starts.ts';
import type { Log } from '../lib/log.ts';

/** Milliseconds: a worker that lived this long was sound, and the next one starts immediately. */
const soundLife = 30_000;
/** Milliseconds before a worker is replaced whose predecessor was not sound; doubles each time. */
const shortestPause = 250;
const longestPause = 30_000;

const listening = new WeakSet<Worker>();
/** Told to stop. */
const leaving = new WeakSet<Worker>();
/** What `files` of its start was, by worker. */
const filesOf = new WeakMap<Worker, string>();

/** What a worker says once it serves everything: listening alone isn't it, as pages are loaded behind that. */
const started = 'started';

export function sayStarted(): void {
  cluster.worker?.send(started);
}

/**
 * Starts the workers, each of which runs the command of this process, and keeps their number.
 * @param stop settles when all are to stop
 * @param nextStart to which start a worker belongs that is forked now
 * @returns the exit code: not 0 where none came up
 */
export async function keepWorkers(
  count: number,
  stop: Promise<void>,
  nextStart: () => Promise<WorkerStart>,
  log: Log,
): Promise<number> {
  const { promise: broken, resolve: giveUp } = Promise.withResolvers<number>();
  const pauses = new Set<NodeJS.Timeout>();
  let isListening = false;
  let hasStarted = false;
  let stopping = false;

  /** @param unsound how many of its predecessors in a row died young */
  const keepOne = async (unsound: number): Promise<void> => {
    const { files, environment } = await nextStart();
    if (stopping) return;
    const begun = performance.now();
    const worker = cluster.fork(environment);
    filesOf.set(worker, files);
    worker.once('listening', () => {
      isListening = true;
      listening.add(worker);
      replaceEarlier(worker, log);
    });
    worker.on('message', (message) => {
      if (message === started) hasStarted = true;
    });
    worker.once('exit', (code, signal) => {
      if (stopping) return;
      if (leaving.has(worker)) return void keepOne(0);
      // Another try would fail for the reason that this one has logged. One that was killed has logged none.
      if (!hasStarted && (signal === null || !isListening)) return giveUp(code || 1);
      const young = performance.now() - begun < soundLife ? unsound + 1 : 0;
      const pause = young < 2 ? 0 : Math.min(longestPause, shortestPause * 2 ** (young - 2));
      log.error({ pid: worker.process.pid, code, signal, pause }, 'a worker ended and is replaced');
      // Once the last worker has died, only this timer keeps the process alive.
      const timer = setTimeout(() => {
        pauses.delete(timer);
        void keepOne(young);
      }, pause);
      pauses.add(timer);
    });
  };
  for (let worker = 0; worker < count; worker++) void keepOne(0);

  const code = await Promise.race([stop.then(() => 0), broken]);
  stopping = true;
  for (const timer of pauses) clearTimeout(timer);
  await Promise.all(workers().map(stopWorker));
  return code;
}

/** Passes on a signal that was meant for the service. A worker that is still starting would die of it, and reads what is new itself. */
export function signalWorkers(signal: NodeJS.Signals): void {
  for (const worker of workers()) if (listening.has(worker)) worker.process.kill(signal);
}

/** One that read other files signs with a key that the earlier ones don't: those make room, once it answers. */
function replaceEarlier(newest: Worker, log: Log): void {
  const differs = (worker: Worker) => worker.id < newest.id && filesOf.get(worker) !== filesOf.get(newest);
  const others = workers().filter((worker) => differs(worker) && !leaving.has(worker));
  if (others.length === 0) return;
  log.warn({}, 'the files of your key have changed: all workers are replaced, so that they sign with the same key');
  for (const worker of others) void stopWorker(worker);
}

async function stopWorker(worker: Worker): Promise<void> {
  const ended = once(worker, 'exit');
  // A second signal would end it before everything is stored.
  if (!leaving.has(worker)) worker.process.kill('SIGTERM');
  leaving.add(worker);
  await ended;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
