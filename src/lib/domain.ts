/** Owns the form in which domains are compared: ASCII, lower case, without the dot of the root. */
import { domainToASCII } from 'node:url';

/** What isn't a domain stays as it is, in lower case. */
export function normalizeDomain(domain: string): string {
  const folded = domain.normalize('NFC').toLowerCase().replace(/\.$/, '');
  return domainToASCII(folded) || folded;
}
