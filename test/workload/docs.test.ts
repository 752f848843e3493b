/** docs/workloads.md takes each platform to a green workflow: its files load, its cases hold, and no platform lacks a step. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parsePolicy } from '../../src/policy/acl.ts';
import { parseCases } from '../../src/policy/cases.ts';
import { presetNames } from '../../src/workload/preset.ts';
import { context, workloadsOf } from '../support/workload.ts';

const page = readFileSync(new URL('../../docs/workloads.md', import.meta.url), 'utf8');
const sections = new Map(
  [...page.matchAll(/^## (.+)$([\s\S]*?)(?=^## |(?![\s\S]))/gm)].map(([, title = '', body = '']) => [title, body]),
);
const blocksOf = (text: string) =>
  [...text.matchAll(/^```(\S*) ?(\S*)\n([\s\S]*?)^```$/gm)].map(([, language = '', name = '', code = '']) => ({
    ...{ language, name, code },
  }));

/** The preset, and a word of the workflow that only this platform has. */
const platforms: readonly (readonly [title: string, preset: string, word: RegExp])[] = [
  ['GitHub Actions', 'github', /id-token: write/],
  ['GitLab', 'gitlab', /id_tokens:/],
  ['Forgejo', 'forgejo', /enable-openid-connect: true/],
  ['Kubernetes', 'kubernetes', /serviceAccountToken:/],
  ['Google Cloud', 'gcp', /service-accounts\/default\/identity/],
  ['Buildkite', 'buildkite', /buildkite-agent oidc request-token/],
  ['CircleCI', 'circleci', /circleci run oidc get/],
  ['Jenkins', 'oidc', /withCredentials/],
  ['Azure DevOps', 'oidc', /AzureCLI@2/],
  ['SPIFFE', 'oidc', /api fetch jwt/],
];

test('docs/workloads.md has a section for each preset', () => {
  assert.deepEqual(new Set(platforms.map(([, preset]) => preset)), new Set(presetNames));
});

for (const [title, preset, word] of platforms) {
  test(`${title}: what to turn on, a rule that loads, and a workflow that logs in and uses the registry`, () => {
    const section = sections.get(title) ?? '';
    for (const step of ['1. ', '2. ', '3. ']) assert.ok(section.includes(`\n${step}`), `there is no step ${step}`);
    const source = title === 'GitHub Actions' ? (sections.get('Turn it on') ?? '') : section;
    const files = blocksOf(source).filter(({ name }) => name === 'workloads.yml');
    assert.equal(files.length, 1);
    const { issuers, rules } = workloadsOf(files[0]?.code ?? '');
    assert.deepEqual(
      [...issuers.values()].map((issuer) => issuer.preset.name),
      [preset],
    );
    assert.deepEqual(
      rules.map(({ groups }) => groups),
      [['deployers']],
    );
    const workflows = blocksOf(section).filter(({ name }) => name === '');
    const code = workflows.map((block) => block.code).join('\n');
    assert.match(code, word);
    assert.match(code, /registry\.example\.com/);
    if (title !== 'Azure DevOps') assert.ok(code.includes(context.audience) || title === 'Jenkins', 'the audience');
    for (const { language, code: yaml } of workflows.filter((block) => block.language === 'yaml')) {
      for (const document of parseAllDocuments(yaml)) assert.deepEqual(document.errors, [], `${language}\n${yaml}`);
    }
  });
}

test('the policy and the cases of the page hold with its rules', () => {
  const blocks = blocksOf(page);
  for (const { code } of blocks.filter(({ name }) => name === 'policy.yml')) parsePolicy(code, 'policy.yml');
  const cases = blocks.filter(({ name }) => name === 'cases.yml').flatMap(({ code }) => parseCases(code, 'cases.yml'));
  assert.ok(cases.length >= 2);
});
