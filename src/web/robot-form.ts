/** Owns the form that makes and changes a robot: lists are written one entry a line, labels as `name: value, value`. */
import type { Robot, RobotInput } from '../accounts/robots.ts';
import { fieldsOf } from './fields.ts';
import type { FormError } from './password-form.ts';

export type RobotForm = {
  /** `null` for one that is new. */
  readonly id: string | null;
  readonly name: string;
  readonly description: string;
  readonly ownerGroup: string;
  readonly groups: string;
  readonly labels: string;
  readonly error: FormError | null;
};

export const emptyRobotForm: RobotForm = {
  ...{ id: null, name: '', description: '', ownerGroup: '', groups: '', labels: '' },
  error: null,
};

export function formOfRobot({ id, name, description, ownerGroup, groups, labels }: Robot): RobotForm {
  const lines = Object.entries(labels).map(([label, values]) => `${label}: ${values.join(', ')}`);
  return { id, name, description, ownerGroup, groups: groups.join('\n'), labels: lines.join('\n'), error: null };
}

export function readRobotForm(body: unknown): RobotForm {
  const field = fieldsOf(body);
  return {
    id: null,
    name: field('name'),
    description: field('description'),
    ownerGroup: field('ownerGroup'),
    groups: field('groups'),
    labels: field('labels'),
    error: null,
  };
}

export function toRobotInput(form: RobotForm): Omit<RobotInput, 'name'> {
  const labels = linesOf(form.labels).map((line) => {
    const [name = '', ...rest] = line.split(':');
    const values = rest.join(':').split(',');
    return [name.trim(), values.map((value) => value.trim()).filter((value) => value !== '')] as const;
  });
  const { description, ownerGroup, groups } = form;
  return { description, ownerGroup, groups: linesOf(groups), labels: Object.fromEntries(labels) };
}

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
