/** Owns a process that is measured: starts it with its log in a file, knows its address and memory, stops it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeBundle } from '../script/bundle.ts';

/** What script/dockpass tells V8. */
export const flags: readonly string[] = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=30',
  '--no-maglev',
  '--no-allocation-site-pretenuring',
];

let program: Promise<string> | undefined;

/** Starts `serve` as it's in packages and the image; its program is written for the first. See {@link startService}. */
export async function startDockpass(options: Omit<StartOptions, 'args'>): Promise<Service> {
  program ??= writeBundle(resolve(import.meta.dirname, '../.cache/bundle'));
  return startService({ ...options, args: [...flags, await program, 'serve'] });
}

export type Service = {
  readonly url: string;
  /** Milliseconds from the start of the process to its first answer. */
  readonly startup: number;
  /** The most memory that it and its children have held so far, in MB. */
  peakMemory(): number;
  /** What they hold now, in MB. */
  memory(): number;
  /** Processor time that it and its children have used, in seconds. */
  processorTime(): number;
  stop(): Promise<void>;
};

type StartOptions = {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes its standard output, and then holds a line with `"url"` once it listens. */
  readonly logFile: string;
  /** Makes the first request, which must succeed. */
  readonly ask: (url: string) => Promise<void>;
};

/** Starts Node with these arguments, and resolves after its first answer. */
export async function startService(options: StartOptions): Promise<Service> {
  const begun = performance.now();
  const log = openSync(options.logFile, 'w');
  const child = spawn(process.execPath, options.args, { env: options.env, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const url = await addressIn(options.logFile, () => child.exitCode !== null);
    await options.ask(url);
    const startup = performance.now() - begun;
    const { pid = 0 } = child;
    const sum = (of: (pid: number) => number) => family(pid).reduce((total, member) => total + of(member), 0);
    return {
      url,
      startup,
      peakMemory: () => sum((member) => megabytesOf(member, 'VmHWM')),
      memory: () => sum((member) => megabytesOf(member, 'VmRSS')),
      processorTime: () => sum(processorTime),
      stop,
    };
  } catch (error) {
    if (child.exitCode === null) await stop();
    throw error;
  }
}

async function addressIn(logFile: string, gone: () => boolean): Promise<string> {
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    const [, url] = /"url":"([^"]+)"/.exec(text) ?? [];
    if (url !== undefined) return url;
    if (gone()) throw new Error(`It ended before it listened:\n${text}`);
    await sleep(2);
  }
}

/** The process and all below it. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** From Linux's /proc: VmHWM is the most, VmRSS is now. */
function megabytesOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
}

/** Seconds, by the scheduler's counters of each thread: /proc/PID/stat counts hundredths only. */
function processorTime(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1e9;
}
