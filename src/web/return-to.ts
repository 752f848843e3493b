/** Owns which address the browser can go to after the sign-in: a page of ours, whatever the link says. */

/** Characters; longer ones are no page of ours. */
export const maximumLength = 2_048;
/** Stands for our own origin while an address is resolved as a browser would. */
const here = 'https://dockpass.invalid';

/**
 * The address if it leads to a page below the prefix on this origin, else the first page.
 * Guards against open redirects: `//evil.com`, `/\evil.com`, `/\t/evil.com`, and `/..//evil.com`, which a browser
 * normalises to `//evil.com`. The address is returned as it was written, not normalised.
 * @param value what the request brought, of any type
 * @param prefix path prefix of all pages: '' or '/dockpass'
 */
export function safeReturnTo(value: unknown, prefix: string): string {
  return typeof value === 'string' && isOurs(value, prefix) ? value : `${prefix}/`;
}

function isOurs(address: string, prefix: string): boolean {
  if (address.length > maximumLength || !address.startsWith('/')) return false;
  if (/[\\\p{Cc}\p{Zl}\p{Zp}]/u.test(address)) return false;
  const url = URL.parse(address, here);
  if (url === null || url.origin !== here || url.pathname.startsWith('//')) return false;
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
}
