/** Owns `dockpass workload ...`: issuers of workloads, their switch and their keys. */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { readRules } from '../app/policy-file.ts';
import { openWorkloads } from '../app/workloads.ts';
import { workloadsSourceOf } from '../app/workloads-file.ts';
import { jwksKind, writePublicFile } from '../keys/public-file.ts';
import { countOf } from '../lib/count.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { minuteOf } from '../lib/time.ts';
import type { WorkloadsInForce } from '../workload/accept.ts';
import type { WorkloadAdministration } from '../workload/administration.ts';
import { askCluster, type ClusterIssuer, readKubeconfig, readPod } from '../workload/cluster.ts';
import { fetchText } from '../workload/fetch-text.ts';
import { issProblem, issuerNameProblem } from '../workload/issuer.ts';
import { readKeySet } from '../workload/key-set.ts';
import { type Command, type Terminal, textOf, UsageError, type Values } from './command.ts';
import { byCommandLine, configOf, withCore } from './core.ts';
import { confirm, note, say } from './output.ts';
import { readInput, readTextFile } from './read-file.ts';

const issuerJson = { fields: { issuer: 'its name in the workloads file' } };

export const workloadCommands: readonly Command[] = [
  {
    name: 'workload list',
    usage: '[--json]',
    summary: 'List the issuers of workloads with their keys, and the rules with their last use',
    json: {
      fields: {
        audience: 'what tokens must be for',
        issuers: 'name, preset, issuer, audience, exchangeOnly, keys, off (at, by, reason; null: on)',
        rules: 'line, issuer, lastUsedAt (epoch milliseconds or null), active: of each rule of the workloads file',
      },
    },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withWorkloads(terminal, (administration) => list(administration, values['json'] === true, terminal)),
  },
  {
    name: 'workload off',
    usage: 'ISSUER [--reason TEXT] [--json]',
    summary: 'Disable an issuer: its tokens and all that was made from them are refused from the next request on',
    options: { reason: { type: 'string', value: 'TEXT', help: 'recorded in the audit log' } },
    json: issuerJson,
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withWorkloads(terminal, async (administration) => {
        await administration.disable(name, textOf(values, 'reason') ?? '', byCommandLine);
        confirm(terminal, values, { issuer: name }, `${name} is disabled.`);
      }),
  },
  {
    name: 'workload on',
    usage: 'ISSUER [--json]',
    summary: 'Enable an issuer again; tokens from before stay refused',
    json: issuerJson,
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withWorkloads(terminal, async (administration) => {
        await administration.enable(name, byCommandLine);
        confirm(terminal, values, { issuer: name }, `${name} is enabled.`);
      }),
  },
  {
    name: 'workload discard-keys',
    usage: 'ISSUER [--json]',
    summary: 'Forget the stored keys of an issuer; the next token makes Dockpass fetch them',
    json: issuerJson,
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withWorkloads(terminal, async (administration) => {
        await administration.discardKeys(name, byCommandLine);
        confirm(terminal, values, { issuer: name }, `The stored keys of ${name} are discarded.`);
      }),
  },
  {
    name: 'workload add-cluster',
    usage:
      'NAME [--kubeconfig FILE] [--context NAME] [--output FILE] [--json]\n       dockpass workload add-cluster NAME --in-cluster [--output FILE]\n       dockpass workload add-cluster NAME --issuer URL --jwks FILE [--output FILE]',
    summary: 'Ask a Kubernetes cluster for its issuer and keys, and write the keys beside the workloads file',
    details: ['It can be repeated, for example by a CronJob: the file changes only if the keys did.'],
    options: {
      kubeconfig: { type: 'string', value: 'FILE', help: 'default: KUBECONFIG, else ~/.kube/config' },
      context: { type: 'string', value: 'NAME', help: 'default: the current context' },
      'in-cluster': { type: 'boolean', help: 'ask the API server of the pod that this runs in' },
      issuer: { type: 'string', value: 'URL', help: 'the issuer, if you asked for it by other means' },
      jwks: { type: 'string', value: 'FILE', help: 'the keys of that issuer; - reads standard input' },
      output: { type: 'string', value: 'FILE', help: 'default: NAME.json beside the workloads file' },
    },
    json: {
      fields: {
        file: 'where the keys were written',
        issuer: 'of the cluster',
        entry: 'what to add to the workloads file, or null',
      },
    },
    operands: [1, 1],
    async run([name = ''], values, terminal) {
      const problem = issuerNameProblem(name);
      if (problem !== null) throw new UsageError(`NAME "${name}" ${problem}.`);
      return addCluster(name, values, terminal);
    },
  },
];

async function withWorkloads(
  terminal: Terminal,
  action: (administration: WorkloadAdministration, workloads: WorkloadsInForce | null) => Promise<void>,
): Promise<number> {
  const config = configOf(terminal);
  const { workloads } = await readRules(config.policyFile, workloadsSourceOf(config));
  await withCore(config, async (core) => {
    const open = openWorkloads(config, core, () => workloads);
    try {
      await action(open.administration, workloads);
    } finally {
      await open.close();
    }
  });
  return 0;
}

