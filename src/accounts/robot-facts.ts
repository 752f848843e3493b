/** Owns what a robot is given: its name, description, owner group, groups and labels, and who gives which. */
import { createHash } from 'node:crypto';
import { Refusal } from '../lib/errors.ts';
import { hasInvisible } from '../lib/unicode.ts';
import type { RobotFacts } from '../store/robots.ts';

export type RobotInput = {
  readonly name: string;
  /** What it is for. */
  readonly description: string;
  /** Members of this group manage it, beside administrators. */
  readonly ownerGroup: string;
  /** What the policy sees as its groups. */
  readonly groups: readonly string[];
  /** What the policy sees as its labels. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
};

/** Who manages robots: administrators and the command line manage all, others those that their groups own. */
export type RobotManager =
  | {
      readonly administrator: true;
      /** `null` for the command line. */
      readonly accountId: string | null;
    }
  | { readonly administrator: false; readonly accountId: string; readonly groups: readonly string[] };

/** What a registry accepts as a path component, so that `${account}/**` is a namespace. */
const namePattern = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const maximumNameLength = 40;
const maximumTextLength = 200;
const maximumGroups = 50;
const maximumLabels = 20;

export function isRobotName(name: string): boolean {
  return name.length <= maximumNameLength && namePattern.test(name);
}

/** @throws {Refusal} `bad_request` */
export function checkName(name: string): string {
  if (isRobotName(name)) return name;
  if (name === '') {
    throw new Refusal('bad_request', 'Give the robot a name, for example ci-frontend.', { field: 'name' });
  }
  throw new Refusal(
    'bad_request',
    `Use lower-case letters, digits and single . _ - (at most ${maximumNameLength}), for example ci-frontend.`,
    { field: 'name' },
  );
}

/** As they're stored. */
type Facts = Pick<RobotFacts, 'description' | 'owner_group' | 'groups_json' | 'labels_json'>;

/**
 * A group is what its members can do, so no one gives away a group that they aren't in. What a robot has already, from an
 * administrator, stays when its owners change something else.
 * @param before `null` for a new robot
 * @throws {Refusal} `bad_request`, `denied`
 */
export function checkFacts(
  input: Omit<RobotInput, 'name'>,
  manager: RobotManager,
  before: Pick<RobotInput, 'groups' | 'labels'> | null,
): Facts {
  const { description, ownerGroup, labels } = input;
  const groups = [...new Set(input.groups)];
  checkTexts('description', [description]);
  checkTexts('ownerGroup', [ownerGroup]);
  checkTexts('groups', groups);
  checkTexts('labels', Object.entries(labels).flat(2));
  if (ownerGroup === '') {
    throw new Refusal('bad_request', 'Name the group whose members manage the robot.', { field: 'ownerGroup' });
  }
  if (groups.length > maximumGroups || Object.keys(labels).length > maximumLabels) {
    throw new Refusal('bad_request', `A robot has at most ${maximumGroups} groups and ${maximumLabels} labels.`);
  }
  const facts = toFacts({ description, ownerGroup, groups, labels });
  if (manager.administrator) return facts;
  const foreign = [ownerGroup, ...groups].find(
    (group) => !manager.groups.includes(group) && before?.groups.includes(group) !== true,
  );
  if (foreign !== undefined) {
    throw new Refusal(
      'denied',
      `You’re not a member of ${foreign}. Pick one of your own groups, or ask an administrator.`,
      {
        field: foreign === ownerGroup ? 'ownerGroup' : 'groups',
      },
    );
  }
  if (facts.labels_json !== JSON.stringify(before?.labels ?? {})) {
    throw new Refusal('denied', 'Only administrators give robots labels. Leave them as they are, or ask one.', {
      field: 'labels',
    });
  }
  return facts;
}

function checkTexts(field: string, texts: readonly string[]): void {
  const wrong = texts.find((text) => text.length > maximumTextLength || hasInvisible(text));
  if (wrong === undefined) return;
  const shown = wrong.slice(0, 20).replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
  throw new Refusal(
    'bad_request',
    `"${shown}..." is longer than ${maximumTextLength} characters or holds a control or invisible character.`,
    { field },
  );
}

export function toFacts({ description, ownerGroup, groups, labels }: Omit<RobotInput, 'name'>): Facts {
  const lists = { groups_json: JSON.stringify(groups), labels_json: JSON.stringify(labels) };
  return { description, owner_group: ownerGroup, ...lists };
}

/** As the audit has them. */
export function describeFacts({
  description,
  owner_group: ownerGroup,
  groups_json,
  labels_json,
}: Facts): Record<string, unknown> {
  return { description, ownerGroup, groups: JSON.parse(groups_json), labels: JSON.parse(labels_json) };
}

/** The same text as long as nothing is changed that `change` replaces. */
export function versionOf(robot: Omit<RobotInput, 'name'>): string {
  const { description, owner_group, groups_json, labels_json } = toFacts(robot);
  const facts = [description, owner_group, groups_json, labels_json];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
}
