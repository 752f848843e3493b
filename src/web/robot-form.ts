/** Owns the form that makes and changes a robot: groups to tick or one a line, labels as `name: value, value`. */

import { type RobotInput, versionOf } from '../accounts/robot-facts.ts';
import type { Robot } from '../accounts/robots.ts';
import { Refusal } from '../lib/errors.ts';
import { fieldsOf, textsOf } from './fields.ts';
import type { FormError } from './password-form.ts';

export type RobotForm = {
  /** `null` for one that is new. */
  readonly id: string | null;
  readonly name: string;
  readonly description: string;
  readonly ownerGroup: string;
  readonly groups: readonly string[];
  readonly labels: string;
  /** It has what was sent before its sender had to sign in again. */
  readonly isUnsaved: boolean;
  /** Of the robot that the form was made from; '' for one that is new. */
  readonly version: string;
  /** What the robot has now, where someone else changed it after the form was opened. */
  readonly current: Pick<RobotForm, 'description' | 'ownerGroup' | 'groups' | 'labels'> | null;
  readonly error: FormError | null;
};

/** What someone can choose from. `value`: what its box sends, all names of the group, one a line. */
export type RobotChoices = {
  readonly owners: readonly string[];
  readonly groups: readonly { readonly label: string; readonly value: string; readonly isChosen: boolean }[];
};

/** @param own the groups of the person, `null` where any can be given: a robot of one's own group gets what that can do */
function newRobotForm(own: readonly string[] | null): RobotForm {
  const [first] = own === null ? [] : choicesAmong(own, []);
  const groups = first === undefined ? [] : linesOf(first.value);
  const empty = {
    id: null,
    name: '',
    description: '',
    labels: '',
    isUnsaved: false,
    version: '',
    current: null,
    error: null,
  };
  return { ...empty, ownerGroup: first?.label ?? '', groups };
}

/** Empty, or with what a query has: the form of someone who had to sign in again. Groups that aren't theirs are left out. */
export function robotFormFrom(own: readonly string[] | null, query: unknown): RobotForm {
  const sent = readRobotForm(query);
  if (sent.name === '' && sent.ownerGroup === '') return newRobotForm(own);
  return { ...sent, groups: own === null ? sent.groups : sent.groups.filter((group) => own.includes(group)) };
}

/** What an administrator gave the robot stays among the choices. @param own the groups of the person */
export function choicesOf(own: readonly string[], form: Pick<RobotForm, 'ownerGroup' | 'groups'>): RobotChoices {
  const owners = own.filter((name) => name === form.ownerGroup || fullNameOf(name, own) === name);
  return { owners, groups: choicesAmong(own, form.groups) };
}

function choicesAmong(own: readonly string[], chosen: readonly string[]): RobotChoices['groups'] {
  const names = [...new Set([...own, ...chosen])];
  return [...Map.groupBy(names, (name) => fullNameOf(name, names))].map(([label, spellings]) => {
    const given = spellings.filter((name) => chosen.includes(name));
    return { label, value: (given.length > 0 ? given : spellings).join('\n'), isChosen: given.length > 0 };
  });
}

/** Google's directory gives a group of the primary domain two names, for rules: `google:web@example.com` and `google:web`. */
function fullNameOf(name: string, names: readonly string[]): string {
  const isShort = name.startsWith('google:') && !name.includes('@');
  return (isShort ? names.find((other) => other.startsWith(`${name}@`)) : undefined) ?? name;
}

export function formOfRobot(robot: Robot): RobotForm {
  const { id, name, description, ownerGroup, groups, labels } = robot;
  const lines = Object.entries(labels).map(([label, values]) => `${label}: ${values.join(', ')}`);
  const facts = { id, name, description, ownerGroup, groups, labels: lines.join('\n'), isUnsaved: false };
  return { ...facts, version: versionOf(robot), current: null, error: null };
}

/** As the robot is, or with what a query has: the form of someone who had to sign in again. @param own as for a new robot */
export function changeFormFrom(robot: Robot, own: readonly string[] | null, query: unknown): RobotForm {
  const { id, name, groups } = robot;
  const sent = readRobotForm(query);
  // The form requires it.
  if (sent.ownerGroup === '') return formOfRobot(robot);
  const allowed =
    own === null ? sent.groups : sent.groups.filter((group) => own.includes(group) || groups.includes(group));
  return { ...sent, id, name, groups: allowed, isUnsaved: true };
}

export function readRobotForm(body: unknown): RobotForm {
  const field = fieldsOf(body);
  return {
    id: null,
    name: field('name'),
    description: field('description'),
    ownerGroup: field('ownerGroup'),
    groups: textsOf(body, 'groups').flatMap(linesOf),
    labels: field('labels'),
    isUnsaved: false,
    version: field('version'),
    current: null,
    error: null,
  };
}

/** @throws {Refusal} `bad_request` for a line that isn't a label */
export function toRobotInput(form: RobotForm): Omit<RobotInput, 'name'> {
  const { description, ownerGroup, groups } = form;
  return { description, ownerGroup, groups, labels: Object.fromEntries(linesOf(form.labels).map(readLabel)) };
}

function readLabel(line: string): readonly [name: string, values: readonly string[]] {
  const [name = '', ...rest] = line.split(':');
  const values = rest
    .join(':')
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (name.trim() !== '' && values.length > 0) return [name.trim(), values];
  const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
  throw new Refusal('bad_request', `“${shown}” isn’t a label. Write name: value, for example project: shop.`, {
    field: 'labels',
  });
}

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
