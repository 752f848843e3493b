/** Every policy and workloads file that README and docs show is one that `policy check --strict` accepts, as a reader would use it. */
import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { parseDocument } from 'yaml';
import { runCommand } from '../src/cli/cli.ts';
import { fieldsIn } from '../src/lib/json.ts';
import { fencedIn } from './support/fenced.ts';

const folder = mkdtempSync(join(tmpdir(), 'dockpass-docs-'));
after(() => rmSync(folder, { recursive: true }));

type Block = { readonly page: string; readonly place: string; readonly text: string };

/** Blocks of YAML, with the line where each begins. */
function blocksOf(page: string): Block[] {
  return fencedIn(readFileSync(page, 'utf8'))
    .filter(({ language }) => /^ya?ml\b/.test(language))
    .map(({ line, text }) => ({ page, place: `${page}:${line}`, text }));
}

const keysOf = ({ text }: Block): string[] => Object.keys(fieldsIn(parseDocument(text, { logLevel: 'error' }).toJS()));
const blocks = globSync(['*.md', 'docs/**/*.md']).flatMap(blocksOf);
// A configuration of docker_auth has `server` and `token` beside its `acl`.
const policies = blocks.filter((block) => keysOf(block).includes('acl') && !keysOf(block).includes('token'));
const workloads = blocks.filter((block) => keysOf(block).includes('issuers') && keysOf(block).includes('rules'));

async function check(...words: readonly string[]): Promise<{ code: number; said: string }> {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const terminal = { environment: {}, input: Readable.from([]), out: say, err: say };
  const code = await runCommand(['policy', 'check', ...words, '--strict'], terminal);
  return { code, said: lines.join('\n') };
}

describe('policies', () => {
  assert.ok(policies.length >= 14, 'they are found');
  for (const [index, { page, place, text }] of policies.entries()) {
    test(place, async () => {
      const file = join(folder, `policy-${index}.yml`);
      writeFileSync(file, text);
      // The page of workloads has its policy for the first workloads file, whose groups it names.
      const beside = workloads.find((block) => block.page === page);
      const besideFile = join(folder, `beside-${index}.yml`);
      if (beside !== undefined) writeFileSync(besideFile, beside.text);
      const { code, said } = await check(file, ...(beside === undefined ? [] : ['--workloads', besideFile]));
      assert.equal(code, 0, said);
    });
  }
});

/** What no rule can make better: the page tells what to set on the platform instead. */
const upToThePlatform = /warning: a token of this issuer doesn't tell .*: that's up to the settings there$/;

describe('workloads files', () => {
  assert.ok(workloads.length >= 10, 'they are found');
  // Whatever lets a job in, this grants it something: the file is what is checked.
  const policy = join(folder, 'ci.yml');
  writeFileSync(policy, 'acl:\n  - match: { kind: ci }\n    actions: [pull]\n');
  const keys = readFileSync('test/workload/recorded/jwks.json', 'utf8');
  for (const [index, { place, text }] of workloads.entries()) {
    test(place, async () => {
      const file = join(folder, `workloads-${index}.yml`);
      writeFileSync(file, text);
      for (const [, name = ''] of text.matchAll(/jwks_file: ([\w.-]+)/g)) writeFileSync(join(folder, name), keys);
      const { said } = await check(policy, '--workloads', file);
      const lines = said.split('\n').filter((line) => !/ is valid: |^ {2}rules\[/.test(line));
      assert.deepEqual(
        lines.filter((line) => !upToThePlatform.test(line)),
        [],
      );
    });
  }
});
