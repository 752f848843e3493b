/** Owns the tests that a contributor runs all the time: the files that need only Node and SQLite, which are those that run no other program and no server, however many files are in between. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a suite imports that needs more. */
const more =
  /from '(?:node:child_process|node:cluster|node:http|node:net|playwright-core|oidc-provider|.*\/src\/app\/app\.ts|.*\/src\/http\/server\.ts)'/;
/** Its suites on PostgreSQL are left out by TEST_ENGINES=sqlite. */
const engines = 'test/support/engines.ts';

export function unitTests(): string[] {
  const needs = new Map<string, boolean>();
  const needsMore = (file: string): boolean => {
    const known = needs.get(file);
    if (known !== undefined) return known;
    needs.set(file, false); // a cycle adds nothing
    const text = readFileSync(file, 'utf8');
    const imported = [...text.matchAll(/from '(\.[^']+)'/g)]
      .map(([, specifier = '']) => join(dirname(file), specifier))
      .filter((path) => !path.startsWith('src/') && path !== engines);
    const found = more.test(text) || imported.some(needsMore);
    needs.set(file, found);
    return found;
  };
  return globSync('test/**/*.test.ts').filter((file) => !needsMore(file));
}

/** Two lists that take about as long as each other. */
export function halvesOf(files: readonly string[]): string[][] {
  const bySize = [...files].sort((a, b) => statSync(b).size - statSync(a).size);
  return [0, 1].map((half) => bySize.filter((_, index) => index % 2 === half));
}

/**
 * Runs them in two processes that each load our source once: a process for each file would spend most of its time on that.
 * @returns whether all passed
 */
export async function runUnitTests(): Promise<boolean> {
  // What one run compiled, the next one finds.
  const cache = process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '../.cache');
  const env = { ...process.env, TEST_ENGINES: 'sqlite', NODE_COMPILE_CACHE: cache };
  const passed = await Promise.all(
    halvesOf(unitTests()).map(async (half) => {
      const options = ['--test', '--test-isolation=none', '--test-reporter=dot'];
      const child = spawn(process.execPath, [...options, ...half], { env, stdio: ['ignore', 'inherit', 'inherit'] });
      const [code] = (await once(child, 'exit')) as [number | null];
      return code === 0;
    }),
  );
  return passed.every(Boolean);
}
