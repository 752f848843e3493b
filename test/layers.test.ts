/** The design's import rules, read off the source text: who may import whom, no cycles, who may name express and Config. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** A module is a file at the top of src/ or a folder; 'identity/identity' allows that one file. Its own folder is always allowed. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  log: [],
  metrics: [],
  pattern: [],
  scope: [],
  'short-memory': [],
  time: [],
  'node-http': [],
  config: ['data-folder', 'log', 'pattern', 'nearest-word', 'time'],
  http: ['errors', 'node-http', 'repeated-header'],
  cipher: [],
  store: ['errors'],
  audit: ['store', 'log', 'write-behind'],
  'network-of': [],
  'failed-logins': ['errors', 'network-of', 'secret', 'store', 'time'],
  identity: ['errors', 'network-of', 'store', 'time'],
  policy: ['scope', 'pattern', 'identity/identity', 'nearest-word'],
  'nearest-word': [],
  'data-folder': ['errors'],
  import: ['errors', 'scope', 'pattern', 'policy'],
  'imported-passwords': ['secret', 'store', 'audit', 'identity', 'app-passwords/check', 'import/token-db', 'time'],
  'policy-file': ['errors', 'policy', 'log'],
  secret: [],
  workers: ['log'],
  'app-passwords': ['errors', 'secret', 'store', 'audit', 'identity', 'short-memory', 'time', 'write-behind'],
  'write-behind': ['errors'],
  'repeated-header': [],
  leaks: ['failed-logins', 'secret', 'store', 'audit'],
  api: [
    ...['errors', 'scope', 'policy', 'store', 'identity/identity', 'app-passwords/app-passwords', 'audit'],
    ...['administration', 'denials', 'leaks'],
  ],
  housekeeping: ['store', 'log', 'time'],
  uses: ['store', 'audit', 'scope', 'identity/identity', 'write-behind', 'time'],
  denials: ['store', 'identity/identity', 'policy', 'write-behind'],
  administration: ['errors', 'secret', 'store', 'audit', 'app-passwords', 'uses', 'identity', 'policy', 'time'],
  'off-boarding': ['errors', 'log', 'store', 'audit', 'cipher', 'identity', 'time'],
  token: [
    'errors',
    'log',
    'cipher',
    'scope',
    'policy',
    'identity/identity',
    'app-passwords/identity-tokens',
    'failed-logins',
    'audit',
    'short-memory',
    'time',
    'repeated-header',
  ],
  backup: ['data-folder', 'errors', 'store/copy'],
  doctor: ['scope', 'token', 'node-http'],
  web: [
    'errors',
    'log',
    'scope',
    'policy',
    'identity/identity',
    'identity/standing',
    'app-passwords/app-passwords',
    'audit',
    'time',
    'administration',
    'uses',
    'denials',
  ],
};
/** `import type` alone: the shape of a row or of a part that app hands over, and none of what it does. */
const mayImportTypesOf: Readonly<Record<string, readonly string[]>> = {
  http: ['audit', 'log'],
  token: ['store'],
  web: ['store', 'identity'],
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
