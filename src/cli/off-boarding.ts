/** Owns `dockpass groups` and `dockpass sweep`: what is known of people, and asking about them now. */
import { type Core, settled } from '../app/core.ts';
import { refuseInTrial } from '../app/installation.ts';
import { openPeople } from '../app/off-boarding.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import type { Config } from '../config/config.ts';
import { accountStatusOf, knownGroups } from '../identity/account-status.ts';
import { minuteOf } from '../lib/time.ts';
import type { OffBoarding } from '../off-boarding/off-boarding.ts';
import type { SweepReport } from '../off-boarding/sweep.ts';
import type { ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account } from '../store/accounts.ts';
import type { Command, Terminal } from './command.ts';
import { accountOf, byCommandLine, configOf, withCore } from './core.ts';
import { reply, say } from './output.ts';

const flag = { type: 'boolean' } as const;

export const offBoardingCommands: readonly Command[] = [
  {
    name: 'groups',
    usage: 'EMAIL [--refresh] [--json]',
    summary: "Show a person's groups, how old they are, and whether the person's passwords work",
    options: {
      refresh: { ...flag, help: 'ask the provider or directory first, and act on what it says, as a sweep does' },
    },
    json: {
      fields: {
        login: 'whose account it is',
        provider: 'who vouches for it',
        state: 'of the account',
        use: 'what its passwords can be used for',
        reason: 'why that is less than everything, or null',
        confirmedAt: 'when the provider last confirmed it, epoch milliseconds, or null',
        groups: 'the groups that count',
        groupsKnown: 'whether they are known',
        groupsAt: 'when they were reported, or null',
        asked: 'what the provider answered; null without --refresh',
      },
    },
    operands: [1, 1],
    run: ([email = ''], values, terminal) =>
      withOffBoarding(terminal, async (core, offBoarding, config) => {
        const before = await accountOf(core, email);
        if (values['refresh'] === true) refuseInTrial(core.trial);
        const status = values['refresh'] === true ? await offBoarding.refresh(before, byCommandLine) : null;
        const account = await accountOf(core, email);
        const known = describe(account, config);
        if (values['json'] === true) reply(terminal, values, { ...known, asked: status }, []);
        else printPerson(known, status, terminal);
        return 0;
      }),
  },
  {
    name: 'sweep',
    usage: '[--dry-run] [--beyond-limit] [--json]',
    summary: 'Ask providers now about everyone who holds an active password, and off-board those who have left',
    details: ['The service also does this by itself. Exits 1 if the sweep was stopped.'],
    options: {
      'dry-run': { ...flag, help: 'say what would happen to each person, and change nothing' },
      'beyond-limit': {
        ...flag,
        help: 'believe the provider even if it says that more than a fifth of the people have left',
      },
    },
    json: {
      fields: {
        begunAt: 'time, epoch milliseconds',
        due: 'how many people were due',
        people: 'login, provider, outcome and reason of each',
        stopped: 'why it ended early, or null',
      },
    },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withOffBoarding(terminal, async (core, offBoarding) => {
        refuseInTrial(core.trial);
        const input = { dryRun: values['dry-run'] === true, beyondLimit: values['beyond-limit'] === true, age: 0 };
        const onProgress = (asked: number, due: number) => terminal.progress(`${asked} of ${due} people asked about`);
        const report = await offBoarding.sweep({ ...input, onProgress });
        if (values['json'] === true) reply(terminal, values, report, []);
        else printReport(report, input.dryRun, terminal);
        return report.stopped === null ? 0 : 1;
      }),
  },
];

async function withOffBoarding(
  terminal: Terminal,
  action: (core: Core, offBoarding: OffBoarding, config: Config) => Promise<number>,
): Promise<number> {
  const config = configOf(terminal);
  const policy = await readPolicyFile(config.policyFile);
  return withCore(config, async (core) => {
    const { offBoarding } = await openPeople(config, core, () => policy, new AbortController().signal);
    return action(core, offBoarding, settled(config, core));
  });
}

function describe(account: Account, { gracePeriods }: Config) {
  const now = Date.now();
  const { groups, groupsKnown, groupsAt } = knownGroups(account, gracePeriods, now);
  const { use, reason } = accountStatusOf(account, gracePeriods, now);
  const { login, provider, state, confirmed_at: confirmedAt } = account;
  return { login, provider, state, use, reason, confirmedAt, groups, groupsKnown, groupsAt };
}

function printPerson(known: ReturnType<typeof describe>, status: ProviderStatus | null, terminal: Terminal): void {
  const { login, provider, use, reason, confirmedAt, groups, groupsKnown, groupsAt } = known;
  if (status !== null) terminal.err(`${provider} says: ${formatProviderStatus(status)}`);
  const confirmed = confirmedAt === null ? 'never confirmed' : `confirmed ${minuteOf(confirmedAt)} UTC`;
  say(terminal, `${login}  ${provider}  ${confirmed}  passwords: ${use}${reason === null ? '' : ` (${reason})`}`);
  const age = groupsAt === null ? 'never reported' : `reported ${minuteOf(groupsAt)} UTC`;
  say(terminal, `groups: ${groupsKnown ? age : `unknown, ${age}`}`);
  for (const group of groups) say(terminal, `  ${group}`);
}

function formatProviderStatus(status: ProviderStatus): string {
  switch (status.kind) {
    case 'there':
      return status.problem ?? 'still there';
    case 'unasked':
      return 'nothing: there is no directory and no refresh token to ask with';
    default:
      return `${status.kind}: ${status.reason}`;
  }
}

function printReport({ people, stopped }: SweepReport, dryRun: boolean, terminal: Terminal): void {
  for (const { login, outcome, reason } of people) say(terminal, [login, outcome, reason ?? ''].join('  ').trimEnd());
  const counts = Object.entries(Object.groupBy(people, ({ outcome }) => outcome));
  const summary = counts.map(([outcome, list]) => `${list.length} ${outcome}`).join(', ');
  terminal.err(
    `${people.length === 0 ? 'No one holds an active password.' : summary}${dryRun ? ' (nothing changed)' : ''}`,
  );
  if (stopped !== null) terminal.err(`Stopped: ${stopped}`);
}
