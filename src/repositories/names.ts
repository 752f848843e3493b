/** Owns the forms that distribution gives to names, tags and digests (reference/regexp.go). Nothing else is stored or asked for. */

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
/** Without a host: a registry's own names have none. */
const nameForm = new RegExp(`^${component}(?:/${component})*$`);
const longestName = 255;
/** The form sets no limit to the name of an algorithm. That of sha512 has 135. */
const longestDigest = 200;

const digestForm = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}$/;
const tagForm = /^\w[\w.-]{0,127}$/;

export function isRepositoryName(name: string): boolean {
  return name.length <= longestName && nameForm.test(name);
}

export function isTag(tag: string): boolean {
  return tagForm.test(tag);
}

export function isDigest(digest: string): boolean {
  return digest.length <= longestDigest && digestForm.test(digest);
}
