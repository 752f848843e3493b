/** Owns the workloads file: its YAML becomes frozen issuers and rules, or a list of everything that is wrong with it. */
import { PolicyError } from '../policy/acl.ts';
import { readYaml } from '../policy/document.ts';
import type { PolicyProblem, Reader, Value } from '../policy/reader.ts';
import { type Issuer, type IssuerContext, readAudience, readIssuers } from './issuer.ts';
import { readRule, type WorkloadRule } from './rule.ts';

export type Workloads = {
  /** What a token must be made for, where its issuer has no own audience. */
  readonly audience: string;
  readonly issuers: ReadonlyMap<string, Issuer>;
  readonly rules: readonly WorkloadRule[];
  readonly warnings: readonly PolicyProblem[];
};

/**
 * @param fileName what messages call the file
 * @throws {PolicyError} with every mistake
 */
export function parseWorkloads(text: string, fileName: string, context: IssuerContext): Workloads {
  const reader = readYaml(text);
  const workloads = readWorkloads(reader, context);
  const errors = reader.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const sorted = errors.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw new PolicyError(fileName, sorted);
  }
  return Object.freeze({ ...workloads, warnings: reader.problems });
}

function readWorkloads(reader: Reader, context: IssuerContext): Omit<Workloads, 'warnings'> {
  const { root } = reader;
  const known = ['audience', 'issuers', 'rules'] as const;
  const fields = root
    ? reader.fields(root, known, ({ key, keyPlace }) => {
        // Without rules no one is let in, and without issuers the file is refused anyway.
        if (key === 'audience') reader.report(keyPlace, 'audience is empty');
      })
    : {};
  if (!fields.issuers && reader.problems.length === 0) {
    const start = { line: 1, column: 1 };
    reader.report(root?.place ?? start, 'issuers is missing: remove the file to turn the feature off');
  }
  const audience = fields.audience ? readAudience(reader, fields.audience, context) : context.audience;
  const issuers = fields.issuers ? readIssuers(reader, fields.issuers, { ...context, audience }) : new Map();
  const items = fields.rules ? reader.items(fields.rules) : [];
  const rules = items.flatMap((item, index) => readRule(reader, item, index + 1, issuers, context) ?? []);
  warnOfUnreachable(reader, rules);
  warnOfUnused(reader, fields.issuers, issuers, rules);
  return { audience, issuers, rules };
}

/** A rule whose every condition is at least as narrow as those of one above it never decides. */
function warnOfUnreachable(reader: Reader, rules: readonly WorkloadRule[]): void {
  for (const [index, rule] of rules.entries()) {
    const above = rules.slice(0, index).find((other) => covers(other, rule));
    if (above === undefined) continue;
    const message = `rules[${rule.number}] never decides: rules[${above.number}] (line ${above.line}) matches whatever it matches`;
    reader.report(rule, message, 'warning');
  }
}

function covers(wide: WorkloadRule, narrow: WorkloadRule): boolean {
  if (wide.issuer !== narrow.issuer) return false;
  if (wide.services !== null && narrow.services?.every((name) => wide.services?.includes(name)) !== true) return false;
  return wide.conditions.every(({ claim, has, patterns }) =>
    narrow.conditions.some(
      (other) =>
        other.claim === claim && other.has === has && other.patterns.every((pattern) => patterns.includes(pattern)),
    ),
  );
}

function warnOfUnused(
  reader: Reader,
  value: Value | undefined,
  issuers: ReadonlyMap<string, Issuer>,
  rules: readonly WorkloadRule[],
): void {
  if (value === undefined) return;
  for (const [name, issuer] of issuers) {
    if (rules.some((rule) => rule.issuer === issuer)) continue;
    reader.report(issuer.place, `no rule is for the issuer "${name}", so nothing of it is let in`, 'warning');
  }
}
