/** Owns what a command is: its words, its help, its options, what it answers, and where it writes. */

import type { parseArgs } from 'node:util';
import type { Environment } from '../config/settings.ts';
import type { Ask } from './prompt.ts';

/** A terminal that shows an output: absent where it goes into a file or a pipe. */
export type Screen = { readonly columns: number; readonly color: boolean };

/** What a process has of the world around it. */
export type Streams = {
  readonly environment: Environment;
  /** Standard input, for commands that filter. */
  readonly input: AsyncIterable<Buffer | string>;
  /** Results, for people and pipes. */
  out(line: string): void;
  /** Warnings, mistakes, and what else is said beside the result. */
  err(line: string): void;
  /** Asks the person, where there is one. */
  readonly ask?: Ask | undefined;
  /** Where `out` goes, if someone looks at it. */
  readonly screen?: Screen | undefined;
  /** Replaces the last line on the terminal that shows standard error; '' removes it. Absent where no one looks. */
  readonly showProgress?: ((text: string) => void) | undefined;
  /** Aborted when what read `out` has ended, as in `| head`. */
  readonly readersLeft?: AbortSignal | undefined;
};

/** What a command gets. */
export type Terminal = Omit<Streams, 'showProgress'> & {
  /** Says how far long work is ("12 of 340 people asked"), where someone looks; the next text replaces it. */
  progress(text: string): void;
};

export type Option = {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for its value in help: "FILE". Completion offers files for FILE, DIR, FOLDER and PATH. */
  readonly value?: string;
  /** What it does, for help. */
  readonly help?: string;
  /** The words that it takes, for completion. */
  readonly choices?: readonly string[];
};

export type Options = Readonly<Record<string, Option>>;
export type Values = ReturnType<typeof parseArgs>['values'];

/** What `--json` writes: one document, an object with these fields or a list of such objects; each with its meaning. */
export type JsonForm = { readonly list?: boolean; readonly fields: Readonly<Record<string, string>> };

export type Command = {
  /** "password create" */
  readonly name: string;
  /** What follows the words: "EMAIL --name NAME [--days N]". */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** More for `--help`: a paragraph each, or lines in columns, which have two spaces in a row. */
  readonly details?: readonly string[];
  readonly options?: Options;
  /** Present where the command has `--json`. */
  readonly json?: JsonForm;
  /** How many operands it takes: arguments that aren't options. */
  readonly operands: readonly [minimum: number, maximum: number];
  /** It runs until it's stopped, or talks with the person: no one has to be told that it's at work. */
  readonly isConversation?: boolean;
  /** The exit code. */
  run(operands: readonly string[], values: Values, terminal: Terminal): Promise<number>;
};

/** What every command takes. */
export const commonOptions: Options = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
  quiet: { type: 'boolean', short: 'q', help: 'only results, warnings and errors: no headers, notes or progress' },
};

export const jsonOption: Option = { type: 'boolean', help: 'write one JSON document, errors included' };

/** All that a command takes, the common ones last. */
export function optionsOf({ options = {}, json }: Command): Options {
  return { ...options, ...(json !== undefined && { json: jsonOption }), ...commonOptions };
}

/** What an exit code means. */
export const exitCodes = [
  [0, 'Done, and any check passed.'],
  [1, 'Refused or failed, or a check found something. The message says what to do next.'],
  [2, "The command line wasn't understood; nothing was done."],
] as const;

/** The arguments are wrong for the command; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function wholeNumber(text: string, option: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${option} takes a whole number, not "${text}".`);
  return Number(text);
}

/** @throws {UsageError} where the option isn't given */
export function requiredText(values: Values, option: string): string {
  const value = textOf(values, option);
  if (value === null) throw missingOptions([option]);
  return value;
}

/** That these options have to be given. */
export function missingOptions(options: readonly string[]): UsageError {
  const verb = options.length === 1 ? 'is' : 'are';
  return new UsageError(`${options.map((option) => `--${option}`).join(', ')} ${verb} missing.`);
}

/** The values of an option that can be repeated. */
export function textsOf(values: Values, option: string): string[] {
  const value = values[option] ?? [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** The value of an option that takes a text; `null` where it isn't given. */
export function textOf(values: Values, option: string): string | null {
  const value = values[option];
  return typeof value === 'string' ? value : null;
}
