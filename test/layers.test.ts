/** The design's import rules, read off the source text: who may import whom, no cycles, who may name express and Config. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** A module is a file at the top of src/ or a folder; 'identity/identity' allows that one file. Its own folder is always allowed. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  scope: ['lib'],
  pattern: [],
  store: ['lib'],
  identity: ['lib'],
  config: ['lib', 'pattern'],
  http: ['lib'],
  policy: ['lib', 'scope', 'pattern', 'identity/identity'],
  audit: ['lib', 'store', 'policy'],
  'sign-in': ['lib', 'store', 'identity'],
  'static-users': ['lib', 'identity'],
  keys: ['lib'],
  'app-passwords': ['lib', 'identity'],
  'docker-auth': ['lib', 'scope', 'pattern', 'policy', 'store', 'identity', 'sign-in', 'app-passwords/check'],
  'off-boarding': ['lib', 'store'],
  accounts: ['lib', 'store', 'policy', 'identity', 'sign-in/admission', 'app-passwords'],
  workload: ['lib', 'pattern', 'policy', 'identity'],
  token: ['lib', 'scope', 'policy', 'identity/identity'],
  doctor: ['lib', 'token'],
  api: ['lib', 'identity/identity', 'policy', 'audit'],
  web: ['lib', 'scope', 'policy', 'identity', 'audit', 'accounts'],
};
/** `import type` alone: the shape of a row or of a part that app hands over, and none of what it does. */
const mayImportTypesOf: Readonly<Record<string, readonly string[]>> = {
  identity: ['store'],
  http: ['audit'],
  audit: ['scope', 'identity'],
  'sign-in': ['audit'],
  'static-users': ['store'],
  keys: ['store'],
  'app-passwords': ['store', 'audit', 'static-users'],
  'docker-auth': ['audit', 'static-users'],
  'off-boarding': ['audit', 'sign-in'],
  accounts: ['audit'],
  token: ['identity', 'app-passwords', 'audit', 'static-users', 'keys'],
  doctor: ['scope', 'keys'],
  api: ['store', 'accounts', 'app-passwords'],
  web: ['store', 'sign-in', 'app-passwords'],
};
/** The composition root and what runs it: these may import any module but those named. */
const mayNotImport: Readonly<Record<string, readonly string[]>> = {
  app: ['main', 'cli'],
  cli: ['main'],
  main: [],
};

type Import = { readonly from: string; readonly to: string; readonly specifier: string; readonly typeOnly: boolean };

const sources = new Map(
  globSync('src/**/*.ts').map((path) => [path.slice('src/'.length, -'.ts'.length), readFileSync(path, 'utf8')]),
);
const imports = [...sources].flatMap(([from, text]) => importsOf(from, text));
const ours = imports.filter(({ specifier }) => specifier.startsWith('.'));

function importsOf(from: string, text: string): Import[] {
  const found = text.matchAll(/(?:^(?:import|export) (type )?[^;]*?\bfrom |^import |\bimport\()\s*'([^']+)'/gm);
  return [...found].map(([, type, specifier = '']) => {
    return { from, specifier, to: join(dirname(from), specifier).replace(/\.ts$/, ''), typeOnly: type !== undefined };
  });
}

function moduleOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [importer, imported] = [moduleOf(from), moduleOf(to)];
  if (importer === imported) return true;
  if (typeOnly && mayImportTypesOf[importer]?.includes(imported)) return true;
  const allowed = mayImport[importer];
  if (allowed) return allowed.includes(imported) || allowed.includes(to);
  return mayNotImport[importer]?.includes(imported) === false;
}

test('every module has its row in the table', () => {
  const known = [...Object.keys(mayImport), ...Object.keys(mayNotImport)];
  const unknown = [...new Set([...sources.keys()].map(moduleOf))].filter((module) => !known.includes(module));
  assert.deepEqual(unknown, []);
});

test('a module imports only what its row allows', () => {
  assert.deepEqual(ours.filter((entry) => !isAllowed(entry)).map(describe), []);
});

test('every relative import stays inside src', () => {
  assert.deepEqual(ours.filter(({ to }) => !sources.has(to)).map(describe), []);
});

test('no file imports itself in a circle', () => {
  const targets = Map.groupBy(ours, ({ from }) => from);
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `a cycle: ${[...path, file].join(' -> ')}`);
    if (finished.has(file)) return;
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file]);
    finished.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
});

test('only app/, web and what http has for pages name express', () => {
  const allowed = /^(app\/.*|http\/(cross-site|error-replies|page-headers)|web\/.*)$/;
  const others = imports.filter(({ from, specifier }) => specifier === 'express' && !allowed.test(from));
  assert.deepEqual(others.map(describe), []);
});

test('only main, cli and app see Config', () => {
  const others = ours.filter(
    ({ from, to }) => moduleOf(to) === 'config' && !/^(main|cli|app|config)$/.test(moduleOf(from)),
  );
  assert.deepEqual(others.map(describe), []);
});

test('only the files of app/ mount routes', () => {
  const mounting = /\.(?:get|post|put|patch|delete|all|use|route)\(\s*['"`]\//;
  const others = [...sources]
    .filter(([file, text]) => moduleOf(file) !== 'app' && mounting.test(text))
    .map(([file]) => file);
  assert.deepEqual(others, []);
});

function describe({ from, specifier }: Import): string {
  return `${from} imports ${specifier}`;
}
