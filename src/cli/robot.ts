/** Owns `dockpass robot ...`: accounts that belong to a group, and their passwords. */
import type { Robot, Robots } from '../accounts/robots.ts';
import { commandLine } from '../app-passwords/maker.ts';
import { Refusal } from '../lib/errors.ts';
import { type Command, textsOf, UsageError, type Values, wholeNumber } from './command.ts';
import { byCommandLine, withAdministration } from './core.ts';

const manager = { administrator: true, accountId: null } as const;
const text = { type: 'string' } as const;
const list = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean' } as const;

export const robotCommands: readonly Command[] = [
  {
    name: 'robot create',
    usage: 'NAME --owner-group GROUP [--group GROUP ...] [--label NAME=VALUE ...] [--description TEXT]',
    summary: 'Make a robot: an account of a group, which stays when a person leaves',
    details: ['Its docker user name is "robot-" and NAME. Members of the owner group manage it on their pages.'],
    options: { 'owner-group': text, group: list, label: list, description: text },
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        const input = {
          name,
          description: String(values['description'] ?? ''),
          ownerGroup: requiredText(values, 'owner-group'),
          groups: textsOf(values, 'group'),
          labels: readLabels(textsOf(values, 'label')),
        };
        const { id, login } = await robots.create(input, manager, byCommandLine);
        terminal.out(`${id}  ${login}`);
      }),
  },
  {
    name: 'robot list',
    usage: '[--json]',
    summary: 'List all robots',
    options: { json: flag },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        for (const robot of await robots.list(manager)) {
          const { id, login, ownerGroup, groups, livePasswords, state } = robot;
          const line = [
            id,
            login,
            `of ${ownerGroup}`,
            `in ${groups.join(', ') || 'no group'}`,
            `${livePasswords} live`,
            state,
          ];
          terminal.out(values['json'] === true ? JSON.stringify(robot) : line.join('  '));
        }
      }),
  },
  {
    name: 'robot password',
    usage: 'ROBOT --name NAME --days N [--pull-only] [--repository PATTERN ...]',
    summary: 'Create a password for a robot; the secret is written to standard output, once',
    options: { name: text, days: text, 'pull-only': flag, repository: list },
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withAdministration(terminal, async ({ robots }, { passwords }) => {
        const robot = await findRobot(robots, name);
        const input = {
          name: requiredText(values, 'name'),
          days: wholeNumber(requiredText(values, 'days'), 'days'),
          pullOnly: values['pull-only'] === true,
          repositories: textsOf(values, 'repository'),
        };
        const { secret, password } = await passwords.issue(
          { ...robot, kind: 'robot' },
          input,
          byCommandLine,
          commandLine,
        );
        terminal.err(`Password "${password.name}" (${password.id}) for ${robot.login}, shown only this once:`);
        terminal.out(secret);
      }),
  },
  {
    name: 'robot review',
    usage: '[--json]',
    summary: "List robots' passwords whose maker is unknown or left, or can't do what they're used for",
    details: [
      'ROBOT_BOUND=enforce denies what makers cannot do; "robot confirm" answers for one whose maker is unknown.',
    ],
    options: { json: flag },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ reviewRobots }) => {
        for (const concern of await reviewRobots()) {
          const { password, why } = concern;
          const scopes = why.kind === 'beyond' ? why.scopes : [];
          const line = [password.login, password.id, password.name, why.kind, password.maker?.login ?? '', ...scopes];
          terminal.out(values['json'] === true ? JSON.stringify(concern) : line.join('  ').trimEnd());
        }
      }),
  },
  {
    name: 'robot confirm',
    usage: 'ROBOT PASSWORD-ID',
    summary: "Answer for a robot's password whose maker is unknown, so that it's an administrator's",
    operands: [2, 2],
    run: ([name = '', password = ''], _values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        const { id, login } = await findRobot(robots, name);
        await robots.confirmMaker(password, id, manager, byCommandLine);
        terminal.out(`${password} of ${login} is confirmed.`);
      }),
  },
  {
    name: 'robot remove',
    usage: 'ROBOT',
    summary: 'Delete a robot with its passwords, for good',
    operands: [1, 1],
    run: ([name = ''], _values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        const { id, login } = await findRobot(robots, name);
        await robots.remove(id, manager, byCommandLine);
        terminal.out(`${login} is deleted.`);
      }),
  },
  ...(['disable', 'enable'] as const).map(
    (word): Command => ({
      name: `robot ${word}`,
      usage: 'ROBOT',
      summary: word === 'disable' ? "Stop a robot's passwords at once" : "Let a robot's passwords work again",
      operands: [1, 1],
      run: ([name = ''], _values, terminal) =>
        withAdministration(terminal, async ({ robots }) => {
          const { id } = await findRobot(robots, name);
          const state = word === 'disable' ? 'disabled' : 'active';
          terminal.out(`${(await robots.setState(id, state, manager, byCommandLine)).login} is ${state}.`);
        }),
    }),
  ),
];

/** By name, docker user name or id. */
async function findRobot(robots: Robots, name: string): Promise<Robot> {
  const found = (await robots.list(manager)).find((robot) => [robot.id, robot.name, robot.login].includes(name));
  if (found === undefined) throw new Refusal('not_found', `There is no robot ${name}. "robot list" has them all.`);
  return found;
}

function requiredText(values: Values, option: string): string {
  const value = values[option];
  if (typeof value === 'string' && value !== '') return value;
  throw new UsageError(`--${option} is missing.`);
}

function readLabels(labels: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const label of labels) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(label) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--label takes NAME=VALUE, not "${label}".`);
    found[name] = [...(found[name] ?? []), value];
  }
  return found;
}
