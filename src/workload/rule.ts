/** Owns one rule of the workloads file: what a token must claim, and what its workload then is to the policy. */
import { createHash } from 'node:crypto';
import { PatternError } from '../pattern/compiled.ts';
import { type Entry, type Place, type Reader, suggest, type Value } from '../policy/reader.ts';
import { type Condition, compileCondition, isExact } from './condition.ts';
import { type Issuer, type IssuerContext, readDuration, readFilled, readFlag, readServices } from './issuer.ts';
import { pinsOf } from './preset.ts';
import { parseTemplate, type Template } from './template.ts';

export type WorkloadRule = Place & {
  /** Counts from 1. */
  readonly number: number;
  readonly issuer: Issuer;
  /** Hash of issuer and conditions: the same as long as the rule lets in the same. */
  readonly key: string;
  readonly conditions: readonly Condition[];
  readonly groups: readonly string[];
  readonly labels: readonly { readonly name: string; readonly values: readonly Template[] }[];
  /** `null`: as the preset makes it. */
  readonly account: Template | null;
  /** Seconds that what is made from a token of this rule lives at most. */
  readonly lifetime: number;
  /** The only services that it's for, or `null`. */
  readonly services: readonly string[] | null;
  /** Exchanged passwords and job-bound tokens that can be active at a time. */
  readonly limit: number;
  readonly comment: string | null;
};

const fields = [
  ...['issuer', 'match', 'groups', 'labels', 'account', 'lifetime', 'services', 'limit', 'comment'],
  'untrusted_triggers',
] as const;

/** Seconds. */
const defaultLifetime = 3_600;
const lifetimes = { minimum: 60, maximum: 86_400 };
const defaultLimit = 500;
const maximumLimit = 100_000;

/** `null` if the rule can't be read; why is reported. */
export function readRule(
  reader: Reader,
  value: Value,
  number: number,
  issuers: ReadonlyMap<string, Issuer>,
  context: IssuerContext,
): WorkloadRule | null {
  const given = readFilled(reader, value, fields);
  const issuer = readIssuerName(reader, value, given.issuer, issuers);
  if (!given.match) {
    reader.report(value.place, `${value.path}: match is missing; it says which tokens the rule is for`);
    return null;
  }
  const conditions = reader.entries(given.match).flatMap((entry) => readCondition(reader, entry, issuer) ?? []);
  if (issuer === null) return null;
  const trustsTriggers = given.untrusted_triggers ? readFlag(reader, given.untrusted_triggers) : false;
  checkPins(reader, given.match, issuer, conditions, trustsTriggers);
  return Object.freeze({
    number,
    line: value.place.line,
    column: value.place.column,
    issuer,
    key: keyOf(issuer, conditions),
    conditions,
    groups: given.groups ? readGroups(reader, given.groups) : [],
    labels: given.labels ? reader.entries(given.labels).map((entry) => readLabel(reader, entry)) : [],
    account: given.account ? readAccount(reader, given.account, issuer) : null,
    lifetime: given.lifetime ? readDuration(reader, given.lifetime, lifetimes) : defaultLifetime,
    services: given.services ? readServices(reader, given.services, context) : null,
    limit: given.limit ? readLimit(reader, given.limit) : defaultLimit,
    comment: given.comment ? reader.text(given.comment) : null,
  });
}

function readIssuerName(
  reader: Reader,
  rule: Value,
  value: Value | undefined,
  issuers: ReadonlyMap<string, Issuer>,
): Issuer | null {
  const name = value === undefined ? null : reader.text(value);
  const issuer = name === null ? undefined : issuers.get(name);
  if (issuer !== undefined) return issuer;
  if (name === null) reader.report(rule.place, `${rule.path}: issuer is missing`);
  // One whose own mistakes are reported already is unknown here only because of them.
  else
    reader.report(
      value?.place ?? rule.place,
      `issuer "${name}" isn't a usable issuer of this file${suggest(name, [...issuers.keys()])}`,
    );
  return null;
}

