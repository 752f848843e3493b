/** Owns reading JSON and other values of unknown shape into types, with a check instead of a cast. */

/** @throws {SyntaxError} for what isn't JSON; {TypeError} for JSON of another shape than its writer gave it */
export function readJson<Value>(text: string, isExpected: (value: unknown) => value is Value): Value {
  const value: unknown = JSON.parse(text);
  if (!isExpected(value)) throw new TypeError(`stored JSON does not pass ${isExpected.name}`);
  return value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Whether the text names one of the object's own fields. */
export function isKeyOf<Known extends object>(known: Known, text: string): text is Extract<keyof Known, string> {
  return Object.hasOwn(known, text);
}

/** Lists of texts by name: labels. */
export function isTextLists(value: unknown): value is Readonly<Record<string, readonly string[]>> {
  return isRecord(value) && Object.values(value).every(isTexts);
}

/** The fields of an object; none for anything else. */
export function fieldsIn(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** The fields of the JSON object that a text is; none for anything else. */
export function parseFields(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsIn(JSON.parse(text));
  } catch {
    return {};
  }
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
