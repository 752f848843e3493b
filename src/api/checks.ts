/** Owns what values of a query or a body have to be, beyond their type, so that a mistake isn't answered as if it meant something. */
import { Refusal } from '../lib/errors.ts';
import type { Input } from './input.ts';

/** An empty value is someone's variable that was empty: without it, the answer would be about more than was meant. @throws {Refusal} */
export function requireValue<Value>(field: string, value: Value | undefined): Value {
  if (value !== undefined && value !== '') return value;
  throw new Refusal('bad_request', `"${field}" is empty. Say what is meant, or leave it out.`, { field });
}

/** The text of a field that can be left out, then `undefined`. @throws {Refusal} for an empty one */
export function givenText(input: Input, field: string): string | undefined {
  return input.has(field) ? requireValue(field, input.text(field)) : undefined;
}

/** `undefined` for a text that isn't given. @throws {Refusal} for one that is none of the choices: an empty list would say that it has nothing */
export function oneOf<Choice extends string>(
  choices: readonly Choice[],
  field: string,
  text: string | undefined,
): Choice | undefined {
  const found = choices.find((choice) => choice === text);
  if (text === undefined || found !== undefined) return found;
  throw new Refusal('bad_request', `"${field}" must be one of ${choices.join(', ')}.`, { field });
}

/** Further than any list: its rows can still be counted. */
const maximumPage = 1_000_000_000;

/** From 1, which is also what is left out. @throws {Refusal} */
export function readPage(query: Input): number {
  const page = query.integer('page') ?? 1;
  if (page >= 1 && page <= maximumPage) return page;
  throw new Refusal('bad_request', `"page" is from 1 to ${maximumPage}.`, { field: 'page' });
}
