/** Owns the import of a docker_auth configuration: its YAML becomes a policy and an environment file for Dockpass. */
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { PolicyError, type PolicyProblem, policyOf } from '../policy/acl.ts';
import { warningsOf } from '../policy/check.ts';
import { readDocument, readYaml } from '../policy/document.ts';
import type { Entry, Reader } from '../policy/reader.ts';
import { refusedBackEnds, reportBackEnds } from './back-ends.ts';
import { convertEnvironment, knownSections } from './environment.ts';
import { convertPolicy } from './policy-sections.ts';
import type { ReportNode } from './report-node.ts';
import { templateProblem, wrapperProblem } from './source-form.ts';
import type { Surroundings } from './token-settings.ts';
import { aliasProblems } from './yaml-references.ts';

export type Imported = {
  /** policy.yml */
  readonly policy: string;
  /** .env */
  readonly environment: string;
  /** What decides otherwise, was dropped or has to be looked at. With an error among them nothing should be written. */
  readonly problems: readonly PolicyProblem[];
};

export type ImportOptions = Surroundings & {
  /** Sections to leave out, as if the file didn't have them. */
  readonly without?: readonly string[];
};

/** Where signing in is by another name than a user's of the file, so that `${account}` and labels mean something else here. */
const otherPeople = ['google_auth', 'oidc_auth', ...refusedBackEnds];

export function importDockerAuth(text: string, options: ImportOptions = {}): Imported {
  const template = templateProblem(text);
  if (template !== null) return refused([template]);
  const without = options.without ?? [];
  const reader = readYaml(text, without);
  // What follows from one slip of YAML isn't a mistake of its own.
  if (reader.root === null && reader.problems.length > 0) return refused(reader.problems);
  const lines = new LineCounter();
  // The reader has said which keys are there twice.
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, uniqueKeys: false });
  const report: ReportNode = (node, message, severity = 'warning') => {
    // Reports are about nodes of this document, or about nothing.
    const { line, col } = lines.linePos((isNode(node) ? node.range?.[0] : null) ?? 0);
    reader.report({ line, column: col }, message, severity);
  };
  const aliases = aliasProblems(document);
  for (const { alias, message } of aliases) report(alias, message, 'error');
  if (aliases.length > 0) return refused(reader.problems);

  const all = reader.root ? reader.entries(reader.root) : [];
  const wrapper = wrapperProblem(all);
  if (wrapper !== null) return refused([wrapper]);

  const sections = withoutSections(reader, all, without).filter(isUsed);
  reportBackEnds(reader, sections, knownSections);
  const environment = convertEnvironment(reader, sections, options);
  const hasPeople = all.some(
    (entry) => isUsed(entry) && (otherPeople.includes(entry.key) || without.includes(entry.key)),
  );
  const source = { hasOtherLabels: hasClaimLabels(reader, all), hasPeople };
  const policy = isMap(document.contents) ? convertPolicy(document, source, report) : null;
  if (policy === null) reader.report({ line: 1, column: 1 }, 'the file must be a map (key: value) with acl');
  else checkPolicy(reader, policy, lines, sections);
  return {
    policy: policy?.toString({ lineWidth: 0, directives: false }) ?? '',
    environment,
    problems: reader.problems,
  };
}

/** Without anything in it a section is none to docker_auth: all of it has been commented out. */
function isUsed({ value }: Entry): boolean {
  return value !== null;
}

function refused(problems: readonly PolicyProblem[]): Imported {
  return { policy: '', environment: '', problems };
}

function withoutSections(reader: Reader, sections: readonly Entry[], without: readonly string[]): readonly Entry[] {
  const kept = ['acl', 'users'];
  for (const name of without) {
    const place = { line: 1, column: 1 };
    if (kept.includes(name)) reader.report(place, `--without ${name}: the policy is made from it`);
    else if (!sections.some(({ key }) => key === name))
      reader.report(place, `--without ${name}: the file has no such section`);
  }
  return sections.filter(({ key }) => !without.includes(key));
}

/** Whether labels come from elsewhere than `users:`, so that their values can't be looked at. */
function hasClaimLabels(reader: Reader, sections: readonly Entry[]): boolean {
  const provider = sections.find(({ key }) => key === 'oidc_auth')?.value;
  const entries = provider ? reader.entries(provider) : [];
  return entries.some((entry) => entry.key === 'labels_claims' && isUsed(entry));
}

/** Reports what is wrong with the converted policy, and what in it can't be meant, each at its place in the source. */
function checkPolicy(reader: Reader, document: Document, lines: LineCounter, sections: readonly Entry[]): void {
  const known = new Set(reader.problems.filter(({ severity }) => severity === 'error').map(({ line }) => line));
  try {
    const policy = policyOf(readDocument(document, lines), '');
    for (const warning of warningsOf(policy)) reader.report(warning, warning.message, 'warning');
    const canLogIn = [...policy.users.keys()].some((name) => name !== '');
    const hasProvider = sections.some(({ key }) => key === 'google_auth' || key === 'oidc_auth');
    // What is wrong with the users can be the reason.
    if (canLogIn || hasProvider || known.size > 0) return;
    const message =
      'no one can log in: there are no users, and no google_auth or oidc_auth. Name a provider in .env (docs/coming-from.md)';
    reader.report({ line: 1, column: 1 }, message, 'warning');
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    for (const problem of error.problems) if (!known.has(problem.line)) reader.report(problem, problem.message);
  }
}
