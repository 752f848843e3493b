/** Owns the thread that compares passwords with bcrypt hashes: started when it is first needed, again after it failed. */
import { Worker } from 'node:worker_threads';
import type { Compared, Comparison } from './hash-worker.ts';

export type HashThread = {
  /** Rejects when the comparison, or the thread, failed. */
  compare(password: string, hash: string): Promise<boolean>;
};

type Waiting = { resolve(matches: boolean): void; reject(error: Error): void };

/** Megabytes. bcrypt needs 4 KB; without a limit the thread's heap would grow to that of a small service. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

/** @param script what the thread runs: answers each `Comparison` with a `Compared` */
export function createHashThread(script = new URL('./hash-worker.ts', import.meta.url)): HashThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let count = 0;

  const fail = (error: Error): void => {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const start = (): Worker => {
    const started = new Worker(script, { env: {}, execArgv: [], resourceLimits });
    let cause = new Error('the thread that compares passwords ended');
    started.on('message', (compared: Compared) => {
      const job = waiting.get(compared.id);
      waiting.delete(compared.id);
      // An idle thread must not keep the process from ending.
      if (waiting.size === 0) started.unref();
      if ('matches' in compared) job?.resolve(compared.matches);
      else job?.reject(new Error(compared.error));
    });
    // Only the exit ends the thread: it comes after the error, when a second thread could have jobs already.
    started.on('error', (error) => {
      cause = error;
    });
    started.on('exit', () => fail(cause));
    return started;
  };

  return {
    compare: (password, hash) =>
      new Promise((resolve, reject) => {
        worker ??= start();
        worker.ref();
        const id = ++count;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, password, hash } satisfies Comparison);
      }),
  };
}
