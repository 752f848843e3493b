/** Runs the suites through node:test: all of test/, the files and folders that are named, or with --unit those that need only Node and SQLite. Exits 1 when one fails. */
import { globSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type EventData, run } from 'node:test';
import { spec } from 'node:test/reporters';
import { writeBundle } from '../script/bundle.ts';
import { createCluster, findPostgres } from './support/postgres.ts';
import { halvesOf, runUnitTests, unitTests } from './unit.ts';

/** What takes longest, the longest first: these start before the others, so that none is left to run alone at the end. */
const longest = [
  'faults',
  'operating/image',
  'clients/private-ca', // it waits: Docker tries a push that can't succeed for most of a minute
  'every-admin-page',
  'every-page',
  'operating/debian',
  'web/pages',
  'cli/serve',
  'doctor/doctor',
  'cli/workers',
  'operating/trial',
  'clients/workload',
];

if (process.argv[2] === '--unit') process.exit((await runUnitTests()) ? 0 : 1);

const chosen = chosenFiles(process.argv.slice(2));
if (chosen.length === 0) {
  console.error(`No tests in: ${process.argv.slice(2).join(' ') || 'test/'}`);
  process.exit(1);
}

if (chosen.length > 1 && findPostgres() !== null) {
  const { folder } = createCluster();
  process.env['TEST_CLUSTER'] = folder;
  process.once('exit', () => rmSync(folder, { recursive: true }));
}

// What runs in production is what is tested; a file by itself starts the source, so there's nothing to wait for.
let files = chosen;
if (chosen.length > 1) {
  const folder = join(import.meta.dirname, `../.cache/tests-${process.pid}`);
  process.env['TEST_PROGRAM'] = await writeBundle(folder);
  process.once('exit', () => rmSync(folder, { recursive: true }));
  files = unitFilesTogether(chosen, folder);
}
files.sort((a, b) => rankOf(a) - rankOf(b));

const skipped: string[] = [];
// Milliseconds for a file; one that hangs is a failure, and not a job that CI has to kill. The image is built twice in its file.
const timeout = 600_000;
// Two more than there are processors, because each waits now and then for a disk, a daemon or a timer.
const stream = run({ files, timeout, concurrency: availableParallelism() + 2 });
stream.on('test:fail', () => {
  process.exitCode = 1;
});
stream.on('test:pass', ({ name, skip }: EventData.TestPass) => {
  if (skip !== undefined) skipped.push(`${name}: ${skip}`);
});
stream.on('test:diagnostic', ({ nesting, message }: EventData.TestDiagnostic) => {
  // The first of the closing lines: what was left out is named just before them, where nobody can overlook it.
  if (nesting === 0 && message.startsWith('tests ') && skipped.length > 0) {
    console.log(`\nNot run on this machine:\n${skipped.map((line) => `  ${line}`).join('\n')}\n`);
  }
});
stream.compose(spec).pipe(process.stdout);

/** Puts the unit tests among the files into two, written to the folder: most of what one of them takes by itself is Node's start and the loading of our source. */
function unitFilesTogether(files: readonly string[], folder: string): string[] {
  const unit = new Set(unitTests().map((file) => resolve(file)));
  const halves = halvesOf(files.filter((file) => unit.has(resolve(file)))).map((half, index) => {
    const path = join(folder, `unit-${index + 1}.test.ts`);
    writeFileSync(path, half.map((file) => `import '${relative(folder, resolve(file))}';\n`).join(''));
    return path;
  });
  return [...halves, ...files.filter((file) => !unit.has(resolve(file)))];
}

function rankOf(file: string): number {
  const rank = longest.findIndex((part) => file.includes(part));
  return rank === -1 ? longest.length : rank;
}

function chosenFiles(paths: readonly string[]): string[] {
  const roots = paths.length > 0 ? paths : ['test'];
  return roots.flatMap((path) => {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (kind?.isDirectory()) return globSync('**/*.test.ts', { cwd: path }).map((file) => join(path, file));
    return kind === undefined ? [] : [path];
  });
}
