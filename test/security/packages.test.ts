/** What comes from others: from the registry alone, as it was when it was locked, without running anything, under licenses that allow it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

type Locked = {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly license?: string;
  readonly dev?: boolean;
};
const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const { '': _, ...packages } = (read('package-lock.json') as { packages: Record<string, Locked> }).packages;
const all = Object.entries(packages);

test('every package comes from the registry, with a hash', () => {
  assert.ok(all.length > 100);
  for (const [path, { resolved, integrity }] of all) {
    assert.match(integrity ?? '', /^sha512-/, path);
    // Without an address it is the registry that npm is set up with.
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
  }
});

test('no package needs an install script', () => {
  const { allowScripts } = read('package.json') as { allowScripts: Record<string, boolean> };
  const having = all.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  assert.deepEqual(
    having.map((path) => path.replace('node_modules/', '')).sort(),
    Object.keys(allowScripts).sort(),
    'those that have one bring a binary too, and script/bootstrap installs with --ignore-scripts',
  );
  assert.deepEqual(new Set(Object.values(allowScripts)), new Set([false]));
});

test('what runs in production has a license that asks for a notice at most', () => {
  const permissive = ['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];
  const others = all.filter(([, { dev, license }]) => dev !== true && !permissive.includes(license ?? ''));
  // MIT too, say their files; their package.json is of a time before the field.
  assert.deepEqual(
    others.map(([path]) => path),
    ['node_modules/passport-strategy', 'node_modules/pause'],
  );
});
