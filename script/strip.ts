/** Writes src/ as JavaScript into a folder, for a package: Node strips types itself, but not below node_modules. Usage: strip.ts FOLDER */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Usage: strip.ts FOLDER');

for (const file of globSync('src/**/*.ts').sort()) {
  const output = join(target, file.slice('src/'.length).replace(/\.ts$/, '.js'));
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, withJsNames(stripTypeScriptTypes(readFileSync(file, 'utf8'))));
}

/** The names of our own files, in imports and where a worker is started. Types became spaces; those at the ends of lines go. */
function withJsNames(text: string): string {
  return text.replaceAll(/(?<=['"]\.{1,2}\/[^'"\n]+)\.ts(?=['"])/g, '.js').replaceAll(/[ \t]+$/gm, '');
}
