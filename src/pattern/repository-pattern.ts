/** Owns what a repository pattern of a restricted password can look like: a glob that some repository's name can match. */
import { compileGlob, globProblem } from './glob.ts';

/** `<name>` of the OCI distribution specification (spec.md, "Pulling manifests"), which every registry's names follow. */
const component = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/.source;
const repositoryName = new RegExp(`^${component}(?:/${component})*$`);
/** What a name can consist of. */
const alphabet = [...'abcdefghijklmnopqrstuvwxyz0123456789-_./'];
/** A class, an escape, or any one character; each star takes one too, as there is always a letter that fits there. */
const item = /\[\^?(?:\\.|[^\\\]])+\]|\\.|./gsu;

/**
 * Without this a password that can never work would be made gladly, and found out about at the next push.
 * @param hosts the registries, as clients write them before an image's name; no part of a repository's name
 * @returns says what is wrong with a pattern, in words that complete "the pattern is not usable: ...", or `null`
 */
export function createPatternCheck(hosts: readonly string[]): (pattern: string) => string | null {
  return (pattern) => globProblem(pattern) ?? slipOf(pattern, hosts) ?? mismatchOf(pattern);
}

/** What people mean well and no registry understands. */
function slipOf(pattern: string, hosts: readonly string[]): string | null {
  if (/[\s,;]/.test(pattern)) return 'write one pattern a line, without commas or spaces';
  const [host = '', ...path] = pattern.split('/');
  if (path.length > 0 && (/^[\w.-]+:\d+$/.test(host) || hosts.includes(host))) {
    return `leave out the host, and write "${path.join('/')}"`;
  }
  if (pattern.startsWith('/')) return 'remove the leading "/"';
  if (pattern.endsWith('/')) return `write "${pattern}**" for all that is below it`;
  return pattern === pattern.toLowerCase() ? null : 'repository names are lower case';
}

/** Follows the pattern along all the names that begin as it does: `a[_\-]_b` matches `a__b`, although `a-_b` isn't a name. */
function mismatchOf(pattern: string): string | null {
  let ends = [''];
  for (const [part] of pattern.matchAll(item)) {
    const characters = alphabet.filter(compileGlob(part, { doubleStar: false }));
    const further = ends.flatMap((end) => characters.map((character) => endOf(end + character)));
    ends = [...new Set(further)].filter((end) => repositoryName.test(`${end}a`));
  }
  if (ends.some((end) => repositoryName.test(end))) return null;
  return 'no repository can have such a name: there are a-z, 0-9 and single ".", "_" or "-" between them, in parts between slashes';
}

/** What can follow in a name depends only on what comes after its last letter or digit; one "-" is as good as many. */
function endOf(name: string): string {
  return name.replace(/.*[a-z0-9]/s, 'a').replace('--', '-');
}
