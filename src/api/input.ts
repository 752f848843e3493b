/** Owns how fields of a query or a JSON body are read: the right type, or a refusal that names the field. */
import { Refusal } from '../lib/errors.ts';

/** A field of the query or the body: no other is accepted, and the OpenAPI document describes it. */
export type ApiField = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'strings' | 'object';
  readonly about: string;
  readonly required?: boolean;
};

export type Input = {
  /** Whether it was sent at all, even as `null`. */
  has(name: string): boolean;
  text(name: string): string | undefined;
  requiredText(name: string): string;
  /** From a number, or from digits of a query. */
  integer(name: string): number | undefined;
  flag(name: string): boolean;
  texts(name: string): string[];
  /** An object of lists of texts. */
  lists(name: string): Record<string, string[]>;
};

/** PostgreSQL stores it in no text, and SQLite ends a text there when it compares. */
const nul = '\0';

/**
 * @param source what express's parser made: can be anything
 * @param known the fields that are accepted
 * @throws {Refusal} for any other field, so that a typo does not widen what is meant, and for what isn't one object
 */
export function createInput(source: unknown, known: readonly ApiField[] = []): Input {
  const fields = readFields(source);
  refuseUnknown(
    [...fields.keys()],
    known.map(({ name }) => name),
  );
  const wrong = (name: string, what: string): Refusal =>
    new Refusal('bad_request', `"${name}" must be ${what}.`, { field: name });
  /** `null` isn't left out: of a limit that someone meant to set, nothing would be left. */
  const given = (name: string, absent: unknown): unknown => (fields.has(name) ? fields.get(name) : absent);
  const text = (name: string): string | undefined => {
    const value: unknown = fields.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw wrong(name, 'a text');
    if (value.includes(nul)) throw wrong(name, 'a text without the character NUL');
    return value;
  };
  const textsOf = (name: string, value: unknown): string[] => {
    if (Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes(nul))) return value;
    throw wrong(name, 'a list of texts, without the character NUL');
  };
  return {
    has: (name) => fields.has(name),
    text,
    requiredText(name) {
      const value = text(name);
      if (value === undefined || value === '') throw wrong(name, 'a text that is not empty');
      return value;
    },
    integer(name) {
      const value: unknown = fields.get(name);
      if (value === undefined || value === null) return undefined;
      const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw wrong(name, 'a whole number');
      return number;
    },
    flag(name) {
      const value = given(name, false);
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw wrong(name, 'true or false');
    },
    texts: (name) => textsOf(name, given(name, [])),
    lists(name) {
      const value = given(name, {});
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'an object');
      return Object.fromEntries(Object.entries(value).map(([key, list]) => [key, textsOf(`${name}.${key}`, list)]));
    },
  };
}

/** @throws {Refusal} for what was sent and isn't one object: it would count as nothing */
function readFields(source: unknown): Map<string, unknown> {
  if (source === undefined) return new Map();
  if (typeof source === 'object' && source !== null && !Array.isArray(source)) return new Map(Object.entries(source));
  throw new Refusal('bad_request', 'The body must be one JSON object.');
}

function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const others = known.length === 0 ? 'There is none.' : `There are: ${known.join(', ')}.`;
  throw new Refusal('bad_request', `There is no field "${unknown}" here. ${others}`, { field: unknown });
}
