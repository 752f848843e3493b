/** Owns the way from the policy file to the policy in force, also when the file changes while the service runs. */
import { readFile, stat } from 'node:fs/promises';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { type Policy, PolicyError, parsePolicy } from '../policy/acl.ts';
import { decodeUtf8 } from '../policy/encoding.ts';

/**
 * @throws {PolicyError} with every mistake of the file, by line and column
 * @throws {Refusal} `not_found`, when it cannot be read
 */
export async function readPolicyFile(file: string): Promise<Policy> {
  return (await read(file)).policy;
}

/** A policy and the state of the file that it was read from. */
type Reading = { readonly policy: Policy; readonly text: string; readonly version: string };

/** @param last kept where the text is the same */
async function read(file: string, last: Reading | null = null): Promise<Reading> {
  const version = await versionOf(file);
  const text = await readText(file);
  return { policy: text === last?.text ? last.policy : parsePolicy(text, file), text, version };
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    const how = 'POLICY_FILE names it; docs/policy.md shows how to write one';
    // The code says all that the cause would; with the cause it would be told twice.
    throw new Refusal('not_found', `The policy file ${file} cannot be read (${cause.code}). ${how}.`);
  });
  return decodeUtf8(bytes, file);
}

export type PolicyFile = {
  /** The policy in force: the last one of the file that could be used; `null` when there never was one. */
  current(): Policy | null;
  /** Why the file as it is now is not in force, or `null`. */
  problem(): string | null;
  /** Takes the file over when it has changed and has not changed again since the last look. */
  look(): Promise<void>;
  /** Takes the file over now. Never rejects: what is wrong is logged, and the policy in force stays. */
  reload(): Promise<void>;
};

/** A file that was taken over, or refused with each mistake. */
export type PolicyChange =
  | { readonly file: string; readonly users: number; readonly rules: number }
  | { readonly file: string; readonly problems: readonly string[] };

/**
 * Looking at the file beats waiting for events of the file system: one rule sees an edit in place, a rename over
 * it, the symbolic links of a Kubernetes ConfigMap and network file systems, which tell no events.
 * @param first what was read of the file already
 */
export function createPolicyFile(
  file: string,
  log: Log,
  first: Reading | null = null,
  onChange: (change: PolicyChange) => void = () => {},
): PolicyFile {
  let inForce = first;
  let problem: string | null = null;
  let tried = first?.version ?? null;
  let seen: string | null = null;
  let busy = Promise.resolve();

  const take = async (): Promise<void> => {
    tried = await versionOf(file);
    try {
      const reading = await read(file, inForce);
      if (reading.policy !== inForce?.policy) {
        const change = { file, users: reading.policy.users.size, rules: reading.policy.rules.length };
        log.info(change, 'policy taken over');
        onChange(change);
      }
      inForce = reading;
      problem = null;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      const problems = error instanceof PolicyError ? error.message.split('\n') : [problem];
      log.error({ file, problems }, 'the policy file cannot be used; the policy before it stays in force');
      onChange({ file, problems });
    }
  };
  const look = async (): Promise<void> => {
    const version = await versionOf(file);
    const settled = version === seen;
    seen = version;
    // Half a file may be a valid policy without its last rules, so it has to be the same for two looks.
    if (version !== tried && settled) await take();
  };
  const inTurn = (action: () => Promise<void>) => () => {
    busy = busy.then(action);
    return busy;
  };
  return { current: () => inForce?.policy ?? null, problem: () => problem, look: inTurn(look), reload: inTurn(take) };
}

/** Differs when the file was written or replaced; a file that is not there has a version too. */
async function versionOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found ? `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` : 'none';
}

/** The policy in force and the one that is tried in its shadow. */
export type Policies = {
  current(): Policy;
  candidate(): Policy | null;
  /** For whoever watches the service; the log has the particulars. */
  warnings(): string[];
  look(): void;
  reload(): Promise<void>;
};

/**
 * @param onChange told what happens to the policy file from now on; not of the candidate
 * @throws {Error} as `readPolicyFile` for the policy; a candidate that cannot be used is only logged
 */
export async function openPolicies(
  file: string,
  candidateFile: string | null,
  log: Log,
  onChange: (change: PolicyChange) => void,
): Promise<Policies> {
  const first = await read(file);
  const main = createPolicyFile(file, log, first, onChange);
  const candidate = candidateFile === null ? null : createPolicyFile(candidateFile, log);
  const files = candidate ? [main, candidate] : [main];
  await candidate?.reload();
  return {
    current: () => main.current() ?? first.policy,
    candidate: () => candidate?.current() ?? null,
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
