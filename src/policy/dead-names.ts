/** Owns why a name that is written in a policy is the name of no account, or of no domain. */
import { isDomain } from '../lib/domain.ts';
import { isExpression } from '../pattern/expression.ts';
import { foldAccount } from './match-fields.ts';
import { createSuggest } from './reader.ts';

/** A pattern that stands for itself only. */
export function isWord(pattern: string): boolean {
  return !isExpression(pattern) && !/[*?[\\]|\$\{/.test(pattern);
}

/** Robots, and people by their e-mail; tokens from a CI system, whose accounts have a colon. */
const otherAccounts = /@|^robot-|:/;

/** @param users of the file. @returns what says why no account matches a pattern, or `null` where one can */
export function createDeadAccount(users: ReadonlyMap<string, unknown>): (pattern: string) => string | null {
  const suggestUser = createSuggest(users.keys());
  return (pattern) => {
    if (/^\/(?!.*\/$)/.test(pattern)) return 'no account begins with "/"; an expression has one at both ends';
    if (!isWord(pattern) || users.has(pattern)) return null;
    if (pattern === '') return 'no one comes without credentials, because users has no ""';
    const folded = foldAccount(pattern);
    if (folded.includes('@') && folded !== folded.toLowerCase()) return 'e-mails are compared in lower case';
    if (otherAccounts.test(pattern)) return null;
    return `no user of this file is called that${suggestUser(pattern)}; people are called by their e-mail, robots robot-NAME`;
  };
}

/** Why no domain matches the pattern, or `null` where one can. */
export function deadDomain(pattern: string): string | null {
  if (isExpression(pattern)) return null;
  if (pattern.includes('@')) return 'a domain has no "@"';
  return isWord(pattern) && !isDomain(pattern) ? "that isn't a domain" : null;
}
