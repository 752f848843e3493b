/** Owns reading an ACL as docker_auth itself does, its leniency included; only to compare decisions with it. */
import { isRecord } from '../lib/json.ts';
import { conditionFieldOf, matchFieldNames, matchFields } from './match-fields.ts';
import { type Condition, compileConditions, type WrittenCondition } from './rule.ts';

export type DockerAuthRule = {
  readonly conditions: readonly Condition[];
  /** `null`: missing, and docker_auth crashes on the request that the rule matches. */
  readonly actions: readonly string[] | null;
};

/** docker_auth refuses to load the ACL, or crashes on it. */
export class DockerAuthError extends Error {
  override readonly name = 'DockerAuthError';
}

/**
 * @param acl the `acl` section as plain values
 * @throws {DockerAuthError}
 */
export function loadDockerAuthAcl(acl: unknown): DockerAuthRule[] {
  return listOf(acl ?? [], 'acl').map((entry, index) => {
    const rule = `acl[${index + 1}]`;
    const { match, actions, comment } = entry === null ? {} : mapOf(entry, rule);
    // docker_auth doesn't use it, but requires a text.
    textOf(comment ?? '', `${rule}.comment`);
    if (match === undefined || match === null) throw new DockerAuthError(`${rule}: match is missing`);
    return {
      conditions: compileConditions(
        readMatch(mapOf(match, `${rule}.match`), rule),
        { extended: false, raw: true },
        ({ name, key }, _pattern, message) => {
          throw new DockerAuthError(`${rule}.match.${conditionFieldOf(name, key)}: ${message}`);
        },
      ),
      actions:
        actions === undefined || actions === null
          ? null
          : listOf(actions, `${rule}.actions`).map((action) => textOf(action, rule)),
    };
  });
}

const fields = matchFieldNames.filter((name) => matchFields[name].isDockerAuths);

/** docker_auth ignores keys that it doesn't know, and the rule becomes wider. */
function readMatch(written: Readonly<Record<string, unknown>>, rule: string): WrittenCondition[] {
  return fields.flatMap((name) => {
    const value = written[name];
    if (value === undefined || value === null) return [];
    const path = `${rule}.match.${name}`;
    if (matchFields[name].form !== 'map') return { name, key: '', patterns: [textOf(value, path)] };
    return Object.entries(mapOf(value, path)).map(([key, pattern]) => ({
      name,
      key,
      patterns: [textOf(pattern, path)],
    }));
  });
}

/** A number or a boolean counts as its text, and null as the empty text, as in its YAML reader. */
function textOf(value: unknown, path: string): string {
  if (value === null) return '';
  if (typeof value === 'object') throw new DockerAuthError(`${path} isn't a text`);
  return String(value);
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new DockerAuthError(`${path} isn't a list`);
  return value;
}

function mapOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new DockerAuthError(`${path} isn't a map`);
  return value;
}
