/** The import rules of docs/architecture.md, which this test reads from its table: who may import whom, no cycles, who may name express and Config; and that casts have a reason. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** The modules that a row names; a file of a module is 'identity/identity'. */
type Row = {
  readonly imports: readonly string[];
  /** Everything except these: the row says "any" or "any but". */
  readonly except: readonly string[] | null;
  /** By `import type` only. */
  readonly types: readonly string[];
};

const page = readFileSync('docs/architecture.md', 'utf8');
const rows = readTable(page);

function readTable(text: string): ReadonlyMap<string, Row> {
  const table = /^\| module \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? '';
  const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  return new Map(
    table
      .trim()
      .split('\n')
      .map((line) => {
        const [, module = '', , imports = '', types = ''] = line.split('|');
        const any = /^any\b/.test(imports.trim());
        const row = {
          imports: any ? [] : namesIn(imports),
          except: any ? namesIn(imports) : null,
          types: namesIn(types),
        };
        return [namesIn(module)[0] ?? '', row] as const;
      }),
  );
}

type Import = {
  readonly from: string;
  readonly to: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Loaded when it's needed: `import('...')`. */
  readonly isLate: boolean;
};

const sources = new Map(
  globSync('src/**/*.ts').map((path) => [path.slice('src/'.length, -'.ts'.length), readFileSync(path, 'utf8')]),
);
const imports = [...sources].flatMap(([from, text]) => importsOf(from, text));
const ours = imports.filter(({ specifier }) => specifier.startsWith('.'));

function importsOf(from: string, text: string): Import[] {
  const found = text.matchAll(/(?:^(?:import|export) (type )?[^;]*?\bfrom |^import |\bimport\()\s*'([^']+)'/gm);
  return [...found].map(([whole, type, specifier = '']) => {
    const to = join(dirname(from), specifier).replace(/\.ts$/, '');
    return { from, specifier, to, typeOnly: type !== undefined, isLate: whole.startsWith('import(') };
  });
}

function moduleOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [importer, imported] = [moduleOf(from), moduleOf(to)];
  if (importer === imported) return true;
  const row = rows.get(importer);
  if (row === undefined) return false;
  if (row.except !== null) return !row.except.includes(imported);
  return (typeOnly && row.types.includes(imported)) || row.imports.includes(imported) || row.imports.includes(to);
}

test('every module has its row in the table, and every row its module', () => {
  assert.deepEqual([...new Set([...sources.keys()].map(moduleOf))].sort(), [...rows.keys()].sort());
});

test('the page names only files that exist', () => {
  const files = globSync('{src,test,views,migrations,docs,script}/**/*.*').map((path) => `/${path}`);
  const named = [...page.matchAll(/`([a-z][a-z0-9_/-]*\.[a-z]+)`/g)].map(([, path = '']) => path);
  const missing = named.filter((path) => !existsSync(path) && !files.some((file) => file.endsWith(`/${path}`)));
  assert.deepEqual(missing, []);
});

test('a module imports only what its row allows', () => {
  assert.deepEqual(ours.filter((entry) => !isAllowed(entry)).map(describe), []);
});

test('a row names only modules of the rows below it', () => {
  const order = [...rows.keys()];
  const others = [...rows].flatMap(([module, row]) =>
    [...row.imports, ...row.types]
      .filter((name) => !order.slice(order.indexOf(module) + 1).includes(moduleOf(name)))
      .map((name) => `${module} names ${name}`),
  );
  assert.deepEqual(others, []);
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

test('a start loads no package of the pages, nor one for what is rare, before it answers', () => {
  const loaded = new Set<string>();
  const atOnce = imports.filter(({ typeOnly, isLate }) => !typeOnly && !isLate);
  const visit = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { from, to } of atOnce) if (from === file && sources.has(to)) visit(to);
  };
  for (const file of ['main', 'app/app', 'store/sqlite']) visit(file);
  const packages = atOnce.filter(({ from, specifier }) => loaded.has(from) && !/^(?:\.|node:)/.test(specifier));
  assert.deepEqual([...new Set(packages.map(({ specifier }) => specifier))].sort(), [
    'better-sqlite3',
    'lru-cache',
    'pino',
    'proxy-addr',
    're2js',
    'yaml',
  ]);
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

test('only store/ sees SQL and the databases that it opens', () => {
  const sql = /\b(?:Sql|OpenDatabase|openSql)\b|['"`](?:select|insert into|update|delete from)\s/;
  const others = [...sources].filter(([file, text]) => moduleOf(file) !== 'store' && sql.test(text));
  assert.deepEqual(
    others.map(([file]) => file),
    [],
  );
});

test('every cast has its reason beside it, or in a comment just above', () => {
  const as = /\bas (?!const\b)/;
  const silent = [...sources].flatMap(([file, text]) => {
    const lines = text.split('\n');
    // Node puts spaces in the place of a cast; comments within types and keys of mapped types aren't casts.
    const stripped = stripTypeScriptTypes(text).split('\n');
    const isCast = (line: string, at: number) =>
      as.test(line) && !as.test(stripped[at] ?? '') && !/^ *\/?\*|\[\w+ in /.test(line);
    const hasReason = (at: number) => lines.slice(Math.max(0, at - 3), at + 1).some((line) => line.includes('//'));
    return lines.flatMap((line, at) => (isCast(line, at) && !hasReason(at) ? `${file}:${at + 1}` : []));
  });
  assert.deepEqual(silent, []);
});

function describe({ from, specifier }: Import): string {
  return `${from} imports ${specifier}`;
}
