/** Owns which version this is: package.json says it, in a clone, a package and an image alike. */
import { readFileSync } from 'node:fs';
import { fieldsIn } from './json.ts';

/** "0.2.0"; "unknown" if the file is missing or damaged, which is no reason to fail. */
export function versionOfDockpass(): string {
  try {
    const { version } = fieldsIn(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));
    return typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}
