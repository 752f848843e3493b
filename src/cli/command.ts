/** Owns what a command is: its words, its help, its arguments, and where it writes. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Environment } from '../config/settings.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Ask } from './prompt.ts';

export type Terminal = {
  readonly environment: Environment;
  /** Standard input, for commands that filter. */
  readonly input: AsyncIterable<Buffer | string>;
  /** Results, for people and pipes. */
  out(line: string): void;
  /** What is said beside the result. */
  err(line: string): void;
  /** Asks the person, where there is one. */
  readonly ask?: Ask | undefined;
};

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = ReturnType<typeof parseArgs>['values'];

export type Command = {
  /** "password create" */
  readonly name: string;
  /** What follows the words: "EMAIL --name NAME [--days N]". */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** More lines for `--help`. */
  readonly details?: readonly string[];
  readonly options?: Options;
  /** How many arguments that are no options it takes. */
  readonly operands: readonly [minimum: number, maximum: number];
  /** The exit code. */
  run(operands: readonly string[], values: Values, terminal: Terminal): Promise<number>;
};

/** The arguments are wrong for the command; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function readArguments(command: Command, words: readonly string[]): { operands: string[]; values: Values } {
  const options: Options = { ...command.options, help: { type: 'boolean', short: 'h' } };
  try {
    const { positionals, values } = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
    const [minimum, maximum] = command.operands;
    const fits = positionals.length >= minimum && positionals.length <= maximum;
    if (!fits && values['help'] !== true) throw new UsageError('The number of arguments is wrong.');
    return { operands: positionals, values };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(errorMessage(error));
  }
}

/** @throws {UsageError} */
export function wholeNumber(text: string, option: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${option} takes a whole number, not "${text}".`);
  return Number(text);
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
