/** Owns which e-mail addresses can be user names, at `docker login`, in the policy's `${user}` and to people's eyes; and their two parts. */
import { domainToUnicode } from 'node:url';
import { isAscii } from '../lib/ascii.ts';
import { normalizeDomain } from '../lib/domain.ts';
import { normalized } from '../lib/unicode.ts';
import { foldCase } from './identity.ts';

/**
 * RFC 5322, section 3.2.3 (dot-atom) and RFC 6531, section 3.3, with letters and digits for its UTF-8 characters:
 * characters that are invisible, reverse the text, or are a dot or slash of another script make two accounts look like one.
 * Without `/`, `*` and `?`: the part before the `@` can be in the name of a repository and in a pattern.
 * Basic authentication ends a user name at the first colon (RFC 7617, section 2).
 */
const atom = String.raw`[\p{L}\p{M}\p{N}!#$%&'+=^_\x60{|}~-]+`;
const label = String.raw`[\p{L}\p{M}\p{N}-]+`;
const address = new RegExp(String.raw`^${atom}(?:\.${atom})*@${label}(?:\.${label})*$`, 'u');
/** RFC 5321, section 4.5.3.1.3, without the brackets. */
const maximumLength = 254;

/** The rule in words for a person. */
export const usableEmails =
  "letters and digits, single dots between them, and - _ + ' ! # $ % & = ^ ` { | } ~, with one @ and no character that only looks like one of these";

export function isUsableEmail(email: string): boolean {
  // Full-width letters, ligatures and the like are letters too, and fold into those that they look like.
  const isPlain = normalized(email) === normalized(email, 'NFKC');
  return email.length <= maximumLength && isPlain && address.test(email);
}

/** The part before the last `@` and the domain after it, which is '' where there is no `@`. */
export function splitEmail(email: string): { readonly user: string; readonly domain: string } {
  const at = email.lastIndexOf('@');
  return at < 0 ? { user: email, domain: '' } : { user: email.slice(0, at), domain: email.slice(at + 1) };
}

/**
 * Of the two forms of an internationalized domain, the one that is compared: `x@bücher.example` is
 * `x@xn--bcher-kva.example`. Any other text stays as it is, also one that only maps to such a domain: with a character
 * that DNS leaves out, it would be someone else's address.
 */
export function withAsciiDomain(address: string): string {
  const { user, domain } = splitEmail(address);
  if (isAscii(domain)) return address;
  const ascii = normalizeDomain(domain);
  return domainToUnicode(ascii) === foldCase(domain) ? `${user}@${ascii}` : address;
}

/** An address as addresses are compared: without case, and with its domain in ASCII. */
export function foldEmail(email: string): string {
  return withAsciiDomain(foldCase(email));
}

/** Whether two spellings are one address: rules, administrators and logins treat them as one. */
export function isSameEmail(one: string, other: string): boolean {
  return foldEmail(one) === foldEmail(other);
}

/** The other form of an address, folded; `null` where its domain has only one. */
export function otherFormOf(email: string): string | null {
  return formsOf(foldEmail(email)).find((form) => form !== foldCase(email)) ?? null;
}

/** @param address as `withAsciiDomain` gives it. @returns how an account's login can have it */
export function formsOf(address: string): readonly string[] {
  const { user, domain } = splitEmail(address);
  return /(?:^|\.)xn--/.test(domain) ? [address, `${user}@${domainToUnicode(domain)}`] : [address];
}
