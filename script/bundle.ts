/**
 * Writes src/ as the JavaScript that production runs: a file for each thread, and one for each part that is loaded later.
 * Usage: bundle.ts FOLDER, which is two levels below package.json: views and migrations are looked for from there.
 */
import { globSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, stop } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Replaces what is in the folder. @returns the program in it */
export async function writeBundle(folder: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts', ...globSync('src/**/*-worker.ts', { cwd: root }).sort()],
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // They stay packages: some bring native parts, some count on their own place, and all keep their licenses.
    packages: 'external',
    write: false,
  });
  // Its process would stay beside the tests and the bench.
  await stop();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(outputFiles.map(({ path, text }) => writeFile(path, withJsNames(text))));
  return join(folder, 'main.js');
}

/** Files that are started as threads are named by a URL, which a bundler leaves as it is. */
function withJsNames(text: string): string {
  return text.replaceAll(/(?<=new URL\(")\.\/([\w-]+-worker)\.ts(?=", import\.meta\.url\))/g, './$1.js');
}

if (import.meta.main) {
  const [target] = process.argv.slice(2);
  if (target === undefined) throw new Error('Usage: bundle.ts FOLDER');
  await writeBundle(target);
}
