/** Owns the view of the command table that shells need: what comes after which word, and what an option takes. */
import { operandNames } from './arguments.ts';
import { type Command, type Option, optionsOf } from './command.ts';

export type Branch = { readonly word: string; readonly summary: string; readonly commands: readonly Command[] };

/** By first word: a command of one word, or the group of those that begin with it. */
export function branchesOf(commands: readonly Command[]): Branch[] {
  const byWord = Map.groupBy(commands, ({ name }) => name.split(' ')[0] ?? name);
  return [...byWord].map(([word, own]) => ({ word, summary: own.map(summaryOf(word)).join(', '), commands: own }));
}

const summaryOf =
  (word: string) =>
  ({ name, summary }: Command): string =>
    name === word ? summary : name.slice(word.length + 1);

/** What a value can be: files, one of some words, or anything. */
export type Candidates = 'files' | readonly string[] | null;

export function candidatesOf({ value = '', choices }: Option): Candidates {
  return choices ?? candidatesNamed(value);
}

/** What the first operand can be. */
export function operandCandidates(command: Command): Candidates {
  return candidatesNamed(operandNames(command)[0] ?? '');
}

function candidatesNamed(name: string): Candidates {
  if (/^(FILE|DIR|FOLDER|PATH|LOG)$|\.ya?ml$/.test(name)) return 'files';
  return /^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(name) ? name.split('|') : null;
}

export const namedOptions = (command: Command): readonly (readonly [string, Option])[] =>
  Object.entries(optionsOf(command));
