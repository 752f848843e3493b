/** Makes text from a client fit for a log or a table. */
import { canHoldSecret, hideSecrets } from '../lib/secret.ts';
import { withoutInvisible } from '../lib/unicode.ts';

/** Printable ASCII, which is what clients send. */
const harmless = /^[ -~]*$/;

/**
 * Text from a client as it can be shown in a log or a table: short, without anything that looks like our secrets, and
 * without what a terminal obeys or what is invisible (C1, direction marks), which goes first, so that it can't split a secret.
 */
export function printable(text: string, maximumLength: number): string {
  if (harmless.test(text) && text.length <= maximumLength && !canHoldSecret(text)) return text;
  return hideSecrets(withoutInvisible(text.slice(0, maximumLength)));
}
