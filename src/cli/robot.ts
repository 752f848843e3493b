/** Owns `dockpass robot ...`: accounts that belong to a group, and their passwords. */
import type { RobotConcern } from '../accounts/robot-review.ts';
import type { Robot, Robots } from '../accounts/robots.ts';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { type Command, requiredText, textsOf, UsageError, wholeNumber } from './command.ts';
import { byCommandLine, withAdministration } from './core.ts';
import { concernFields, createdFields, robotFields } from './json-fields.ts';
import { type Column, confirm, note, nothingRemoved, reply, replyList } from './output.ts';
import { limitOptions, limitsOf, replyCreated } from './password.ts';

const manager = { administrator: true, accountId: null } as const;
const group = { type: 'string', multiple: true, value: 'GROUP' } as const;

export const robotCommands: readonly Command[] = [
  {
    name: 'robot create',
    usage: 'NAME --owner-group GROUP [--group GROUP ...] [--label NAME=VALUE ...] [--description TEXT] [--json]',
    summary: 'Create a robot: an account of a group, which stays when a person leaves',
    details: ['Its docker user name is "robot-" and NAME.'],
    options: {
      'owner-group': { type: 'string', value: 'GROUP', help: 'its members manage the robot on their pages' },
      group: { ...group, help: 'a group that the robot is in, for the policy' },
      label: { type: 'string', multiple: true, value: 'NAME=VALUE', help: 'a label of the robot, for the policy' },
      description: { type: 'string', value: 'TEXT', help: 'what it is for' },
    },
    json: { fields: robotFields },
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
        const robot = await robots.create(input, manager, byCommandLine);
        reply(terminal, values, robot, [`${robot.id}  ${robot.login}`]);
      }),
  },
  {
    name: 'robot list',
    usage: '[--json]',
    summary: 'List all robots',
    json: { list: true, fields: robotFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        replyList(terminal, values, await robots.list(manager), columns, 'There are no robots.');
      }),
  },
  {
    name: 'robot password',
    usage: 'ROBOT --name NAME --days N [--pull-only] [--repository PATTERN ...] [--json]',
    summary: 'Create a password for a robot; it is written to standard output, once',
    options: {
      name: { type: 'string', value: 'NAME', help: 'the job that uses it' },
      days: { type: 'string', value: 'N', help: 'lifetime in days' },
      ...limitOptions,
    },
    json: { fields: createdFields },
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withAdministration(terminal, async ({ robots }, core, config) => {
        const robot = await findRobot(robots, name);
        const input = {
          name: requiredText(values, 'name'),
          days: wholeNumber(requiredText(values, 'days'), 'days'),
          ...limitsOf(values),
        };
        await replyCreated(terminal, values, { core, config }, { ...robot, kind: 'robot' }, input);
      }),
  },
  {
    name: 'robot review',
    usage: '[--json]',
    summary: "List robots' passwords whose maker is unknown, has left, or isn't allowed what they're used for",
    details: [
      'ROBOT_BOUND=enforce denies what makers aren\'t allowed; "robot confirm" vouches for one whose maker is unknown.',
    ],
    json: { list: true, fields: concernFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ reviewRobots }) => {
        replyList(terminal, values, await reviewRobots(), concernColumns, 'There is nothing to review.');
      }),
  },
  {
    name: 'robot confirm',
    usage: 'ROBOT PASSWORD-ID [--json]',
    summary: "Vouch for a robot's password whose maker is unknown: it's an administrator's from then on",
    json: { fields: { login: "the robot's docker user name", password: 'id of the password' } },
    operands: [2, 2],
    run: ([name = '', password = ''], values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        const { id, login } = await findRobot(robots, name);
        await robots.confirmMaker(password, id, manager, byCommandLine);
        confirm(terminal, values, { login, password }, `${password} of ${login} is confirmed.`);
      }),
  },
  {
    name: 'robot remove',
    usage: 'ROBOT [--yes] [--json]',
    summary: 'Permanently delete a robot with its passwords; without --yes, only say what would be deleted',
    options: { yes: { type: 'boolean', help: 'delete it' } },
    json: {
      fields: {
        id: 'id of the robot',
        login: 'its docker user name',
        passwords: 'how many active passwords it has',
        removed: 'true with --yes',
      },
    },
    operands: [1, 1],
    run: ([name = ''], values, terminal) =>
      withAdministration(terminal, async ({ robots }) => {
        const { id, login, ownerGroup, activePasswords: passwords } = await findRobot(robots, name);
        const removed = values['yes'] === true;
        if (removed) await robots.remove(id, manager, byCommandLine);
        reply(terminal, values, { id, login, passwords, removed }, [
          `${login} of ${ownerGroup}: ${countOf(passwords, 'active password')}.`,
          ...(removed ? [`${login} is removed.`] : []),
        ]);
        if (!removed) note(terminal, values, nothingRemoved);
      }),
  },
  ...(['disable', 'enable'] as const).map(
    (word): Command => ({
      name: `robot ${word}`,
      usage: 'ROBOT [--json]',
      summary: word === 'disable' ? "Block a robot's passwords immediately" : "Unblock a robot's passwords",
      json: { fields: robotFields },
      operands: [1, 1],
      run: ([name = ''], values, terminal) =>
        withAdministration(terminal, async ({ robots }) => {
          const { id } = await findRobot(robots, name);
          const state = word === 'disable' ? 'disabled' : 'active';
          const robot = await robots.setState(id, state, manager, byCommandLine);
          confirm(terminal, values, robot, `${robot.login} is ${state}.`);
        }),
    }),
  ),
];

const columns: readonly Column<Robot>[] = [
  ['ID', ({ id }) => id],
  ['LOGIN', ({ login }) => login],
  ['OWNER GROUP', ({ ownerGroup }) => ownerGroup],
  ['GROUPS', ({ groups }) => groups.join(',') || '-'],
  ['PASSWORDS', ({ activePasswords }) => String(activePasswords)],
  ['STATE', ({ state }) => state],
];

const concernColumns: readonly Column<RobotConcern>[] = [
  ['LOGIN', ({ password }) => password.login],
  ['ID', ({ password }) => password.id],
  ['NAME', ({ password }) => password.name],
  ['CONCERN', ({ why }) => why.kind],
  ['MAKER', ({ password }) => password.maker?.login ?? '-'],
  ['BEYOND', ({ why }) => (why.kind === 'beyond' ? why.scopes.join(' ') : '')],
];

/** By name, docker user name or id. */
async function findRobot(robots: Robots, name: string): Promise<Robot> {
  const found = (await robots.list(manager)).find((robot) => [robot.id, robot.name, robot.login].includes(name));
  if (found === undefined)
    throw new Refusal('not_found', `There is no robot ${name}. "dockpass robot list" lists them all.`);
  return found;
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
