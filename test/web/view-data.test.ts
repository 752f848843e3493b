/** Compiles every template of views/ to TypeScript and checks it against its data type in `ViewData`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Eta } from 'eta';

const eta = new Eta();
const templates = readdirSync('views').filter((file) => file.endsWith('.eta'));

/** `__eta.e` shows a value on the page. Eta gives an included template everything that the including one has, and more. */
const declarations = `
import type { Frame, ViewData, ViewName } from '${resolve('src/web/views.ts')}';
type Inherited<It, Data> = { [Key in keyof Data & keyof It]: It[Key] extends Data[Key] ? Key : never }[keyof Data & keyof It];
type Clashing<It, Data> = Exclude<keyof Data & keyof It, Inherited<It, Data>>;
type Given<It, Data> = Omit<Data, Inherited<It, Data>> & Required<Pick<Data, Clashing<It, Data>>> & Partial<Data>;
export interface Eta { res: string; e(value: string | number): string }
export type Include<It> = <Name extends ViewName>(
  name: \`/\${Name}\`,
  ...data: object extends Given<It, ViewData[Name]> ? [Given<It, ViewData[Name]>?] : [Given<It, ViewData[Name]>]
) => string;
type FromPage<It, Data> = Omit<Data, 'body' | (keyof It & keyof Data)> & Partial<Omit<Data, 'body'>>;
export type Layout<It> = (
  name: '/layout' | '/admin-layout',
  data: FromPage<It, ViewData['layout']> & FromPage<It, Omit<ViewData['admin-layout'], 'section' | 'tab'>>,
) => void;
export type DataOf<Name extends ViewName> = ViewData[Name] & Frame;
`;

function programOf(file: string): string {
  const name = file.slice(0, -'.eta'.length);
  const body = eta.compileBody(eta.parse(readFileSync(join('views', file), 'utf8')));
  return `import type { DataOf, Eta, Include, Layout } from './declarations.ts';
export function render(it: DataOf<'${name}'>, __eta: Eta, include: Include<typeof it>, layout: Layout<typeof it>): void {
${body}
}`;
}

test('every template uses only what its data type has, and gives each template that it includes what that one needs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-views-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'declarations.ts'), declarations);
    for (const file of templates) writeFileSync(join(folder, `${file}.ts`), programOf(file));
    const config = {
      extends: resolve('tsconfig.json'),
      compilerOptions: {
        typeRoots: [resolve('node_modules/@types')],
        noImplicitAny: false,
        noUnusedParameters: false,
        noUnusedLocals: false,
      },
      include: [folder, resolve('src/web')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = promisify(execFile)('node_modules/.bin/tsc', ['-p', folder, '--pretty', 'false']);
    const problems = await tsc.then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout.replaceAll(/^\S*\/(?=[\w-]+\.eta)/gm, ''),
    );
    assert.equal(problems, '');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every data type has its template, whose header names the file that declares the type', () => {
  const declared = globSync('src/web/**/*.ts').flatMap((file) => {
    const interfaces = readFileSync(file, 'utf8').matchAll(/^( *)(?:export )?interface ViewData \{$(.*?)^\1\}$/gms);
    return [...interfaces].flatMap(([, indent = '', body = '']) =>
      [...body.matchAll(new RegExp(`^${indent}  '?([a-z-]+)'?: `, 'gm'))].map(
        ([, name]) => `${name}.eta Data: ${file}`,
      ),
    );
  });
  const named = templates.map((file) => {
    const [, data] = /^<% \/\* .*(Data: \S+) \*\/ %>/.exec(readFileSync(join('views', file), 'utf8')) ?? [];
    return `${file} ${data}`;
  });
  assert.deepEqual(named.toSorted(), declared.toSorted());
});
