/** Owns what a person reads of an error of their provider. */
import { Refusal } from '../lib/errors.ts';
import { describeProviderError, lastingFault } from './provider-error.ts';
import { isNoAnswer } from './provider-fetch.ts';
import { noAnswer } from './token-error.ts';

/**
 * The cause says to the operator what was expected and what came.
 * @param ofAnswer knows more of an answer that wasn't the expected one; `null`: nothing
 */
export function refusalOfProvider(
  error: unknown,
  label: string,
  ofAnswer: (cause: Error) => Refusal | null = () => null,
): Refusal {
  if (error instanceof Refusal) return error;
  const cause = new Error(describeProviderError(error), { cause: error });
  const fault = lastingFault(error);
  if (fault !== null) {
    const message = `Dockpass cannot connect to ${label} as it is set up (${fault}). Tell your administrator.`;
    return new Refusal('bad_gateway', message, { cause });
  }
  if (isNoAnswer(error)) return noAnswer(label, cause);
  const message = `${label}'s answer could not be verified. Tell your administrator.`;
  return ofAnswer(cause) ?? new Refusal('bad_gateway', message, { cause });
}
