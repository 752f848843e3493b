/** Owns `dockpass policy ...`: files and streams around the pure functions of the policy. */

import { readFile } from 'node:fs/promises';
import type { Core } from '../app/core.ts';
import { createIdentityByName } from '../app/identity-by-name.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import { letsInSeveralDomains } from '../config/authority.ts';
import type { Identity } from '../identity/identity.ts';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { formatProblem, type Policy } from '../policy/acl.ts';
import { checkAddress } from '../policy/address.ts';
import { accessOf, type Identify, parseCases, runCase } from '../policy/cases.ts';
import { warningsOf } from '../policy/check.ts';
import { decodeUtf8 } from '../policy/encoding.ts';
import { createEvaluator } from '../policy/eval.ts';
import { explain, formatExplanation } from '../policy/explain.ts';
import { identityOf } from '../policy/named-account.ts';
import type { WorkloadsInForce } from '../workload/accept.ts';
import { formatFailed, identify } from '../workload/identify.ts';
import { coverageWarnings, grantsOf } from '../workload/policy-fit.ts';
import { type Command, type Terminal, textOf, textsOf, UsageError, type Values } from './command.ts';
import { configOf, serviceNames, withCore } from './core.ts';
import { explanationFields } from './json-fields.ts';
import { confirm, reply } from './output.ts';
import { readLines } from './read-lines.ts';
import { readRuleFiles, workloadOfClaims, workloadOfToken } from './workload-claims.ts';

const workloadsOption = {
  type: 'string',
  value: 'FILE',
  help: 'default: WORKLOADS_FILE, else workloads.yml beside the policy',
} as const;

