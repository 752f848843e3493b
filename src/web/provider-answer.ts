/** Owns how the query is read with which a provider sends a person back (RFC 6749, section 4.1.2). */
import { Refusal } from '../lib/errors.ts';

export type ProviderAnswer = {
  readonly state: string;
  /** `null` where the provider sent a code. */
  readonly refusal: Refusal | null;
};

/**
 * @param query as Express parses it: a repeated parameter is an array
 * @throws {Refusal} if this isn't an answer at all; a strategy would begin a sign-in
 */
export function readAnswer(query: Readonly<Record<string, unknown>>, label: string): ProviderAnswer {
  const { state, code, error } = query;
  if (typeof state === 'string' && typeof error === 'string') return { state, refusal: refusalOf(error, label) };
  // RFC 6749, appendix A.11: nothing else is a code, and a provider that gets it could call that our mistake.
  const isCode = typeof code === 'string' && /^[\x20-\x7e]+$/.test(code);
  if (typeof state === 'string' && isCode && error === undefined) return { state, refusal: null };
  // A provider that sends an error without the state breaks RFC 6749, section 4.1.2.1; the log has what it said.
  const cause =
    typeof error === 'string' ? new Error(`the provider answered ${error.slice(0, 60)}, without state`) : undefined;
  const message = `This sign-in link is incomplete. Start again.`;
  throw new Refusal('bad_request', message, { cause });
}

/** The provider's own description isn't shown: anyone could write it into a link. */
function refusalOf(error: string, label: string): Refusal {
  const cause = new Error(`the provider answered ${error.slice(0, 60)}`);
  if (error === 'access_denied') {
    const message = `${label} did not let you in: you cancelled, or this account can’t use Dockpass there.`;
    return new Refusal('bad_request', message, { cause });
  }
  if (error === 'server_error' || error === 'temporarily_unavailable') {
    const message = `${label} has a problem right now. Try again in a minute.`;
    return new Refusal('unavailable', message, { cause, retryAfter: 60 });
  }
  const name = /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
  return new Refusal('bad_gateway', `${label} refused what Dockpass asked for${name}. Tell your administrator.`, {
    cause,
  });
}
