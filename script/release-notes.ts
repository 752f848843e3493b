/** Prints the notes of a version from CHANGELOG.md. Usage: release-notes.ts VERSION. Fails unless package.json has the version and the notes have a date. */
import { readFileSync } from 'node:fs';

const [wanted] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
if (wanted !== version) throw new Error(`The tag says ${wanted}, package.json ${version}.`);
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m);
const notes = sections.find((section) => section.startsWith(`${version} - `));
if (notes === undefined) throw new Error(`CHANGELOG.md has no section "## ${version} - YYYY-MM-DD".`);
console.log(notes.slice(notes.indexOf('\n')).trim());