export const policyCommands: readonly Command[] = [
  {
    name: 'policy check',
    usage: '[FILE] [--workloads FILE] [--strict] [--json]',
    summary: 'Validate a policy file: each mistake with its line and column',
    details: [
      'Warns about rules that can never match or decide, groups that nothing defines, and variables that mean nothing.',
      'If there is a workloads file, checks it too, and says what each of its rules is granted.',
      'FILE defaults to POLICY_FILE, or else policy.yml.',
    ],
    options: {
      strict: { type: 'boolean', help: 'also exit 1 on a warning' },
      workloads: workloadsOption,
    },
    json: {
      fields: {
        file: 'the policy file',
        users: 'how many users it has',
        rules: 'how many rules it has',
        warnings: 'file, line, column, severity and message of each, those of the workloads file too',
      },
    },
    operands: [0, 1],
    async run([given], values, terminal) {
      const file = given ?? policyFileOf(terminal);
      const { policy, workloads, workloadsFile } = await readRuleFiles(file, values, terminal);
      const groups = workloads?.rules.flatMap((rule) => rule.groups) ?? [];
      const covering = workloads === null ? [] : coverageWarnings(policy, workloads);
      const severalDomains = letsInSeveralDomains(terminal.environment);
      const warnings = [...warningsOf(policy, { workloadGroups: groups, severalDomains }), ...covering];
      const workloadWarnings = workloads?.warnings ?? [];
      if (values['json'] === true) {
        const users = policy.users.size;
        const found = [
          ...warnings.map((warning) => ({ file, ...warning })),
          ...workloadWarnings.map((warning) => ({ file: workloadsFile, ...warning })),
        ];
        reply(terminal, values, { file, users, rules: policy.rules.length, warnings: found }, []);
      } else {
        for (const warning of warnings) terminal.err(formatProblem(file, warning));
        confirm(terminal, values, null, describePolicy(file, policy, warnings.length));
        if (workloads !== null) describeWorkloads(policy, { workloads, file: workloadsFile }, values, terminal);
      }
      return values['strict'] === true && warnings.length + workloadWarnings.length > 0 ? 1 : 0;
    },
  },
  {
    name: 'policy explain',
    usage:
      'WHO SCOPE [--group GROUP ...] [--ip ADDRESS] [--service NAME] [--password ID] [--policy FILE] [--json]\n       dockpass policy explain SCOPE --token FILE | --claims FILE [--issuer NAME] [--workloads FILE] [--ip ADDRESS] [--service NAME] [--json]',
    summary: 'Say what someone is granted and why: every rule, the one that decides, the limits of a password',
    details: ['WHO is an e-mail, a user of the policy file, or anonymous; SCOPE is repository:team/app:pull,push'],
    options: {
      group: { type: 'string', multiple: true, value: 'GROUP', help: 'as if the provider had reported this group' },
      ip: { type: 'string', value: 'ADDRESS', help: 'where the request comes from' },
      service: { type: 'string', value: 'NAME', help: 'the registry that asks (default: the only one of SERVICES)' },
      password: { type: 'string', value: 'ID', help: 'narrowed by the limits of this app password' },
      policy: {
        type: 'string',
        value: 'FILE',
        help: 'this file instead of POLICY_FILE, without looking the person up in the database',
      },
      token: {
        type: 'string',
        value: 'FILE',
        help: 'who an ID token proves, verified as at the realm; the file holds only the token',
      },
      claims: {
        type: 'string',
        value: 'FILE',
        help: 'who these claims would prove: the JSON that a token would carry',
      },
      issuer: { type: 'string', value: 'NAME', help: 'the issuer of token or claims, if several have the same iss' },
      workloads: { type: 'string', value: 'FILE', help: 'with --claims: this file instead of WORKLOADS_FILE' },
    },
    json: { fields: explanationFields },
    operands: [1, 2],
    async run(given, values, terminal) {
      const isWorkload = values['token'] !== undefined || values['claims'] !== undefined;
      if (given.length !== (isWorkload ? 1 : 2)) throw new UsageError(missingOf(given.length, isWorkload));
      const [who = '', scope = ''] = isWorkload ? ['', ...given] : given;
      const refuse = (problem: string) => {
        throw new UsageError(`${problem}.`);
      };
      const access = accessOf(scope, refuse);
      const ip = textOf(values, 'ip') ?? '';
      checkAddress(ip, refuse);
      const found = isWorkload
        ? await findWorkload(values, terminal)
        : await findWho(who === 'anonymous' ? '' : who, values, terminal);
      const { policy, file, identity, service } = found;
      const context = { service: textOf(values, 'service') ?? service, address: ip };
      const explanation = explain(policy, identity, access, context);
      reply(terminal, values, explanation, [formatExplanation(explanation, file)]);
      return 0;
    },
  },
  {
    name: 'policy test',
    usage: 'CASES.yml [--policy FILE] [--workloads FILE] [--json]',
    summary: 'Test a policy against a list of {who, groups, ip, scope, expect}; exits 1 if one fails',
    details: ['With "claims:" instead of "who:", a case is about a workload.'],
    options: {
      policy: { type: 'string', value: 'FILE', help: 'default: POLICY_FILE, else policy.yml' },
      workloads: workloadsOption,
    },
    json: {
      fields: {
        cases: 'how many cases there are',
        failed: 'line, expect, explanation and refused of each that failed',
      },
    },
    operands: [1, 1],
    async run([casesFile = ''], values, terminal) {
      const file = textOf(values, 'policy') ?? policyFileOf(terminal);
      const { policy, workloads } = await readRuleFiles(file, values, terminal);
      const identify = workloads === null ? undefined : identifyBy(workloads);
      const cases = parseCases(await readCases(casesFile), casesFile);
      const tried = cases.map((one) => ({
        ...runCase(policy, one, identify),
        line: one.place.line,
        expect: one.expect,
      }));
      const failed = tried.filter(({ passed }) => !passed);
      const lines = failed.flatMap(({ line, expect, explanation, refused }) => [
        `${casesFile}:${line}: expected ${expect.join(', ') || 'nothing'}`,
        ...(refused === null ? [] : [`  the claims are refused: ${refused}`]),
        formatExplanation(explanation, file).replace(/^/gm, '  '),
      ]);
      const sentence = `${cases.length - failed.length} of ${cases.length} cases passed.`;
      reply(terminal, values, { cases: cases.length, failed }, [...lines, sentence]);
      return failed.length === 0 ? 0 : 1;
    },
  },
  {
    name: 'policy eval',
    usage: '[--docker-auth]',
    summary: 'Read ACLs with requests as JSON lines, write a decision for each: to compare with docker_auth',
    details: [
      'In:  {"acl":[...],"request":{"account","type","name","ip","service","labels","actions"}}',
      'Out: {"actions":[...]}, {"nomatch":true} or {"error":"..."}',
    ],
    options: {
      'docker-auth': {
        type: 'boolean',
        help: 'decide exactly as docker_auth does, without the differences that docs/policy.md lists',
      },
    },
    operands: [0, 0],
    isConversation: true,
    async run(_operands, values, terminal) {
      const evaluate = createEvaluator({ dockerAuth: values['docker-auth'] === true });
      for await (const lines of readLines(terminal.input)) {
        // One write for all the lines of a chunk: writing each costs more than deciding it.
        const answers = lines.filter((line) => line.trim() !== '').map(evaluate);
        if (answers.length > 0) terminal.out(answers.join('\n'));
        if (terminal.readersLeft?.aborted === true) break;
      }
      return 0;
    },
  },
];

function describePolicy(file: string, { users, rules }: Policy, warnings: number): string {
  const counts = `${countOf(users.size, 'user')}, ${countOf(rules.length, 'rule')}`;
  return `${file} is valid: ${counts}${warnings > 0 ? `, ${countOf(warnings, 'warning')}` : ''}.`;
}

function missingOf(given: number, isWorkload: boolean): string {
  if (isWorkload) return '--token and --claims say who it is: give only SCOPE.';
  return given < 2 ? 'SCOPE is missing: WHO comes first, then SCOPE.' : 'Give only WHO and SCOPE.';
}

