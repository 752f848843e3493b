/** Owns how the words after a command become its arguments, and what is said about a word that doesn't fit. */
import { parseArgs } from 'node:util';
import { nearestWord } from '../lib/nearest-word.ts';
import { type Command, type Option, type Options, optionsOf, UsageError, type Values } from './command.ts';

/** @throws {UsageError} */
export function readArguments(command: Command, words: readonly string[]): { operands: string[]; values: Values } {
  const options = optionsOf(command);
  const parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: false, tokens: true });
  const { positionals, values, tokens } = parsed;
  const given = tokens.filter((token) => token.kind === 'option');
  for (const token of given) checkOption(token, options);
  refuseRepeated(given, options);
  if (values['help'] !== true) checkOperands(command, positionals);
  return { operands: positionals, values: { ...values } };
}

type OptionToken = {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
};

function checkOption({ name, rawName, value, inlineValue }: OptionToken, options: Options): void {
  const option = options[name];
  if (option === undefined || !Object.hasOwn(options, name)) throw new UsageError(unknownOption(rawName, options));
  if (option.type === 'boolean') {
    if (inlineValue === true) throw new UsageError(`${rawName} takes no value: leave "=${value ?? ''}" out.`);
  } else if (value === undefined) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${valueNameOf(option)}.`);
  } else if (value.trim() === '') {
    throw new UsageError(`${rawName} is empty. It needs a value: ${rawName} ${valueNameOf(option)}.`);
  } else if (inlineValue !== true && value.length > 1 && value.startsWith('-')) {
    throw new UsageError(
      `${rawName} needs a value, and "${value}" looks like an option. If it's meant, write ${rawName}=${value}`,
    );
  }
}

/** Only the last value would count: a command would do less than was asked, or something else. */
function refuseRepeated(given: readonly OptionToken[], options: Options): void {
  const names = given.map(({ name }) => name).filter((name) => options[name]?.type === 'string');
  const repeated = names.find((name, index) => options[name]?.multiple !== true && names.indexOf(name) < index);
  if (repeated !== undefined) throw new UsageError(`--${repeated} can be given only once.`);
}

function unknownOption(rawName: string, options: Options): string {
  const meant = rawName.startsWith('--') ? nearestWord(rawName.slice(2), Object.keys(options), 2) : null;
  return `There is no option ${rawName} here.${meant === null ? '' : ` Did you mean --${meant}?`}`;
}

/** What stands for the value of an option. */
export const valueNameOf = ({ value = 'TEXT' }: Option): string => value;

function checkOperands(command: Command, given: readonly string[]): void {
  const [minimum, maximum] = command.operands;
  const names = operandNames(command);
  if (given.length < minimum) throw new UsageError(`${names[given.length] ?? 'An argument'} is missing.`);
  if (given.length <= maximum) return;
  const [extra = ''] = given.slice(maximum);
  throw new UsageError(
    maximum === 0
      ? `"${extra}" is not expected: this command takes only options.`
      : `"${extra}" is not expected after ${given.slice(0, maximum).join(' ')}. Put quotes around a value with spaces.`,
  );
}

/** "EMAIL --name NAME" has one: "EMAIL". */
export function operandNames({ usage }: Pick<Command, 'usage'>): string[] {
  const [first = ''] = usage.split('\n');
  const [words = ''] = first.split(/(?:^|\s+)\[?-/);
  return words.split(/\s+/).flatMap((word) => (word === '...' || word === '' ? [] : word.replaceAll(/[[\]]/g, '')));
}
