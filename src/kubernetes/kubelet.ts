/** Owns a node's kubelet as a process: finding it, its start by its supervisor, and whether it's healthy. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Refusal } from '../lib/errors.ts';
import { http } from '../lib/node-http.ts';

export type Kubelet = {
  /** Its command line, with spaces between the words. @throws {Refusal} where there isn't exactly one */
  commandLine(): Promise<string>;
  isHealthy(): Promise<boolean>;
  /** Ends it, so that its supervisor starts another one with what the files say now. @returns whether that one is healthy within a minute */
  restart(): Promise<boolean>;
};

export type Clock = {
  /** Milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
};

type Process = { readonly pid: number; readonly started: string; readonly commandLine: string };

/** How long a restarted kubelet has. Milliseconds. */
export const patience = 60_000;
const interval = 1000;
/** In a row, of one process: a kubelet that doesn't like its configuration ends before it answers, or soon after. */
const answersWanted = 3;

/**
 * @param options.proc where the processes of the node are
 * @param options.healthUrl of the kubelet: http://127.0.0.1:10248/healthz, unless its configuration says something else
 */
export function openKubelet(options: {
  readonly proc: string;
  readonly healthUrl: string;
  readonly clock: Clock;
}): Kubelet {
  const { proc, healthUrl, clock } = options;
  const isHealthy = () => answersOk(healthUrl);
  return {
    commandLine: async () => only(await findKubelets(proc)).commandLine,
    isHealthy,
    async restart() {
      const before = await findKubelets(proc);
      for (const { pid } of before) endProcess(pid);
      const old = new Set(before.map(idOf));
      const end = clock.now() + patience;
      for (let healthy = '', answers = 0; clock.now() < end; await clock.sleep(interval)) {
        const [current] = (await findKubelets(proc)).filter((process) => !old.has(idOf(process)));
        if (current === undefined || !(await isHealthy())) {
          answers = 0;
          continue;
        }
        answers = idOf(current) === healthy ? answers + 1 : 1;
        healthy = idOf(current);
        if (answers === answersWanted) return true;
      }
      return false;
    },
  };
}

const idOf = ({ pid, started }: Process): string => `${pid} ${started}`;

function only(found: readonly Process[]): Process {
  const [first, ...others] = found;
  if (first === undefined) {
    throw new Refusal(
      'misconfigured',
      'No kubelet or k3s runs here. In a pod, this needs hostPID: true. Nothing was changed.',
    );
  }
  if (others.length > 0) {
    const pids = found.map(({ pid }) => pid).join(', ');
    throw new Refusal(
      'misconfigured',
      `Several kubelets run here (processes ${pids}). Stop all but one, or follow what "dockpass kubernetes config" prints. Nothing was changed.`,
    );
  }
  return first;
}

async function findKubelets(proc: string): Promise<Process[]> {
  const names = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(names.map((name) => readProcess(proc, name)));
  return processes.filter((process) => process !== null);
}

/** @returns `null` for one that isn't a kubelet, is a zombie, or is gone */
async function readProcess(proc: string, name: string): Promise<Process | null> {
  const read = (file: string) => readFile(join(proc, name, file), 'latin1').catch(() => '');
  const commandLine = (await read('cmdline')).replaceAll('\0', ' ').trim();
  if (!isKubelet(commandLine)) return null;
  // proc_pid_stat(5): after the name in parentheses come the state, and as the 20th of the rest the start time.
  const fields = (await read('stat')).replace(/^.*\)\s/s, '').split(' ');
  const started = fields[19];
  return fields[0] === 'Z' || started === undefined ? null : { pid: Number(name), started, commandLine };
}

/** k3s has its kubelet inside. */
function isKubelet(commandLine: string): boolean {
  return /^(?:\S*\/)?(?:kubelet(?:\s|$)|k3s(?:-| )(?:server|agent)(?:\s|$))/.test(commandLine);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error; // it ended by itself
  }
}

async function answersOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