/** A value, a list, a pattern, or `has:` with one of these. */
function readCondition(
  reader: Reader,
  { key: claim, keyPlace, value }: Entry,
  issuer: Issuer | null,
): Condition | null {
  if (value === null) {
    reader.report(keyPlace, `match.${claim} is empty; write a value, or leave the claim out`);
    return null;
  }
  const inner = reader.isMap(value) ? reader.fields(value, ['has']).has : value;
  if (inner === undefined) {
    reader.report(keyPlace, `match.${claim} must be a value, a list of values, or "has:" with one of these`);
    return null;
  }
  const texts = reader.texts(inner);
  if (texts.length === 0) reader.report(keyPlace, `match.${claim} has no value`);
  if (issuer?.preset.ids.includes(claim)) {
    for (const { text, place } of texts) {
      if (!isExact(text)) reader.report(place, `match.${claim} is an id: write it in full, without a pattern`);
    }
  }
  try {
    return compileCondition(
      claim,
      texts.map(({ text }) => text),
      inner !== value,
    );
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    reader.report(value.place, `match.${claim}: ${error.message}`);
    return null;
  }
}

function checkPins(
  reader: Reader,
  match: Value,
  { preset, issuer }: Issuer,
  conditions: readonly Condition[],
  trustsTriggers: boolean,
): void {
  const pins = pinsOf(conditions);
  for (const problem of preset.refuse(pins, trustsTriggers, issuer)) reader.report(match.place, problem);
  for (const warning of preset.warn(pins, issuer)) reader.report(match.place, warning, 'warning');
}

/** A colon would make it a group of a provider, which only that provider can put someone into. */
function readGroups(reader: Reader, value: Value): string[] {
  return reader.texts(value).flatMap(({ text, place }) => {
    if (/^[^\s:${}*]+$/.test(text)) return text;
    reader.report(place, `group "${text}" must be a name without spaces, colons and variables`);
    return [];
  });
}

function readLabel(reader: Reader, { key, keyPlace, value }: Entry): WorkloadRule['labels'][number] {
  if (value === null) reader.report(keyPlace, `labels.${key} is empty`);
  const values = (value ? reader.texts(value) : []).flatMap(
    ({ text, place }) => readTemplate(reader, text, place) ?? [],
  );
  return { name: key, values };
}

function readTemplate(reader: Reader, text: string, place: Value['place']): Template | null {
  const template = parseTemplate(text);
  if (template === null) {
    reader.report(place, `"${text}" has a variable that means nothing here; write \${claims:NAME} for a claim`);
  }
  return template;
}

/** Every name that isn't a person, robot or static user begins like this: none of them can be impersonated. */
function readAccount(reader: Reader, value: Value, { preset }: Issuer): Template | null {
  const text = reader.text(value) ?? '';
  if (preset.name !== 'oidc') {
    reader.report(
      value.place,
      `account is for issuers with preset oidc: preset ${preset.name} makes it from the claims`,
    );
  } else if (!/^ci:[A-Za-z0-9._/@:-]+$/.test(text.replaceAll(/\$\{claims:[^}]+\}/g, 'x'))) {
    reader.report(
      value.place,
      `account "${text}" must begin with "ci:" and consist of letters, digits and . _ / @ : -`,
    );
  }
  return readTemplate(reader, text, value.place);
}

function readLimit(reader: Reader, value: Value): number {
  const text = reader.text(value) ?? '';
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= maximumLimit) return Number(text);
  reader.report(value.place, `limit must be a whole number from 1 to ${maximumLimit}, not "${text}"`);
  return defaultLimit;
}

function keyOf({ name, issuer }: Issuer, conditions: readonly Condition[]): string {
  const parts = conditions.map(({ claim, patterns, has }) => [claim, patterns, has]);
  return createHash('sha256')
    .update(JSON.stringify([name, issuer, parts]))
    .digest('base64url')
    .slice(0, 22);
}
