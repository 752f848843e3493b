/** Which test files need only Node and SQLite: those that run no other program and no server, however many files are in between. */
import { globSync, readFileSync } from 'node:fs';
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