/** What each rule of the workloads file is granted by the policy. */
function describeWorkloads(
  policy: Policy,
  { workloads, file }: { readonly workloads: WorkloadsInForce; readonly file: string },
  values: Values,
  terminal: Terminal,
): void {
  for (const warning of workloads.warnings) terminal.err(formatProblem(file, warning));
  if (values['quiet'] === true) return;
  const counts = `${countOf(workloads.issuers.size, 'issuer')}, ${countOf(workloads.rules.length, 'rule')}`;
  terminal.out(`${file} is valid: ${counts}.`);
  for (const rule of workloads.rules) {
    const { candidateRules } = grantsOf(policy, rule);
    const grants = candidateRules.map(({ line, actions }) => `line ${line} ${actions.join(', ') || 'nothing'}`);
    const comment = rule.comment === null ? '' : ` "${rule.comment}"`;
    terminal.out(`  rules[${rule.number}] (line ${rule.line})${comment}: ${grants.join('; ') || 'nothing'}`);
  }
}

function identifyBy(workloads: WorkloadsInForce): Identify {
  return ({ claims, issuer }, service) => {
    const found = identify(workloads, { claims, issuer, service });
    if (!('refused' in found)) return found.identity;
    const failed = found.mismatch?.failed.map(formatFailed) ?? [];
    return {
      refused: [found.refused, ...failed, ...(found.mismatch?.problem ? [found.mismatch.problem] : [])].join('; '),
    };
  };
}

/** What a file claims, or a token proves. */
async function findWorkload(values: Values, terminal: Terminal): Promise<Found> {
  const [token, claims] = [textOf(values, 'token'), textOf(values, 'claims')];
  if (token !== null && claims !== null) throw new UsageError("--token and --claims can't be combined.");
  const file = textOf(values, 'policy') ?? policyFileOf(terminal);
  const { policy, identity, note } =
    token === null
      ? await workloadOfClaims(file, claims ?? '', values, terminal)
      : await workloadOfToken(token, values, terminal);
  terminal.err(note);
  return { policy, file, identity, service: '' };
}

async function readCases(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal(
      'not_found',
      `The cases ${file} cannot be read (${cause.code}). docs/policy.md shows how to write them.`,
    );
  });
  return decodeUtf8(bytes, file);
}

type Found = { readonly policy: Policy; readonly file: string; readonly identity: Identity; readonly service: string };

/** Who is meant, as the database knows them unless a policy file is named. */
async function findWho(account: string, values: Values, terminal: Terminal): Promise<Found> {
  const groups = textsOf(values, 'group');
  const given = textOf(values, 'policy');
  if (given !== null) {
    if (textOf(values, 'password') !== null) {
      throw new UsageError('--password needs the database, and --policy does not look there. Leave one of them out.');
    }
    const policy = await readPolicyFile(given);
    const canBe = account === '' || /@|^robot-/.test(account) || policy.users.has(account);
    if (!canBe) noteUnknown(account, terminal);
    return { policy, file: given, identity: identityOf(policy.users, { account, groups }), service: '' };
  }
  const config = configOf(terminal);
  const services = serviceNames(config, textOf(values, 'service'));
  const service = services.length === 1 ? (services[0] ?? '') : '';
  const policy = await readPolicyFile(config.policyFile);
  return withCore(config, async (core) => {
    const named = await createIdentityByName(config, core.store.accounts, () => policy)(account);
    if (!named.isKnown && account.includes('@')) {
      terminal.err(`${account} has never signed in: the provider's groups are unknown.`);
    } else if (!named.isKnown) noteUnknown(account, terminal);
    const password = await passwordOf(core, textOf(values, 'password'), named.identity.account);
    const identity = { ...withGroups(named.identity, groups), ...password };
    return { policy, file: config.policyFile, identity, service };
  });
}

function noteUnknown(account: string, terminal: Terminal): void {
  terminal.err(`No user, robot or e-mail is called "${account}". What follows is what someone of that name would get.`);
}

/** `--group` says what the provider doesn't: then the groups are known. */
function withGroups(identity: Identity, groups: readonly string[]): Identity {
  if (groups.length === 0) return identity;
  return { ...identity, groups: [...identity.groups, ...groups], groupsKnown: true };
}

async function passwordOf(
  core: Core,
  id: string | null,
  login: string,
): Promise<Partial<Pick<Identity, 'limits' | 'credential' | 'maker'>>> {
  if (id === null) return {};
  const password = await core.passwords.byId(id);
  if (password.login !== login)
    throw new Refusal('not_found', `${login} has no password ${id}; "dockpass password list" shows them.`);
  const maker = await core.passwords.boundOf(password);
  return { limits: password.limits, credential: { id, name: password.name }, maker };
}

function policyFileOf({ environment }: Terminal): string {
  return environment['POLICY_FILE'] ?? 'policy.yml';
}