async function list(administration: WorkloadAdministration, json: boolean, terminal: Terminal): Promise<void> {
  const overview = await administration.overview();
  if (overview === null) throw new Refusal('not_found', 'There is no workloads file: docs/workloads.md shows one.');
  if (json) {
    const rules = overview.rules.map(({ rule, ...more }) => ({ line: rule.line, issuer: rule.issuer.name, ...more }));
    terminal.out(JSON.stringify({ ...overview, rules }));
    return;
  }
  for (const { name, issuer, keys, off } of overview.issuers) {
    const when = keys.fetchedAt === null ? keys.source : minuteOf(keys.fetchedAt);
    const state = off === null ? 'on' : `off since ${minuteOf(off.at)}`;
    say(
      terminal,
      `${name}  ${issuer}  ${state}  ${countOf(keys.count, 'key')} (${when})${keys.problem === null ? '' : `  ${keys.problem}`}`,
    );
  }
  for (const { rule, lastUsedAt, active } of overview.rules) {
    const used = lastUsedAt === null ? 'not used in 30 days' : `last used ${minuteOf(lastUsedAt)}`;
    say(
      terminal,
      `  rules[${rule.number}] (line ${rule.line})  ${rule.issuer.name}  ${used}  ${active} active${rule.comment === null ? '' : `  ${rule.comment}`}`,
    );
  }
}

async function addCluster(name: string, values: Values, terminal: Terminal): Promise<number> {
  const workloadsFile = fileOf(terminal);
  const { issuer, keys } = await findCluster(values, terminal);
  const output = resolve(textOf(values, 'output') ?? join(dirname(workloadsFile), `${name}.json`));
  const file = dirname(output) === dirname(workloadsFile) ? basename(output) : output;
  const line = `  ${name}: { preset: kubernetes, issuer: ${JSON.stringify(issuer)}, jwks_file: ${JSON.stringify(file)} }`;
  const known = await findEntry(workloadsFile, name, output);
  if (known !== null && (known.issuer !== issuer || known.keys !== output)) {
    const what = `${workloadsFile} has the issuer "${known.name}" with other values`;
    throw new Refusal('conflict', `${what}. Choose another NAME, or change it and repeat this:\n${line}`);
  }
  await writeKeys(output, keys);
  const entry = known === null ? line : null;
  confirm(terminal, values, { file: output, issuer, entry }, `${output} has the keys of ${issuer}.`);
  if (entry === null || values['json'] === true) return 0;
  note(terminal, values, `Add to ${workloadsFile}:`);
  terminal.out(entry);
  return 0;
}

type Entry = { readonly name: string; readonly issuer: unknown; readonly keys: string | null };

/** What the workloads file says of the issuer with these keys, else of the one with this name; mistakes elsewhere in it don't matter. */
async function findEntry(workloadsFile: string, name: string, output: string): Promise<Entry | null> {
  const text = await readFile(workloadsFile, 'utf8').catch(() => '');
  const issuers = fieldsIn(fieldsIn(readLoosely(text))['issuers']);
  const entries = Object.entries(issuers).map(([key, value]) => {
    const { issuer, jwks_file: file } = fieldsIn(value);
    return { name: key, issuer, keys: typeof file === 'string' ? resolve(dirname(workloadsFile), file) : null };
  });
  return entries.find(({ keys }) => keys === output) ?? entries.find((one) => one.name === name) ?? null;
}

/** `dockpass policy check` says what is wrong with it. */
function readLoosely(text: string): unknown {
  try {
    return parseDocument(text).toJS();
  } catch {
    return null; // an alias that refers to nothing
  }
}

async function writeKeys(output: string, keys: string): Promise<void> {
  await writePublicFile(output, keys, jwksKind('--output')).catch((error: unknown) => {
    const cause = error instanceof Error ? error.cause : error;
    if (cause === undefined) throw error; // a file of another kind
    throw new Refusal('misconfigured', `${output} cannot be written. Choose another with --output.`, { cause });
  });
}

/** Where the workloads file is, without the settings of a service that runs. */
function fileOf({ environment }: Terminal): string {
  const beside = join(dirname(environment['POLICY_FILE'] ?? 'policy.yml'), 'workloads.yml');
  return resolve(environment['WORKLOADS_FILE'] ?? beside);
}

async function findCluster(values: Values, terminal: Terminal): Promise<ClusterIssuer> {
  const { environment } = terminal;
  const [issuer, jwks] = [textOf(values, 'issuer'), textOf(values, 'jwks')];
  if (issuer !== null && jwks !== null) {
    const problem = issProblem(issuer);
    if (problem !== null) throw new UsageError(`--issuer ${issuer} ${problem}.`);
    return { issuer, keys: await readKeys(jwks, terminal) };
  }
  if (issuer !== null || jwks !== null) throw new UsageError('--issuer and --jwks belong together.');
  if (values['in-cluster'] === true) return askCluster(await readPod(environment), fetchText);
  const file = textOf(values, 'kubeconfig') ?? ownKubeconfig(environment['KUBECONFIG']);
  return askCluster(await readKubeconfig(resolve(file), textOf(values, 'context')), fetchText);
}

/** kubectl reads several as one; which of them has the cluster isn't ours to guess. */
function ownKubeconfig(named = ''): string {
  const [first = join(homedir(), '.kube', 'config'), ...others] = named.split(delimiter).filter((file) => file !== '');
  if (others.length === 0) return first;
  throw new UsageError('KUBECONFIG names several files. Choose one with --kubeconfig FILE.');
}

async function readKeys(file: string, { input }: Terminal): Promise<string> {
  const keys = file === '-' ? await readInput(input) : await readTextFile(file);
  try {
    readKeySet(keys);
  } catch (cause) {
    const what = file === '-' ? 'Standard input' : file;
    const how = 'kubectl get --raw /openid/v1/jwks prints one';
    throw new Refusal('bad_request', `${what} isn't a key set: ${errorMessage(cause)}; ${how}.`, { cause });
  }
  return keys;
}
