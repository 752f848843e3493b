/** Owns the form in which domains are compared: ASCII, lower case, without the dot of the root. */
import { domainToASCII } from 'node:url';
import { normalized } from './unicode.ts';

/** What isn't a domain stays as it is, in lower case. */
export function normalizeDomain(domain: string): string {
  const folded = normalized(domain).toLowerCase().replace(/\.$/, '');
  return domainToASCII(folded) || folded;
}

/** Not a URL, a pattern or an address, which would match no one; of `example/com`, `domainToASCII` keeps only `example`. */
export function isDomain(text: string): boolean {
  return !/[\s/?#@:\\]/.test(text) && /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(normalizeDomain(text));
}
