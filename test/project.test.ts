/** What the project says about itself in several places: its address, its version, its npm scripts, the Node that it runs on. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { flags as flagsOfBench } from '../bench/service.ts';
import { runProgram } from './support/process.ts';

type Package = {
  readonly version: string;
  readonly repository: { readonly url: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
};

const read = (file: string): string => readFileSync(file, 'utf8');
const { version, repository, scripts, optionalDependencies } = JSON.parse(read('package.json')) as Package;
/** "owner/name", as package.json has it. */
const [, project = ''] = /^git\+https:\/\/github\.com\/(.+)\.git$/.exec(repository.url) ?? [];
const [owner = ''] = project.split('/');
const texts = globSync(['*.{md,yaml}', 'docs/*.md', '.github/**/*.{md,yml}', 'deploy/**/*.*']);

test('the address of the project is the one of package.json', () => {
  for (const file of texts) {
    for (const [, found] of read(file).matchAll(/(?:github\.com|ghcr\.io)\/([\w.-]+\/[\w-]+)/g)) {
      // Charts are packages of the owner, not of the repository.
      if (found?.startsWith(`${owner}/`) && found !== `${owner}/charts`) assert.equal(found, project, file);
    }
  }
  assert.ok(read('SECURITY.md').includes(`https://github.com/${project}/security/advisories/new`));
});

test('the npm scripts that the docs and workflows name exist', () => {
  for (const file of texts) {
    for (const [, name = ''] of read(file).matchAll(/\bnpm run ([a-z:-]+)/g))
      assert.ok(name in scripts, `${file}: ${name}`);
  }
});

test('the changelog has dated notes for the version, which the release prints', async () => {
  const { code, output } = await runProgram(process.execPath, ['script/release-notes.ts', version]);
  assert.equal(code, 0, output);
  assert.match(output, /^### /m);
  const wrong = await runProgram(process.execPath, ['script/release-notes.ts', '99.0.0']);
  assert.match(wrong.output, /The tag says 99\.0\.0, package\.json/);
});

test('the changelog keeps a section for what comes next, and dates for what has been', () => {
  const [first, ...others] = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  assert.equal(first, 'Unreleased');
  for (const title of others) assert.match(title ?? '', /^\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}$/);
});

test('developers get the Node that the packages bring', () => {
  assert.deepEqual(new Set(Object.values(optionalDependencies)), new Set([read('.node-version').trim()]));
});

test('the image and the bench start the service with the settings of V8 that script/dockpass gives', () => {
  const flagsIn = (text: string): string[] => text.match(/--[a-z][\w=-]+/g) ?? [];
  const [command = ''] = /^exec "\$node" .+$/m.exec(read('script/dockpass')) ?? [];
  const flags = flagsIn(command);
  assert.ok(flags.length > 0);
  assert.deepEqual(flagsIn(read('deploy/image/dockpass')), flags);
  assert.deepEqual(flagsOfBench, flags);
});
