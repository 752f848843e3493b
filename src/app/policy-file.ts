/** Owns the way from the policy file to the policy in force, also when the file changes while the service runs. */
import { stat } from 'node:fs/promises';
import { errorCode, Refusal } from '../lib/errors.ts';
import { createInTurn } from '../lib/in-turn.ts';
import type { Log } from '../lib/log.ts';
import { megabyte, readAtMost } from '../lib/read-at-most.ts';
import { formatProblem, type Policy, PolicyError, parsePolicy } from '../policy/acl.ts';
import { decodeUtf8 } from '../policy/encoding.ts';
import type { WorkloadsInForce } from '../workload/accept.ts';
import { policyProblems, workloadProblems } from '../workload/policy-fit.ts';
import { readWorkloadsFile, type WorkloadsReading, type WorkloadsSource } from './workloads-file.ts';

/** A larger file is another one by mistake: to read it would stop the service for minutes. */
const maximumSize = 16 * megabyte;

/**
 * @throws {PolicyError} with every mistake of the file, by line and column
 * @throws {Refusal} `not_found`, when it cannot be read
 */
export async function readPolicyFile(file: string): Promise<Policy> {
  return parsePolicy(await readText(file), file);
}

/** What decides about requests, of one moment, and the state of the files that it was read from. */
type Reading = {
  readonly policy: Policy;
  readonly text: string;
  /** `null` where nothing reads workloads. */
  readonly workloads: WorkloadsReading | null;
  readonly version: string;
};

/**
 * @param last kept where the text is the same
 * @throws {Refusal} `misconfigured` with every mistake of both files, one a line
 */
async function read(file: string, source: WorkloadsSource | null, last: Reading | null = null): Promise<Reading> {
  const version = await versionOf(filesOf(file, source, last));
  const text = await readText(file);
  const problems: string[] = [];
  const orReport = async <Part>(part: () => Part | Promise<Part>): Promise<Part | null> => {
    try {
      return await part();
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  // The mistakes of both files together.
  const policy = await orReport(() => (text === last?.text ? last.policy : parsePolicy(text, file)));
  const workloads = source && (await orReport(() => readWorkloadsFile(source, last?.workloads ?? undefined)));
  if (policy && source && workloads?.workloads)
    problems.push(...misfitsOf(policy, file, workloads.workloads, source.file));
  if (policy === null || problems.length > 0) throw new Refusal('misconfigured', problems.join('\n'));
  return { policy, text, workloads, version };
}

function misfitsOf(policy: Policy, policyFile: string, workloads: WorkloadsInForce, workloadsFile: string): string[] {
  return [
    ...policyProblems(policy, workloads).map((problem) => formatProblem(policyFile, problem)),
    ...workloadProblems(policy, workloads).map((problem) => formatProblem(workloadsFile, problem)),
  ];
}

/** The policy and the workloads as the settings name them, read once for a command. @throws {Error} as `readPolicyFile` */
export async function readRules(
  policyFile: string,
  source: WorkloadsSource,
): Promise<{ readonly policy: Policy; readonly workloads: WorkloadsInForce | null }> {
  const { policy, workloads } = await read(policyFile, source);
  return { policy, workloads: workloads?.workloads ?? null };
}

function filesOf(file: string, source: WorkloadsSource | null, last: Reading | null): readonly string[] {
  return source === null ? [file] : [file, source.file, ...(last?.workloads?.named ?? [])];
}

async function readText(file: string): Promise<string> {
  const bytes = await readAtMost(file, maximumSize).catch((cause: unknown) => {
    if (cause instanceof Refusal) throw cause;
    const how = 'POLICY_FILE names it; docs/policy.md shows how to write one';
    // The code says all that the cause would; with the cause it would be logged twice.
    throw new Refusal('not_found', `The policy file ${file} cannot be read (${errorCode(cause)}). ${how}.`);
  });
  return decodeUtf8(bytes, file);
}

export type PolicyFile = {
  /** The policy in force: the last one of the file that could be used; `null` when there never was one. */
  current(): Policy | null;
  /** The workloads that were read with it; `null`: none. */
  workloads(): WorkloadsInForce | null;
  /** Why the file as it is now is not in force, or `null`. */
  problem(): string | null;
  /** Takes the file over when it has changed and has not changed again since the last look. */
  look(): Promise<void>;
  /** Takes the file over now. Never rejects: what is wrong is logged, and the policy in force stays. */
  reload(): Promise<void>;
};

/** A file that is in force now, or was refused with each mistake. */
export type PolicyChange =
  | { readonly file: string; readonly users: number; readonly rules: number; readonly workloadRules: number }
  | { readonly file: string; readonly problems: readonly string[] };

/**
 * Looking at the file beats waiting for events of the file system: one rule sees an edit in place, a rename over
 * it, the symbolic links of a Kubernetes ConfigMap and network file systems, which report no events.
 * @param first what was read of the file already
 * @param source the workloads file, which is in force together with the policy or not at all
 */
export function createPolicyFile(
  file: string,
  log: Log,
  first: Reading | null = null,
  onChange: (change: PolicyChange) => void = () => {},
  source: WorkloadsSource | null = null,
): PolicyFile {
  let inForce = first;
  let problem: string | null = null;
  let tried = first?.version ?? null;
  let seen: string | null = null;
  const inTurn = createInTurn();

  const take = async (): Promise<void> => {
    tried = await versionOf(filesOf(file, source, inForce));
    try {
      await refusePipes(filesOf(file, source, inForce));
      const reading = await read(file, source, inForce);
      // What is named for the first time was not looked at before it was read, so it's read once more.
      if (String(filesOf(file, source, reading)) !== String(filesOf(file, source, inForce))) tried = null;
      const before = inForce;
      inForce = reading;
      problem = null;
      if (reading.policy !== before?.policy || reading.workloads?.workloads !== before.workloads?.workloads) {
        const change = { file, ...sizesOf(reading) };
        log.info(change, 'policy loaded');
        if (reading.policy !== before?.policy) logWarnings(log, file, reading.policy);
        onChange(change);
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      const problems = shortened(problem.split('\n'));
      log.error({ file, problems }, 'the policy file cannot be used; the policy before it stays in force');
      onChange({ file, problems });
    }
  };
  const look = async (): Promise<void> => {
    const version = await versionOf(filesOf(file, source, inForce));
    const settled = version === seen;
    seen = version;
    // Half a file can be a valid policy without its last rules, so it has to be the same for two looks.
    if (version !== tried && settled) await take();
  };
  return {
    current: () => inForce?.policy ?? null,
    workloads: () => inForce?.workloads?.workloads ?? null,
    problem: () => problem,
    look: () => inTurn.run(look),
    reload: () => inTurn.run(take),
  };
}

/** Those of its parts by themselves; what takes all rules to see is for `policy check`, which has the time. */
function logWarnings(log: Log, file: string, { warnings }: Policy): void {
  if (warnings.length === 0) return;
  const problems = shortened(warnings.map((warning) => formatProblem(file, warning)));
  log.warn({ file, problems }, 'the policy file has warnings; dockpass policy check shows all');
}

/** A file of another kind by mistake can have a mistake in each line. */
function shortened(problems: readonly string[]): readonly string[] {
  const more = problems.length - 100;
  return more > 0 ? [...problems.slice(0, 100), `and ${more} more: dockpass policy check shows all`] : problems;
}

/** To open a pipe waits for its writer: the service would never read the file again, nor end. @throws {Refusal} */
async function refusePipes(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const found = await stat(file).catch(() => null);
    if (found === null || found.isFile() || found.isDirectory()) continue;
    throw new Refusal('misconfigured', `${file} is a ${found.isFIFO() ? 'pipe' : 'device or a socket'}; name a file.`);
  }
}

function sizesOf({ policy, workloads }: Reading): { users: number; rules: number; workloadRules: number } {
  const workloadRules = workloads?.workloads?.rules.length ?? 0;
  return { users: policy.users.size, rules: policy.rules.length, workloadRules };
}

/** Differs when one of the files was written or replaced; a file that is not there has a version too. */
async function versionOf(files: readonly string[]): Promise<string> {
  const versions = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch(() => null);
      return found ? `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` : 'none';
    }),
  );
  return versions.join(' ');
}

