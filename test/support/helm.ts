/** Owns Helm for tests: the chart rendered with values, and what comes of it. */
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { findProgram } from './parts.ts';
import { type Finished, runProgram } from './process.ts';

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
};

export const charts = join(import.meta.dirname, '../../deploy/helm');

/** For `skip`: Debian doesn't have Helm, so CI doesn't fail without it. */
export const noHelm = findProgram('helm') === null && 'missing: helm (script/helm.ts)';

/** Runs Helm with the values as a file on standard input. */
export function helm(words: readonly string[], values: object): Promise<Finished> {
  return runProgram('helm', [...words, '--values', '-'], { input: JSON.stringify(values) });
}

/** @throws Error with what Helm says */
export async function render(chart: string, values: object): Promise<readonly Manifest[]> {
  const { code, stdout, output } = await helm(
    ['template', 'release', join(charts, chart), '--namespace', 'test'],
    values,
  );
  if (code !== 0) throw new Error(output);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}
