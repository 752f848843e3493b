/** Prints the notes of a version from CHANGELOG.md, and the SHA-256 of the scripts that a Dockpass serves. Usage: release-notes.ts VERSION. Fails unless package.json has the version and the notes have a date. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cliScripts } from '../src/web/cli-scripts.ts';

const [wanted] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
if (wanted !== version) throw new Error(`The tag says ${wanted}, package.json ${version}.`);
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m);
const notes = sections.find((section) => section.startsWith(`${version} - `));
if (notes === undefined) throw new Error(`CHANGELOG.md has no section "## ${version} - YYYY-MM-DD".`);
console.log(notes.slice(notes.indexOf('\n')).trim());
console.log('\n### SHA-256 of the scripts for terminals, below their line `# ---`\n');
for (const name of cliScripts) {
  const lines = readFileSync(`views/cli/${name}`, 'utf8').split('\n');
  const rest = lines.slice(lines.findIndex((line) => line.startsWith('# ---')) + 1).join('\n');
  console.log(`- \`${name}\`: \`${createHash('sha256').update(rest).digest('hex')}\``);
}
