/** Owns whether a provider's answer in the browser is of that provider (RFC 9207, section 2.4). */
import { Refusal } from '../lib/errors.ts';
import { quoted } from './token-error.ts';

/**
 * Against a code of another provider (mix-up). Anyone can write an answer into a link, so that a wrong one says nothing of the
 * provider.
 * @param iss as the answer has it; `undefined`: it has none
 * @param expected.required the provider says that each of its answers has one
 * @throws {Refusal} `bad_request`
 */
export function requireAnswerOf(
  iss: unknown,
  expected: { readonly issuers: readonly string[]; readonly required: boolean; readonly label: string },
): void {
  const { issuers, required, label } = expected;
  if (iss === undefined ? !required : issuers.some((issuer) => issuer === iss)) return;
  const given = iss === undefined ? 'missing' : quoted(JSON.stringify(iss));
  const cause = new Error(`iss of the answer is ${given}, expected ${issuers.join(' or ')}`);
  throw new Refusal('bad_request', `This sign-in link isn’t from ${label}. Start again.`, { cause });
}
