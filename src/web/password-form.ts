/** Owns the form that makes a password or gives it a new secret: what it offers, and how what comes back is read. */
import type { AppPasswords, PasswordInput, RotationInput } from '../app-passwords/app-passwords.ts';
import type { Refusal } from '../lib/errors.ts';
import { fieldsOf, numberIn } from './fields.ts';

/** `field`: the name of the field that it's about; `null`: the whole form. */
export type FormError = { readonly message: string; readonly field: string | null };

export function formErrorOf({ message, field }: Refusal): FormError {
  return { message, field: field ?? null };
}

/** The form as it is shown: empty, or as it was sent when something was wrong with it. */
export type PasswordForm = {
  readonly name: string;
  readonly days: number;
  readonly access: string;
  readonly repositories: string;
  readonly error: FormError | null;
  readonly lifetimes: readonly { readonly days: number; readonly label: string }[];
};

declare module './views.ts' {
  interface ViewData {
    /** `base`: see `Holder`. `home`: where "Cancel" leads. */
    'password-form': {
      form: PasswordForm;
      base: string;
      home: string;
      robot: string | null;
      autofocus?: boolean;
      cancel?: boolean;
    };
  }
}

type Sent = Pick<PasswordForm, 'name' | 'days' | 'access' | 'repositories'>;

const offeredDays = [7, 30, 90, 365];
const defaultDays = 90;

export function emptyForm({ maximumDays }: Pick<AppPasswords, 'maximumDays'>): PasswordForm {
  const days = offeredDays.filter((offered) => offered <= maximumDays);
  if (maximumDays < Math.max(...offeredDays) && !days.includes(maximumDays)) days.push(maximumDays);
  return {
    name: '',
    days: days.includes(defaultDays) ? defaultDays : Math.max(...days),
    access: 'full',
    repositories: '',
    error: null,
    lifetimes: days.map((count) => ({ days: count, label: count === 365 ? '1 year' : `${count} days` })),
  };
}

export function readFields(body: unknown): Sent {
  const field = fieldsOf(body);
  return {
    name: field('name'),
    days: numberIn(field('days')),
    access: field('access'),
    repositories: field('repositories'),
  };
}

/** Full access has to be asked for: leaving the field out doesn't give it. */
export function toPasswordInput({ name, days, access, repositories }: Sent): PasswordInput {
  return { name, days, pullOnly: access !== 'full', repositories: repositories.split(/\r?\n/) };
}

/** What is not said is `NaN`, which the rotation refuses: the old secret neither ends nor lives on unasked. */
export function readRotation(body: unknown): RotationInput {
  const field = fieldsOf(body);
  return { days: numberIn(field('days')), overlapHours: numberIn(field('overlap')) };
}
