/** Owns the form that makes a password or gives it a new secret: what it offers, and how what comes back is read. */
import { createHash, randomBytes } from 'node:crypto';
import type { AppPassword, PasswordInput, RotationInput } from '../app-passwords/app-passwords.ts';
import type { Refusal } from '../lib/errors.ts';
import { type ExpiryChoice, expiryChoice, readExpiry, type SentExpiry } from './expiry.ts';
import { fieldsOf, numberIn, textsOf } from './fields.ts';
import type { PreviewView } from './password-preview.ts';

/** `field`: the name of the field that it's about; `null`: the whole form. */
export type FormError = { readonly message: string; readonly field: string | null };

export function formErrorOf({ message, field }: Refusal): FormError {
  return { message, field: field ?? null };
}

/** The form as it is shown: empty, or as it was sent when something was wrong with it. */
export type PasswordForm = {
  readonly name: string;
  /** Random; with it, a form that is sent twice makes one password. */
  readonly once: string;
  readonly expiry: ExpiryChoice;
  readonly access: string;
  readonly repositories: string;
  readonly error: FormError | null;
  /** What it could do as it's filled in, where that was asked for. */
  readonly preview: PreviewView | null;
};

declare module './views.ts' {
  interface ViewData {
    /** `base`: see `Holder`. `home`: where "Cancel" leads. */
    'password-form': {
      form: PasswordForm;
      /** Patterns to tick. */
      suggestions: readonly string[];
      base: string;
      home: string;
      robot: string | null;
      autofocus?: boolean;
      cancel?: boolean;
    };
  }
}

/** What makes copies of a form one. */
export function newOnce(): string {
  return randomBytes(12).toString('base64url');
}

/** What a form needs to offer lifetimes. `now`: epoch milliseconds. */
export type FormParts = { readonly passwords: { readonly maximumDays: number }; readonly now: () => number };

/** Hexadecimal digits: 72 bits, as those of other passwords. */
const idLength = 18;

type Sent = Pick<PasswordForm, 'name' | 'once' | 'access' | 'repositories'> & { readonly expiry: SentExpiry };

export function emptyForm({ passwords, now }: FormParts): PasswordForm {
  const expiry = expiryChoice(passwords.maximumDays, now());
  return { name: '', once: newOnce(), expiry, access: 'full', repositories: '', error: null, preview: null };
}

/** Empty, or with what a query has: the form of someone who had to sign in again. */
export function formFrom({ passwords, now }: FormParts, query: unknown): PasswordForm {
  const empty = emptyForm({ passwords, now });
  if (!hasAny(query, ['name', 'days', 'until', 'access', 'repositories', 'also'])) return empty;
  const sent = readFields(query, now());
  const expiry = expiryChoice(passwords.maximumDays, now(), sent.expiry);
  return { ...empty, ...sent, once: empty.once, expiry };
}

function hasAny(query: unknown, names: readonly string[]): boolean {
  return names.some((name) => textsOf(query, name).some((text) => text !== ''));
}

/** With the name and limits of an earlier password: whatever its actions were, the form never starts with more. */
export function formLike(parts: FormParts, { name, limits }: Pick<AppPassword, 'name' | 'limits'>): PasswordForm {
  const access = limits.actions === null ? 'full' : 'pull';
  return { ...emptyForm(parts), name, access, repositories: (limits.repositories ?? []).join('\n') };
}

/** The form again, with what was sent and what is wrong with it. */
export function formAgain({ passwords, now }: FormParts, sent: Sent, error: Refusal): PasswordForm {
  const expiry = expiryChoice(passwords.maximumDays, now(), sent.expiry);
  return { ...sent, once: newOnce(), expiry, error: formErrorOf(error), preview: null };
}

/** The form as it was sent, with what it would make. */
export function formWithPreview({ passwords, now }: FormParts, sent: Sent, preview: PreviewView): PasswordForm {
  const expiry = expiryChoice(passwords.maximumDays, now(), sent.expiry);
  return { ...sent, expiry, error: null, preview };
}

/** Whether the form was sent to see what it would make, and not to make it. */
export function asksForPreview(body: unknown): boolean {
  return fieldsOf(body)('preview') !== '';
}

/** @param now epoch milliseconds */
export function readFields(body: unknown, now: number): Sent {
  const field = fieldsOf(body);
  return {
    name: field('name'),
    once: field('once'),
    expiry: readExpiry(field, now),
    access: field('access'),
    repositories: [...new Set([field('repositories'), ...textsOf(body, 'also')])].filter(Boolean).join('\n'),
  };
}

/**
 * The id of the password that a form makes: the same for each copy of the form, and for its owner only.
 * @returns undefined for a form without `once`, as programs send it
 */
export function idFor(ownerId: string, { once }: Pick<Sent, 'once'>): string | undefined {
  if (once === '') return undefined;
  return createHash('sha256').update(`${ownerId}\0${once}`).digest('hex').slice(0, idLength);
}

/** Full access has to be asked for: leaving the field out doesn't give it. */
export function toPasswordInput({ name, expiry, access, repositories }: Sent): PasswordInput {
  const patterns = repositories.split(/\r?\n/).filter((line) => line.trim() !== '');
  return { name, days: expiry.days, pullOnly: access !== 'full', repositories: patterns };
}

/** The form that gives a password a new secret: as it was sent, if it was. */
export type RotationForm = {
  readonly expiry: ExpiryChoice;
  /** For how long the old secret can be kept. */
  readonly overlaps: readonly { readonly hours: number; readonly label: string; readonly isChosen: boolean }[];
  readonly error: FormError | null;
};

const overlaps: readonly { readonly hours: number; readonly label: string }[] = [
  { hours: 0, label: 'Not at all' },
  { hours: 1, label: '1 hour' },
  { hours: 24, label: '1 day' },
  { hours: 168, label: '7 days' },
];
/** Hours. */
const defaultOverlap = 24;

/** @param sent a body, or the query of someone who had to sign in again. @param error what is wrong with it */
export function rotationForm({ passwords, now }: FormParts, sent: unknown, error: Refusal | null): RotationForm {
  const field = fieldsOf(sent);
  const hoursSent = numberIn(field('overlap'));
  const chosen = overlaps.some(({ hours }) => hours === hoursSent) ? hoursSent : defaultOverlap;
  return {
    expiry: expiryChoice(
      passwords.maximumDays,
      now(),
      hasAny(sent, ['days', 'until']) ? readExpiry(field, now()) : undefined,
    ),
    overlaps: overlaps.map((overlap) => ({ ...overlap, isChosen: overlap.hours === chosen })),
    error: error && formErrorOf(error),
  };
}

/** What is not said is `NaN`, which the rotation refuses: the old secret neither ends nor lives on unasked. */
export function readRotation(body: unknown, now: number): RotationInput {
  const field = fieldsOf(body);
  return { days: readExpiry(field, now).days, overlapHours: numberIn(field('overlap')) };
}
