/** Owns the operations of the API on robots and their passwords. */
import type { RobotInput } from '../accounts/robot-facts.ts';
import type { Robots } from '../accounts/robots.ts';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { PasswordInput } from '../app-passwords/input.ts';
import type { ApiField, Input } from './input.ts';
import type { ApiCall, ApiRoute } from './route.ts';

/** Tokens are of administrators. */
function managerOf({ accountId }: Pick<ApiCall, 'accountId'>) {
  return { administrator: true, accountId } as const;
}

const factFields: readonly ApiField[] = [
  { name: 'description', type: 'string', about: 'what it is for' },
  { name: 'ownerGroup', type: 'string', about: 'whose members manage it', required: true },
  { name: 'groups', type: 'strings', about: 'what the policy sees as its groups' },
  { name: 'labels', type: 'object', about: 'what the policy sees as its labels: lists of texts by name' },
];
/** The caller receives the secret. */
function makerOf({ accountId }: Pick<ApiCall, 'accountId'>) {
  return { accountId, as: 'administrator' } as const;
}
const nameField: ApiField = {
  name: 'name',
  type: 'string',
  about: 'the docker user name is "robot-" and this',
  required: true,
};
const days: ApiField = { name: 'days', type: 'integer', about: 'lifetime', required: true };
const passwordFields: readonly ApiField[] = [
  { name: 'name', type: 'string', about: 'what uses it', required: true },
  days,
  { name: 'pullOnly', type: 'boolean', about: 'pull and nothing else' },
  { name: 'repositories', type: 'strings', about: 'patterns of the only repositories' },
];

type RobotParts = {
  readonly robots: Robots;
  readonly passwords: Pick<AppPasswords, 'issue' | 'rotate' | 'ofAccount'>;
  /** Sentences about patterns that match nothing the password could be used for. */
  readonly warningsOf: (login: string, input: PasswordInput) => Promise<readonly string[]>;
};

export function robotRoutes(parts: RobotParts): ApiRoute[] {
  return [...routesOfRobots(parts), ...routesOfPasswords(parts)];
}

function routesOfRobots({ robots, passwords }: RobotParts): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/robots',
      scope: 'robots:read',
      summary: 'All robots',
      run: async (call) => ({ robots: await robots.list(managerOf(call)) }),
    },
    {
      method: 'post',
      path: '/robots',
      scope: 'robots:write',
      summary: 'Make a robot',
      body: [nameField, ...factFields],
      run({ body, by, ...call }) {
        return robots.create({ name: body.requiredText('name'), ...readFacts(body) }, managerOf(call), by);
      },
    },
    {
      method: 'get',
      path: '/robots/{id}',
      scope: 'robots:read',
      summary: 'One robot with its passwords',
      async run({ param, ...call }) {
        const robot = await robots.byId(param('id'), managerOf(call));
        return { robot, passwords: await passwords.ofAccount(robot) };
      },
    },
    {
      method: 'put',
      path: '/robots/{id}',
      scope: 'robots:write',
      summary: 'Change a robot; what is left out becomes empty',
      body: factFields,
      run: ({ param, body, by, ...call }) => robots.change(param('id'), readFacts(body), managerOf(call), by),
    },
    {
      method: 'post',
      path: '/robots/{id}/remove',
      scope: 'robots:write',
      summary: 'Delete a robot with its passwords, for good',
      async run({ param, by, ...call }) {
        await robots.remove(param('id'), managerOf(call), by);
        return { removed: true };
      },
    },
    ...routesOfState(robots),
  ];
}

function routesOfState(robots: Robots): ApiRoute[] {
  return [
    routeOfState(robots, 'disable', 'disabled', 'Its passwords stop immediately'),
    routeOfState(robots, 'enable', 'active', 'Its passwords work again'),
  ];
}

function routeOfState(
  robots: Robots,
  word: 'disable' | 'enable',
  state: 'disabled' | 'active',
  summary: string,
): ApiRoute {
  return {
    method: 'post',
    path: `/robots/{id}/${word}`,
    scope: 'robots:write',
    summary,
    run: ({ param, by, ...call }) => robots.setState(param('id'), state, managerOf(call), by),
  };
}

function routesOfPasswords({ robots, passwords, warningsOf }: RobotParts): ApiRoute[] {
  return [
    {
      method: 'post',
      path: '/robots/{id}/passwords',
      scope: 'robots:write',
      summary:
        'Make a password; the secret is in this answer and nowhere else, and its `warnings` are about patterns that match nothing the password could be used for',
      body: passwordFields,
      async run({ param, body, by, ...call }) {
        const manager = managerOf(call);
        const robot = await robots.byId(param('id'), manager);
        const input = {
          name: body.requiredText('name'),
          days: body.integer('days') ?? 0,
          pullOnly: body.flag('pullOnly'),
          repositories: body.texts('repositories'),
        };
        const warnings = await warningsOf(robot.login, input);
        const issued = await passwords.issue({ ...robot, kind: 'robot' }, input, by, makerOf(call));
        return { ...issued, warnings };
      },
    },
    {
      method: 'post',
      path: '/robots/{id}/passwords/{password}/rotate',
      scope: 'robots:write',
      summary: 'Rotate; the old one lives on for the overlap',
      body: [days, { name: 'overlapHours', type: 'integer', about: '0 ends the old one immediately', required: true }],
      async run({ param, body, by, ...call }) {
        const manager = managerOf(call);
        const { id } = await robots.byId(param('id'), manager);
        const input = { days: body.integer('days') ?? 0, overlapHours: body.integer('overlapHours') ?? -1 };
        return passwords.rotate(param('password'), id, input, by, makerOf(call));
      },
    },
  ];
}

function readFacts(body: Input): Omit<RobotInput, 'name'> {
  return {
    description: body.text('description') ?? '',
    ownerGroup: body.requiredText('ownerGroup'),
    groups: body.texts('groups'),
    labels: body.lists('labels'),
  };
}