/** The policy in force and the one that is tried in its shadow. */
export type Policies = {
  current(): Policy;
  candidate(): Policy | null;
  /** Of the same moment as the policy; `null` while the feature is off. */
  workloads(): WorkloadsInForce | null;
  /** For operators; the log has the details. */
  warnings(): string[];
  look(): void;
  reload(): Promise<void>;
};

/**
 * @param onChange gets every change of the policy file from now on, not of the candidate
 * @param source the workloads file; `null`: none is read
 * @throws {Error} as `readPolicyFile` for the policy; a candidate that cannot be used is only logged
 */
export async function openPolicies(
  file: string,
  candidateFile: string | null,
  log: Log,
  onChange: (change: PolicyChange) => void,
  source: WorkloadsSource | null = null,
): Promise<Policies> {
  const first = await read(file, source);
  logWarnings(log, file, first.policy);
  const main = createPolicyFile(file, log, first, onChange, source);
  // With the workloads, so that one which doesn't go with them is refused before it is put in force.
  const candidate = candidateFile === null ? null : createPolicyFile(candidateFile, log, null, () => {}, source);
  const files = candidate ? [main, candidate] : [main];
  await candidate?.reload();
  return {
    current: () => main.current() ?? first.policy,
    candidate: () => candidate?.current() ?? null,
    workloads: main.workloads,
    warnings: () => [
      ...(main.problem() === null ? [] : ['the policy file cannot be used: the policy before it is in force']),
      ...(candidate === null || candidate.problem() === null ? [] : ['the candidate policy file cannot be used']),
    ],
    look() {
      for (const each of files) void each.look();
    },
    async reload() {
      for (const each of files) await each.reload();
    },
  };
}
