/** Owns child processes: runs a program to its end, or keeps one running until it is stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export type Finished = {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and standard error, in the order of arrival: what a person would see. */
  readonly output: string;
};

export type RunOptions = {
  /** Given on standard input. */
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
};

/** Runs a program to its end; a code that is not 0 is an answer, not an error. @throws where it cannot be started */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, { cwd: options.cwd, env: withCompileCache(options.env) });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const output = collect(child);
  child.stdin.on('error', () => {}); // it may end without reading what it was given
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, output: output() };
}

export type Running = {
  readonly pid: number;
  /** Everything that it has printed so far. */
  output(): string;
  /** Settles once its output matches. @throws Error where it ends before, or after two minutes */
  says(pattern: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Settles when it has ended, however that came. */
  readonly ended: Promise<void>;
  /** SIGTERM, and SIGKILL where it has not ended 10 seconds later. Settles when it has ended. */
  stop(): Promise<void>;
};

/**
 * Starts a program and waits until it prints what `ready` matches.
 * @throws Error with its output where it ends before, or says nothing of the kind for two minutes
 */
export async function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly ready: RegExp; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Running> {
  // A group of its own: Ctrl-C in a terminal reaches the one who started it, who then stops it in order.
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: withCompileCache(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = collect(child);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill); // the last resort, where this process dies before it could stop the child
  void ended.then(() => process.off('exit', kill));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(kill, 10_000);
    await ended;
    clearTimeout(timer);
  };
  const says = (pattern: RegExp): Promise<void> => printed(child, output, pattern, ended);
  try {
    await says(options.ready);
  } catch (error) {
    await stop();
    throw new Error(`${[program, ...args].join(' ')} did not start: ${(error as Error).message}\n${output()}`, {
      cause: error,
    });
  }
  return { pid: child.pid ?? 0, output, says, signal: (name) => void child.kill(name), ended, stop };
}

/** A Node that is started with few variables still finds what another one compiled (script/test): half of its start is that. */
function withCompileCache(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE: folder } = process.env;
  return folder === undefined ? env : { NODE_COMPILE_CACHE: folder, ...env };
}

async function printed(child: ChildProcess, output: () => string, ready: RegExp, ended: Promise<void>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (ready.test(output())) resolve();
  };
  look();
  child.stdout?.on('data', look);
  child.stderr?.on('data', look);
  child.once('error', reject);
  void ended.then(() => reject(new Error('it ended at once')));
  // A busy machine is slow; this is for what would never come.
  const timer = setTimeout(() => reject(new Error(`it did not print ${ready} in two minutes`)), 120_000);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    child.stdout?.off('data', look);
    child.stderr?.off('data', look);
  }
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  return () => text;
}
