/** Owns what a new password can be: its name, its lifetime, the repositories that it's restricted to. */
import type { Limits } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { hasInvisible, normalized } from '../lib/unicode.ts';

/** What someone asks for when they create a password. `repositories` empty: not restricted. */
export type PasswordInput = {
  readonly name: string;
  readonly days: number;
  readonly pullOnly: boolean;
  readonly repositories: readonly string[];
  /** The id that the password gets, where a request can be sent twice; random if absent. */
  readonly id?: string;
};

/** The part of it that says what a password can be used for. */
export type LimitsInput = Pick<PasswordInput, 'pullOnly' | 'repositories'>;

export type InputRules = {
  readonly maximumDays: number;
  /** Says what is wrong with a repository pattern, or `null`. */
  readonly checkPattern: (pattern: string) => string | null;
};

const maximumNameLength = 60;
const maximumPatterns = 20;
const maximumPatternLength = 255;

/** @throws {Refusal} `bad_request`, with the field */
export function checkInput(input: PasswordInput, rules: InputRules): { name: string; limits: Limits } {
  const name = checkName(input.name);
  checkDays(input.days, rules.maximumDays);
  return { name, limits: checkLimits(input, rules) };
}

/** @throws {Refusal} `bad_request`, with the field */
export function checkLimits(input: LimitsInput, rules: Pick<InputRules, 'checkPattern'>): Limits {
  const repositories = input.repositories.map((pattern) => pattern.trim());
  const patternProblem = problemOfPatterns(repositories, rules);
  if (patternProblem !== null) throw new Refusal('bad_request', patternProblem, { field: 'repositories' });
  return { actions: input.pullOnly ? ['pull'] : null, repositories: repositories.length > 0 ? repositories : null };
}

/**
 * @returns the name as it is stored
 * @throws {Refusal} `bad_request`, with the field
 */
export function checkName(wanted: string): string {
  const name = normalized(wanted.trim());
  const problem = problemOfName(name);
  if (problem !== null) throw new Refusal('bad_request', problem, { field: 'name' });
  return name;
}

function problemOfName(name: string): string | null {
  if (name === '') return 'Give the password a name, for example the machine that will use it.';
  if (name.length > maximumNameLength) return `The name is longer than ${maximumNameLength} characters. Shorten it.`;
  return hasInvisible(name) ? 'The name contains a control or invisible character. Remove it.' : null;
}

function problemOfPatterns(
  repositories: readonly string[],
  { checkPattern }: Pick<InputRules, 'checkPattern'>,
): string | null {
  if (repositories.length > maximumPatterns) {
    return `Use at most ${maximumPatterns} repository patterns; combine some with “*”.`;
  }
  // An unset variable of a script: without it there would be no limit.
  if (repositories.includes('')) return 'A repository pattern is empty. Fill it in, or leave it out.';
  const problems = repositories.flatMap((pattern) => {
    const problem = pattern.length > maximumPatternLength ? 'it is too long' : checkPattern(pattern);
    return problem === null ? [] : [`“${pattern}” isn’t valid: ${problem}.`];
  });
  const [first, ...others] = problems;
  if (first === undefined) return null;
  return others.length === 0 ? `The repository pattern ${first}` : problems.join(' ');
}

/** @throws {Refusal} `bad_request` */
export function checkDays(days: number, maximum: number): void {
  if (Number.isInteger(days) && days >= 1 && days <= maximum) return;
  throw new Refusal('bad_request', `Choose a lifetime between 1 and ${maximum} days.`, { field: 'days' });
}
